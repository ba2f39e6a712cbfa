"""Shares of classes that were only predicted: the predictor's confusions undone, their uncertainty carried along."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthaudit.errors import NotEnoughData
from synthaudit.statistics.proportion import clopper_pearson

LEAST_YOUDEN = 0.1
"""What sensitivity and specificity must exceed 1 by, at their lower ends: below, a prediction says nothing."""
_STEPS = 400


def undone(found: NDArray[np.float64], confusion: NDArray[np.float64]) -> NDArray[np.float64]:
    """(b, k) shares that are there, from the shares (b, k) that were predicted: the likeliest that explain them.

    Where the inverse of the confusion matrix gives shares, it gives these; where it would give a negative one, the
    nearest in likelihood is taken. With two classes it is Rogan and Gladen's estimate, cut to [0, 1]. It holds where
    images of one class look alike in both samples; a predictor that is thrown off by the second sample is not undone.

    Args:
        found: (b, m) shares of the kinds seen: the predicted classes, or these divided further.
        confusion: (b, k, m) chance of seeing the column's kind where the row's class is true; rows sum to 1.

    Reference:
        Rogan and Gladen 1978, doi 10.1093/oxfordjournals.aje.a112510; Lipton, Wang, Smola 2018, arXiv 1802.03916;
        maximum likelihood by expectation and maximization: Dempster, Laird, Rubin 1977.
    """
    k = confusion.shape[1]
    shares = np.full((len(found), k), 1.0 / k)
    for _ in range(_STEPS):
        mixed = np.maximum(np.einsum("bi,bij->bj", shares, confusion), 1e-300)
        shares = shares * np.einsum("bij,bj->bi", confusion, found / mixed)
        shares /= shares.sum(axis=1, keepdims=True)
    return shares


def solved(found: NDArray[np.float64], confusion: NDArray[np.float64]) -> NDArray[np.float64]:
    """(b, k) the same by the inverse: unbiased, so it may leave [0, 1]; for tests, not for telling.

    A matrix without an inverse is solved in the least-squares sense.
    """
    return np.asarray(np.einsum("bj,bji->bi", found, np.linalg.pinv(confusion, rcond=1e-6)))


@dataclass(frozen=True, slots=True, eq=False)
class Confusions:
    """How a cross-fitted predictor confuses the classes.

    Attributes:
        by_patient: (p, k, m) for each patient, the share of the images of a true class (row) that look like each of m
            kinds: the predicted classes, or these divided further.
    """

    by_patient: NDArray[np.float64]

    @classmethod
    def of(
        cls,
        true: NDArray[np.intp],
        predicted: NDArray[np.intp],
        patient: NDArray[np.intp],
        classes: int,
        kinds: int | None = None,
    ) -> Confusions:
        """Every patient weighs 1, however many images there are.

        Args:
            true, predicted: (n,) class of each image, -1 where the true one is not known.
            patient: (n,) number of each image's patient, from 0.
            kinds: That images may look like; as many as there are classes if None.
        """
        p = int(patient.max(initial=-1)) + 1
        counts = np.zeros((p, classes, kinds or classes))
        known = true >= 0
        np.add.at(counts, (patient[known], true[known], predicted[known]), 1.0)
        total = counts.sum(axis=(1, 2), keepdims=True)
        return cls(counts / np.maximum(total, 1.0))

    def matrix(self, weights: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
        """(b, k, m) confusion matrices for how often each patient was drawn (b, p); all once if None."""
        drawn = np.ones((1, len(self.by_patient))) if weights is None else weights
        _, k, m = self.by_patient.shape
        counts = (drawn @ self.by_patient.reshape(len(self.by_patient), -1)).reshape(-1, k, m)
        rows = counts.sum(axis=2, keepdims=True)
        return np.where(rows > 0, counts / np.where(rows > 0, rows, 1.0), 1.0 / m)

    def youden(self, one: int) -> float:
        """Lower limit of sensitivity plus specificity less 1 for one class against all others.

        Raises:
            NotEnoughData: No patient is known to be in the class, or all are.
        """
        weight = self.by_patient.sum(axis=0)
        inside, outside = float(weight[one].sum()), float(np.delete(weight, one, axis=0).sum())
        if inside < 1 or outside < 1:
            raise NotEnoughData(f"a confusion needs patients of both kinds, got {inside:.0f} and {outside:.0f}")
        right, wrong = float(weight[one, one]), float(np.delete(weight, one, axis=0)[:, one].sum())
        low = clopper_pearson(round(right), max(1, round(inside)))[0]
        return low + clopper_pearson(max(0, round(outside) - round(wrong)), max(1, round(outside)))[0] - 1.0


def unexplained(
    found: NDArray[np.float64], confusions: Confusions, trials: int, rng: np.random.Generator, *, draws: int = 60
) -> float:
    """The share of a sample that no mixture of the known classes explains, beyond what chance leaves of one that is.

    Where images of one class look alike in both samples it is about 0. What it is not: a bound on all that can go
    wrong, for a second sample may also be off in just the way in which the classes differ.

    Args:
        found: (m,) shares of the kinds seen.
        confusions: Of m kinds, more of them than there are classes.
        trials: Independent images in the sample.
        draws: Samples of a true mixture, from patients drawn again.
    """
    known = confusions.matrix()
    fit = (undone(found[None], known)[0] @ known[0])[None]
    p = len(confusions.by_patient)
    again = confusions.matrix(rng.multinomial(p, np.full(p, 1 / p), size=draws).astype(np.float64))
    shares = undone(found[None], known)[0]
    samples = np.stack([rng.multinomial(trials, _law(shares @ one)) / trials for one in again])
    fits = undone(samples, np.broadcast_to(known, (draws, *known.shape[1:]))) @ known[0]
    apart, by_chance = (0.5 * np.abs(a - b).sum(axis=1) for a, b in ((found[None], fit), (samples, fits)))
    return float(max(0.0, apart[0] - np.median(by_chance)))


def _law(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Shares that add up to 1 to the last bit that matters."""
    return np.asarray(shares / shares.sum())


def merged(codes: NDArray[np.intp], into: NDArray[np.intp]) -> NDArray[np.intp]:
    """The classes renumbered; -1 stays."""
    return np.where(codes >= 0, into[np.maximum(codes, 0)], -1)
