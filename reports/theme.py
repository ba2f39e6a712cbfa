"""Type, color and measure of the documents: one place, few choices.

Source Sans 3 (SIL Open Font License) is embedded in every document, so that it looks the same everywhere and lasts.
It covers Latin, Greek and Cyrillic; a sign that it lacks is written as its code point, because a blank box in the place
of a patient's name would be a cut name. Verdict colors differ in lightness and hue under all common color blindness,
and are always joined by a word and a sign.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from io import BytesIO
from xml.sax.saxutils import escape

from reportlab import rl_config
from reportlab.graphics import shapes
from reportlab.lib.colors import HexColor
from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

from synthaudit.policy import Verdict
from synthaudit.reports.formats import SYMBOLS

REGULAR, SEMIBOLD = "SourceSans3", "SourceSans3-Semibold"
PAGE = A4
MARGIN = 22 * mm
WIDTH = PAGE[0] - 2 * MARGIN

INK = HexColor("#17212b")
GRAY = HexColor("#56616d")
HAIRLINE = HexColor("#cfd6dd")
PANEL = HexColor("#f2f5f8")
WHITE = HexColor("#ffffff")
ACCENT = HexColor("#1d4e79")
VERDICT_COLORS = {
    Verdict.PASS: HexColor("#1d5f8f"),
    Verdict.FAIL: HexColor("#a3290f"),
    Verdict.INCONCLUSIVE: HexColor("#7d5a00"),
}
SERIES_COLORS = (HexColor("#1d5f8f"), HexColor("#c2500f"), HexColor("#4d5863"), HexColor("#7b3f8c"))
SERIES_TINTS = (HexColor("#cfe0ee"), HexColor("#f7dcc8"), HexColor("#dde1e5"), HexColor("#e7d6ec"))
SERIES_DASHES: tuple[list[float] | None, ...] = (None, [5, 2], [1.5, 1.5], [6, 2, 1.5, 2])

_SIZES: dict[str, tuple[str, float, float]] = {
    "eyebrow": (SEMIBOLD, 8, 11),
    "title": (SEMIBOLD, 23, 28),
    "h1": (SEMIBOLD, 16, 21),
    "h2": (SEMIBOLD, 11, 15),
    "lead": (REGULAR, 11.5, 16.5),
    "body": (REGULAR, 9.5, 14),
    "bullet": (REGULAR, 9.5, 14),
    "strong": (SEMIBOLD, 9.5, 14),
    "cell": (REGULAR, 8.5, 11.5),
    "cell-strong": (SEMIBOLD, 8.5, 11.5),
    "number": (REGULAR, 8.5, 11.5),
    "head": (SEMIBOLD, 7.5, 10),
    "head-number": (SEMIBOLD, 7.5, 10),
    "small": (REGULAR, 7.5, 10.5),
    "verdict": (SEMIBOLD, 34, 40),
    "verdict-long": (SEMIBOLD, 21, 40),
    "verdict-reason": (SEMIBOLD, 11.5, 15.5),
    "verdict-note": (REGULAR, 8.5, 12),
    "figure": (SEMIBOLD, 21, 25),
    "figure-missing": (REGULAR, 12, 25),
    "chip": (SEMIBOLD, 8.5, 11.5),
}
_COLORS = {"eyebrow": ACCENT, "small": GRAY, "head": GRAY, "head-number": GRAY, "figure-missing": GRAY}
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffe\uffff]|[\ud800-\udfff]")


@cache
def register() -> None:
    """Makes the fonts known to reportlab, and the default wherever it would otherwise name Helvetica or Times."""
    for name in (REGULAR, SEMIBOLD):
        content = files("synthaudit.reports").joinpath("fonts", f"{name if '-' in name else name + '-Regular'}.ttf")
        pdfmetrics.registerFont(TTFont(name, BytesIO(content.read_bytes())))
    pdfmetrics.registerFontFamily(REGULAR, normal=REGULAR, bold=SEMIBOLD, italic=REGULAR, boldItalic=SEMIBOLD)
    rl_config.canvas_basefontname = REGULAR
    shapes.STATE_DEFAULTS["fontName"] = REGULAR


@cache
def style(name: str) -> ParagraphStyle:
    """The paragraph style of that name; one of `_SIZES`."""
    register()
    font, size, leading = _SIZES[name]
    light = name.startswith("verdict")
    return ParagraphStyle(
        name,
        fontName=font,
        bulletFontName=font,
        fontSize=size,
        leading=leading,
        textColor=WHITE if light else _COLORS.get(name, INK),
        alignment=TA_RIGHT if name in {"number", "head-number"} else 0,
        leftIndent=10 if name == "bullet" else 0,
        spaceBefore={"h1": 4, "h2": 8}.get(name, 0),
        spaceAfter={"title": 12, "h1": 6, "h2": 3, "lead": 6, "body": 4, "bullet": 3}.get(name, 0),
        splitLongWords=1,
        allowWidows=0,
        allowOrphans=0,
    )


@cache
def _coverage() -> frozenset[int]:
    register()
    return frozenset(pdfmetrics.getFont(REGULAR).face.charToGlyph)


def printable(text: str) -> str:
    """The text with every sign that the font lacks written as its code point: [U+5F20]."""
    covered = _coverage()
    shown = _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text)
    return "".join(c if ord(c) in covered or c in "\n\r\t" else f"[U+{ord(c):04X}]" for c in shown)


def markup(text: str) -> str:
    """The text, safe inside a paragraph's markup."""
    return escape(printable(text)).replace("\n", "<br/>")


def chip(verdict: Verdict) -> str:
    """A verdict as markup: sign and word in its color."""
    color = VERDICT_COLORS[verdict].hexval().replace("0x", "#")
    return f'<font color="{color}">{SYMBOLS[verdict]}\u00a0{verdict.value}</font>'
