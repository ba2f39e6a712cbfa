"""How many copied patients it takes until the audit finds one."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from synthaudit.canaries.planting import PlantedCopies
from synthaudit.copying import CopyEvidence
from synthaudit.matching.patients import PatientEvidence
from synthaudit.statistics.exposure import select_exposed
from synthaudit.statistics.proportion import clopper_pearson, copies_to_be_found
from synthaudit.statistics.tail import ParetoTail

COUNTS = (1, 2, 3, 5, 8, 10, 15, 20)
DRAWS = 60


@dataclass(frozen=True, slots=True, eq=False)
class Power:
    """Probability that at least one of `counts` copied patients is found, directly or statistically."""

    counts: tuple[int, ...]
    found: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class DetectionLimit:
    """The fewest copied patients of which one is found with the asked probability; inf where no number was enough.

    `high` uses the lower confidence bound of the sensitivity, and direct evidence alone: inf where none was found
    directly, because the curve rests on a few patients drawn again and again.
    """

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, eq=False)
class StatisticalHalf:
    """What the statistical decision needs: the patients compared, the error rate, and the tail in use (or None).

    `before` (m,) are training patients named without any planted copy: finding them again proves nothing.
    """

    train: NDArray[np.intp]
    holdout: NDArray[np.intp]
    false_discovery_rate: float
    tail: ParetoTail | None
    before: NDArray[np.bool_]

    def names_anyone(self, copies: CopyEvidence, planted: PlantedCopies, chosen: NDArray[np.intp]) -> bool:
        """Whether a planted patient is named once the evidence of these copies is added to what was there."""
        similarity, likeness = copies.patients.similarity.copy(), copies.patients.likeness.copy()
        np.maximum.at(similarity, planted.patient[chosen], planted.similarity[chosen])
        np.maximum.at(likeness, planted.patient[chosen], planted.likeness[chosen])
        scores = copies.scale.scores(PatientEvidence(similarity, likeness))
        selection = select_exposed(
            scores[self.train], scores[self.holdout], q=self.false_discovery_rate, alpha=0.0, tail=self.tail
        )
        named = self.train[selection.named & ~self.before]
        return bool(np.isin(named, planted.patient[chosen]).any())


def power_curve(
    copies: CopyEvidence, planted: PlantedCopies, statistics: StatisticalHalf | None, rng: np.random.Generator
) -> Power:
    """How often the audit finds at least one of 1, 2, 3, ... copied patients.

    Either directly, where each copy is found with the sensitivity measured, or because the statistics name one: that is
    tried on patients drawn from those planted. The better of the two counts; together they would find a little more.
    """
    mine = np.flatnonzero(planted.of_train)
    missed = 1.0 - float(planted.direct[mine].mean())
    counts = tuple(n for n in COUNTS if n <= len(mine))
    found = []
    for n in counts:
        by_sight = 1.0 - missed**n
        found.append(max(by_sight, _named(copies, planted, statistics, mine, n, rng) if by_sight < 1.0 else 0.0))
    return Power(counts, tuple(found))


def _named(
    copies: CopyEvidence,
    planted: PlantedCopies,
    statistics: StatisticalHalf | None,
    mine: NDArray[np.intp],
    n: int,
    rng: np.random.Generator,
) -> float:
    """Share of draws of `n` planted patients in which the statistics name one of them."""
    if statistics is None:
        return 0.0
    draws = DRAWS if n < len(mine) else 1  # all of them can be drawn in one way only
    hits = sum(
        statistics.names_anyone(copies, planted, rng.choice(mine, n, replace=False) if n < len(mine) else mine)
        for _ in range(draws)
    )
    return hits / draws


def detection_limit(planted: PlantedCopies, power: Power, probability: float) -> DetectionLimit:
    """The detection limit of one transform, with an interval from the sensitivity's."""
    n = int(planted.of_train.sum())
    hits = int(planted.direct[planted.of_train].sum())
    low, high = clopper_pearson(hits, n)
    by_curve = next(
        (float(count) for count, found in zip(power.counts, power.found, strict=True) if found >= probability), np.inf
    )
    value = min(by_curve, copies_to_be_found(hits / n, probability))
    limit = DetectionLimit(
        value, min(value, copies_to_be_found(high, probability)), copies_to_be_found(low, probability)
    )
    return replace(limit, high=max(limit.high, value))
