"""The parts that pages are made of: headings, paragraphs, tables, boxes. Every text goes through `markup`.

No part can be cut: tables split between and within rows and repeat their heads; words longer than a line are broken.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

from reportlab.lib.colors import Color
from reportlab.lib.units import mm
from reportlab.platypus import CondPageBreak, Flowable, HRFlowable, Paragraph, Spacer, Table

from synthaudit.policy import Verdict
from synthaudit.reports.formats import SYMBOLS
from synthaudit.reports.theme import (
    ACCENT,
    HAIRLINE,
    INK,
    PANEL,
    REGULAR,
    VERDICT_COLORS,
    WIDTH,
    chip,
    markup,
    style,
)

Cell: TypeAlias = "Flowable | list[Flowable]"
FLUSH: list[tuple[object, ...]] = [
    ("FONT", (0, 0), (-1, -1), REGULAR, 8),
    ("VALIGN", (0, 0), (-1, -1), "TOP"),
    ("LEFTPADDING", (0, 0), (-1, -1), 0),
    ("RIGHTPADDING", (0, 0), (-1, -1), 0),
    ("TOPPADDING", (0, 0), (-1, -1), 0),
    ("BOTTOMPADDING", (0, 0), (-1, -1), 0),
]
"""Table style: no padding, text from the top."""
LABEL_WIDTH = 34 * mm


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table: its head, its share of the width, and whether it holds numbers."""

    head: str
    share: float
    numeric: bool = False


def text(content: str, name: str = "body") -> Flowable:
    """A paragraph of plain text."""
    return Paragraph(markup(content), style(name))


def verdict_text(verdict: Verdict) -> Flowable:
    """A verdict as a word and a sign in its color, for a table."""
    return Paragraph(chip(verdict), style("chip"))


def verdict_line(verdict: Verdict, content: str) -> Flowable:
    """A verdict followed by what it is about."""
    return Paragraph(f"<b>{chip(verdict)}</b>   {markup(content)}", style("body"))


def space(height_mm: float) -> Flowable:
    """White space."""
    return Spacer(1, height_mm * mm)


def section(title: str, lead: str = "", *, room_mm: float = 60) -> list[Flowable]:
    """A chapter: on this page if there is room to begin it, else on the next; with its bookmark."""
    heading = text(title, "h1")
    heading.bookmark = title
    rule = HRFlowable(width="100%", thickness=1.2, color=ACCENT, spaceBefore=20, spaceAfter=6, lineCap="butt")
    return [CondPageBreak(room_mm * mm), rule, heading, *([text(lead, "lead")] if lead else [])]


def subsection(title: str, *, room_mm: float = 35) -> list[Flowable]:
    """A heading within a chapter, never alone at the foot of a page."""
    return [CondPageBreak(room_mm * mm), text(title, "h2")]


def bullets(sentences: Sequence[str]) -> list[Flowable]:
    """A list, one sentence each."""
    return [Paragraph(markup(sentence), style("bullet"), bulletText="•") for sentence in sentences]


def numbered(sentences: Sequence[str], width: float) -> Flowable:
    """A list in order of urgency."""
    rows = [[text(f"{i}.", "strong"), text(sentence)] for i, sentence in enumerate(sentences, 1)]
    return _plain_table(rows, [6 * mm, width - 6 * mm])


def data_table(
    columns: Sequence[Column],
    rows: Sequence[Sequence[Cell]],
    width: float = WIDTH,
    *,
    ruled: Sequence[int] = (),
    padding: float = 4,
) -> Flowable:
    """A table with a head that is repeated on every page, and hairlines between its rows.

    Args:
        columns: Heads and shares of the width.
        rows: One cell for each column.
        width: Of the whole table, in points.
        ruled: Rows that begin a group: they alone get a line above. Empty: all of them.
        padding: Above and below each row, in points.
    """
    total = sum(column.share for column in columns)
    head = [text(column.head, "head-number" if column.numeric else "head") for column in columns]
    lines = [("LINEABOVE", (0, row), (-1, row), 0.4, HAIRLINE) for row in (ruled or range(2, len(rows) + 1))]
    return Table(
        [head, *(list(row) for row in rows)],
        colWidths=[width * column.share / total for column in columns],
        repeatRows=1,
        splitInRow=1,
        spaceBefore=2,
        spaceAfter=6,
        style=[
            *FLUSH,
            ("VALIGN", (0, 0), (-1, 0), "BOTTOM"),
            *(("LEFTPADDING", (i, 0), (i, -1), gap) for i, gap in enumerate(_gaps(columns))),
            ("TOPPADDING", (0, 0), (-1, -1), padding),
            ("BOTTOMPADDING", (0, 0), (-1, -1), padding),
            ("LINEBELOW", (0, 0), (-1, 0), 0.8, INK),
            ("LINEBELOW", (0, -1), (-1, -1), 0.8, HAIRLINE),
            *lines,
        ],
    )


