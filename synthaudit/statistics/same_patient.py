"""Are two images of one patient more alike than images of two patients? Over patients, each counted once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthaudit.errors import NotEnoughData

LEAST_PATIENTS = 5


@dataclass(frozen=True, slots=True)
class SamePatientAuc:
    """How well likeness tells pairs of one patient from pairs of two.

    Attributes:
        auc: 0.5 is chance. low, high: 95 % patient bootstrap.
    """

    auc: float
    low: float
    high: float
    n_patients: int


def same_patient_auc(
    similarity: NDArray[np.floating], rng: np.random.Generator, *, bootstraps: int = 500
) -> SamePatientAuc:
    """Probability that two images of one patient are more alike than images of two patients; ties count half.

    Every patient gives two images, so that nobody with fifty slices speaks for all.

    Args:
        similarity: (p, p) likeness of each patient's first image (row) to each patient's second (column): pairs of one
            patient on the diagonal, pairs of two beside it.
        rng: Of the bootstrap. Drawing a patient w times counts their own pair w times, and their pairs with another,
            drawn v times, w v times: the same as drawing patients and forming pairs of different ones.

    Raises:
        NotEnoughData: Fewer than 5 patients.
    """
    p = len(similarity)
    if p < LEAST_PATIENTS:
        raise NotEnoughData(
            f"a same-patient AUC needs at least {LEAST_PATIENTS} patients with two different images, got {p}"
        )
    order = _Order.of(np.asarray(similarity, dtype=np.float64))
    estimate = order.auc(np.ones(p))
    drawn = rng.multinomial(p, np.full(p, 1 / p), size=bootstraps).astype(np.float64)
    draws = [order.auc(weight) for weight in drawn if np.count_nonzero(weight) > 1]
    low, high = np.quantile(draws, [0.025, 0.975])
    return SamePatientAuc(estimate, float(low), float(high), p)


@dataclass(frozen=True, slots=True, eq=False)
class _Order:
    """All pairs, in ascending order of likeness: sorted once, weighted many times.

    Attributes:
        row, column: (p * p,) patients of each pair.
        tie: (p * p,) number of the group of equal likeness that it is in.
    """

    row: NDArray[np.intp]
    column: NDArray[np.intp]
    tie: NDArray[np.intp]

    @classmethod
    def of(cls, similarity: NDArray[np.float64]) -> _Order:
        flat = similarity.ravel()
        ascending = np.argsort(flat, kind="stable")
        row, column = np.divmod(ascending, len(similarity))
        ordered = flat[ascending]
        tie = np.concatenate([[0], np.cumsum(ordered[1:] > ordered[:-1])])
        return cls(row, column, tie.astype(np.intp))

    def auc(self, weight: NDArray[np.float64]) -> float:
        """The AUC with these weights (p,) of the patients."""
        own = self.row == self.column
        same = np.bincount(self.tie, np.where(own, weight[self.row], 0.0))
        other = np.bincount(self.tie, np.where(own, 0.0, weight[self.row] * weight[self.column]))
        below = np.cumsum(other) - other
        return float((same * (below + other / 2)).sum() / (same.sum() * other.sum()))
