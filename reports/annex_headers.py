"""The annex's pages on what the files say: what was carried over from patients' files, letters burned into images."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from PIL import Image as Picture
from reportlab.lib.units import mm
from reportlab.platypus import Flowable, Image

from synthaudit.audit_record import Audit
from synthaudit.finding import HeaderIssue
from synthaudit.reports import blocks, phi, wording
from synthaudit.reports.blocks import Column

CROP_WIDTH, CROP_HEIGHT = 110 * mm, 16 * mm
MOST_CROPS = 60
_TEXT = (
    "Rows of letters found in the synthetic images. Read each: a word like “PORTABLE” is nobody's, a name, a date or "
    "a number may be somebody's. Images that are not shown here were not found to be free of text."
)
_CARRIED = "Entries of synthetic files that say what a real patient's files say. All other objections stand in phi.csv."


def section(audit: Audit, width: float) -> list[Flowable]:
    """Both tables; nothing where neither has a row."""
    issues = phi.ordered(audit)
    carried = [issue for issue in issues if issue.carried_over_from]
    crops = [issue for issue in issues if issue.crop is not None]
    story: list[Flowable] = []
    if carried:
        columns = [Column("Synthetic file", 80), Column("Where", 70), Column("About", 40), Column("Patient", 48)]
        columns += [Column("Set", 22)]
        rows = [_carried(issue) for issue in carried]
        heading = blocks.section("Carried over from patients' files", room_mm=50)
        story += [*heading, blocks.text(_CARRIED), blocks.data_table(columns, rows, width, padding=2.5)]
    if crops:
        columns = [Column("Synthetic image", 80), Column("Letters", 120), Column("Where, and what it may be", 60)]
        rows = [_crop(issue) for issue in crops[:MOST_CROPS]]
        heading = blocks.section("Burned-in text to read", room_mm=50)
        more = f" {len(crops) - MOST_CROPS} more are listed in phi.csv." if len(crops) > MOST_CROPS else ""
        story += [*heading, blocks.text(_TEXT + more), blocks.data_table(columns, rows, width, padding=2.5)]
    return story


def _carried(issue: HeaderIssue) -> list[blocks.Cell]:
    return [
        blocks.text(issue.file, "cell-strong"),
        blocks.text(issue.where, "cell"),
        blocks.text(issue.check, "cell"),
        blocks.text("; ".join(issue.patients), "cell"),
        blocks.text(wording.role_label(issue.carried_over_from), "cell"),
    ]


def _crop(issue: HeaderIssue) -> list[blocks.Cell]:
    picture: Flowable = blocks.text("", "cell")
    if issue.crop is not None:
        shown = Picture.fromarray(np.ascontiguousarray(issue.crop))
        content = BytesIO()
        shown.save(content, format="PNG")
        content.seek(0)
        scale = min(CROP_WIDTH / shown.width, CROP_HEIGHT / shown.height)
        picture = Image(content, width=shown.width * scale, height=shown.height * scale, hAlign="LEFT")
    return [
        blocks.text(issue.file, "cell-strong"),
        picture,
        blocks.text(f"{issue.where}. {issue.objection}", "cell"),
    ]
