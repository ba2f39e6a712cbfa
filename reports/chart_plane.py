"""The ground that charts stand on: scales, axes, legends, and text that is broken rather than cut."""

from __future__ import annotations

import math
from dataclasses import dataclass

from reportlab.graphics.shapes import Drawing, Line, Rect, String
from reportlab.lib.utils import simpleSplit
from reportlab.pdfbase.pdfmetrics import stringWidth

from synthaudit.reports.formats import number
from synthaudit.reports.theme import (
    GRAY,
    HAIRLINE,
    INK,
    REGULAR,
    SEMIBOLD,
    SERIES_COLORS,
    SERIES_DASHES,
    SERIES_TINTS,
    printable,
    register,
)

SIZE, LEADING = 8.0, 10.0


@dataclass(frozen=True, slots=True)
class Plane:
    """A rectangle in points, and the range of numbers that it shows."""

    left: float
    bottom: float
    width: float
    height: float
    x_range: tuple[float, float]
    y_range: tuple[float, float] = (0.0, 1.0)

    def x(self, value: float) -> float:
        """Where a number stands from the left."""
        return self.left + self.width * _share(value, self.x_range)

    def y(self, value: float) -> float:
        """Where a number stands from the bottom."""
        return self.bottom + self.height * _share(value, self.y_range)


def _share(value: float, span: tuple[float, float]) -> float:
    return (value - span[0]) / (span[1] - span[0])


def ticks(low: float, high: float, wanted: int = 5, *, whole: bool = False) -> list[float]:
    """Round numbers that cover a range, about as many as wanted."""
    if not high > low:
        low, high = (low - 1, low + 1) if low else (0.0, 1.0)
    raw = (high - low) / wanted
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= raw * 0.999)
    if whole:
        step = max(1.0, math.ceil(step))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [float(f"{i * step:.12g}") for i in range(first, last + 1)]


def tick_labels(marks: list[float]) -> list[str]:
    """The marks with as many decimals as their step needs."""
    for places in range(7):
        labels = [f"{mark:,.{places}f}" for mark in marks]
        if all(
            math.isclose(float(label.replace(",", "")), m, abs_tol=1e-12)
            for label, m in zip(labels, marks, strict=True)
        ):
            return [label.replace("-", "−") for label in labels]
    return [number(mark) for mark in marks]


def lines_of(content: str, width: float, font: str = REGULAR, size: float = SIZE) -> list[str]:
    """The text broken into lines of that width; nothing is dropped."""
    register()
    return [
        part for line in simpleSplit(printable(content), font, size, width) for part in _parts(line, width, font, size)
    ]


def _parts(line: str, width: float, font: str, size: float) -> list[str]:
    """A line that is one word too long, broken between signs; any other as it is."""
    parts = [""]
    for sign in line:
        if parts[-1] and stringWidth(parts[-1] + sign, font, size) > width:
            parts.append("")
        parts[-1] += sign
    return parts


def write(
    drawing: Drawing,
    content: str,
    x: float,
    y: float,
    *,
    width: float = math.inf,
    anchor: str = "start",
    bold: bool = False,
    color: object = GRAY,
    size: float = SIZE,
) -> float:
    """Writes text whose first line stands at y, broken to a width; returns the height it took."""
    font = SEMIBOLD if bold else REGULAR
    lines = lines_of(content, width, font, size) if width < math.inf else [printable(content)]
    for row, line in enumerate(lines):
        drawing.add(
            String(x, y - row * LEADING, line, textAnchor=anchor, fontName=font, fontSize=size, fillColor=color)
        )
    return LEADING * len(lines)


def x_axis(drawing: Drawing, plane: Plane, marks: list[float], label: str, *, grid: bool = False) -> None:
    """Marks, their numbers, and what they mean, below the plane."""
    base = plane.bottom
    for mark, text in zip(marks, tick_labels(marks), strict=True):
        x = plane.x(mark)
        if grid:
            drawing.add(Line(x, base, x, base + plane.height, strokeColor=HAIRLINE, strokeWidth=0.4))
        drawing.add(Line(x, base, x, base - 3, strokeColor=GRAY, strokeWidth=0.5))
        write(drawing, text, x, base - 12, anchor="middle")
    drawing.add(Line(plane.left, base, plane.left + plane.width, base, strokeColor=GRAY, strokeWidth=0.7))
    write(drawing, label, plane.left + plane.width / 2, base - 24, width=plane.width, anchor="middle")


