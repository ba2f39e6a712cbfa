"""The restricted table of all synthetic images by how unusual they are among real ones, the most unusual first.

A work list for readers: the order says where to begin. An image that stands low in it may still be wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from synthaudit.audit_record import Audit
from synthaudit.finding import Doubtful
from synthaudit.reports.exposures import figure, harmless, table

COLUMNS = (
    "synthetic_image",
    "score",
    "reason",
    "realism",
    "unsupported_area",
    "p_value",
    "q_value",
    "to_look_at",
    "nearest_real_image",
)


@dataclass(frozen=True, slots=True)
class ImageRealism:
    """image_realism.csv: every synthetic image, its scores, and the real image nearest to it."""

    name: ClassVar[str] = "image-realism"
    filename: ClassVar[str] = "image_realism.csv"
    restricted: ClassVar[bool] = True

    def render(self, audit: Audit) -> bytes:
        """UTF-8, comma-separated, one row an image; equal audits give equal bytes."""
        return table(COLUMNS, (_row(one) for one in ordered(audit)))


def ordered(audit: Audit) -> list[Doubtful]:
    """All images judged, the most unusual first."""
    images = [one for finding in audit.findings for one in finding.doubtful]
    return sorted(images, key=lambda one: (-one.score, one.synthetic_image))


def _row(one: Doubtful) -> tuple[str, ...]:
    return (
        harmless(one.synthetic_image),
        figure(one.score),
        one.reason,
        figure(one.realism),
        figure(one.area),
        figure(one.p_value),
        figure(one.q_value),
        "true" if one.to_look_at else "false",
        harmless(one.nearest_real),
    )
