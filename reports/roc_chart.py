"""How many an attacker names rightly against how many wrongly, on logarithmic axes: what counts is the lower left."""

from __future__ import annotations

import math

from reportlab.graphics.shapes import Circle, Drawing, Line, PolyLine

from synthaudit.finding import Chart, Series
from synthaudit.reports.chart_plane import (
    LEADING,
    Plane,
    legend,
    legend_spots,
    lines_of,
    series_look,
    write,
)
from synthaudit.reports.theme import GRAY, HAIRLINE, WHITE
from synthaudit.reports.wording import category_label

HEIGHT = 190.0
WIDEST = 300.0
LEFT = 40.0
SMALLEST = 1e-6
"""Rates below this are not drawn, whatever the series hold."""


def roc(chart: Chart, width: float) -> Drawing:
    """A line for each series over the diagonal of guessing; what lies below the axes runs along their edge."""
    names = [category_label(series.name) for series in chart.series]
    begin = _begin(chart)
    across = min(WIDEST, width - LEFT - 20)
    _, key = legend_spots([*names, _GUESSING], width)
    bottom = 20 + LEADING * len(lines_of(chart.x_label, across))
    above = LEADING * len(lines_of(chart.y_label, width)) + 4
    plane = Plane(LEFT, bottom, across, HEIGHT, (begin, 0.0), (begin, 0.0))
    ground = Drawing(width, bottom + HEIGHT + above + key + 6)
    legend(ground, names, width, filled=False)
    _name_the_diagonal(ground, names, width)
    write(ground, chart.y_label, 0, ground.height - key - LEADING, width=width)
    _axes(ground, plane, chart.x_label)
    right, top = plane.left + plane.width, plane.bottom + plane.height
    ground.add(Line(plane.left, plane.bottom, right, top, strokeColor=GRAY, strokeWidth=0.9, strokeDashArray=_DOTS))
    for index, series in enumerate(chart.series):
        _curve(ground, plane, series, index)
    return ground


_GUESSING = "guessing"
_DOTS = [1.0, 2.0]


def _begin(chart: Chart) -> float:
    """The decimal logarithm at which both axes begin: of the least false positive rate above 0."""
    rates = [float(x) for series in chart.series for x in series.x if float(x) > 0]
    return math.log10(max(SMALLEST, min([*rates, 0.1])))


def _name_the_diagonal(ground: Drawing, names: list[str], width: float) -> None:
    left, below = legend_spots([*names, _GUESSING], width)[0][-1]
    y = ground.height - below - LEADING + 2
    ground.add(Line(left, y + 2.5, left + 14, y + 2.5, strokeColor=GRAY, strokeWidth=0.9, strokeDashArray=_DOTS))
    write(ground, _GUESSING, left + 20, y)


def _axes(ground: Drawing, plane: Plane, label: str) -> None:
    """A hairline and a number for each decade of both axes."""
    right, top = plane.left + plane.width, plane.bottom + plane.height
    for power in range(math.ceil(plane.x_range[0] - 1e-9), 1):
        text = f"{100 * 10.0**power:g}\u00a0%"
        x, y = plane.x(power), plane.y(power)
        ground.add(Line(x, plane.bottom, x, top, strokeColor=HAIRLINE, strokeWidth=0.4))
        ground.add(Line(plane.left, y, right, y, strokeColor=HAIRLINE, strokeWidth=0.4))
        write(ground, text, x, plane.bottom - 12, anchor="middle")
        write(ground, text, plane.left - 5, y - 2.8, anchor="end")
    ground.add(Line(plane.left, plane.bottom, right, plane.bottom, strokeColor=GRAY, strokeWidth=0.7))
    ground.add(Line(plane.left, plane.bottom, plane.left, top, strokeColor=GRAY, strokeWidth=0.7))
    write(ground, label, plane.left + plane.width / 2, plane.bottom - 24, width=plane.width, anchor="middle")


def _curve(ground: Drawing, plane: Plane, series: Series, index: int) -> None:
    """Joined points from the first false positive on, the first of them marked."""
    color, _, dash = series_look(index)
    begin = plane.x_range[0]
    fpr = tuple(float(x) for x in series.x)
    rates = [(x, y) for x, y in zip(fpr, series.y, strict=True) if x > 0]
    points = [
        (plane.x(max(begin, math.log10(x))), plane.y(max(begin, math.log10(y) if y > 0 else begin))) for x, y in rates
    ]
    if len(points) > 1:
        path = [part for point in points for part in point]
        ground.add(PolyLine(path, strokeColor=color, strokeWidth=1.3, strokeDashArray=dash))
    if points:
        ground.add(Circle(*points[0], 2.0, fillColor=WHITE, strokeColor=color, strokeWidth=1))
