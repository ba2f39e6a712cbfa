"""Volumes of the pool and of a synthetic cohort, and what two of them show laid beside each other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthaudit.cohort import Cohort
from synthaudit.matching.alignment import LEAST_ALIGNED
from synthaudit.matching.pool import Pool

SLICES = 8
"""Slices of a volume that are looked up and compared; a volume has more, but they are alike."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Volume:
    """Slices in the order of their positions.

    Attributes:
        rows: (s,) rows of the pool, or of the synthetic cohort.
        positions: (s,) strictly ascending.
        patient: Pool patient; -1 for a synthetic volume.
    """

    rows: NDArray[np.intp]
    positions: Floats
    patient: int = -1

    def spread_out(self) -> NDArray[np.intp]:
        """At most 8 places, evenly spread, the ends left out: the outermost slices hardly show anything."""
        return evenly(len(self.rows), SLICES)


@dataclass(frozen=True, slots=True, eq=False)
class QueryVolume:
    """A volume to look up: the slices of it that are compared.

    Attributes:
        numbers: (k,) query number of each slice when looked up singly.
        positions: (k,) ascending.
        vectors: For each encoder (k, d), as the images are.
        patient: Pool patient whose volumes must not be found; -1 for none.
        read: Gives the canvas of the i-th of them.
    """

    numbers: NDArray[np.intp]
    positions: Floats
    vectors: tuple[NDArray[np.float32], ...]
    patient: int
    read: Callable[[int], NDArray[np.float32]]


@dataclass(frozen=True, slots=True, eq=False)
class SingleSlices:
    """What slices found when they were looked up singly: (c,) query number, pool row and similarity of candidates."""

    query: NDArray[np.intp]
    real: NDArray[np.intp]
    score: Floats


@dataclass(frozen=True, slots=True, eq=False)
class VolumePair:
    """A query and a real volume, slice beside slice.

    Attributes:
        query, real: Number of the query, and of the real volume.
        patient: Pool patient of the real volume.
        slices, rows: (m,) query number and pool row of the slices laid beside each other, in order.
        similarity: (m, 6) detail correlation by channel.
        flip, matrix: Whether mirrored, and (m, 2, 3) how each real slice was brought onto the (mirrored) query's.
    """

    query: int
    real: int
    patient: int
    slices: NDArray[np.intp]
    rows: NDArray[np.intp]
    similarity: Floats
    flip: bool
    matrix: NDArray[np.float32]


def evenly(n: int, most: int) -> NDArray[np.intp]:
    """At most `most` of n places in order, evenly spread, as far from both ends as from each other.

    >>> evenly(20, 4).tolist(), evenly(3, 8).tolist()
    ([2, 7, 12, 17], [0, 1, 2])
    """
    k = min(n, most)
    return np.array([(2 * i + 1) * n // (2 * k) for i in range(k)], dtype=np.intp)


def middle(similarity: Floats, level: int) -> Floats:
    """(6,) mean of the middle half of `level` of the slices, channel by channel; of three slices the median.

    A quarter of the slices can look alike by chance, or look like nothing, without moving it.
    """
    chosen = np.sort(similarity[evenly(len(similarity), level)], axis=0)
    cut = max(1, level // 4)
    return np.asarray(chosen[cut : level - cut].mean(axis=0))


def _volumes(index: NDArray[np.intp], positions: Floats, patient: NDArray[np.intp]) -> list[Volume]:
    """The volumes of these rows, in the order of their first row; slices at unknown positions take no part."""
    known = np.flatnonzero((index >= 0) & np.isfinite(positions))
    found: dict[int, list[int]] = {}
    for row in known:
        found.setdefault(int(index[row]), []).append(int(row))
    made = []
    for members in found.values():
        rows = np.array(members, dtype=np.intp)
        rows = rows[np.argsort(positions[rows], kind="stable")]
        made.append(Volume(rows, positions[rows], int(patient[rows[0]])))
    return [volume for volume in made if len(volume.rows) >= LEAST_ALIGNED]


def pool_volumes(pool: Pool) -> list[Volume]:
    """The real volumes of at least 3 slices; their order, like the pool's, knows nothing of sides."""
    starts = np.cumsum([0, *(len(cohort.volume_ids) for cohort in pool.cohorts)])
    index, positions = np.full(len(pool), -1, dtype=np.intp), np.full(len(pool), np.nan)
    for row in range(len(pool)):
        cohort, i = pool.cohort(row)
        if cohort.volumes and cohort.volumes[i]:
            index[row] = starts[pool.cohort_of[row]] + cohort.volume_index[i]
            positions[row] = cohort.positions[i]
    return _volumes(index, positions, pool.patient)


def cohort_volumes(cohort: Cohort) -> list[Volume]:
    """The volumes of a cohort of synthetic images of at least 3 slices."""
    if not cohort.volumes:
        return []
    nobody = np.full(len(cohort), -1, dtype=np.intp)
    return _volumes(cohort.volume_index, np.array(cohort.positions, dtype=np.float64), nobody)