def _gaps(columns: Sequence[Column]) -> list[float]:
    """Space before each column: wide where text follows numbers, which end at its very edge."""
    pairs = pairwise(columns)
    return [0.0, *(14.0 if before.numeric and not after.numeric else 6.0 for before, after in pairs)]


def label_rows(rows: Sequence[tuple[str, list[Flowable]]], label: float = LABEL_WIDTH) -> Flowable:
    """Answers beside their questions."""
    cells = [[text(name, "strong"), content] for name, content in rows]
    return Table(
        cells,
        colWidths=[label, WIDTH - label],
        splitInRow=1,
        style=[
            *FLUSH,
            ("TOPPADDING", (0, 0), (-1, -1), 6),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 3),
            ("LINEABOVE", (0, 0), (-1, -1), 0.5, HAIRLINE),
        ],
    )


def box(content: list[Flowable], color: Color = ACCENT, width: float = WIDTH) -> Flowable:
    """A note on a tinted ground with a colored edge."""
    return Table(
        [[content]],
        colWidths=[width],
        splitInRow=1,
        spaceBefore=4,
        spaceAfter=8,
        style=[
            ("FONT", (0, 0), (-1, -1), REGULAR, 8),
            ("BACKGROUND", (0, 0), (-1, -1), PANEL),
            ("LINEBEFORE", (0, 0), (0, -1), 2.5, color),
            ("LEFTPADDING", (0, 0), (-1, -1), 10),
            ("RIGHTPADDING", (0, 0), (-1, -1), 10),
            ("TOPPADDING", (0, 0), (-1, -1), 7),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 5),
        ],
    )


def verdict_band(verdict: Verdict, reason: str, note: str) -> Flowable:
    """The verdict in one glance: a colored band with a large word, and beside it the reason."""
    word_mm = 50 if verdict is not Verdict.INCONCLUSIVE else 68
    align = "MIDDLE" if len(reason) + len(note) < 600 else "TOP"
    size = "verdict" if verdict is not Verdict.INCONCLUSIVE else "verdict-long"
    word = Paragraph(f"{SYMBOLS[verdict]}\u00a0{verdict.value}", style(size))
    reasons = [text(reason, "verdict-reason"), Spacer(1, 4), text(note, "verdict-note")]
    return Table(
        [[word, reasons]],
        colWidths=[word_mm * mm, WIDTH - word_mm * mm],
        splitInRow=1,
        style=[
            ("FONT", (0, 0), (-1, -1), REGULAR, 8),
            ("BACKGROUND", (0, 0), (-1, -1), VERDICT_COLORS[verdict]),
            ("VALIGN", (0, 0), (-1, -1), align),
            ("LEFTPADDING", (0, 0), (-1, -1), 12),
            ("RIGHTPADDING", (0, 0), (-1, -1), 12),
            ("TOPPADDING", (0, 0), (-1, -1), 12),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 13),
        ],
    )


def figures(items: Sequence[tuple[str, str, str]]) -> Flowable:
    """Large numbers in a row: (number, what it counts, its range)."""
    cells = [
        [text(value, "figure" if len(value) < 9 else "figure-missing"), text(label, "cell"), text(range_, "small")]
        for value, label, range_ in items
    ]
    return Table(
        [cells],
        colWidths=[WIDTH / max(4, len(items))] * len(items),
        hAlign="LEFT",
        style=[
            *FLUSH,
            ("RIGHTPADDING", (0, 0), (-1, -1), 10),
            ("TOPPADDING", (0, 0), (-1, -1), 4),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 10),
        ],
    )


def _plain_table(rows: Sequence[Sequence[Cell]], widths: Sequence[float]) -> Flowable:
    return Table([list(row) for row in rows], colWidths=list(widths), splitInRow=1, style=FLUSH)
