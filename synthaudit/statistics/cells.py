"""Cells of a cohort's embedding: k-means, seeded, the same for any order of the rows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

ITERATIONS = 25
_BLOCK = 4096


def cell_centers(rows: NDArray[np.floating], k: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """(c, d) centers of at most `k` cells, by k-means from k-means++ seeds.

    Args:
        rows: (n, d) the vectors to divide.
        k: Cells wanted, at least 1; cells that lose all their rows are dropped.

    Reference:
        Arthur and Vassilvitskii 2007, k-means++: the advantages of careful seeding, SODA.
    """
    # The seeds depend on the order of rows, and the order of rows must tell nothing.
    x = np.asarray(rows, dtype=np.float64)[np.lexsort(rows.T[:8][::-1])]
    centers = _seeds(x, k, rng)
    for _ in range(ITERATIONS):
        cell = cell_of(x, centers)
        sizes = np.bincount(cell, minlength=len(centers))
        sums = np.zeros_like(centers)
        np.add.at(sums, cell, x)
        moved = sums[sizes > 0] / sizes[sizes > 0, None]
        if moved.shape == centers.shape and np.allclose(moved, centers, atol=1e-9):
            break
        centers = moved
    return centers


def cell_of(rows: NDArray[np.floating], centers: NDArray[np.float64]) -> NDArray[np.intp]:
    """(n,) number of the center nearest to each row; the lower number where two are equally near."""
    norms = np.einsum("ij,ij->i", centers, centers)
    found = np.empty(len(rows), dtype=np.intp)
    for start in range(0, len(rows), _BLOCK):
        block = np.asarray(rows[start : start + _BLOCK], dtype=np.float64)
        found[start : start + _BLOCK] = np.argmin(norms - 2.0 * block @ centers.T, axis=1)
    return found


def _seeds(x: NDArray[np.float64], k: int, rng: np.random.Generator) -> NDArray[np.float64]:
    chosen = [int(rng.integers(len(x)))]
    apart = np.sum((x - x[chosen[0]]) ** 2, axis=1)
    while len(chosen) < k and apart.sum() > 0:
        chosen.append(int(rng.choice(len(x), p=apart / apart.sum())))
        apart = np.minimum(apart, np.sum((x - x[chosen[-1]]) ** 2, axis=1))
    return x[chosen]
