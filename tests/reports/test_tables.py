"""The reports for machines: CSV, JUnit XML, Markdown."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import replace
from io import StringIO
from xml.etree.ElementTree import fromstring

import pytest

from synthaudit.audit_record import Audit
from synthaudit.policy import Verdict
from synthaudit.reports.exposures import Exposures, harmless
from synthaudit.reports.junit import Junit
from synthaudit.reports.markdown import Markdown
from synthaudit.reports.withheld import WithheldImages


def _rows(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(content.decode("utf-8"))))


def test_exposures_have_exactly_these_columns(audit: Audit) -> None:
    head = Exposures().render(audit).decode().splitlines()[0]
    assert head == "patient_id,real_image,synthetic_image,probe,encoder,score,p_value,q_value,kind,flagged"


def test_exposures_come_worst_first(failing: Audit) -> None:
    rows = _rows(Exposures().render(failing))
    assert [(r["flagged"], r["kind"], r["score"]) for r in rows] == [
        ("true", "direct", "0.9731"),
        ("true", "direct", "0.9512"),
        ("true", "statistical", "0.8123"),
        ("false", "statistical", "-0.25"),
    ]
    assert rows[0]["patient_id"] == "ΠΑΤ-0007-Ærø"
    assert rows[3]["p_value"] == ""


def test_void_statistics_name_no_one(failing: Audit) -> None:
    """Where the sides cannot be compared, closeness proves nothing; what can be shown side by side still counts."""
    copied = failing.rules[0]
    gate = replace(copied.rule, id="inputs-exchangeable", measure="inputs/p", requires=())
    for verdict, named in ((Verdict.PASS, "true"), (Verdict.INCONCLUSIVE, "false")):
        judged = replace(failing, rules=(replace(copied, rule=gate, verdict=verdict), *failing.rules))
        rows = _rows(Exposures().render(judged))
        assert {r["flagged"] for r in rows if r["kind"] == "direct"} == {"true"}
        assert next(r["flagged"] for r in rows if r["score"] == "0.8123") == named


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t", "\r", "\n", " =", "＝"])
def test_nothing_in_a_table_begins_a_formula(begin: str, failing: Audit) -> None:
    copies = failing.findings[1]
    text = f'{begin}HYPERLINK("x","y")'
    risky = replace(copies.exposures[0], patient_id=text, real_image=text, synthetic_image=text)
    row = _rows(Exposures().render(replace(failing, findings=(replace(copies, exposures=(risky,)),))))[0]
    for name in ("patient_id", "real_image", "synthetic_image"):
        assert row[name] == "'" + text
    assert harmless("A-113") == "A-113"
    assert row["score"] == "-0.25", "a negative number is no formula"


def test_withheld_images_are_listed(failing: Audit) -> None:
    rows = _rows(WithheldImages().render(failing))
    assert [row["synthetic_image"] for row in rows] == ["sample_00017.png", "sample_00442.png", "sample_00900.png"]
    assert list(rows[0]) == ["synthetic_image", "probe", "kind", "score", "q_value"]


def test_junit_has_one_case_a_rule(failing: Audit) -> None:
    root = fromstring(Junit().render(failing))
    suite = root.find("testsuite")
    assert suite is not None
    assert [case.get("name") for case in suite.findall("testcase")] == [r.rule.id for r in failing.rules]
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("4", "1", "2")
    failure, error = suite.find("testcase/failure"), suite.find("testcase/error")
    assert failure is not None
    assert failure.get("message") == failing.rules[0].reason
    assert error is not None
    assert error.get("type") == "inconclusive"


def test_junit_is_green_only_for_a_pass(audit: Audit) -> None:
    suite = fromstring(Junit().render(audit)).find("testsuite")
    assert suite is not None
    red = suite.get("failures") != "0" or suite.get("errors") != "0"
    assert red is (audit.verdict is not Verdict.PASS)


def test_junit_drops_what_xml_cannot_hold(failing: Audit) -> None:
    rule = replace(failing.rules[0], reason="a\x00b\x1b\ud800c <&>")
    root = fromstring(Junit().render(replace(failing, rules=(rule,))).decode())
    failure = root.find(".//failure")
    assert failure is not None
    assert failure.get("message") == "a\ufffdb\ufffd\ufffdc <&>"


def test_markdown_says_the_verdict_first(audit: Audit) -> None:
    first = Markdown().render(audit).decode().splitlines()[0]
    assert audit.verdict.value in first
    assert audit.reason in first


def test_markdown_table_keeps_its_shape(failing: Audit) -> None:
    lines = [line for line in Markdown().render(failing).decode().splitlines() if line.startswith("|")]
    assert len(lines) == 2 + len(failing.rules)
    assert {line.replace("\\|", "").count("|") for line in lines} == {6}
    assert "<b>" not in "".join(lines)


def test_markdown_without_planted_copies_claims_no_sight(make: Callable[[str], Audit]) -> None:
    text = Markdown().render(make("empty")).decode()
    assert "Not known: no probe looked." in text
