"""What planted copies say, as charts: shares found, detection limits against strength, and the power to see few."""

from __future__ import annotations

import math
from collections.abc import Sequence

from synthaudit.canaries.planted_measures import FOUND_WITH, Outcome, detection_limit_measure, sensitivity
from synthaudit.finding import Chart, ChartKind, Measure, Series


def charts(outcomes: Sequence[Outcome]) -> tuple[Chart, ...]:
    """All of them; those against strength only where strengths were planted."""
    full = [one for one in outcomes if one.planted.transform.reference]
    ladders = _ladders(outcomes)
    if not any(len(ladder) > 1 for ladder in ladders.values()):
        return (_reference_chart(full), _power_chart(full))
    return (_strength_chart(ladders), _limit_chart(ladders), _power_chart(full))


def _ladders(outcomes: Sequence[Outcome]) -> dict[str, list[Outcome]]:
    """Outcomes of each family, mildest first."""
    found: dict[str, list[Outcome]] = {}
    for one in outcomes:
        found.setdefault(one.planted.transform.family, []).append(one)
    return found


def _columns(name: str, measures: Sequence[Measure], steps: Sequence[str]) -> Series:
    def column(numbers: Sequence[float | None]) -> tuple[float, ...]:
        return tuple(math.nan if number is None else number for number in numbers)

    return Series(
        name,
        tuple(steps),
        column([one.value for one in measures]),
        column([one.low for one in measures]),
        column([one.high for one in measures]),
    )


def _reference_chart(full: Sequence[Outcome]) -> Chart:
    names = [one.planted.transform.name for one in full]
    return Chart(
        "sensitivity_at_reference",
        "Planted copies found",
        ChartKind.INTERVALS,
        "alteration of the copy",
        "share found",
        (_columns("direct evidence", [sensitivity(one) for one in full], names),),
        "Share of copies found, with exact 95 % intervals (Clopper-Pearson).",
    )


def _strength_chart(ladders: dict[str, list[Outcome]]) -> Chart:
    counts = sorted({one.tally.trials for ladder in ladders.values() for one in ladder})
    planted = f"{counts[-1]} copies at each alteration's reference strength"
    others = f", {counts[0]} at the others" if len(counts) > 1 else ""
    return Chart(
        "sensitivity",
        "Planted copies found, by alteration and strength",
        ChartKind.GRID,
        "strength, mildest first",
        "share found",
        tuple(
            _columns(family, [sensitivity(one) for one in ladder], [one.planted.transform.strength for one in ladder])
            for family, ladder in ladders.items()
        ),
        f"Share found of {planted}{others}, with exact 95 % intervals (Clopper-Pearson). In evidence.json: "
        "sensitivity[noise 8 %] and so on.",
    )


def _limit_chart(ladders: dict[str, list[Outcome]]) -> Chart:
    return Chart(
        "detection_limit",
        f"Fewest copied patients of whom one is found with {FOUND_WITH:.0%} probability, against strength",
        ChartKind.PANELS,
        "strength, mildest first",
        "copied patients, on a logarithmic scale",
        tuple(
            _columns(
                family,
                [detection_limit_measure(one) for one in ladder],
                [one.planted.transform.strength for one in ladder],
            )
            for family, ladder in ladders.items()
            if len(ladder) > 1
        ),
        "Each point was measured on its own and none was smoothed, so that a stronger alteration can seem easier by "
        "chance; the intervals are those of the sensitivity, wider where fewer were planted. A cross: no number of "
        "copies is sure to be found. In evidence.json: detection_limit[noise 8 %] and so on.",
    )


def _power_chart(full: Sequence[Outcome]) -> Chart:
    """The weakest transforms only: lines that lie on top of each other at 1 say nothing."""
    weakest = sorted(full, key=lambda one: (sum(one.power.found), one.planted.transform.name))[:4]
    return Chart(
        "power",
        "Probability to find at least one of the copied patients",
        ChartKind.LINES,
        "copied patients",
        "probability",
        tuple(
            Series(one.planted.transform.name, tuple(float(n) for n in one.power.counts), one.power.found)
            for one in weakest
        ),
        "The four alterations that are hardest to see, at their reference strengths.",
    )
