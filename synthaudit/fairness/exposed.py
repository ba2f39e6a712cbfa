"""How exposed are the training patients of each group, judged by held-out patients of the same group?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from synthaudit.attributes import SMALLEST_CELL
from synthaudit.errors import NotEnoughData
from synthaudit.fairness.groups import PatientGroup
from synthaudit.statistics.exposure_gap import GapTest, excess_interval, exposure_gaps, ranked_apart
from synthaudit.statistics.newcombe import newcombe_difference
from synthaudit.statistics.proportion import clopper_pearson
from synthaudit.statistics.tpr_at_fpr import TprAtFpr, tpr_at_fpr

FPR = 0.05
LEAST_PATIENTS = 20
"""Of a group, on each side: one held-out patient is then as much as the rate allows."""
DRAWS = 1_999


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """The patients, and what points at them.

    Attributes:
        scores: (p,) how strongly the synthetic images point at each; higher is more exposed, no label was used.
        named: (p,) bool, whom the audit names, on either side.
        takes_part: (p,) bool; who stands on both sides does not.
        is_train: (p,) bool.
    """

    scores: NDArray[np.float64]
    named: NDArray[np.bool_]
    takes_part: NDArray[np.bool_]
    is_train: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class GroupExposure:
    """Of one group.

    Attributes:
        tpr: Share of its training patients above what so few of its held-out ones reach.
        named: Training patients whom the audit names, of n; None where 1 to 9 are, or would follow.
        gap: Share exposed beyond chance less that of the rest; named_gap: the same for those named.
        p_value: Of no group being more exposed than the rest, corrected for all groups and both shares.
        by_name: Whether it is the share named that sets the group apart.
    """

    name: str
    columns: tuple[str, ...]
    tpr: TprAtFpr
    named: int | None
    named_holdout: int
    n_patients: int
    n_holdout: int
    gap: float
    named_gap: float
    p_value: float
    by_name: bool

    @property
    def share_named(self) -> tuple[float, float, float]:
        """Value and exact interval.

        Raises:
            NotEnoughData: It is suppressed.
        """
        if self.named is None:
            raise NotEnoughData(f"fewer than {SMALLEST_CELL} patients, or a number from which such a one would follow")
        return self.named / self.n_patients, *clopper_pearson(self.named, self.n_patients)

    @property
    def largest(self) -> float:
        """The gap that sets the group apart."""
        return self.named_gap if self.by_name else self.gap


@dataclass(frozen=True, slots=True, eq=False)
class Exposed:
    """All groups, and the test of them."""

    groups: tuple[GroupExposure, ...]
    test: GapTest
    scored: Scored
    _asked: tuple[PatientGroup, ...]

    @classmethod
    def of(
        cls, scored: Scored, groups: Sequence[PatientGroup], rng: np.random.Generator, draws: int = DRAWS
    ) -> Exposed:
        """Every group with 20 patients on each side, inside and outside.

        Raises:
            NotEnoughData: There is none.
        """
        sides = (scored.is_train & scored.takes_part, ~scored.is_train & scored.takes_part)
        asked = tuple(
            one
            for one in groups
            if min(int((part & side).sum()) for part in (one.inside, one.known & ~one.inside) for side in sides)
            >= LEAST_PATIENTS
        )
        if not asked:
            raise NotEnoughData(
                f"comparing how exposed groups are needs {LEAST_PATIENTS} training and {LEAST_PATIENTS} held-out "
                "patients inside a group and outside it, found no such group; hold out more patients"
            )
        kept = np.flatnonzero(scored.takes_part)
        test = exposure_gaps(
            scored.scores[kept],
            scored.is_train[kept],
            scored.named[kept],
            [one.inside[kept] for one in asked],
            [one.stratum[kept] for one in asked],
            fpr=FPR,
            draws=draws,
            rng=rng,
        )
        rest = {
            columns: _elsewhere(scored, [g for g in asked if g.columns == columns])
            for columns in {g.columns for g in asked}
        }
        found = _suppressed([_group(one, scored, test, g) for g, one in enumerate(asked)], rest)
        return cls(tuple(found), test, scored, asked)

    def gap_interval(self, group: GroupExposure, rng: np.random.Generator, level: float) -> tuple[float, float]:
        """Interval of a group's gap."""
        one = next(asked for asked in self._asked if asked.name == group.name)
        parts = (one.inside & self.scored.takes_part, one.known & ~one.inside & self.scored.takes_part)
        is_train = self.scored.is_train
        if group.by_name:  # a difference of two shares
            inside, outside = (self.scored.named[part & is_train].astype(np.float64) for part in parts)
            return _difference(inside, outside, level)
        takes_part = np.where(self.scored.takes_part, one.stratum, -1)
        values = ranked_apart(self.scored.scores, one.inside & self.scored.takes_part, takes_part)
        train, holdout = ([values[part & side] for part in parts] for side in (is_train, ~is_train))
        return excess_interval((train[0], train[1]), (holdout[0], holdout[1]), FPR, rng, level)


def _difference(inside: NDArray[np.float64], outside: NDArray[np.float64], level: float) -> tuple[float, float]:
    _, low, high = newcombe_difference(inside.sum(), inside.size, outside.sum(), outside.size, level)
    return low, high


def _group(one: PatientGroup, scored: Scored, test: GapTest, g: int) -> GroupExposure:
    inside = one.inside & scored.takes_part
    train, holdout = inside & scored.is_train, inside & ~scored.is_train
    rate = tpr_at_fpr(scored.scores[train], scored.scores[holdout], FPR)
    by_name = bool(test.adjusted[g, 1] < test.adjusted[g, 0])
    return GroupExposure(
        one.name,
        one.columns,
        rate,
        int((scored.named & train).sum()),
        int((scored.named & holdout).sum()),
        int(train.sum()),
        int(holdout.sum()),
        float(test.gap[g, 0]),
        float(test.gap[g, 1]),
        float(test.adjusted[g].min()),
        by_name,
    )


def _elsewhere(scored: Scored, groups: Sequence[PatientGroup]) -> int:
    """Training patients named who are in none of these groups."""
    inside = np.any([one.inside for one in groups], axis=0) & scored.takes_part
    return int((scored.named & scored.is_train & ~inside).sum())


def _suppressed(groups: list[GroupExposure], rest: Mapping[tuple[str, ...], int]) -> list[GroupExposure]:
    """Without the numbers named that are small, and a second one of the column where a single gap would follow.

    How many are named in all is told elsewhere, so who is in no group of the column is such a gap, too.
    """
    small = {g.name for g in groups if g.named is not None and 0 < g.named < SMALLEST_CELL}
    for columns in {g.columns for g in groups}:
        together = [g for g in groups if g.columns == columns]
        hidden = [g for g in together if g.name in small]
        others = sorted((g.named or 0, g.name) for g in together if g.name not in small)
        gaps = len(hidden) + (0 < rest[columns] < SMALLEST_CELL)
        if gaps == 1 and others:
            small.add(next((name for count, name in others if count), others[0][1]))
    return [replace(g, named=None) if g.name in small else g for g in groups]
