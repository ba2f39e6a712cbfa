"""Charts as vector drawings: a `Chart` in, a drawing out. What is drawn was computed and masked before it came here."""

from __future__ import annotations

import math
from collections.abc import Callable

from reportlab.graphics.shapes import Circle, Drawing, Line, PolyLine, Rect, String

from synthaudit.finding import Chart, ChartKind, Series
from synthaudit.reports.chart_plane import (
    LEADING,
    SIZE,
    Plane,
    legend,
    legend_spots,
    lines_of,
    marker,
    marker_rows,
    masked_box,
    series_look,
    ticks,
    write,
    x_axis,
    y_axis,
)
from synthaudit.reports.formats import number
from synthaudit.reports.roc_chart import roc
from synthaudit.reports.strength_charts import grid, panels
from synthaudit.reports.theme import GRAY, INK, REGULAR, WHITE, WIDTH, register
from synthaudit.reports.wording import category_label
from synthaudit.schemas.published import SMALLEST_CELL

PLOT_HEIGHT = 104.0
LEAST_SEEN = 1e-4
"""Of an axis: whatever is smaller is written as 0 beside it."""
MASKED_NAME = "1 to 9, not shown more closely"


def drawing(chart: Chart, width: float = WIDTH) -> Drawing:
    """The chart without its title and caption; says so if it holds no points."""
    register()
    if not any(series.x for series in chart.series):
        empty = Drawing(width, 2 * LEADING)
        write(empty, "There is nothing to draw.", 0, LEADING)
        return empty
    return _KINDS[chart.kind](chart, width)


def _histogram(chart: Chart, width: float) -> Drawing:
    """Bars for the first series, stepped outlines for the others; masked bins as dashed boxes below ten."""
    starts = [float(x) for series in chart.series for x in series.x]
    bin_width = min((_bin_width(series) for series in chart.series if series.x), default=1.0)
    counts = [n for series in chart.series for n in series.y if math.isfinite(n)]
    masks = any(not math.isfinite(n) for series in chart.series for n in series.y)
    y_marks = ticks(0, max([*counts, SMALLEST_CELL if masks else 1]), 4, whole=True)
    ground, plane, x_marks = _frame(chart, width, (min(starts), max(starts) + bin_width), y_marks, masks=masks)
    y_axis(ground, plane, y_marks)
    for index, series in enumerate(chart.series):
        _masked_bins(ground, plane, series, index)
        (_bars if index == 0 else _steps)(ground, plane, series, index)
    x_axis(ground, plane, x_marks, chart.x_label)
    if chart.marker is not None:
        marker(ground, plane, chart.marker, chart.marker_label)
    return ground


def _numbers(series: Series) -> tuple[float, ...]:
    return tuple(float(x) for x in series.x)


def _bin_width(series: Series) -> float:
    x = _numbers(series)
    return x[1] - x[0] if len(x) > 1 and x[1] > x[0] else 1.0


def _bars(ground: Drawing, plane: Plane, series: Series, index: int) -> None:
    color, tint, _ = series_look(index)
    bin_width = _bin_width(series)
    for start, count in zip(_numbers(series), series.y, strict=True):
        if math.isfinite(count) and count > 0:
            x, right = plane.x(start), plane.x(start + bin_width)
            height = plane.y(count) - plane.bottom
            ground.add(Rect(x, plane.bottom, right - x, height, fillColor=tint, strokeColor=color, strokeWidth=0.5))


def _steps(ground: Drawing, plane: Plane, series: Series, index: int) -> None:
    color, _, dash = series_look(index)
    bin_width = _bin_width(series)
    path: list[float] = [plane.x(_numbers(series)[0]), plane.bottom] if series.x else []
    for start, count in zip(_numbers(series), series.y, strict=True):
        y = plane.y(count) if math.isfinite(count) else plane.bottom
        path += [plane.x(start), y, plane.x(start + bin_width), y]
    if path:
        path += [path[-2], plane.bottom]
        ground.add(PolyLine(path, strokeColor=color, strokeWidth=1.4, strokeDashArray=dash))


