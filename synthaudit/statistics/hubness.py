"""Do a few images turn up among everybody's neighbors?"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from synthaudit.errors import NotEnoughData

NEIGHBORS = 10
"""k, as in the reference."""


def k_occurrence(neighbors: NDArray[np.integer], n: int) -> NDArray[np.intp]:
    """(n,) how often each of n points is among the neighbors of another.

    Args:
        neighbors: (q, k) points; -1 where there is none.
    """
    found = neighbors[neighbors >= 0]
    return np.asarray(np.bincount(found.ravel(), minlength=n), dtype=np.intp)


def hubness(neighbors: NDArray[np.integer], n: int) -> float:
    """Skewness of how often each point is a neighbor: 0 if all are equally often, large if a few are everybody's.

    Hubs are images that resemble everyone: the search finds them whatever it is asked, and the right image comes
    second. The search subtracts each image's background for that reason; hubness is measured before that.

    Args:
        neighbors: (q, k) nearest neighbors of each point among the n, without the point itself; -1 where there is none.
        n: Number of points.

    Raises:
        NotEnoughData: Not more than twice as many points as neighbors: nearly everyone is then everybody's neighbor.

    Reference:
        Radovanovic, Nanopoulos, Ivanovic 2010, JMLR 11, 2487, equation 1 (S_{N_k}; k = 10 there).

    >>> ring = np.stack([(np.arange(8) + 1) % 8, (np.arange(8) - 1) % 8], axis=1)
    >>> hubness(ring, 8)
    0.0
    """
    k = neighbors.shape[1]
    if n <= 2 * k:
        raise NotEnoughData(f"hubness with {k} neighbors needs more than {2 * k} images, got {n}")
    counts = k_occurrence(neighbors, n).astype(np.float64)
    centered = counts - counts.mean()
    spread = float(np.sqrt((centered**2).mean()))
    return float((centered**3).mean() / spread**3) if spread > 0 else 0.0
