"""Exact p-values by counting held-out scores."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from synthaudit.errors import NotEnoughData


def conformal_p(scores: NDArray[np.float64], holdout: NDArray[np.float64]) -> NDArray[np.float64]:
    """The share of holdout scores at least as high, counting the tested one among them.

    Super-uniform if a tested patient and the holdout patients are exchangeable, whatever the score; the p-values of one
    holdout are dependent, but positively so, and Benjamini-Hochberg keeps its level on them.

    Args:
        scores: (m,) score of each tested patient; higher means more exposed. -inf means "no evidence at all".
        holdout: (n,) scores of the patients never trained on.

    Returns:
        (m,) p-values in [1 / (n + 1), 1].

    Raises:
        NotEnoughData: The holdout is empty.

    Reference:
        Bates, Candes, Lei, Romano, Sesia 2023, arXiv 2104.08279.

    >>> conformal_p(np.array([0.5, 9.0]), np.array([0.0, 1.0, 2.0]))
    array([0.75, 0.25])
    """
    if holdout.size == 0:
        raise NotEnoughData("conformal p-values need at least 1 holdout patient, got 0")
    at_least = holdout.size - np.searchsorted(np.sort(holdout), scores, side="left")
    return np.asarray((1.0 + at_least) / (holdout.size + 1.0))


def k_min(tested: int, holdout: int, alpha: float) -> int:
    """The fewest patients that must leak before exact p-values can name anyone at false discovery rate `alpha`.

    Benjamini-Hochberg rejects k of m at level alpha * k / m, and no conformal p-value is below 1 / (n + 1).

    >>> k_min(tested=110, holdout=110, alpha=0.1)
    10
    """
    return math.ceil(round(tested / (alpha * (holdout + 1)), 9))
