"""The PDFs as a reader holds them: fonts, pages, margins, words."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from synthaudit.audit_record import Audit
from synthaudit.finding import Finding, Kind
from synthaudit.policy import RuleResult, Verdict
from synthaudit.reports.annex import Annex
from synthaudit.reports.pdf import Pdf

EDGE_PT = 10 / 25.4 * 72
Pages = Callable[[bytes], list[Any]]
Text = Callable[[bytes], str]


def _fonts(resources: Any) -> Iterator[Any]:
    yield from (font.get_object() for font in resources.get("/Font", {}).values())
    for part in resources.get("/XObject", {}).values():
        inner = part.get_object().get("/Resources")
        if inner is not None:
            yield from _fonts(inner.get_object())


@pytest.mark.parametrize("report", [Pdf(), Annex()], ids=["pdf", "annex"])
def test_every_font_is_embedded(report: Any, failing: Audit, pages_of: Pages) -> None:
    names = set()
    for page in pages_of(report.render(failing)):
        for font in _fonts(page["/Resources"].get_object()):
            descriptor = font["/FontDescriptor"].get_object()
            assert "/FontFile2" in descriptor, font["/BaseFont"]
            names.add(font["/BaseFont"].split("+")[-1])
    assert names == {"SourceSans3-Regular", "SourceSans3-Semibold"}


def test_pages_are_a4_and_numbered(audit: Audit, pages_of: Pages) -> None:
    pages = pages_of(Pdf().render(audit))
    for number, page in enumerate(pages, 1):
        assert page.mediabox.width == pytest.approx(595.28, abs=0.1)
        assert page.mediabox.height == pytest.approx(841.89, abs=0.1)
        assert f"Page {number} of {len(pages)}" in page.extract_text()


def test_what_did_not_run_is_on_the_first_page_only_if_it_was_asked(failing: Audit, pages_of: Pages) -> None:
    unasked = Finding("pairs", "Are pairs kept?", "", not_run="the generator makes no pairs")
    asked = replace(failing.rules[0].rule, id="pairs-kept", measure="pairs/kept", requires=())
    rule = RuleResult(asked, Verdict.INCONCLUSIVE, "Not measured.", None)
    for rules, told in ((failing.rules, False), ((*failing.rules, rule), True)):
        audit = replace(failing, rules=rules, findings=(*failing.findings, unasked))
        first = pages_of(Pdf().render(audit))[0].extract_text()
        assert ("makes no pairs" in first) is told


def test_first_page_answers_alone(audit: Audit, pages_of: Pages) -> None:
    first = " ".join(pages_of(Pdf().render(audit))[0].extract_text().split())
    for answer in (audit.verdict.value, audit.reason, *audit.actions):
        assert answer in first
    for heading in ("What was asked", "What was found", "How it was judged", "What to do"):
        assert heading in first


def test_everything_is_said(failing: Audit, text_of: Text) -> None:
    words = text_of(Pdf().render(failing))
    for result in failing.rules:
        for said in (result.rule.id, result.rule.says, result.reason, result.rule.rationale):
            assert " ".join(said.split()) in words
    for finding in failing.findings:
        for said in (finding.question, finding.answer, finding.not_run or "", *finding.limits):
            assert said in words
        for chart in finding.charts:
            assert chart.title in words
            assert chart.x_label in words or chart.y_label in words
        for measure in finding.measures:
            assert measure.name in words
            assert measure.note in words
    for issue in failing.issues:
        assert issue.says in words
    assert "under 10" in words
    assert str(failing.provenance.seed) in words
    assert failing.encoders[0].fingerprint in words.replace(" ", "")
    for field in ("Decision", "Name", "Signature", "Re-audit by (date)", "Place and date"):
        assert field in words


def test_bookmarks_lead_to_their_pages(failing: Audit) -> None:
    from io import BytesIO

    from pypdf import PdfReader

    reader = PdfReader(BytesIO(Pdf().render(failing)))
    for entry in reader.outline:
        assert not isinstance(entry, list)
        number = reader.get_destination_page_number(entry)
        assert number is not None
        assert str(entry.title) in " ".join(reader.pages[number].extract_text().split())
    assert len(reader.outline) == 12


def _overloaded(audit: Audit) -> Audit:
    """Words longer than a line, and texts longer than a page, wherever an audit may hold them."""
    word, story = "f" * 700, "This sentence is one of very many. " * 300 + "LASTWORD."
    rule = replace(audit.rules[0].rule, says=word, rationale=story, id=word)
    copies = audit.findings[1]
    chart = replace(
        copies.charts[0], title=word, x_label=word, y_label=word, caption=word, marker_label="named " * 60, marker=0.41
    )
    other = replace(chart, series=tuple(replace(s, name=word[:300]) for s in chart.series))
    intervals = audit.findings[2].charts[0]
    named = replace(intervals.series[0], x=tuple(f"{word[:90]}{i}" for i in range(8)))
    wide = replace(intervals, series=(named, replace(named, name="again")), marker_label=word[:200])
    finding = replace(
        copies,
        question=word,
        answer=story,
        measures=tuple(replace(m, name=f"{word}[{i}]", note=story) for i, m in enumerate(copies.measures)),
        charts=(chart, other, wide),
        limits=(word, story),
        exposures=tuple(replace(e, patient_id=word, real_image=word, synthetic_image=word) for e in copies.exposures),
    )
    return replace(
        audit,
        reason=story,
        actions=(story, word),
        policy=word,
        policy_purpose=story,
        rules=(replace(audit.rules[0], rule=rule, reason=story),),
        findings=(finding,),
        issues=(replace(audit.issues[0], says=story),),
        encoders=(replace(audit.encoders[0], fingerprint=word, name=word),),
        cohorts={role: replace(c, digest=word, sizes=word) for role, c in audit.cohorts.items()},
        provenance=replace(audit.provenance, settings={word: {word: word}}, platform=word, stages={word: 1.0}),
    )


def test_long_texts_are_kept_to_the_last_word(failing: Audit, text_of: Text) -> None:
    words = text_of(Pdf().render(_overloaded(failing)))
    assert words.count("LASTWORD.") >= 10
    assert text_of(Annex().render(_overloaded(failing))).count("Patient f") == 2


@pytest.mark.skipif(shutil.which("pdftoppm") is None, reason="needs poppler's pdftoppm")
@pytest.mark.parametrize("loaded", [False, True], ids=["usual", "overloaded"])
@pytest.mark.parametrize("report", [Pdf(), Annex()], ids=["pdf", "annex"])
def test_margins_are_white(report: Any, loaded: bool, failing: Audit, tmp_path: Path) -> None:
    (tmp_path / "it.pdf").write_bytes(report.render(_overloaded(failing) if loaded else failing))
    subprocess.run(["pdftoppm", "-gray", "-r", "36", "it.pdf", "page"], cwd=tmp_path, check=True)
    side = int((16 if report.restricted else 22) / 25.4 * 36) - 1
    pages = sorted(tmp_path.glob("page*"))
    assert pages
    for page in pages:
        ink = np.asarray(Image.open(page)) < 250
        body = ink[int(16 / 25.4 * 36) : -int(12 / 25.4 * 36)]
        assert not body[:, :side].any(), page.name
        assert not body[:, -side:].any(), page.name
        assert not ink[-int(10 / 25.4 * 36) :].any(), page.name


def test_no_text_begins_beyond_the_paper_edge(failing: Audit, pages_of: Pages) -> None:
    for page in pages_of(Pdf().render(_overloaded(failing))):
        spots: list[tuple[float, float]] = []

        def note(text: str, cm: Any, tm: Any, _font: Any, _size: Any, spots: list[Any] = spots) -> None:
            if text.strip():
                x = tm[4] * cm[0] + tm[5] * cm[2] + cm[4]
                y = tm[4] * cm[1] + tm[5] * cm[3] + cm[5]
                spots.append((x, y))

        page.extract_text(visitor_text=note)
        for x, y in spots:
            assert EDGE_PT <= x <= float(page.mediabox.width) - EDGE_PT
            assert EDGE_PT <= y <= float(page.mediabox.height) - EDGE_PT


def test_annex_marks_every_page_and_shows_every_pair(failing: Audit, pages_of: Pages, text_of: Text) -> None:
    content = Annex().render(failing)
    pages = pages_of(content)
    assert all("RESTRICTED" in page.extract_text() for page in pages)
    assert sum(len(page.images) for page in pages) == 2 * 4 + 1, "four of each pair, and the letters found in one image"
    words = text_of(content)
    for said in (
        "ΠΑΤ-0007-Ærø",
        "Пациент-042",
        "Zażółć/scan_0007.png",
        "mirrored, rotated by 4 degrees",
        "0.063 above",
    ):
        assert said in words
    for said in ("sample_00900.png", "broken_scan_zz.png", "The file ends before the image does"):
        assert said in words
    assert "real/[U+5F20][U+4F1F]_3.png" in words, "a sign that the font lacks is written as its code point"


def test_annex_without_exposures_says_so(make: Callable[[str], Audit], text_of: Text) -> None:
    words = text_of(Annex().render(make("passing")))
    assert "holds no pair" in words
    assert "names no exposed patient" in words


def test_annex_outlines_the_part_that_is_alike(failing: Audit, pages_of: Pages, text_of: Text) -> None:
    copies = failing.findings[1]
    exposure = next(one for one in copies.exposures if one.pair is not None)
    assert exposure.pair is not None
    pair = replace(exposure.pair, region=(20, 30, 60, 80), transform="in place; only the outlined part is alike")
    alone = replace(copies, exposures=(replace(exposure, pair=pair),), header_issues=())
    content = Annex().render(replace(failing, findings=(alone,)))
    panels = [np.asarray(image.image.convert("RGB")) for page in pages_of(content) for image in page.images]
    colored = [panel[(np.ptp(panel, axis=2) > 60)] for panel in panels]
    assert sorted(len(found) > 0 for found in colored) == [False, True, True, True], "all but the real image as it is"
    framed = next(panel for panel, found in zip(panels, colored, strict=True) if len(found))
    rows, columns = np.nonzero(np.ptp(framed, axis=2) > 60)
    scale = framed.shape[1] / pair.synthetic.shape[1]
    edges = np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]) / scale
    np.testing.assert_allclose(edges, (20, 30, 60, 80), atol=2)
    assert "only the outlined part is alike" in text_of(content)
    assert "Likeness of detail in the part" in text_of(content)


def test_annex_of_many_patients_is_quick_enough(failing: Audit, pages_of: Pages) -> None:
    copies = failing.findings[1]
    one = replace(copies.exposures[0], kind=Kind.STATISTICAL, pair=None)
    many = tuple(replace(one, patient_id=f"patient-{i:04}") for i in range(600))
    crowded = replace(failing, findings=(replace(copies, exposures=many),))
    pages = pages_of(Annex().render(crowded))
    named = re.findall(r"patient-\d{4}", "".join(page.extract_text() for page in pages))
    assert named == sorted({f"patient-{i:04}" for i in range(600)})
