"""The restricted table of what the synthetic files say beside their pixels, and should not.

It names the file and the place in it, and never the value: whoever may see the value can open the file. Equal digests
mean equal values, within one institution's key.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from synthaudit.audit_record import Audit
from synthaudit.finding import HeaderIssue
from synthaudit.reports.exposures import figure, harmless, table

COLUMNS = (
    "synthetic_file",
    "where",
    "check",
    "objection",
    "carried_over_from",
    "patients",
    "p_value",
    "digest",
)


@dataclass(frozen=True, slots=True)
class Phi:
    """phi.csv: every objection to a synthetic file, what is carried over from patients' files first."""

    name: ClassVar[str] = "phi"
    filename: ClassVar[str] = "phi.csv"
    restricted: ClassVar[bool] = True

    def render(self, audit: Audit) -> bytes:
        """UTF-8, comma-separated, one row an objection; equal audits give equal bytes."""
        return table(COLUMNS, (_row(issue) for issue in ordered(audit)))


def ordered(audit: Audit) -> list[HeaderIssue]:
    """All objections: carried over from training patients, from held-out ones, the rest; by file and place."""
    issues = [issue for finding in audit.findings for issue in finding.header_issues]
    sides = {"train": 0, "holdout": 1}
    return sorted(issues, key=lambda one: (sides.get(one.carried_over_from, 2), one.file, one.where, one.check))


def _row(issue: HeaderIssue) -> tuple[str, ...]:
    return (
        harmless(issue.file),
        harmless(issue.where),
        issue.check,
        issue.objection,
        issue.carried_over_from,
        harmless("; ".join(issue.patients)),
        figure(issue.p_value),
        issue.digest,
    )
