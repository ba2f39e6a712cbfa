"""Which real volume is a synthetic one closest to, slice laid beside slice?

The slices of a volume are one person seen once: forty that look alike are one piece of evidence, not forty. So a volume
is looked up as one: candidates are laid beside it (`volume_candidates`, `alignment`), the slices that meet are
registered and compared in detail, and the middle of these similarities is the volumes' similarity. What noise hides in
a slice, many slices show together, and one slice that looks alike by chance is not in the middle.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from synthaudit.matching.alignment import TOLERANCE, aligned, consensus_line, end_to_end, spacing
from synthaudit.matching.matcher import Matcher
from synthaudit.matching.registration import Prepared, prepare, register_coarse, register_fine, register_rough, warp
from synthaudit.matching.similarity import channels, look
from synthaudit.matching.views import View
from synthaudit.matching.volume import QueryVolume, SingleSlices, Volume, VolumePair, evenly
from synthaudit.matching.volume_candidates import CandidateVolumes
from synthaudit.parallel import ordered_map

REFINED = 3
"""Patients of whom a volume is compared in detail: the likeliest, and the next two, to measure its lead by."""
COARSE_SLICES = 3

Floats = NDArray[np.float64]


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
        self.candidates = CandidateVolumes(matcher.pool, matcher.spaces, volumes)

    def match(self, queries: Sequence[QueryVolume], singly: SingleSlices, *, stage: str) -> list[VolumePair]:
        """The likeliest real volumes of each query, compared slice by slice; in the order of the queries.

        Args:
            singly: What the queries' slices found one by one: which volumes to try, and where they would lie.
        """
        members = self.candidates.volume_of[singly.real]
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
        """The query beside its likeliest volumes: the best of a coarse look in detail, and the next patient's."""
        sides: dict[tuple[int, bool], Prepared] = {}

        def side(i: int, flip: bool) -> Prepared:
            if (i, flip) not in sides:
                image = query.read(i)
                sides[i, flip] = prepare(np.ascontiguousarray(image[:, ::-1] if flip else image))
            return sides[i, flip]

        looked = []
        nearness = self.candidates.nearness(query)
        for real in self.candidates.of(query, nearness, found, singly):
            pairs = self._beside(query, real, self.candidates.votes(query, real, nearness, found, singly))
            if not pairs:
                continue
            some = [pairs[i] for i in evenly(len(pairs), COARSE_SLICES)]
            for flip in (False, True):
                values = [self._coarse(side(i, flip), real, j, flip)[0] for i, j in some]
                looked.append((-round(float(np.median(values)), 6), real, flip, pairs))
        best: dict[int, tuple[int, bool, list[tuple[int, int]]]] = {}
        for _, real, flip, pairs in sorted(looked, key=lambda one: one[:3]):
            best.setdefault(self.volumes[real].patient, (real, flip, pairs))
        return [
            self._in_detail(number, query, real, side, flip, pairs)
            for real, flip, pairs in list(best.values())[:REFINED]
        ]

    def _beside(self, query: QueryVolume, real: int, votes: tuple[Floats, Floats, Floats]) -> list[tuple[int, int]]:
        """(slice of the query, slice of the volume) laid beside each other."""
        other = self.volumes[real].positions
        line = consensus_line(*votes, TOLERANCE * spacing(other))
        pairs = aligned(query.positions, other, line) if line is not None else []
        return pairs or aligned(query.positions, other, end_to_end(query.positions, other))

    def _coarse(self, fixed: Prepared, real: int, j: int, flip: bool) -> tuple[float, NDArray[np.float32]]:
        moving = self.pool.prepared(int(self.volumes[real].rows[j]), self.size)
        start = View(flip=flip).matrix(fixed.rough.shape[0])
        return register_coarse(fixed, moving, register_rough(fixed, moving, start)[1])

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
            self.volumes[real].patient,
            query.numbers[[i for i, _ in pairs]],
            self.volumes[real].rows[[j for _, j in pairs]],
            np.array(similarity),
            flip,
            np.array(matrices, dtype=np.float32),
        )
