"""What readers get: the table of all images, and pages of the annex with maps. Nothing of either is public."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import replace
from io import StringIO
from typing import Any

import numpy as np

from synthaudit.audit_record import Audit
from synthaudit.evidence_file import dump
from synthaudit.finding import Unsupported
from synthaudit.reports.annex import Annex
from synthaudit.reports.image_realism import COLUMNS, ImageRealism


def _rows(audit: Audit) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(ImageRealism().render(audit).decode())))


def _showing(audit: Audit) -> Audit:
    """The audit with the most unusual image shown, and nothing else in it."""
    finding = next(one for one in audit.findings if one.doubtful)
    image = np.tile(np.arange(64, dtype=np.uint8), (64, 1))
    place = np.zeros((32, 32), dtype=np.uint8)
    place[4:8, 20:26] = 255
    shown = Unsupported(image, place, (0.7, 0.2), (image,) * 3, ("Zażółć/frontal_42.dcm",) * 3)
    images = tuple(replace(one, shown=shown if one.reason == "a part" else None) for one in finding.doubtful)
    return replace(audit, findings=(replace(finding, exposures=(), doubtful=images),))


def test_the_most_unusual_come_first(failing: Audit) -> None:
    rows = _rows(failing)
    assert [row["synthetic_image"] for row in rows] == ["sample_00442.png", "sample_00017.png", "sample_00900.png"]
    assert [row["to_look_at"] for row in rows] == ["true", "true", "false"]
    assert tuple(rows[0]) == COLUMNS
    assert rows[0]["nearest_real_image"] == "Zażółć/frontal_42.dcm"
    assert (rows[0]["score"], rows[0]["unsupported_area"], rows[0]["p_value"]) == ("3.87", "0.08", "0.0005")


def test_nothing_in_it_begins_a_formula(failing: Audit) -> None:
    finding = next(one for one in failing.findings if one.doubtful)
    risky = replace(finding.doubtful[0], synthetic_image="=A1", nearest_real="@x")
    row = _rows(replace(failing, findings=(replace(finding, doubtful=(risky,)),)))[0]
    assert (row["synthetic_image"], row["nearest_real_image"]) == ("'=A1", "'@x")


def test_the_annex_shows_them_beside_the_nearest_real_images(
    failing: Audit, text_of: Callable[[bytes], str], pages_of: Callable[[bytes], list[Any]]
) -> None:
    content = Annex().render(_showing(failing))
    words = text_of(content)
    assert "Synthetic images to look at" in words
    assert "Shown are 1 of 2, the most unusual first" in words
    assert words.count("Real, nearest: Zażółć/frontal_42.dcm") == 3
    assert "A part stands out. Score 3.87" in words
    assert "8% of its places" in words
    panels = [np.asarray(image.image.convert("RGB")) for page in pages_of(content) for image in page.images]
    colored = [np.argwhere(np.ptp(panel.astype(int), axis=2) > 60) for panel in panels]
    (where,) = [found for found in colored if len(found)]
    np.testing.assert_allclose(where.mean(axis=0), (11.5, 45.5), atol=1.5)


def test_the_annex_says_where_none_is_unusual(failing: Audit, text_of: Callable[[bytes], str]) -> None:
    def without(keep: int) -> str:
        findings = tuple(replace(one, doubtful=one.doubtful[:keep]) for one in failing.findings)
        return text_of(Annex().render(replace(failing, findings=findings)))

    assert "None is more unusual than one real image in twenty." in without(1)
    assert "Synthetic images to look at" not in without(0)


def test_no_image_is_named_in_public(failing: Audit) -> None:
    text = dump(failing).decode()
    assert "doubtful" not in text
    assert "sample_00442" not in text
