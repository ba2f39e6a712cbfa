"""At what place of the list does the right person stand? The cumulative match characteristic."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def rank_of_own(scores: NDArray[np.floating], own: NDArray[np.intp]) -> NDArray[np.intp]:
    """(n,) place of the right person in each list, from 1; who ties with them stands before them.

    Args:
        scores: (n, g) of each probe to each person of the gallery; higher is more alike, -inf is not in the gallery.
        own: (n,) column of the right person.

    >>> rank_of_own(np.array([[0.1, 0.9, 0.5], [0.3, 0.3, 0.1]]), np.array([2, 0])).tolist()
    [2, 2]
    """
    right = np.take_along_axis(scores, own[:, None], axis=1)
    return np.asarray((scores >= right).sum(axis=1), dtype=np.intp)


def cmc(ranks: NDArray[np.intp], depth: int) -> NDArray[np.float64]:
    """(depth,) share of the probes whose right person stands at place 1, at 1 or 2, ... ; never falls.

    Reference:
        Phillips, Moon, Rizvi, Rauss 2000, The FERET evaluation methodology, doi 10.1109/34.879790.

    >>> cmc(np.array([1, 3, 3, 9]), 4).tolist()
    [0.25, 0.25, 0.75, 0.75]
    """
    counts = np.bincount(np.minimum(ranks, depth + 1), minlength=depth + 2)
    return np.asarray(np.cumsum(counts)[1 : depth + 1] / max(1, len(ranks)))
