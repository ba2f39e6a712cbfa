"""Frechet distance between two sets of vectors, each taken for a Gaussian.

It tells how far two populations lie apart in mean and covariance, and nothing else: a generator that gives every
training image back has the least distance of all, and a Gaussian fitted in the very space of the vectors has next to
none. It depends on the encoder and on n (few rows make it larger), so compare it only at the same n and encoder.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from synthaudit.errors import NotEnoughData, UsageError


def frechet_distance(x: NDArray[np.floating], y: NDArray[np.floating]) -> float:
    """Squared Frechet distance, in squared units of the vectors; 0 for two sets of one mean and covariance.

    Args:
        x: (n, d) vectors.
        y: (m, d) vectors.

    Raises:
        NotEnoughData: Fewer than 2 rows in either.
        UsageError: The two have different widths.

    Reference:
        Dowson, Landau 1982, doi:10.1016/0047-259X(82)90077-X; as FID: Heusel et al. 2017, arXiv:1706.08500.

    >>> round(frechet_distance(np.array([[0.0], [2.0]]), np.array([[3.0], [5.0]])), 6)
    9.0
    """
    if min(len(x), len(y)) < 2:
        raise NotEnoughData(f"a Frechet distance needs at least 2 rows in each set, got {len(x)} and {len(y)}")
    if x.shape[1] != y.shape[1]:
        raise UsageError(f"the two sets must have rows of one width, got {x.shape[1]} and {y.shape[1]}")
    first, second = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    shift = float(((first.mean(axis=0) - second.mean(axis=0)) ** 2).sum())
    left, right = (part - part.mean(axis=0) for part in (first, second))
    left, right = left / np.sqrt(len(x) - 1), right / np.sqrt(len(y) - 1)
    # The trace of (A'A B'B)^(1/2) is the sum of the singular values of B A', without the square root of any matrix.
    overlap = float(np.linalg.svd(right @ left.T, compute_uv=False).sum())
    return max(shift + float((left**2).sum() + (right**2).sum()) - 2 * overlap, 0.0)
