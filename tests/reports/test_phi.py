"""The restricted table of objections to files, and their pages in the annex."""

from __future__ import annotations

import csv
from collections.abc import Callable
from io import StringIO

from synthaudit.audit_record import Audit
from synthaudit.reports.annex import Annex
from synthaudit.reports.phi import COLUMNS, Phi


def test_what_is_carried_over_stands_first_and_no_field_is_a_formula(failing: Audit) -> None:
    head, *rows = csv.reader(StringIO(Phi().render(failing).decode()))
    assert tuple(head) == COLUMNS
    assert [row[0] for row in rows] == ["sample_00017.png", "sample_00442.png", "sample_00900.png"]
    assert rows[0][4:6] == ["train", "'=PAT-113"]


def test_the_annex_shows_letters_and_what_was_carried_over(failing: Audit, text_of: Callable[[bytes], str]) -> None:
    words = " ".join(text_of(Annex().render(failing)).split())
    assert "Carried over from patients' files" in words
    assert "Burned-in text to read" in words
    assert "pixels 4-90 x 8-20" in words
