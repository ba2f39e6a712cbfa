"""One number a question, for a policy to judge: how far off the worst group is, where chance does not explain it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from synthaudit.errors import NotEnoughData
from synthaudit.fairness.examined import ALPHA, ASSOCIATIONS, COVERAGE, DOWNSTREAM, EXPOSURE, SHARES, Examined
from synthaudit.fairness.exposed import FPR, GroupExposure
from synthaudit.fairness.spoken import less_covered, more_exposed, not_known, off_balance, tied_otherwise, worse_served
from synthaudit.finding import Assumption, Direction, Measure
from synthaudit.statistics.share_ratio import detectable_ratio

LEVEL = 0.95
COMMON = 0.25
"""Share of the training patients from which on a group is to be seen; what may be missed of rarer ones, their
intervals tell."""
_NONE = "{} where no group is named at a family-wise error of {:.0%} over everything tested."


def summaries(found: Examined, n_images: int, n_patients: int, rng: np.random.Generator) -> Iterator[Measure]:
    """Six figures of harm, and two of sight.

    Args:
        n_images: Synthetic images. n_patients: Real patients.
    """
    for one in (
        *_shares(found),
        _associations(found),
        _coverage(found),
        _exposure(found, rng),
        _downstream(found),
        _detectable_share(found),
        _detectable_exposure(found),
    ):
        yield replace(one, n_patients=n_patients, n_images=n_images)


def _measure(
    name: str,
    numbers: tuple[float, float, float] | None,
    note: str,
    *,
    why_not: str | None,
    unit: str = "",
    direction: Direction = Direction.HIGHER_IS_WORSE,
    floor: float | None = None,
) -> Measure:
    """A figure with an interval that holds it, or why there is none."""
    if numbers is None or why_not is not None:
        why = why_not or "no group could be compared"
        return Measure(name, None, unit=unit, direction=direction, note=note, not_measured=why)
    value, low, high = numbers
    return Measure(
        name,
        value,
        min(low, value),
        max(high, value),
        level=LEVEL,
        floor=floor,
        unit=unit,
        direction=direction,
        assumption=Assumption.MODEL_ASSISTED,
        note=note,
    )


def _each(tests: int) -> float:
    """Level of a single interval, for all of them to hold together."""
    return 1 - (1 - LEVEL) / max(1, tests)


def _shares(found: Examined) -> Iterator[Measure]:
    named = off_balance(found)
    level = _each(len(found.shares))
    note = (
        "Share of the synthetic images over share of the training patients in the group that is furthest off, with an "
        "interval that allows for the choice; " + _NONE.format("1", ALPHA)
    )
    unknown = not_known(found)
    for name, under in (("underrepresented", True), ("overrepresented", False)):
        mine = [one for one in named if (one.ratio < 1) == under]
        numbers = (1.0, 1.0, 1.0)
        # What was not looked at cannot be found in order.
        open_ = f"the synthetic images' {', '.join(unknown)} could not be told" if unknown and not mine else None
        if mine:
            worst = min(mine, key=lambda one: (one.ratio if under else -one.ratio, one.name))
            numbers = (worst.ratio, *worst.interval(level))
        yield _measure(
            name,
            numbers,
            note,
            why_not=found.why_not.get(SHARES) or open_,
            direction=Direction.LOWER_IS_WORSE if under else Direction.HIGHER_IS_WORSE,
        )


def _associations(found: Examined) -> Measure:
    named = tied_otherwise(found)
    numbers = (1.0, 1.0, 1.0)
    if named:
        worst = max(named, key=lambda one: (abs(one.gap.log_value), one.group))
        low, high = worst.gap.interval(_each(len(found.associations)))
        numbers = (
            (worst.gap.value, low, high)
            if worst.gap.value >= 1
            else (1 / worst.gap.value, 1 / high, 1 / max(low, 1e-9))
        )
    why = found.why_not.get(ASSOCIATIONS) or (
        None if found.associations else "it needs a finding and a group with 10 training patients in each of four cells"
    )
    return _measure(
        "association_gap",
        numbers,
        "By what factor the odds ratio of a finding and a group differs between the synthetic images and the training "
        "patients, either way, where it differs most; " + _NONE.format("1", ALPHA),
        why_not=why,
    )


def _coverage(found: Examined) -> Measure:
    named = less_covered(found)
    numbers = (0.0, 0.0, 0.0)
    if named:
        worst = max(named, key=lambda one: (one.gap, one.name))
        half = 1.96 * worst.gap_error
        numbers = (worst.gap, worst.gap - half, worst.gap + half)
    return _measure(
        "coverage_gap",
        numbers,
        "By how much a group falls further below what held-out images cover than all others do, where it is most; "
        + _NONE.format("0", ALPHA),
        why_not=found.why_not.get(COVERAGE),
        unit="share",
    )


def _exposure(found: Examined, rng: np.random.Generator) -> Measure:
    named = more_exposed(found)
    numbers = (0.0, 0.0, 0.0)
    if named and found.exposed is not None:
        shown = [one for one in named if not (one.by_name and one.named is None)]
        if shown:
            worst = max(shown, key=lambda one: (one.largest, one.name))
            low, high = found.exposed.gap_interval(worst, rng, _each(len(found.exposed.groups)))
            numbers = (worst.largest, low, high)
        else:  # few are named: that they are is said, how many is not
            numbers = (_least(named), 0.0, 1.0)
    return _measure(
        "exposure_gap",
        numbers,
        f"Share of a group's training patients exposed beyond chance (above the {FPR:.0%} of its own held-out patients "
        "that score highest, or named by the audit), less that of all others, where it is largest; "
        + _NONE.format("0", ALPHA),
        why_not=found.why_not.get(EXPOSURE),
        unit="share",
    )


def _least(named: list[GroupExposure]) -> float:
    """A gap of ten patients, where fewer are not told from one another."""
    return min(1.0, max(10 / one.n_patients for one in named))


def _downstream(found: Examined) -> Measure:
    named = worse_served(found)
    numbers = (0.0, 0.0, 0.0)
    if named:
        worst = max(named, key=lambda one: (one.lost, one.finding, one.column))
        numbers = (worst.lost, worst.lost_low, worst.lost_high)
    return _measure(
        "downstream_gap",
        numbers,
        "Sensitivity or specificity that a group loses if a classifier learns from synthetic instead of real images, "
        "beyond what all others lose, where it is most; " + _NONE.format("0", ALPHA),
        why_not=found.why_not.get(DOWNSTREAM),
        unit="share",
    )


def _detectable_share(found: Examined) -> Measure:
    alpha = ALPHA / max(1, len(found.adjusted)) / max(1, len(found.shares))
    single = [one for one in found.shares if len(one.columns) == 1 and one.base.value >= COMMON]
    seen = [detectable_ratio(one.base, one.share.trials, alpha) for one in single]
    value = min(seen, default=None)
    return _measure(
        "detectable_underrepresentation",
        None if value is None else (value, value, value),
        f"A group at this ratio would have been named four times in five, in the group of {COMMON:.0%} or more of the "
        "training patients where it is hardest to see; 0 where even its absence might have been missed.",
        why_not=found.why_not.get(SHARES)
        or (None if seen else f"no group holds {COMMON:.0%} of the training patients"),
        direction=Direction.LOWER_IS_WORSE,
    )


def _detectable_exposure(found: Examined) -> Measure:
    name, note = (
        "detectable_exposure_gap",
        "A gap this large would have been found four times in five, in the group where it is hardest to see.",
    )
    why = found.why_not.get(EXPOSURE)
    value = None
    if found.exposed is not None:
        try:
            value = found.exposed.test.detectable(ALPHA / max(1, len(found.adjusted)))
        except NotEnoughData as error:
            why = str(error)
    numbers = None if value is None else (value, value, value)
    return _measure(name, numbers, note, why_not=why, unit="share")
