"""The restricted table of synthetic images that should not be released.

It is a work list, no repair: a release from which the audit took images can tell about what it took, so a fresh sample
has to be audited.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from synthaudit.audit_record import Audit
from synthaudit.finding import Kind, Withheld
from synthaudit.reports.exposures import figure, harmless, table

COLUMNS = ("synthetic_image", "probe", "kind", "score", "q_value")


@dataclass(frozen=True, slots=True)
class WithheldImages:
    """withheld.csv: every synthetic image that a probe would hold back, and on what kind of evidence."""

    name: ClassVar[str] = "withheld"
    filename: ClassVar[str] = "withheld.csv"
    restricted: ClassVar[bool] = True

    def render(self, audit: Audit) -> bytes:
        """UTF-8, comma-separated, one row for each image and probe; equal audits give equal bytes."""
        return table(
            COLUMNS,
            (
                (harmless(w.synthetic_image), harmless(w.probe), w.kind.value, figure(w.score), figure(w.q_value))
                for w in ordered(audit)
            ),
        )


def ordered(audit: Audit) -> list[Withheld]:
    """All images to withhold: direct before statistical, highest score first."""
    images = [withheld for finding in audit.findings for withheld in finding.withheld]
    return sorted(images, key=lambda w: (w.kind is not Kind.DIRECT, -w.score, w.synthetic_image, w.probe))
