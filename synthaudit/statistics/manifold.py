"""How two sets of images overlap: precision, recall, density, coverage and novelty, exact and in bounded memory.

Around each image lies a ball that reaches to its k-th nearest neighbor in its own set; the balls of a set are its
manifold. Precision is the share of made images inside the real manifold, recall that of real images inside the made
one. Density counts how many real balls hold a made image, so one far-off real image with a large ball cannot carry it;
coverage is the share of real balls that hold a made image, novelty that of made balls that hold no real one. All depend
on n and on the encoder, and none falls when images are copied: a photocopier has the best of all but novelty.

Distances are first taken in float32, block by block. Wherever rounding could decide whether an image lies inside a
ball, the pair is measured again in float64, so the shares are those of a computation in float64 throughout.

Reference:
    Kynkaanniemi et al. 2019, arXiv 1904.06991 (precision, recall). Naeem et al. 2020, arXiv 2002.09797 (density,
    coverage; k = 5). Higham 2002, Accuracy and Stability of Numerical Algorithms, section 3.1 (rounding).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthaudit.errors import NotEnoughData, UsageError

NEIGHBORS = 5
"""k of Naeem et al. 2020."""

BLOCK_BYTES = 64 * 2**20
"""Of a block of float32 distances; a few times as much is in use at once."""

Rows = NDArray[np.floating]
Groups = NDArray[np.integer]


@dataclass(frozen=True, slots=True)
class Overlap:
    """How a made set and a real one overlap; shares lie in [0, 1], density may exceed 1."""

    precision: float
    recall: float
    density: float
    coverage: float
    novelty: float


def overlap(real: Rows, made: Rows, k: int = NEIGHBORS, *, block_bytes: int = BLOCK_BYTES) -> Overlap:
    """Precision, recall, density, coverage and novelty of `made` against `real`.

    Args:
        real, made: (n, d) and (m, d) finite.
        k: Neighbors to which a ball reaches.
        block_bytes: Bound on a block of distances.

    Raises:
        NotEnoughData: Not more than k rows in either.

    >>> line = np.arange(8.0)[:, None]
    >>> overlap(line, line + 100.0, 2)
    Overlap(precision=0.0, recall=0.0, density=0.0, coverage=0.0, novelty=1.0)
    """
    real_radii, made_radii = (neighbor_radii(one, k, block_bytes=block_bytes) for one in (real, made))
    holding_made = np.zeros(len(made), dtype=np.int64)
    covered, supported = np.zeros(len(real), dtype=bool), np.zeros(len(made), dtype=bool)
    inside_made = np.zeros(len(real), dtype=bool)
    for rows, in_real, in_made in _inside(real, real_radii, made, made_radii, block_bytes):
        holding_made += in_real.sum(axis=0)
        covered[rows] = in_real.any(axis=1)
        inside_made[rows] = in_made.any(axis=1)
        supported |= in_made.any(axis=0)
    return Overlap(
        precision=float((holding_made > 0).mean()),
        recall=float(inside_made.mean()),
        density=float(holding_made.mean() / k),
        coverage=float(covered.mean()),
        novelty=float(1.0 - supported.mean()),
    )


def neighbor_radii(
    rows: Rows, k: int = NEIGHBORS, groups: Groups | None = None, *, block_bytes: int = BLOCK_BYTES
) -> NDArray[np.float64]:
    """(n,) distance of each row to its k-th nearest other row.

    Args:
        rows: (n, d) finite.
        k: Which neighbor.
        groups: (n,) rows of the row's own group are no neighbors of it: with patients as groups, these are strangers.

    Raises:
        NotEnoughData: Some row has fewer than k neighbors.
    """
    own = None if groups is None else np.unique(groups, return_inverse=True)[1].astype(np.int32)
    most = int(np.bincount(own).max(initial=0)) if own is not None else 1
    if len(rows) - most < k or not len(rows):
        raise NotEnoughData(f"a ball needs {k} neighbors of other patients around each image, got {len(rows) - most}")
    near = _Rounded(np.asarray(rows), np.asarray(rows))
    radii = np.empty(len(rows))
    for block in _blocks(len(rows), len(rows), block_bytes):
        about, slack = near.squared(block)
        if own is None:
            about[np.arange(len(about)), np.arange(block.start, block.stop)] = np.inf
        else:
            about[own[block][:, None] == own] = np.inf
        reach = np.partition(about, k - 1, axis=1)[:, k - 1] + 2 * slack[:, 0]
        # Whatever could be among the k nearest, rounded either way, is measured again.
        which, other = np.nonzero(about <= reach[:, None])
        exact = near.exact(which + block.start, other)
        order = np.lexsort((exact, which))
        starts = np.searchsorted(which[order], np.arange(len(about)))
        radii[block] = exact[order][starts + k - 1]
    return radii


def squared_distances(x: Rows, y: Rows) -> NDArray[np.float64]:
    """(n, m) squared distances in float64, never below 0; for sets small enough to hold them all."""
    first, second = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    found = (first**2).sum(axis=1)[:, None] + (second**2).sum(axis=1) - 2.0 * first @ second.T
    return np.asarray(np.maximum(found, 0.0))


def _inside(
    real: Rows, real_radii: NDArray[np.float64], made: Rows, made_radii: NDArray[np.float64], block_bytes: int
) -> Iterator[tuple[slice, NDArray[np.bool_], NDArray[np.bool_]]]:
    """Blocks of real rows: which made row lies in the ball of which real one, and the other way round."""
    if real.shape[1] != made.shape[1]:
        raise UsageError(f"the two sets must have rows of one width, got {real.shape[1]} and {made.shape[1]}")
    near = _Rounded(np.asarray(real), np.asarray(made))
    for block in _blocks(len(real), len(made), block_bytes):
        about, slack = near.squared(block)
        in_real = _settled(about, real_radii[block][:, None], slack, near, block.start)
        in_made = _settled(about, made_radii[None, :], slack, near, block.start)
        yield block, in_real, in_made


def _settled(
    about: NDArray[np.float32], radii: NDArray[np.float64], slack: NDArray[np.float64], near: _Rounded, start: int
) -> NDArray[np.bool_]:
    """(b, m) whether a distance is below that of its radius, measured again wherever rounding could decide."""
    # One bound for all of a block keeps it a vector; 1e-6 of the radius covers its own rounding to float32.
    tolerance = slack if radii.shape[1] == 1 else slack.max()
    limit = radii**2
    inside = about < (limit * (1 - 1e-6) - tolerance).astype(np.float32)
    unsure = about <= (limit * (1 + 1e-6) + tolerance).astype(np.float32)
    unsure ^= inside
    which, other = np.nonzero(unsure)
    inside[which, other] = near.exact(which + start, other) < np.broadcast_to(radii, about.shape)[which, other]
    return inside


class _Rounded:
    """Squared distances in float32 with a bound on their error, and exact ones where asked."""

    def __init__(self, x: Rows, y: Rows) -> None:
        # Distances do not depend on the origin; about the mean, least is lost to rounding.
        center = y.mean(axis=0, dtype=np.float64)
        self.x, self.y = x, y
        self.x_single, self.y_single = ((part - center).astype(np.float32) for part in (x, y))
        self.x_squared, self.y_squared = (
            np.einsum("ij,ij->i", part, part, dtype=np.float64) for part in (self.x_single, self.y_single)
        )
        self.far = float(np.sqrt(self.y_squared.max(initial=0.0)))

    def squared(self, block: slice) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
        """(b, m) squared distances, and (b, 1) by how much any of them may be wrong."""
        about = self.x_single[block] @ self.y_single.T
        about *= -2.0
        about += self.x_squared[block].astype(np.float32)[:, None]
        about += self.y_squared.astype(np.float32)
        d, unit = self.x.shape[1], 2.0**-24
        size = (np.sqrt(self.x_squared[block]) + self.far) ** 2
        # A product of length d is wrong by at most d u |x||y|; the rest are the sums, and the rounding of the rows.
        slack = (d + 16) * unit * 1.01 * size
        return about, slack[:, None]

    def exact(self, rows: NDArray[np.intp], others: NDArray[np.intp]) -> NDArray[np.float64]:
        """(p,) distances of pairs of rows, in float64."""
        found = np.empty(len(rows))
        for start in range(0, len(rows), 1 << 14):
            part = slice(start, start + (1 << 14))
            difference = self.x[rows[part]].astype(np.float64) - self.y[others[part]]
            found[part] = np.sqrt((difference**2).sum(axis=1))
        return found


def _blocks(n: int, width: int, block_bytes: int) -> Iterator[slice]:
    step = max(1, block_bytes // (4 * max(width, 1)))
    return (slice(start, min(start + step, n)) for start in range(0, n, step))
