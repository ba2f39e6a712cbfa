"""Maximum mean discrepancy between two sets of vectors: the kernel distances KID and CMMD.

A kernel distance is 0 for two samples of one population, on average, and grows with any difference that its kernel
sees; it fits no Gaussian and inverts no covariance, so it can be had from few images. It says nothing of copies: a
photocopier has the least of all.

Reference:
    Gretton et al. 2012, JMLR 13, 723 (MMD, its unbiased estimate). Binkowski et al. 2018, arXiv 1801.01401 (KID).
    Jayasumana et al. 2024, arXiv 2401.09603 (CMMD).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from synthaudit.errors import NotEnoughData, UsageError

CMMD_SIGMA = 10.0
CMMD_SCALE = 1000.0
"""Of Jayasumana et al. 2024, for embeddings of unit length."""

Rows = NDArray[np.floating]
Kernel = NDArray[np.float64]


def cubic_kernel(x: Rows, y: Rows) -> Kernel:
    """(n, m) kernel (x.y / d + 1)^3 of KID.

    >>> cubic_kernel(np.array([[1.0, 1.0]]), np.array([[1.0, 1.0]]))
    array([[8.]])
    """
    base = np.asarray(x, dtype=np.float64) @ np.asarray(y, dtype=np.float64).T
    base /= x.shape[1]
    base += 1.0
    return np.asarray(base * base * base)  # a power of 3 takes several times as long as two products


def gaussian_kernel(x: Rows, y: Rows, sigma: float = CMMD_SIGMA) -> Kernel:
    """(n, m) kernel exp(-|x - y|^2 / (2 sigma^2))."""
    first, second = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    squared = (first**2).sum(axis=1)[:, None] + (second**2).sum(axis=1) - 2.0 * first @ second.T
    return np.asarray(np.exp(-np.maximum(squared, 0.0) / (2.0 * sigma**2)))


def unbiased_mmd(x_x: Kernel, x_y: Kernel, y_y: Kernel) -> float:
    """Unbiased estimate of the squared discrepancy, from the three kernels; below 0 now and then where it is 0.

    Raises:
        NotEnoughData: Fewer than 2 rows in either.
    """
    n, m = x_y.shape
    if min(n, m) < 2:
        raise NotEnoughData(f"a kernel distance needs at least 2 rows in each set, got {n} and {m}")
    within = (x_x.sum() - np.trace(x_x)) / (n * (n - 1)) + (y_y.sum() - np.trace(y_y)) / (m * (m - 1))
    return float(within - 2.0 * x_y.mean())


def kernel_inception_distance(x: Rows, y: Rows) -> float:
    """KID: the unbiased squared discrepancy under the cubic kernel, of all rows at once.

    Args:
        x, y: (n, d) and (m, d); KID in the literature takes the activations of Inception-v3 as they are.

    Raises:
        NotEnoughData: Fewer than 2 rows in either.
        UsageError: The two have different widths.
    """
    _check(x, y)
    return unbiased_mmd(cubic_kernel(x, x), cubic_kernel(x, y), cubic_kernel(y, y))


def kid_of_subsets(
    x: Rows, y: Rows, rng: np.random.Generator, *, subsets: int = 100, size: int = 1_000
) -> tuple[float, float]:
    """Mean and standard deviation of KID over random subsets, as published figures have it.

    The deviation is that of a subset, not of the mean: it is no interval of either.

    Raises:
        NotEnoughData: Fewer than `size` rows in either.
    """
    _check(x, y)
    if min(len(x), len(y)) < size:
        raise NotEnoughData(f"KID of subsets of {size} needs as many rows in each set, got {len(x)} and {len(y)}")
    found = [
        kernel_inception_distance(
            x[rng.choice(len(x), size, replace=False)], y[rng.choice(len(y), size, replace=False)]
        )
        for _ in range(subsets)
    ]
    return float(np.mean(found)), float(np.std(found))


def cmmd(x: Rows, y: Rows) -> float:
    """CMMD as its authors compute it: the biased squared discrepancy under a Gaussian kernel of width 10, times 1,000.

    Biased means that each row is compared with itself, too, so two samples of one population have not 0 but a little
    more, the more the fewer they are.

    Args:
        x, y: (n, d) and (m, d), rows of unit length.

    Raises:
        NotEnoughData: Either is empty.
        UsageError: The two have different widths.
    """
    _check(x, y)
    if not len(x) or not len(y):
        raise NotEnoughData(f"CMMD needs rows in both sets, got {len(x)} and {len(y)}")
    within = gaussian_kernel(x, x).mean() + gaussian_kernel(y, y).mean()
    return float(CMMD_SCALE * (within - 2.0 * gaussian_kernel(x, y).mean()))


def _check(x: Rows, y: Rows) -> None:
    if x.shape[1] != y.shape[1]:
        raise UsageError(f"the two sets must have rows of one width, got {x.shape[1]} and {y.shape[1]}")
