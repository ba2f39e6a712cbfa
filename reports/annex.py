"""The restricted annex: who was found, beside whom, and which files were left out. It stays with the controller."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from synthaudit.audit_record import Audit
from synthaudit.evidence_file import audit_id
from synthaudit.reports import formats


@dataclass(frozen=True, slots=True)
class Annex:
    """annex.pdf: pairs of images side by side, tables of patients, of images to withhold, of files left out."""

    name: ClassVar[str] = "annex"
    filename: ClassVar[str] = "annex.pdf"
    restricted: ClassVar[bool] = True

    def render(self, audit: Audit) -> bytes:
        """The document; equal audits give equal bytes."""
        from reportlab.lib.pagesizes import A4, landscape

        from synthaudit.reports import annex_pages
        from synthaudit.reports.page import Sheet, render

        identity, moment = audit_id(audit), formats.moment(audit.provenance.started)
        sheet = Sheet(
            title=f"{annex_pages.TITLE} of audit {identity}",
            header_left=annex_pages.TITLE,
            header_right=f"Audit {identity}",
            footer=f"{annex_pages.TITLE}   ·   audit {identity}   ·   {moment}",
            restricted=True,
            size=landscape(A4),
            margin=annex_pages.MARGIN,
        )
        return render(lambda: annex_pages.story(audit, sheet.width), sheet)
