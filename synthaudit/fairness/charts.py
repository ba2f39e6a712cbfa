"""The pictures of the groups: how common each is, how well covered, and how exposed."""

from __future__ import annotations

import math
from collections.abc import Sequence

from synthaudit.fairness.examined import Examined
from synthaudit.fairness.exposed import FPR
from synthaudit.finding import Chart, ChartKind, Measure, Series


def charts(found: Examined, told: Sequence[Measure]) -> tuple[Chart, ...]:
    """Representation as intervals; coverage and exposure as cells, with their floor in a row of its own."""
    made = []
    ratios = [one for one in told if one.name.startswith("representation[") and one.value is not None]
    if ratios:
        made.append(_representation(found, ratios))
    cells = (
        (
            "coverage",
            "Training patients of each group covered by synthetic images, and by held-out ones",
            "held-out images",
            "Of all groups, compared with as many held-out images.",
        ),
        (
            "exposed",
            f"Training patients of each group above what {FPR:.0%} of its own held-out patients reach",
            None,
            f"About {FPR:.0%}, and a little less in small groups, where nothing leaks.",
        ),
        ("named", "Training patients of each group whom the audit names", None, "Numbers under ten are not shown."),
    )
    for name, title, floor, caption in cells:
        mine = [one for one in told if one.name.startswith(f"{name}[")]
        if mine:
            made.append(_cells(name, title, mine, floor, caption))
    return tuple(made)


def _representation(found: Examined, ratios: Sequence[Measure]) -> Chart:
    names = tuple(one.name.removeprefix("representation[").removesuffix("]") for one in ratios)
    values = tuple(float(one.value or 0.0) for one in ratios)
    most = max(3.0, *values)

    def ends(series: Sequence[float | None]) -> tuple[float, ...]:
        return tuple(min(most, most if end is None else float(end)) for end in series)

    series = [
        Series("synthetic images", names, values, ends([one.low for one in ratios]), ends([one.high for one in ratios]))
    ]
    held = [(name, float(one.floor)) for name, one in zip(names, ratios, strict=True) if one.floor is not None]
    if held:
        series.append(Series("held-out patients", tuple(n for n, _ in held), tuple(min(most, v) for _, v in held)))
    tested = len(found.shares)
    return Chart(
        "representation",
        "How common each group is, over how common it is among the training patients",
        ChartKind.INTERVALS,
        "group",
        "ratio of shares",
        tuple(series),
        f"95 % intervals, one by one; {tested} groups and pairs of groups were compared. Ends beyond {most:.1f} are "
        "drawn there.",
        1.0,
        "as in the training set",
    )


def _cells(name: str, title: str, mine: Sequence[Measure], floor: str | None, caption: str) -> Chart:
    rows: dict[str, list[tuple[str, Measure]]] = {}
    for one in mine:
        column, _, value = one.name.removeprefix(f"{name}[").removesuffix("]").partition(" ")
        rows.setdefault(column, []).append((value, one))
    series = []
    for column, cells in rows.items():
        x = tuple(value for value, _ in cells)

        def known(numbers: Sequence[float | None]) -> tuple[float, ...]:
            return tuple(math.nan if number is None else float(number) for number in numbers)

        series.append(
            Series(
                column,
                x,
                known([one.value for _, one in cells]),
                known([one.low for _, one in cells]),
                known([one.high for _, one in cells]),
            )
        )
        if floor is not None:
            series.append(Series(f"by {floor}", x, known([one.floor for _, one in cells])))
    return Chart(name, title, ChartKind.GRID, "groups", "share", tuple(series), caption)