def _masked_bins(ground: Drawing, plane: Plane, series: Series, index: int) -> None:
    color, _, _ = series_look(index)
    bin_width = _bin_width(series)
    for start, count in zip(_numbers(series), series.y, strict=True):
        if not math.isfinite(count):
            x, right = plane.x(start), plane.x(start + bin_width)
            height = plane.y(SMALLEST_CELL) - plane.bottom
            ground.add(masked_box(x, plane.bottom, right - x, height, color))


def _lines(chart: Chart, width: float) -> Drawing:
    """Points joined by lines, with whiskers where there are intervals."""
    x_values = [float(x) for series in chart.series for x in series.x]
    y_values = [y for s in chart.series for column in (s.y, s.low or (), s.high or ()) for y in column]
    low, high = min(y_values), max(y_values)
    y_marks = [0.0, 0.25, 0.5, 0.75, 1.0] if low >= 0 and high <= 1 else ticks(min(low, 0.0), high, 4)
    ground, plane, x_marks = _frame(chart, width, (min(x_values), max(x_values)), y_marks, masks=False)
    y_axis(ground, plane, y_marks)
    x_axis(ground, plane, x_marks, chart.x_label)
    for index, series in enumerate(chart.series):
        color, _, dash = series_look(index)
        points = [(plane.x(x), plane.y(y)) for x, y in zip(_numbers(series), series.y, strict=True)]
        for (x, _), low, high in zip(points, series.low or (), series.high or (), strict=False):
            ground.add(Line(x, plane.y(low), x, plane.y(high), strokeColor=color, strokeWidth=0.8))
        path = [part for point in points for part in point]
        if len(points) > 1:
            ground.add(PolyLine(path, strokeColor=color, strokeWidth=1.5, strokeDashArray=dash))
        for x, y in points:
            ground.add(Circle(x, y, 2.3, fillColor=color if index == 0 else WHITE, strokeColor=color, strokeWidth=1))
    if chart.marker is not None:
        marker(ground, plane, chart.marker, chart.marker_label)
    return ground


def _frame(
    chart: Chart, width: float, span: tuple[float, float], y_marks: list[float], *, masks: bool
) -> tuple[Drawing, Plane, list[float]]:
    """A drawing with legend and name of the y axis on top, and the plane below them."""
    names = [series.name for series in chart.series]
    if chart.marker is not None:
        span = (min(span[0], chart.marker), max(span[1], chart.marker))
    whole = all(float(x).is_integer() for series in chart.series for x in series.x)
    x_marks = ticks(*span, 8, whole=whole and chart.kind is ChartKind.LINES)
    x_range = (min(span[0], x_marks[0]), max(span[1], x_marks[-1]))
    x_label_height = LEADING * len(lines_of(chart.x_label, width - 40))
    bottom = 20 + x_label_height
    plane = Plane(34, bottom, width - 44, PLOT_HEIGHT, x_range, (y_marks[0], y_marks[-1]))
    shown = names if len(names) > 1 or masks else []
    _, key_height = legend_spots([*shown, *([MASKED_NAME] if masks else [])], width)
    above = 4 + (LEADING * marker_rows(chart.marker_label, plane, chart.marker) if chart.marker is not None else 0)
    y_label_height = LEADING * len(lines_of(chart.y_label, width)) + 4
    ground = Drawing(width, bottom + PLOT_HEIGHT + above + y_label_height + key_height + 4)
    filled = chart.kind is ChartKind.HISTOGRAM
    legend(ground, shown, width, filled=filled, masked=MASKED_NAME if masks else None)
    write(ground, chart.y_label, 0, ground.height - key_height - LEADING, width=width)
    return ground, plane, x_marks


