"""The restricted table of exposed patients, for a spreadsheet or a script.

Ids and file names come from other people's systems and are opened in spreadsheets, which run what begins like a
formula. Such a field gets an apostrophe before it, the sign by which spreadsheets know text; scripts strip it.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from io import StringIO
from typing import ClassVar

from synthaudit.audit_record import Audit
from synthaudit.finding import Exposure, Kind

COLUMNS = (
    "patient_id",
    "real_image",
    "synthetic_image",
    "probe",
    "encoder",
    "score",
    "p_value",
    "q_value",
    "kind",
    "flagged",
)
_FORMULA_SIGNS = ("=", "+", "-", "@", "＝", "＋", "－", "＠")


@dataclass(frozen=True, slots=True)
class Exposures:
    """exposures.csv: every patient that a probe connects with a synthetic image, worst first."""

    name: ClassVar[str] = "exposures"
    filename: ClassVar[str] = "exposures.csv"
    restricted: ClassVar[bool] = True

    def render(self, audit: Audit) -> bytes:
        """UTF-8, comma-separated, one row an exposure; equal audits give equal bytes."""
        return table(COLUMNS, (_row(exposure) for exposure in ordered(audit)))


def ordered(audit: Audit) -> list[Exposure]:
    """All exposures of an audit: those it names first, direct before statistical, most exposed first."""
    exposures = [replace(e, flagged=audit.names(e)) for finding in audit.findings for e in finding.exposures]
    return sorted(
        exposures,
        key=lambda e: (
            not e.flagged,
            e.kind is not Kind.DIRECT,
            -e.score,
            e.patient_id,
            e.real_image,
            e.synthetic_image,
            e.probe,
            e.encoder,
        ),
    )


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """Comma-separated rows below their head."""
    sheet = StringIO()
    writer = csv.writer(sheet, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return sheet.getvalue().encode("utf-8", errors="backslashreplace")


def harmless(text: str) -> str:
    """The text, with an apostrophe before it where a spreadsheet would take it for a formula."""
    begins = text.lstrip().startswith(_FORMULA_SIGNS) or text[:1] in {"\t", "\r", "\n"}
    return f"'{text}" if begins else text


def figure(number: float | None) -> str:
    """Six significant digits; empty where there is none."""
    return "" if number is None else f"{number:.6g}"


def _row(exposure: Exposure) -> tuple[str, ...]:
    return (
        harmless(exposure.patient_id),
        harmless(exposure.real_image),
        harmless(exposure.synthetic_image),
        harmless(exposure.probe),
        harmless(exposure.encoder),
        figure(exposure.score),
        figure(exposure.p_value),
        figure(exposure.q_value),
        exposure.kind.value,
        "true" if exposure.flagged else "false",
    )
