"""How well a score tells pairs of one person from pairs of two, as verifiers of faces and fingers are judged."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit
from scipy.stats import t

from synthaudit.errors import NotEnoughData
from synthaudit.statistics.proportion import clopper_pearson
from synthaudit.statistics.roc import roc_curve

LEAST_PATIENTS = 5
BOOTSTRAPS = 300
IMPOSTORS_ALLOWED = 10
"""Wrong pairs that a rate must allow before it is measured: below, the threshold hangs on a pair or two."""


@dataclass(frozen=True, slots=True)
class Rate:
    """A rate over patients, each counted once, and its 95 % interval."""

    value: float
    low: float
    high: float


def eer(genuine: NDArray[np.float64], impostor: NDArray[np.float64]) -> float:
    """The error rate at the threshold where as many genuine pairs are missed as impostor pairs pass; 0.5 is chance.

    Between two thresholds both rates are taken to be linear, as in the area under the curve.

    Args:
        genuine, impostor: (g,) and (i,) scores of pairs of one person and of two; higher means more alike.

    Raises:
        NotEnoughData: One of the groups is empty.

    Reference:
        ISO/IEC 19795-1:2021, Biometric performance testing and reporting (equal error rate).

    >>> eer(np.array([2.0, 3.0]), np.array([1.0, 2.5]))
    0.5
    """
    return _equal_error(*roc_curve(genuine, impostor))


def least_patients(fmr: float) -> int:
    """The fewest patients, with two images each, whose pairs support this false match rate.

    They make p (p - 1) pairs of two people, and the rate must allow ten of these.

    >>> least_patients(0.01), least_patients(0.001)
    (33, 101)
    """
    allowed = IMPOSTORS_ALLOWED / fmr
    return int(np.ceil(0.5 + np.sqrt(0.25 + allowed) - 1e-9))


@dataclass(frozen=True, eq=False)
class PairScores:
    """Scores of pairs of patients, sorted once and weighted many times.

    Attributes:
        row, column: (p * p,) patients of each pair, from the most alike pair to the least.
        tie: (p * p,) number of the group of equal scores.
        n_patients: p.
    """

    row: NDArray[np.intp]
    column: NDArray[np.intp]
    tie: NDArray[np.intp]
    n_patients: int

    @classmethod
    def of(cls, similarity: NDArray[np.floating]) -> PairScores:
        """Sort them.

        Args:
            similarity: (p, p) of each patient's first image (row) to each patient's second (column): pairs of one
                patient on the diagonal, pairs of two beside it.

        Raises:
            NotEnoughData: Fewer than 5 patients.
        """
        p = len(similarity)
        if p < LEAST_PATIENTS:
            raise NotEnoughData(f"error rates of a verifier need at least {LEAST_PATIENTS} patients, got {p}")
        flat = -np.asarray(similarity, dtype=np.float64).ravel()
        order = np.argsort(flat, kind="stable")
        row, column = np.divmod(order, p)
        ordered = flat[order]
        tie = np.concatenate([[0], np.cumsum(ordered[1:] > ordered[:-1])])
        return cls(row, column, tie.astype(np.intp), p)

    def roc(self, weight: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(k,) false and (k,) true match rates, from (0, 0) to (1, 1), with these weights (p,) of the patients.

        A patient drawn w times has their own pair w times, and w v pairs with another drawn v times.
        """
        own = self.row == self.column
        same = np.bincount(self.tie, np.where(own, weight[self.row], 0.0))
        other = np.bincount(self.tie, np.where(own, 0.0, weight[self.row] * weight[self.column]))
        start = np.zeros(1)
        return (
            np.concatenate([start, np.cumsum(other) / other.sum()]),
            np.concatenate([start, np.cumsum(same) / same.sum()]),
        )

    def auc(self, level: float = 0.95) -> Rate:
        """Chance that a pair of one patient scores above a pair of two, ties counted half; 0.5 is chance.

        The interval comes from leaving out a patient at a time, on the scale of the logarithm of the odds, by Student's
        quantile: drawing a dozen patients again makes intervals that are too narrow, the more so near 1. How much is
        told in the tests.

        Reference:
            Arvesen 1969, Jackknifing U-statistics, doi 10.1214/aoms/1177697287; Pepe 2003, ISBN 9780198509844 (the
            logit of an AUC).
        """
        p = self.n_patients
        value = _area(*self.roc(np.ones(p)))
        left_out = np.array([_area(*self.roc((np.arange(p) != one).astype(np.float64))) for one in range(p)])
        if value in (0.0, 1.0):
            return Rate(value, *clopper_pearson(round(value * p), p, level))
        center = logit(value)
        edge = 0.5 / (p * (p - 1))  # half a pair: without anyone left out, no pair may be in the wrong order
        pseudo = p * center - (p - 1) * logit(np.clip(left_out, edge, 1 - edge))
        half = float(t.ppf(0.5 + level / 2, p - 1)) * float(pseudo.std(ddof=1)) / np.sqrt(p)
        return Rate(value, float(expit(center - half)), float(expit(center + half)))

    def rates(
        self, fmr: float, rng: np.random.Generator, *, bootstraps: int = BOOTSTRAPS
    ) -> tuple[Rate, Rate | NotEnoughData]:
        """The equal error rate; and the share of patients recognized where at most `fmr` of the wrong pairs passes.

        Both with a patient bootstrap. The latter is the error that says why where there are fewer patients than
        `least_patients(fmr)`. Chance is 0.5, and `fmr`.
        """
        p = self.n_patients
        drawn = rng.multinomial(p, np.full(p, 1 / p), size=bootstraps).astype(np.float64)
        curves = [self.roc(np.ones(p)), *(self.roc(weight) for weight in drawn if np.count_nonzero(weight) > 1)]
        errors = np.array([_equal_error(*curve) for curve in curves])
        least = least_patients(fmr)
        if p < least:
            why = (
                f"a rate at {100 * fmr:g} % false matches needs at least {least} patients with two different images, "
                f"got {p}"
            )
            return _interval(errors, p), NotEnoughData(why)
        return _interval(errors, p), _interval(np.array([_recognized(*curve, fmr) for curve in curves]), p)


def _interval(values: NDArray[np.float64], p: int) -> Rate:
    """The first value, and the middle 95 % of the others."""
    value = float(values[0])
    low, high = (float(q) for q in np.quantile(values[1:], [0.025, 0.975]))
    # Where nobody is mistaken in the sample nobody is in any resample: as wide as for so many patients seen at all.
    if value in (0.0, 1.0):
        low, high = clopper_pearson(round(value * p), p)
    return Rate(value, min(low, value), max(high, value))


def _area(fpr: NDArray[np.float64], tpr: NDArray[np.float64]) -> float:
    return float(np.sum(np.diff(fpr) * (tpr[1:] + tpr[:-1]) / 2))


def _recognized(fpr: NDArray[np.float64], tpr: NDArray[np.float64], fmr: float) -> float:
    return float(tpr[np.searchsorted(fpr, fmr + 1e-12, side="right") - 1])


def _equal_error(fpr: NDArray[np.float64], tpr: NDArray[np.float64]) -> float:
    """Where the polygon of the curve meets fpr = 1 - tpr."""
    excess = fpr + tpr - 1.0
    after = int(np.searchsorted(excess, 0.0, side="left"))
    if excess[after] == 0.0 or after == 0:
        return float(fpr[after])
    step = -excess[after - 1] / (excess[after] - excess[after - 1])
    return float(fpr[after - 1] + step * (fpr[after] - fpr[after - 1]))
