"""Can two groups of patients be told apart by their features? Cross-fitted, and tested by dealing the labels again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthaudit.errors import NotEnoughData
from synthaudit.statistics.roc import auc

COMPONENTS = 32
FOLDS = 5
LEAST_PATIENTS = 10
_RIDGE = 1.0


@dataclass(frozen=True, slots=True)
class Separability:
    """How well the groups can be told apart.

    Attributes:
        auc: Cross-fitted, over patients; 0.5 is chance. low, high: 99 % patient bootstrap.
        p_value: Of no difference, one-sided, by permutation of the patients' labels with the fit repeated.
    """

    auc: float
    low: float
    high: float
    p_value: float
    n_patients: int


def reduced(features: NDArray[np.float64], components: int = COMPONENTS) -> NDArray[np.float64]:
    """(n, k) whitened principal components of all rows together: the label takes no part (split-blind)."""
    centered = features - features.mean(axis=0)
    n, d = centered.shape
    if n <= d:
        u, s, _ = np.linalg.svd(centered, full_matrices=False)
        scores = u * s
    else:  # the same by way of the (d, d) moments, which do not grow with the patients
        power, axes = np.linalg.eigh(centered.T @ centered)
        s = np.sqrt(np.maximum(power[::-1], 0.0))
        scores = centered @ axes[:, ::-1]
    k = min(components, int((s > 1e-6 * max(float(s[0]), 1e-300)).sum()), max(1, n // 10))
    return np.asarray(scores[:, :k] / s[:k] * np.sqrt(n))


def _cross_fitted(
    features: NDArray[np.float64], labels: NDArray[np.bool_], fold: NDArray[np.intp]
) -> NDArray[np.float64]:
    """(p,) scores of a ridge discriminant for each patient, fitted on the other folds.

    Scores are centered by fold on the training mean, so that folds with different intercepts can be pooled.
    """
    scores = np.zeros(len(labels))
    signed = np.where(labels, 1.0 / max(labels.mean(), 1e-9), -1.0 / max(1 - labels.mean(), 1e-9))
    for held in range(int(fold.max()) + 1):
        fit = fold != held
        x = features[fit]
        gram = x.T @ x + _RIDGE * len(x) / 10 * np.eye(x.shape[1])
        weights = np.linalg.solve(gram, x.T @ signed[fit])
        predicted = features[~fit] @ weights
        scores[~fit] = predicted / (np.std(x @ weights) or 1.0)
    return scores


def separability(
    features: NDArray[np.float64],
    labels: NDArray[np.bool_],
    rng: np.random.Generator,
    *,
    permutations: int = 499,
    bootstraps: int = 500,
) -> Separability:
    """Whether two groups of patients differ in their features.

    A ridge discriminant on the leading principal components, cross-fitted over patients: with so few patients, what
    cannot be told apart linearly could not be told apart reliably by anything else.

    Args:
        features: (p, d) one row a patient (the mean over the patient's images).
        labels: (p,) bool, the two groups.
        permutations: Relabelings; the least p-value is 1 / (permutations + 1).

    Raises:
        NotEnoughData: Fewer than 10 patients in a group.

    Reference:
        Das, Zhang, Tramer 2024, arXiv 2406.16201 (membership tests that detect a shift between the splits instead);
        Ojala and Garriga 2010, JMLR 11, 1833 (permutation of classifiers).
    """
    least = int(min(labels.sum(), (~labels).sum()))
    if least < LEAST_PATIENTS:
        raise NotEnoughData(
            f"comparing training and holdout patients needs at least {LEAST_PATIENTS} on each side, got {least}"
        )
    x = reduced(features)
    fold = rng.permutation(np.arange(len(labels)) % FOLDS)
    scores = _cross_fitted(x, labels, fold)
    seen = auc(scores[labels], scores[~labels])
    at_least = 0
    for _ in range(permutations):
        dealt = rng.permutation(labels)
        again = _cross_fitted(x, dealt, fold)
        at_least += auc(again[dealt], again[~dealt]) >= seen - 1e-12
    members, others = scores[labels], scores[~labels]
    draws = [auc(rng.choice(members, members.size), rng.choice(others, others.size)) for _ in range(bootstraps)]
    low, high = np.quantile(draws, [0.005, 0.995])
    return Separability(seen, float(low), float(high), (1 + at_least) / (permutations + 1), len(labels))
