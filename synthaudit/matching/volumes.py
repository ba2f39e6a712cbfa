"""Which real volume is a synthetic one closest to, slice laid beside slice?

The slices of a volume are one person seen once: forty that look alike are one piece of evidence, not forty. So a volume
is looked up as one: its slices, looked up singly, say which real volumes to try and where they would lie (`alignment`);
the slices that come to lie beside each other are registered and compared in detail; and the middle of these
similarities is the volumes' similarity. What noise hides in a slice, many slices show together, and one slice that
looks alike by chance is not in the middle.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthaudit.cohort import Cohort
from synthaudit.matching.alignment import LEAST_ALIGNED, TOLERANCE, aligned, consensus_line, end_to_end, spacing
from synthaudit.matching.matcher import Matcher
from synthaudit.matching.pool import Pool
from synthaudit.matching.registration import Prepared, prepare, register_coarse, register_fine, register_rough, warp
from synthaudit.matching.similarity import channels, look
from synthaudit.matching.views import Start, View
from synthaudit.parallel import ordered_map

SLICES = 8
"""Slices of a volume that are looked up and compared; a volume has more, but they are alike."""
CANDIDATES, PER_PATIENT, REFINED = 4, 2, 2
"""Real volumes registered coarsely, how many of one patient, and how many of them compared in detail."""
COARSE_SLICES = 3
VOTES = 3
"""Slices of one real volume that a slice of the query may be paired with when the line is sought."""

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
        read: Gives the canvas of the i-th of them.
    """

    numbers: NDArray[np.intp]
    positions: Floats
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
        slices, rows: (m,) query number and pool row of the slices laid beside each other, in order.
        similarity: (m, 4) detail correlation by channel.
        flip, matrix: Whether mirrored, and (m, 2, 3) how each real slice was brought onto the (mirrored) query's.
    """

    query: int
    real: int
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
    """(4,) mean of the middle half of `level` of the slices, channel by channel; of three slices the median.

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


