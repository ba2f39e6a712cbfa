"""How often attacks succeed on training patients, on held-out ones, and by guessing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthaudit.attributes import SMALLEST_CELL
from synthaudit.statistics.fdr import holm
from synthaudit.statistics.newcombe import newcombe_difference

LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Excess:
    """How much more often training patients are hit: p_T - p_H, its interval, and both shares with theirs.

    Attributes:
        n_train, n_holdout: Patients that the shares count as; at most those who were tried.
    """

    value: float
    low: float
    high: float
    train: float
    holdout: float
    n_train: float
    n_holdout: float


@dataclass(frozen=True, slots=True, eq=False)
class Success:
    """What each attack achieves on each patient.

    Attributes:
        attacks: (k,) names.
        share: (p, k) share of the tries on a patient that succeeded, in [0, 1]; NaN where none was made.
        weight: (p, k) how much of a patient was tried: less than 1 where only some draws took them.
        is_train: (p,) bool.
        blind: (k,) success by guessing.
        p_values: (k,) of no attack succeeding more often on training patients, each by itself.
        images_of: (p,) images of each patient.
    """

    attacks: tuple[str, ...]
    share: NDArray[np.float64]
    weight: NDArray[np.float64]
    is_train: NDArray[np.bool_]
    blind: tuple[float, ...]
    p_values: NDArray[np.float64]
    images_of: NDArray[np.intp]

    @property
    def p_value(self) -> float:
        """Of no attack succeeding more often on training patients: corrected for all of them."""
        return float(holm(self.p_values).min())

    def excess(self, attack: int, group: NDArray[np.bool_] | None = None, level: float = LEVEL) -> Excess | None:
        """Of one attack, in a group of patients; None if that is fewer than ten patients on a side."""
        tried = np.isfinite(self.share[:, attack]) & (self.weight[:, attack] > 0)
        if group is not None:
            tried &= group
        sides = [tried & self.is_train, tried & ~self.is_train]
        weights = [self.weight[side, attack] for side in sides]
        n = [float(w.sum()) for w in weights]
        if min(n) < SMALLEST_CELL - 1e-9:
            return None
        hits = [float((w * self.share[side, attack]).sum()) for w, side in zip(weights, sides, strict=True)]
        difference = newcombe_difference(hits[0], n[0], hits[1], n[1], level)
        return Excess(*difference, hits[0] / n[0], hits[1] / n[1], n[0], n[1])

    def highest(self, group: NDArray[np.bool_] | None = None) -> Excess | None:
        """The highest excess of all attacks, with an interval that allows for the choice: Bonferroni's."""
        level = 1.0 - (1.0 - LEVEL) / len(self.attacks)
        every = [one for i in range(len(self.attacks)) if (one := self.excess(i, group, level)) is not None]
        if not every:
            return None
        best = max(every, key=lambda one: one.value)
        return Excess(
            best.value,
            max(one.low for one in every),
            max(one.high for one in every),
            best.train,
            best.holdout,
            best.n_train,
            best.n_holdout,
        )

    def tried(self, attack: int | None = None, group: NDArray[np.bool_] | None = None) -> NDArray[np.bool_]:
        """(p,) patients on whom an attack (or any) was tried."""
        columns = slice(None) if attack is None else [attack]
        there = (np.isfinite(self.share[:, columns]) & (self.weight[:, columns] > 0)).any(axis=1)
        return np.asarray(there if group is None else there & group)
