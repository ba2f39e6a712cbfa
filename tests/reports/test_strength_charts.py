"""Grids and panels: every number stands in its place, nothing is cut, and equal charts give equal drawings."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from reportlab.graphics.shapes import Drawing, Group, Line, Rect, String
from reportlab.pdfbase.pdfmetrics import stringWidth

from synthaudit.finding import Chart, ChartKind, Series
from synthaudit.reports.charts import drawing
from synthaudit.reports.theme import WIDTH

STEPS = ("2 %", "5 %", "8 %", "12 %", "20 %")
GRID = Chart(
    "sensitivity",
    "Found, by strength",
    ChartKind.GRID,
    "strength, mildest first",
    "share found",
    (
        Series("plain", ("",), (1.0,), (0.83,), (1.0,)),
        Series(
            "noise", STEPS, (1.0, 0.95, 0.625, 0.0, math.nan), (0.6, 0.8, 0.24, 0.0, 0.0), (1.0, 1.0, 0.91, 0.37, 0.0)
        ),
    ),
)
PANELS = Chart(
    "detection_limit",
    "Fewest, by strength",
    ChartKind.PANELS,
    "strength, mildest first",
    "copied patients",
    (
        Series(
            "noise", STEPS, (1.0, 1.0, 2.0, 18.0, math.nan), (1.0, 1.0, 1.0, 4.0, math.nan), (3, 3, 9, 728, math.nan)
        ),
        Series("rotation", ("4 degrees", "20 degrees"), (1.0, 4.0), (1.0, 2.0), (3.0, 14.0)),
    ),
)
BOTH = pytest.mark.parametrize("chart", [GRID, PANELS], ids=["grid", "panels"])


def shapes(group: Any) -> Iterator[Any]:
    for shape in group.contents:
        if isinstance(shape, Group):
            yield from shapes(shape)
        else:
            yield shape


def texts(ground: Drawing) -> list[str]:
    return [shape.text for shape in shapes(ground) if isinstance(shape, String)]


def test_each_cell_holds_strength_share_and_interval() -> None:
    written = texts(drawing(GRID))
    for text in (*STEPS, "100\u00a0%", "95\u00a0%", "62\u00a0%", "0\u00a0%", "60 to 100", "24 to 91", "0 to 37"):
        assert text in written, text
    assert "not measured" in written, "a cell without a number says so"
    assert "noise added" in written, "rows bear plain words"


def test_shades_fall_with_the_share_and_read_in_gray() -> None:
    cells = [shape.fillColor for shape in shapes(drawing(GRID)) if isinstance(shape, Rect)]
    grays = [0.299 * one.red + 0.587 * one.green + 0.114 * one.blue for one in cells]
    assert grays[0] == grays[1], "equal shares look alike"
    assert grays[1:5] == sorted(grays[1:5])
    assert grays[1] < 0.4
    assert grays[4] > 0.99


def test_panels_write_each_limit_and_cross_out_what_has_none() -> None:
    ground = drawing(PANELS)
    written = texts(ground)
    assert [written.count(text) for text in ("18", "2", "4")] == [1, 1, 1]
    slanted = [one for one in shapes(ground) if isinstance(one, Line) and one.x1 != one.x2 and one.y1 != one.y2]
    assert len(slanted) == 2, "the two strokes of one cross"


@BOTH
def test_nothing_leaves_the_drawing(chart: Chart) -> None:
    long = replace(
        chart,
        series=tuple(
            replace(
                one,
                name="a name that goes on and on " * 3,
                x=tuple(f"step {i} of a long ladder" for i in range(len(one.x))),
            )
            for one in chart.series
        ),
    )
    for one in (chart, long):
        ground = drawing(one)
        assert ground.width == WIDTH
        for shape in shapes(ground):
            if isinstance(shape, String):
                wide = stringWidth(shape.text, shape.fontName, shape.fontSize)
                left = shape.x - {"start": 0.0, "middle": wide / 2, "end": wide}[shape.textAnchor]
                assert -1 <= left <= left + wide <= ground.width + 1, shape.text
                assert 0 <= shape.y <= ground.height, shape.text


@BOTH
def test_long_names_are_broken_not_cut(chart: Chart) -> None:
    words = "first second third fourth fifth sixth seventh last"
    long = replace(chart, series=tuple(replace(one, name=words, x=(words,) * len(one.x)) for one in chart.series))
    written = " ".join(texts(drawing(long))).split()
    assert written.count("last") == sum(1 + len(one.x) for one in chart.series)


@BOTH
def test_equal_charts_give_equal_drawings(chart: Chart) -> None:
    first, second = (
        [(type(one).__name__, *map(str, one.getProperties().items())) for one in shapes(drawing(chart))]
        for _ in range(2)
    )
    assert first == second


@BOTH
def test_nothing_to_draw_is_said(chart: Chart) -> None:
    assert texts(drawing(replace(chart, series=()))) == ["There is nothing to draw."]


def test_points_without_a_number_survive_the_file() -> None:
    from synthaudit.evidence_file import _chart_from, _chart_to

    for chart in (GRID, PANELS):
        back = _chart_from(_chart_to(chart))
        assert repr(back) == repr(_chart_from(_chart_to(back))), "and once more"
        for one, again in zip(chart.series, back.series, strict=True):
            assert one.x == again.x
            assert [math.isnan(y) for y in one.y] == [math.isnan(y) for y in again.y]


def test_the_table_leaves_out_what_the_charts_write() -> None:
    from synthaudit.reports.evidence_pages import _in_cells

    drawn = _in_cells((GRID, PANELS))
    assert {"sensitivity[noise 2 %]", "sensitivity[noise]", "sensitivity[plain]", "detection_limit[noise 8 %]"} <= drawn
    assert "detection_limit[noise]" not in drawn, "the limit that policies ask for stays in the table"


def test_a_variant_with_its_strength_is_called_in_words() -> None:
    from synthaudit.reports.wording import measure_label

    assert measure_label("sensitivity[noise 8 %]") == "Planted copies found: noise added, 8 %"
    assert measure_label("sensitivity[low_rank]") == "Planted copies found: low rank"
    assert measure_label("sensitivity[new kind]") == "Planted copies found: new kind"
