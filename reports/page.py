"""Pages: margins, header, footer with "page n of m", bookmarks; a story in, the bytes of a PDF out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO

from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import BaseDocTemplate, Flowable, Frame, PageTemplate

from synthaudit.policy import Verdict
from synthaudit.reports.theme import (
    GRAY,
    HAIRLINE,
    MARGIN,
    PAGE,
    REGULAR,
    SEMIBOLD,
    VERDICT_COLORS,
    WHITE,
    printable,
    register,
)

EDGE = 10 * mm
"""Nothing is printed nearer to the edge of the paper than this."""
TOP, BOTTOM = 26 * mm, 24 * mm
_BANNER = "RESTRICTED: names patients and files. Do not pass on."


@dataclass(frozen=True, slots=True)
class Sheet:
    """What the pages of one document share.

    Attributes:
        title: Of the document, for its metadata.
        header_left, header_right: Above every page but the first; short.
        footer: Below every page, left; the page number stands right.
        restricted: Whether every page is marked as naming patients.
        size: Of the paper, in points.
        margin: Left and right, in points.
    """

    title: str
    header_left: str
    header_right: str
    footer: str
    restricted: bool = False
    size: tuple[float, float] = PAGE
    margin: float = MARGIN

    @property
    def width(self) -> float:
        """Between the margins, in points."""
        width: float = self.size[0] - 2 * self.margin
        return width

    @property
    def height(self) -> float:
        """Between the top and bottom margins, in points."""
        height: float = self.size[1] - TOP - BOTTOM
        return height


def render(story: Callable[[], list[Flowable]], sheet: Sheet) -> bytes:
    """The PDF of a story; equal stories give equal bytes.

    The story is made twice, since setting uses it up: the first run counts the pages, the second numbers them.
    """
    register()
    pages = _set(story(), sheet, 0, BytesIO())
    content = BytesIO()
    _set(story(), sheet, pages, content)
    return content.getvalue()


def _set(story: list[Flowable], sheet: Sheet, total: int, into: BytesIO) -> int:
    document = BaseDocTemplate(
        into,
        pagesize=sheet.size,
        title=sheet.title,
        author="synthaudit",
        creator="synthaudit",
        subject="Evidence, not legal advice",
        lang="en-US",
        invariant=1,
        pageCompression=1,
        initialFontName=REGULAR,
        displayDocTitle=True,
    )
    frame = Frame(
        sheet.margin, BOTTOM, sheet.width, sheet.height, leftPadding=0, rightPadding=0, topPadding=0, bottomPadding=0
    )
    document.addPageTemplates(PageTemplate(frames=[frame], onPage=lambda canvas, _: _decorate(canvas, sheet, total)))
    document.afterFlowable = lambda flowable: _bookmark(document, flowable)
    document.build(story)
    count: int = document.page
    return count


def _decorate(canvas: Canvas, sheet: Sheet, total: int) -> None:
    width, height = sheet.size
    left, right = sheet.margin, width - sheet.margin
    number = canvas.getPageNumber()
    canvas.saveState()
    if sheet.restricted:
        canvas.setFillColor(VERDICT_COLORS[Verdict.FAIL])
        canvas.rect(0, height - EDGE - 5 * mm, width, 7 * mm, stroke=0, fill=1)
        canvas.setFillColor(WHITE)
        canvas.setFont(SEMIBOLD, 9)
        canvas.drawString(left, height - EDGE - 2.7 * mm, _BANNER)
        canvas.drawRightString(right, height - EDGE - 2.7 * mm, printable(sheet.header_right))
    elif number > 1:
        canvas.setFillColor(GRAY)
        canvas.setFont(REGULAR, 8)
        canvas.drawString(left, height - 15 * mm, printable(sheet.header_left))
        canvas.setFont(SEMIBOLD, 8)
        canvas.drawRightString(right, height - 15 * mm, printable(sheet.header_right))
    canvas.setStrokeColor(HAIRLINE)
    canvas.setLineWidth(0.5)
    canvas.line(left, 17 * mm, right, 17 * mm)
    canvas.setFillColor(GRAY)
    canvas.setFont(REGULAR, 8)
    canvas.drawString(left, 12.5 * mm, printable(sheet.footer))
    canvas.drawRightString(right, 12.5 * mm, f"Page {number} of {total}")
    canvas.restoreState()


def _bookmark(document: BaseDocTemplate, flowable: Flowable) -> None:
    title = getattr(flowable, "bookmark", None)
    if title is not None:
        key = f"bookmark-{document.page}-{title}"
        document.canv.bookmarkPage(key)
        document.canv.addOutlineEntry(title, key, level=0)
