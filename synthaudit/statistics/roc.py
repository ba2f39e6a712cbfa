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
