"""Charts of something measured at several strengths: cells of shares, and small plots of counts on one scale."""

from __future__ import annotations

import math

from reportlab.graphics.shapes import Circle, Drawing, Line, PolyLine, Rect
from reportlab.lib.colors import Color

from synthaudit.finding import Chart, Series
from synthaudit.reports.chart_plane import LEADING, SIZE, Plane, lines_of, write
from synthaudit.reports.theme import ACCENT, GRAY, HAIRLINE, INK, REGULAR, SEMIBOLD, WHITE
from synthaudit.reports.wording import category_label

SMALL, SMALL_LEADING = 6.5, 7.5
NAMES = 78.0
ROW = 27.0
ACROSS = 3
PANEL_HEIGHT = 58.0
GAP = 16.0
DECADES = (1.0, 10.0, 100.0, 1000.0)
DARK = 0.7
"""Shares above this are written in white: the cell is dark by then."""


def grid(chart: Chart, width: float) -> Drawing:
    """A row for each series, a cell for each of its points: strength, share, interval; darker for larger shares.

    The share is written in every cell, so that nothing rests on a shade.
    """
    cell = (width - NAMES) / max(len(series.x) for series in chart.series)
    labels = [lines_of(category_label(series.name), NAMES - 6) for series in chart.series]
    steps = [[lines_of(str(x), cell - 8, REGULAR, SMALL) for x in series.x] for series in chart.series]
    heights = [
        max(ROW, LEADING * len(label) + 4, ROW + SMALL_LEADING * (max((len(one) for one in row), default=1) - 1))
        for label, row in zip(labels, steps, strict=True)
    ]
    ground = Drawing(width, sum(heights) + LEADING + 8)
    write(ground, f"{chart.x_label} →", NAMES, ground.height - LEADING, width=width - NAMES)
    bottom = ground.height - LEADING - 6
    for series, label, row, height in zip(chart.series, labels, steps, heights, strict=True):
        bottom -= height
        for i, name in enumerate(label):
            write(ground, name, 0, bottom + height / 2 - 2.8 + LEADING * ((len(label) - 1) / 2 - i), color=INK)
        for i, step in enumerate(row):
            _cell(ground, series, i, step, (NAMES + cell * i, bottom, cell, height))
    return ground


def _cell(ground: Drawing, series: Series, i: int, step: list[str], place: tuple[float, float, float, float]) -> None:
    x, y, width, height = place
    share = series.y[i]
    known = math.isfinite(share)
    ink = WHITE if known and share > DARK else INK
    fill = _shade(share) if known else WHITE
    ground.add(Rect(x + 0.7, y + 0.7, width - 1.4, height - 1.4, fillColor=fill, strokeColor=HAIRLINE, strokeWidth=0.5))
    for line, words in enumerate(step):
        write(ground, words, x + 4, y + height - 9 - line * SMALL_LEADING, color=ink, size=SMALL)
    if not known:
        write(ground, "not measured", x + 4, y + 5.5, color=INK, size=SMALL)
        return
    write(ground, f"{100 * share:.0f}\u00a0%", x + 4, y + 5.5, bold=True, color=ink, size=SIZE + 1)
    if series.low is not None and series.high is not None:
        interval = f"{100 * series.low[i]:.0f} to {100 * series.high[i]:.0f}"
        write(ground, interval, x + width - 4, y + 5.5, anchor="end", color=ink, size=SMALL)


def _shade(share: float) -> Color:
    """White at 0, the accent at 1: lightness falls steadily, so that it reads in gray."""
    return Color(*(1 - share * (1 - part) for part in (ACCENT.red, ACCENT.green, ACCENT.blue)))


def panels(chart: Chart, width: float) -> Drawing:
    """A small plot for each series, three across, all on one logarithmic scale; a cross where there is no number."""
    ends = [n for one in chart.series for part in (one.y, one.high or ()) for n in part if math.isfinite(n)]
    marks = [mark for mark in DECADES if mark < 10 * max([*ends, 2.0])]
    marks = marks if len(marks) > 1 else [*DECADES[:2]]
    span = (0.0, math.log10(max([*ends, marks[-1]])))
    wide = (width - GAP * (ACROSS - 1)) / ACROSS
    steps = max(len(_steps(str(x), (wide - 20) / len(one.x))) for one in chart.series for x in one.x)
    titles = LEADING * max(len(lines_of(category_label(one.name), wide, SEMIBOLD)) for one in chart.series)
    high = titles + PANEL_HEIGHT + 18 + steps * SMALL_LEADING + 8
    rows = math.ceil(len(chart.series) / ACROSS)
    lead = f"{chart.y_label}; from left to right: {chart.x_label}"
    above = LEADING * len(lines_of(lead, width)) + 4
    ground = Drawing(width, rows * high + above)
    write(ground, lead, 0, ground.height - LEADING, width=width)
    for i, series in enumerate(chart.series):
        left = (wide + GAP) * (i % ACROSS)
        top = ground.height - above - high * (i // ACROSS)
        write(ground, category_label(series.name), left, top - LEADING, bold=True, color=INK, width=wide)
        bottom = top - titles - 14 - PANEL_HEIGHT
        plane = Plane(left + 20, bottom, wide - 20, PANEL_HEIGHT, (-0.5, len(series.x) - 0.5), span)
        _panel(ground, plane, series, marks)
    return ground


def _panel(ground: Drawing, plane: Plane, series: Series, marks: list[float]) -> None:
    right = plane.left + plane.width
    for mark in marks:
        y = plane.y(math.log10(mark))
        ground.add(Line(plane.left, y, right, y, strokeColor=HAIRLINE, strokeWidth=0.4))
        write(ground, f"{mark:,.0f}", plane.left - 4, y - 2.3, anchor="end", size=SMALL)
    path: list[tuple[float, float]] = []
    for i, value in enumerate(series.y):
        x = plane.x(i)
        for line, word in enumerate(_steps(str(series.x[i]), plane.width / len(series.x))):
            write(ground, word, x, plane.bottom - 9 - line * SMALL_LEADING, anchor="middle", size=SMALL)
        if not math.isfinite(value):
            _cross(ground, x, plane.bottom + plane.height)
            path = _drawn(ground, path)
            continue
        path.append((x, plane.y(math.log10(value))))
        if series.low is not None and series.high is not None:
            low, high = (plane.y(math.log10(max(end, 1.0))) for end in (series.low[i], series.high[i]))
            ground.add(Line(x, low, x, high, strokeColor=ACCENT, strokeWidth=0.9))
    _drawn(ground, path)
    for i, value in enumerate(series.y):
        if math.isfinite(value):
            x, y = plane.x(i), plane.y(math.log10(value))
            ground.add(Circle(x, y, 2.0, fillColor=ACCENT, strokeColor=ACCENT))
            write(ground, f"{value:,.0f}", x - 2.5, y + 3.5, anchor="end", color=INK, size=SMALL)


def _drawn(ground: Drawing, path: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Joins the points so far; the next path begins empty, because nothing is known where there is no number."""
    if len(path) > 1:
        ground.add(PolyLine([part for point in path for part in point], strokeColor=ACCENT, strokeWidth=1.2))
    return []


def _cross(ground: Drawing, x: float, y: float) -> None:
    for sign in (-1, 1):
        ground.add(Line(x - 3, y - 3 * sign, x + 3, y + 3 * sign, strokeColor=GRAY, strokeWidth=1.2))


def _steps(name: str, width: float) -> list[str]:
    return lines_of(name, width - 2, REGULAR, SMALL)
