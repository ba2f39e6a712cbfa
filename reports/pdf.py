"""The public PDF: the document that a data protection officer reads, files and signs.

The first page answers in one glance; every page after it is proof. It is set from the public part of the audit alone,
so it holds no patient, no file name, no image and no distance of one image from another.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from synthaudit.audit_record import Audit
from synthaudit.evidence_file import audit_id, public


@dataclass(frozen=True, slots=True)
class Pdf:
    """report.pdf: verdict, evidence, method, limits, provenance, and fields for decision and signature."""

    name: ClassVar[str] = "pdf"
    filename: ClassVar[str] = "report.pdf"
    restricted: ClassVar[bool] = False

    def render(self, audit: Audit) -> bytes:
        """The document; equal audits give equal bytes."""
        from synthaudit.reports import answers_page, closing_pages, evidence_pages, front_page, wording
        from synthaudit.reports.page import Sheet, render

        told, identity = public(audit), audit_id(audit)
        sheet = Sheet(
            title=f"{wording.TITLE} Verdict: {told.verdict.value}",
            header_left=wording.SERIES,
            header_right=f"Verdict: {told.verdict.value}",
            footer=f"Audit {identity}   ·   {wording.DISCLAIMER}",
        )
        return render(
            lambda: [
                *front_page.story(told, identity),
                *answers_page.story(told),
                *evidence_pages.story(told),
                *closing_pages.story(told, identity),
            ],
            sheet,
        )