def _intervals(chart: Chart, width: float) -> Drawing:
    """One row for each name: a point on its interval, and the same in numbers to the right."""
    rows = _interval_rows(chart)
    ends = [n for _, _, *numbers in rows for n in numbers] + ([] if chart.marker is None else [chart.marker])
    is_share = min(ends) >= 0 and max(ends) <= 1
    x_marks = [0.0, 0.2, 0.4, 0.6, 0.8, 1.0] if is_share else ticks(min(*ends, 0.0), max(ends), 6)
    names_width, figures_width = min(0.36 * width, 150.0), 92.0
    wrapped = [lines_of(name, names_width - 8) for name, *_ in rows]
    heights = [max(15.0, LEADING * len(lines) + 5) for lines in wrapped]
    bottom = 20 + LEADING * len(lines_of(chart.y_label, width - names_width - figures_width))
    plane = Plane(names_width, bottom, width - names_width - figures_width, sum(heights) + 4, (x_marks[0], x_marks[-1]))
    names = [series.name for series in chart.series] if len(chart.series) > 1 else []
    above = 6 + (LEADING * marker_rows(chart.marker_label, plane, chart.marker) if chart.marker is not None else 0)
    ground = Drawing(width, bottom + plane.height + above + legend_spots(names, width)[1] + 2)
    legend(ground, names, width, filled=False)
    x_axis(ground, plane, x_marks, chart.y_label, grid=True)
    y = bottom + plane.height
    for (_, index, *numbers), lines, height in zip(rows, wrapped, heights, strict=True):
        y -= height
        _interval_row(ground, plane, y + height / 2, (numbers[0], numbers[1], numbers[2]), index)
        for row, line in enumerate(lines):
            baseline = y + height / 2 - 2.8 + LEADING * ((len(lines) - 1) / 2 - row)
            ground.add(String(0, baseline, line, fontName=REGULAR, fontSize=SIZE, fillColor=INK))
    if chart.marker is not None:
        marker(ground, plane, chart.marker, chart.marker_label)
    return ground


def _interval_rows(chart: Chart) -> list[tuple[str, int, float, float, float]]:
    """(name, series, value, low, high), names in order of first appearance; a name is written once."""
    names = list(dict.fromkeys(str(x) for series in chart.series for x in series.x))
    rows: list[tuple[str, int, float, float, float]] = []
    for name in names:
        written = False
        for index, series in enumerate(chart.series):
            for i, x in enumerate(series.x):
                if str(x) == name:
                    low = series.low[i] if series.low else series.y[i]
                    high = series.high[i] if series.high else series.y[i]
                    rows.append(("" if written else category_label(name), index, series.y[i], low, high))
                    written = True
    return rows


def _interval_row(ground: Drawing, plane: Plane, y: float, numbers: tuple[float, float, float], index: int) -> None:
    value, low, high = numbers
    color, _, _ = series_look(index)
    ground.add(Line(plane.x(low), y, plane.x(high), y, strokeColor=color, strokeWidth=1.4))
    for end in (low, high):
        ground.add(Line(plane.x(end), y - 2.5, plane.x(end), y + 2.5, strokeColor=color, strokeWidth=1.0))
    fill = color if index == 0 else WHITE
    ground.add(Circle(plane.x(value), y, 2.8, fillColor=fill, strokeColor=color, strokeWidth=1.2))
    right = plane.left + plane.width + 92
    least = LEAST_SEEN * (plane.x_range[1] - plane.x_range[0])  # digits that no eye finds on the axis
    seen = [n if abs(n) >= least else 0.0 for n in numbers]
    shown = [f"{n:.2f}" if plane.x_range == (0.0, 1.0) else number(n) for n in seen]
    text = shown[0] if low == high == value else f"{shown[0]} ({shown[1]} to {shown[2]})"
    write(ground, text, right, y - 2.8, anchor="end", color=GRAY)


_KINDS: dict[ChartKind, Callable[[Chart, float], Drawing]] = {
    ChartKind.HISTOGRAM: _histogram,
    ChartKind.LINES: _lines,
    ChartKind.INTERVALS: _intervals,
    ChartKind.GRID: grid,
    ChartKind.PANELS: panels,
    ChartKind.ROC: roc,
}
