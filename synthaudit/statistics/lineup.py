"""How often is the right one picked out of a line-up? In closed form, for all line-ups that chance could make."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from synthaudit.errors import NotEnoughData


def lineup_success(
    better: NDArray[np.intp], ties: NDArray[np.intp], others: int, size: int = 10
) -> NDArray[np.float64]:
    """(n,) chance that the right candidate is picked among `size`, the others being dealt from `others` wrong ones.

    The candidate with the highest score is picked, one of several equals by lot. Averaged over all line-ups, the
    chance depends on how many of the wrong ones score higher and as high, not on how many there are in all: groups of
    unequal size are compared fairly. Guessing gives 1 / size.

    Args:
        better, ties: (n,) how many of the wrong ones score higher than the right one, and as high.
        others: Wrong candidates there are.
        size: Of the line-up, the right one among them.

    Raises:
        NotEnoughData: Fewer wrong candidates than a line-up holds.

    >>> lineup_success(np.array([0, 0, 9]), np.array([0, 9, 0]), others=9).round(2)
    array([1. , 0.1, 0. ])
    """
    wrong = size - 1
    if others < wrong or size < 2:
        raise NotEnoughData(f"a line-up of {size} needs at least {max(wrong, 1)} other candidates, got {others}")
    j = np.arange(size)  # as many equals are in the line-up
    worse = others - better - ties
    ways = _log_choose(ties[:, None], j) + _log_choose(worse[:, None], wrong - j)
    all_ways = _log_choose(np.array([others]), np.array([wrong]))
    return np.asarray((np.exp(ways - all_ways) / (j + 1.0)).sum(axis=1), dtype=np.float64)


def _log_choose(n: NDArray[np.intp], k: NDArray[np.intp]) -> NDArray[np.float64]:
    """Logarithm of n over k, -inf where there are no ways; broadcast."""
    n, k = np.broadcast_arrays(n, k)
    possible = (k >= 0) & (k <= n)
    a, b = np.where(possible, n, 1).astype(np.float64), np.where(possible, k, 0).astype(np.float64)
    return np.where(possible, gammaln(a + 1) - gammaln(b + 1) - gammaln(a - b + 1), -np.inf)
