"""The ROC on logarithmic axes: decades where they belong, the diagonal of guessing, and nothing drawn outside."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from reportlab.graphics.shapes import Circle, Drawing, Group, Line, PolyLine, String

from synthaudit.finding import Chart, ChartKind, Series
from synthaudit.reports.chart_plane import series_look
from synthaudit.reports.charts import drawing
from synthaudit.reports.theme import WIDTH

X = (0.001, 0.01, 0.1, 1.0)
ROC = Chart(
    "membership_roc",
    "Named rightly against named wrongly",
    ChartKind.ROC,
    "false positive rate",
    "true positive rate",
    (
        Series("gan_leaks", X, (0.1, 0.2, 0.5, 1.0)),
        Series("monte_carlo", X, (0.0, 0.0, 0.1, 1.0)),
        *(Series(f"attack {i}", X, X) for i in range(5)),
    ),
)


def shapes(group: Any) -> Iterator[Any]:
    for shape in group.contents:
        if isinstance(shape, Group):
            yield from shapes(shape)
        else:
            yield shape


def of_kind(ground: Drawing, kind: type) -> list[Any]:
    return [shape for shape in shapes(ground) if isinstance(shape, kind)]


def test_decades_are_marked_on_both_axes_and_series_named_in_words() -> None:
    written = [one.text for one in of_kind(drawing(ROC), String)]
    for text in ("0.1\u00a0%", "1\u00a0%", "10\u00a0%", "100\u00a0%"):
        assert written.count(text) == 2, text
    for text in ("GAN-Leaks", "Monte Carlo", "guessing", "false positive rate", "true positive rate"):
        assert text in written, text


def test_decades_are_equally_far_apart_and_guessing_is_the_diagonal() -> None:
    ground = drawing(ROC)
    curves = of_kind(ground, PolyLine)
    assert len(curves) == 7
    x, y = curves[0].points[0::2], curves[0].points[1::2]
    assert x[1] - x[0] == pytest.approx(x[2] - x[1]) == pytest.approx(x[3] - x[2])
    guess = curves[2].points
    (diagonal,) = [one for one in of_kind(ground, Line) if one.x1 != one.x2 and one.y1 != one.y2]
    assert (diagonal.x1, diagonal.y1, diagonal.x2, diagonal.y2) == pytest.approx((*guess[:2], *guess[-2:]))
    assert y == sorted(y)


def test_what_is_below_the_axis_runs_along_its_edge() -> None:
    ground = drawing(ROC)
    never = of_kind(ground, PolyLine)[1].points
    assert never[1] == never[3] == min(never[1::2])
    for point in of_kind(ground, Circle):
        assert 0 <= point.cx <= WIDTH
        assert 0 <= point.cy <= ground.height


def test_no_two_lines_look_alike() -> None:
    looks = {(str(color), str(dash)) for color, _, dash in (series_look(i) for i in range(16))}
    assert len(looks) == 16


def test_a_rate_of_zero_alone_still_draws() -> None:
    flat = replace(ROC, series=(Series("gan_leaks", (0.0,), (0.0,)),))
    assert drawing(flat).height > 0


def test_equal_charts_give_equal_drawings() -> None:
    first, again = ([shape.getProperties() for shape in shapes(drawing(ROC))] for _ in range(2))
    assert str(first) == str(again)