class VolumeMatcher:
    """Lays volumes beside the real ones.

    Args:
        matcher: Its pool, canvas and threads are used.
        volumes: The pool's.
    """

    def __init__(self, matcher: Matcher, volumes: Sequence[Volume]) -> None:
        self.pool = matcher.pool
        self.size = matcher.size
        self.workers = matcher.workers
        self.progress = matcher.progress
        self.volumes = volumes
        self.volume_of = np.full(len(self.pool), -1, dtype=np.intp)
        self.position_of = np.full(len(self.pool), np.nan)
        for number, volume in enumerate(volumes):
            self.volume_of[volume.rows] = number
            self.position_of[volume.rows] = volume.positions

    def match(self, queries: Sequence[QueryVolume], singly: SingleSlices, *, stage: str) -> list[VolumePair]:
        """The likeliest real volumes of each query, compared slice by slice; in the order of the queries.

        Args:
            singly: What the queries' slices found one by one: which volumes to try, and where they would lie.
        """
        members = self.volume_of[singly.real]
        usable = np.flatnonzero(members >= 0)
        order = usable[np.argsort(singly.query[usable], kind="stable")]
        asked = singly.query[order]
        jobs = []
        for number, query in enumerate(queries):
            first, last = np.searchsorted(asked, query.numbers, "left"), np.searchsorted(asked, query.numbers, "right")
            jobs.append((number, query, [order[left:right] for left, right in zip(first, last, strict=True)]))
        counted = self.progress.track(jobs, stage, len(jobs))
        compared = ordered_map(lambda job: self._compare(job[0], job[1], job[2], singly), counted, self.workers)
        return [pair for pairs in compared for pair in pairs]

    def _compare(
        self, number: int, query: QueryVolume, found: list[NDArray[np.intp]], singly: SingleSlices
    ) -> list[VolumePair]:
        """The query beside its likeliest volumes, the best of a coarse look in detail."""
        sides: dict[tuple[int, bool], Prepared] = {}

        def side(i: int, flip: bool) -> Prepared:
            if (i, flip) not in sides:
                image = query.read(i)
                sides[i, flip] = prepare(np.ascontiguousarray(image[:, ::-1] if flip else image))
            return sides[i, flip]

        looked = []
        for real in self._candidates(found, singly):
            pairs = self._pairs(query, real, found, singly)
            if not pairs:
                continue
            some = [pairs[i] for i in evenly(len(pairs), COARSE_SLICES)]
            for flip in (False, True):
                values = [self._coarse(side(i, flip), real, j, flip)[0] for i, j in some]
                looked.append((-round(float(np.median(values)), 6), real, flip, pairs))
        best: dict[int, tuple[bool, list[tuple[int, int]]]] = {}
        for _, real, flip, pairs in sorted(looked, key=lambda one: one[:3]):
            best.setdefault(real, (flip, pairs))
        return [
            self._in_detail(number, query, real, side, flip, pairs)
            for real, (flip, pairs) in list(best.items())[:REFINED]
        ]

    def _candidates(self, found: list[NDArray[np.intp]], singly: SingleSlices) -> list[int]:
        """Real volumes to try: those whose best slices, over all slices of the query, score highest."""
        total: dict[int, float] = {}
        for entries in found:
            if not len(entries):
                continue
            members, score = self.volume_of[singly.real[entries]], singly.score[entries]
            above = score - score.min()
            for real in np.unique(members):
                total[int(real)] = total.get(int(real), 0.0) + float(above[members == real].max())
        taken: dict[int, int] = {}
        chosen = []
        for real in sorted(total, key=lambda one: (-round(total[one], 6), one)):
            patient = self.volumes[real].patient
            taken[patient] = taken.get(patient, 0) + 1
            if taken[patient] <= PER_PATIENT:
                chosen.append(real)
        return chosen[:CANDIDATES]

    def _pairs(
        self, query: QueryVolume, real: int, found: list[NDArray[np.intp]], singly: SingleSlices
    ) -> list[tuple[int, int]]:
        """(slice of the query, slice of the volume) laid beside each other."""
        x, y, weight = [], [], []
        for position, entries in zip(query.positions, found, strict=True):
            mine = entries[self.volume_of[singly.real[entries]] == real]
            floor = float(singly.score[entries].min()) if len(entries) else 0.0
            for entry in mine[np.argsort(-singly.score[mine], kind="stable")][:VOTES]:
                x.append(position)
                y.append(self.position_of[singly.real[entry]])
                weight.append(float(singly.score[entry]) - floor + 1e-6)
        other = self.volumes[real].positions
        line = consensus_line(np.array(x), np.array(y), np.array(weight), TOLERANCE * spacing(other))
        pairs = aligned(query.positions, other, line) if line is not None else []
        return pairs or aligned(query.positions, other, end_to_end(query.positions, other))

    def _coarse(self, fixed: Prepared, real: int, j: int, flip: bool) -> tuple[float, NDArray[np.float32]]:
        moving = self.pool.prepared(int(self.volumes[real].rows[j]), self.size)
        return register_coarse(fixed, moving, register_rough(fixed, moving, Start(View(flip=flip)))[1])

    def _in_detail(
        self,
        number: int,
        query: QueryVolume,
        real: int,
        side: Callable[[int, bool], Prepared],
        flip: bool,
        pairs: list[tuple[int, int]],
    ) -> VolumePair:
        """Every pair of slices registered and compared."""
        similarity, matrices = [], []
        for i, j in pairs:
            fixed, moving = side(i, flip), self.pool.prepared(int(self.volumes[real].rows[j]), self.size)
            matrix = register_fine(fixed, moving, self._coarse(fixed, real, j, flip)[1])
            warped, inside = warp(moving.full, matrix)
            similarity.append(np.round(channels(look(fixed.full), warped, inside)[0], 6))
            matrices.append(matrix)
        return VolumePair(
            number,
            real,
            query.numbers[[i for i, _ in pairs]],
            self.volumes[real].rows[[j for _, j in pairs]],
            np.array(similarity),
            flip,
            np.array(matrices, dtype=np.float32),
        )