def y_axis(drawing: Drawing, plane: Plane, marks: list[float]) -> None:
    """Hairlines across the plane, with their numbers to the left."""
    for mark, text in zip(marks, tick_labels(marks), strict=True):
        y = plane.y(mark)
        drawing.add(Line(plane.left, y, plane.left + plane.width, y, strokeColor=HAIRLINE, strokeWidth=0.4))
        write(drawing, text, plane.left - 5, y - 2.8, anchor="end")


def marker(drawing: Drawing, plane: Plane, value: float, label: str) -> None:
    """A threshold: a dashed line over the height of the plane, named above it."""
    x = plane.x(value)
    top = plane.bottom + plane.height
    drawing.add(Line(x, plane.bottom, x, top + 4, strokeColor=INK, strokeWidth=0.9, strokeDashArray=[3, 2]))
    if label:
        from_left = x < plane.left + plane.width / 2
        room = plane.left + plane.width - x if from_left else x - plane.left
        rows = marker_rows(label, plane, value)
        anchor, shift = ("start", 3) if from_left else ("end", -3)
        write(
            drawing, label, x + shift, top + LEADING * rows - 4, width=room, anchor=anchor, color=INK, size=SIZE - 0.5
        )


def marker_rows(label: str, plane: Plane, value: float) -> int:
    """How many lines the name of a threshold needs."""
    x = plane.x(value)
    room = max(x - plane.left, plane.left + plane.width - x)
    return len(lines_of(label, room, REGULAR, SIZE - 0.5)) if label else 0


def legend_spots(names: list[str], width: float) -> tuple[list[tuple[float, float]], float]:
    """Where each name of a legend begins (from the left, below its top), and the height of all; names flow in rows."""
    spots: list[tuple[float, float]] = []
    x, row = 0.0, 0
    for name in names:
        lines = lines_of(name, width - 20)
        taken = 20 + max((stringWidth(line, REGULAR, SIZE) for line in lines), default=0.0)
        if x and x + taken > width:
            x, row = 0.0, row + 1
        spots.append((x, row * (LEADING + 2)))
        x += taken + 18
        if len(lines) > 1:
            x, row = 0.0, row + len(lines)
    rows = row + (1 if x else 0)
    return spots, rows * (LEADING + 2)


def legend(drawing: Drawing, names: list[str], width: float, *, filled: bool, masked: str | None = None) -> None:
    """Names beside the signs of their series, at the top of the drawing; a masked one has a dotted box."""
    spots, _ = legend_spots([*names, *([masked] if masked else [])], width)
    for index, (left, below) in enumerate(spots):
        y = drawing.height - below - LEADING + 2
        color, tint, dash = series_look(index)
        if index == len(names):
            drawing.add(masked_box(left, y - 1, 14, 7, INK))
        elif filled and index == 0:
            drawing.add(Rect(left, y - 1, 14, 7, fillColor=tint, strokeColor=color, strokeWidth=0.7))
        else:
            drawing.add(
                Line(left, y + 2.5, left + 14, y + 2.5, strokeColor=color, strokeWidth=1.6, strokeDashArray=dash)
            )
        name = names[index] if index < len(names) else masked or ""
        write(drawing, name, left + 20, y, width=width - 20, color=INK)


def masked_box(x: float, y: float, width: float, height: float, color: object) -> Rect:
    """A dotted box: here is something, and how much is not told."""
    return Rect(x, y, width, height, fillColor=None, strokeColor=color, strokeWidth=0.6, strokeDashArray=[1.2, 1.2])


def series_look(index: int) -> tuple[object, object, list[float] | None]:
    """Color, tint and dashes of the i-th series: three differences, so that one suffices in gray.

    Where the colors begin again, the dashes are those of the next series: no two of sixteen look alike.
    """
    return (
        SERIES_COLORS[index % len(SERIES_COLORS)],
        SERIES_TINTS[index % len(SERIES_TINTS)],
        SERIES_DASHES[(index + index // len(SERIES_COLORS)) % len(SERIES_DASHES)],
    )
