"""What the report prints of the groups: one measure a group and question."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from synthaudit.fairness.coverage import GroupCoverage
from synthaudit.fairness.examined import ASSOCIATIONS, COVERAGE, DOWNSTREAM, EXPOSURE, SHARES, Examined
from synthaudit.fairness.exposed import FPR, GroupExposure
from synthaudit.fairness.shares import GroupShare
from synthaudit.fairness.spoken import less_covered, more_exposed, off_balance
from synthaudit.finding import Assumption, Direction, Measure

MOST_SHARES = 14
MOST_TIED, MOST_SERVED, MOST_DISTANCES = 3, 4, 6
MOST_CELLS = 6
DIGITS = 4
"""Of a ratio of shares, behind the point: a predicted share of nothing is 0, not a millionth."""
_CORRECTED = "p-value corrected for everything that this probe tests."
_PREDICTED = " Predicted from the synthetic images; the interval carries the predictor's errors."


def measures(found: Examined, n_images: int) -> Iterator[Measure]:
    """Group by group.

    Args:
        n_images: Synthetic images.
    """
    yield from _shares(found, n_images)
    yield from _tied(found, n_images)
    yield from _coverage(found, n_images)
    yield from _distances(found)
    yield from _exposure(found, n_images)
    yield from _served(found, n_images)


def _told(found: Examined) -> list[GroupShare]:
    """Single groups, those named first, then the largest; and the pairs named."""
    named = {one.name for one in off_balance(found)}
    single = sorted(
        (one for one in found.shares if len(one.columns) == 1),
        key=lambda one: (one.name not in named, -one.n_patients, one.name),
    )[:MOST_SHARES]
    told = {one.name for one in single} | named
    return [one for one in found.shares if one.name in told]


def _shares(found: Examined, n_images: int) -> Iterator[Measure]:
    adjusted = dict(zip((one.name for one in found.shares), found.adjusted.get(SHARES, ()), strict=True))
    for one in _told(found):
        low, high = one.interval()
        yield Measure(
            f"representation[{one.name}]",
            round(one.ratio, DIGITS),
            round(low, DIGITS),
            round(high, DIGITS) if math.isfinite(high) else None,
            n_patients=one.n_patients,
            n_images=n_images,
            floor=one.floor,
            p_value=float(adjusted[one.name]),
            direction=Direction.NEUTRAL,
            assumption=Assumption.MODEL_ASSISTED,
            note="Share of the group among the synthetic images over its share among the training patients; score "
            "interval, several images of a patient being one. Floor: held-out patients. "
            + _CORRECTED
            + (_PREDICTED if one.predicted else ""),
        )
    for one_attribute in found.attributes:
        if not one_attribute.known:
            name = one_attribute.columns[0] if not one_attribute.any_image else one_attribute.names[-1]
            yield Measure(
                f"representation[{name}]",
                None,
                note="Its share among the synthetic images.",
                not_measured=one_attribute.why_not or "the synthetic images came without it",
            )


def _tied(found: Examined, n_images: int) -> Iterator[Measure]:
    adjusted = found.adjusted.get(ASSOCIATIONS, ())
    order = sorted(zip(found.associations, adjusted, strict=True), key=lambda pair: (pair[0].p_value, pair[0].group))
    for one, p in order[:MOST_TIED]:
        low, high = one.gap.interval()
        yield Measure(
            f"odds_ratio_ratio[{one.finding} & {one.group}]",
            one.gap.value,
            low,
            high,
            n_patients=one.n_patients,
            n_images=n_images,
            floor=one.holdout,
            p_value=float(p),
            assumption=Assumption.MODEL_ASSISTED,
            note="Odds ratio of the finding, inside against outside the group, among the synthetic images over that "
            f"among the training patients; the {min(MOST_TIED, len(found.associations))} of "
            f"{len(found.associations)} that differ most surely. Floor: held-out patients. "
            + _CORRECTED
            + (_PREDICTED if one.predicted else ""),
        )


def _shown(groups: Sequence[GroupCoverage | GroupExposure], named: Sequence[str]) -> list[str]:
    """Single groups, as many of a column as a row of cells holds, and the first pairs named."""
    shown: list[str] = []
    for columns in dict.fromkeys(one.columns for one in groups if len(one.columns) == 1):
        mine = [one for one in groups if one.columns == columns]
        order = sorted(mine, key=lambda one: (one.name not in named, -one.n_patients, one.name))[:MOST_CELLS]
        shown += sorted(one.name for one in order)
    return shown + [name for name in named if name not in shown][:2]


def _coverage(found: Examined, n_images: int) -> Iterator[Measure]:
    shown = _shown(found.coverages, [one.name for one in less_covered(found)])
    adjusted = dict(zip((one.name for one in found.coverages), found.adjusted.get(COVERAGE, ()), strict=True))
    note = (
        "Share of the group's training images with a synthetic image in reach of their fifth neighbor (another "
        "patient's), patients alike. Floor: as many held-out images; the interval carries its uncertainty. p-value: of "
        "falling no further below the floor than all others, corrected for everything that this probe tests."
    )
    by_name = {one.name: one for one in found.coverages}
    for name in shown:
        one = by_name[name]
        yield Measure(
            f"coverage[{name}]",
            one.value,
            max(0.0, one.value - 1.96 * one.error),
            min(1.0, one.value + 1.96 * one.error),
            n_patients=one.n_patients,
            n_images=n_images,
            floor=one.floor,
            p_value=float(adjusted[name]),
            unit="share",
            direction=Direction.LOWER_IS_WORSE,
            assumption=Assumption.MODEL_ASSISTED,
            note=note,
        )
    columns = [one for name in shown if (one := by_name[name]).columns != ("label",) and len(one.columns) == 1]
    for one in sorted(columns, key=lambda one: (-one.n_patients, one.name))[:MOST_DISTANCES]:
        yield Measure(
            f"density[{one.name}]",
            one.density,
            max(0.0, one.density - 1.96 * one.density_error),
            one.density + 1.96 * one.density_error,
            n_patients=one.n_patients,
            n_images=n_images,
            floor=one.density_floor,
            direction=Direction.NEUTRAL,
            assumption=Assumption.MODEL_ASSISTED,
            note="Synthetic images within reach of the group's training images, over what one law would give (Naeem "
            "2020); above the floor where they crowd there. The interval is over its patients only.",
        )


def _distances(found: Examined) -> Iterator[Measure]:
    for one in sorted(found.distances, key=lambda one: (-one.size, one.name))[:MOST_DISTANCES]:
        yield Measure(
            f"kid[{one.name}]",
            one.value,
            one.low,
            one.high,
            n_patients=one.size,
            n_images=one.size,
            floor=one.floor,
            direction=Direction.HIGHER_IS_WORSE,
            assumption=Assumption.MODEL_ASSISTED,
            note="Kernel distance (cubic, of cosines, unbiased) of the group's synthetic images from as many of its "
            "training images, one a patient. Floor: held-out images; interval from halves. Near 0 and below where "
            "images are copied." + (" Groups as predicted, of real images as well." if one.predicted else ""),
        )


def _exposure(found: Examined, n_images: int) -> Iterator[Measure]:
    if found.exposed is None:
        return
    by_name = {one.name: one for one in found.exposed.groups}
    adjusted = dict(zip(by_name, found.adjusted.get(EXPOSURE, ()), strict=True))
    shown = _shown(found.exposed.groups, [one.name for one in more_exposed(found)])
    for name in shown:
        one = by_name[name]
        yield Measure(
            f"exposed[{name}]",
            one.tpr.value,
            one.tpr.low,
            one.tpr.high,
            n_patients=one.n_patients,
            n_images=n_images,
            floor=one.tpr.chance,
            p_value=float(adjusted[name]),
            unit="share",
            direction=Direction.HIGHER_IS_WORSE,
            assumption=Assumption.EXACT,
            note=f"Training patients of the group who score above what {FPR:.0%} of its own held-out patients reach; "
            "exact interval for this threshold. Floor: chance. p-value: of being no more exposed than all others, by "
            "this share or by the share named, corrected for everything that this probe tests.",
        )
    if not any(one.named is None or one.named for one in found.exposed.groups):
        return  # nobody is named: said by the probe that names
    for name in shown:
        one = by_name[name]
        note = "Training patients of the group whom the audit names, on direct evidence or statistically."
        if one.named is None:
            why = "under 10 patients, or a number from which such a one would follow"
            yield Measure(f"named[{name}]", None, unit="share", n_patients=one.n_patients, note=note, not_measured=why)
            continue
        value, low, high = one.share_named
        yield Measure(
            f"named[{name}]",
            value,
            low,
            high,
            n_patients=one.n_patients,
            n_images=n_images,
            unit="share",
            direction=Direction.HIGHER_IS_WORSE,
            assumption=Assumption.MODEL_ASSISTED,
            note=note,
        )


def _served(found: Examined, n_images: int) -> Iterator[Measure]:
    adjusted = found.adjusted.get(DOWNSTREAM, ())
    for one, p in list(zip(found.downstream, adjusted, strict=True))[:MOST_SERVED]:
        yield Measure(
            f"equalized_odds_gap[{one.finding} by {one.column}]",
            one.gap,
            min(one.low, one.gap),
            one.high,
            n_patients=one.n_patients,
            n_images=n_images,
            floor=one.floor,
            p_value=float(p),
            unit="share",
            direction=Direction.HIGHER_IS_WORSE,
            assumption=Assumption.MODEL_ASSISTED,
            note="Widest difference between groups in sensitivity or false alarms of a classifier that learned from "
            "synthetic images, tried on held-out patients. Floor: the same learned from as many training images. "
            "p-value: of no group losing more than all others, corrected for everything that this probe tests.",
        )
