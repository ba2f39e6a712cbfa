"""How well a score separates two groups."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from synthaudit.errors import NotEnoughData


def auc(positive: NDArray[np.float64], negative: NDArray[np.float64]) -> float:
    """Probability that a positive scores above a negative, ties counted half; 0.5 is chance.

    Raises:
        NotEnoughData: One of the groups is empty.

    Reference:
        Mann and Whitney 1947, doi 10.1214/aoms/1177730491.

    >>> auc(np.array([2.0, 3.0]), np.array([1.0, 2.0]))
    0.875
    """
    if positive.size == 0 or negative.size == 0:
        raise NotEnoughData(f"an AUC needs both groups, got {positive.size} positives and {negative.size} negatives")
    ranks = rankdata(np.concatenate([positive, negative]))
    above = ranks[: positive.size].sum() - positive.size * (positive.size + 1) / 2
    return float(above / (positive.size * negative.size))


def roc_curve(
    positive: NDArray[np.float64], negative: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(k,) false and (k,) true positive rates, from (0, 0) to (1, 1), a point for each threshold between two scores.

    Raises:
        NotEnoughData: One of the groups is empty.

    >>> fpr, tpr = roc_curve(np.array([2.0, 3.0]), np.array([1.0, 2.0]))
    >>> fpr.tolist(), tpr.tolist()
    ([0.0, 0.0, 0.5, 1.0], [0.0, 0.5, 1.0, 1.0])
    """
    if positive.size == 0 or negative.size == 0:
        raise NotEnoughData(f"a ROC needs both groups, got {positive.size} positives and {negative.size} negatives")
    thresholds = np.unique(np.concatenate([positive, negative]))[::-1]

    def share_at_least(scores: NDArray[np.float64]) -> NDArray[np.float64]:
        below = np.searchsorted(np.sort(scores), thresholds, side="left")
        return np.concatenate([[0.0], (scores.size - below) / scores.size])

    return share_at_least(negative), share_at_least(positive)
