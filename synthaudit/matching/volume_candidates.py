"""Which real volumes to lay beside a query, and which slice of them may lie beside which of its own.

Two sources. Slices looked up singly, under all views, find the volume that was copied even if it was mirrored; but the
slices of one volume are alike, so they may crowd out everybody else. Therefore the nearest volumes of other patients,
by the vectors as they are, always take part, too: how far the best is ahead of the next patient is itself evidence.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from synthaudit.matching.pool import Pool, Space
from synthaudit.matching.volume import QueryVolume, SingleSlices, Volume

CANDIDATES, PER_PATIENT, LEAST_PATIENTS = 3, 2, 3
"""Volumes taken from single slices, how many of one patient, and how many patients must be among all in the end."""
VOTES = 3
"""Slices of one real volume that a slice of the query may be paired with when the line is sought."""

Floats = NDArray[np.float64]


class CandidateVolumes:
    """Chooses real volumes for a query.

    Args:
        pool: The real images.
        spaces: The encoders, with the pool's vectors.
        volumes: The pool's.
    """

    def __init__(self, pool: Pool, spaces: Sequence[Space], volumes: Sequence[Volume]) -> None:
        self.spaces = spaces
        self.volumes = volumes
        self.patient = np.array([volume.patient for volume in volumes], dtype=np.intp)
        self.volume_of = np.full(len(pool), -1, dtype=np.intp)
        self.position_of = np.full(len(pool), np.nan)
        for number, volume in enumerate(volumes):
            self.volume_of[volume.rows] = number
            self.position_of[volume.rows] = volume.positions
        self._rows = np.concatenate([volume.rows for volume in volumes])
        self._starts = np.cumsum([0, *(len(volume.rows) for volume in volumes[:-1])])

    def nearness(self, query: QueryVolume) -> Floats:
        """(k, r) mean cosine of the query's slices to all slices of the pool's volumes, volume after volume."""
        total = np.zeros((len(query.numbers), len(self._rows)))
        for space, vectors in zip(self.spaces, query.vectors, strict=True):
            total += vectors.astype(np.float64) @ space.vectors[self._rows].astype(np.float64).T / len(self.spaces)
        return np.round(total, 6)

    def of(
        self, query: QueryVolume, nearness: Floats, found: Sequence[NDArray[np.intp]], singly: SingleSlices
    ) -> list[int]:
        """Real volumes to try, of at least 3 patients if there are as many.

        Args:
            found: For each slice of the query, its candidates in `singly`.
        """
        chosen: list[int] = []
        taken: dict[int, int] = {}
        for real in self._found_singly(found, singly):
            patient = int(self.patient[real])
            if taken.get(patient, 0) < PER_PATIENT and len(chosen) < CANDIDATES:
                taken[patient] = taken.get(patient, 0) + 1
                chosen.append(real)
        near = np.maximum.reduceat(nearness, self._starts, axis=1).mean(axis=0)
        for real in np.lexsort((np.arange(len(near)), -near)):
            patient = int(self.patient[real])
            if len(taken) >= LEAST_PATIENTS:
                break
            if patient not in taken and patient != query.patient:
                taken[patient] = 1
                chosen.append(int(real))
        return chosen

    def _found_singly(self, found: Sequence[NDArray[np.intp]], singly: SingleSlices) -> list[int]:
        """Volumes whose best slices, over all slices of the query, score highest; best first."""
        total: dict[int, float] = {}
        for entries in found:
            if not len(entries):
                continue
            members, score = self.volume_of[singly.real[entries]], singly.score[entries]
            above = score - score.min()
            for real in np.unique(members):
                total[int(real)] = total.get(int(real), 0.0) + float(above[members == real].max())
        return sorted(total, key=lambda one: (-round(total[one], 6), one))

    def votes(
        self,
        query: QueryVolume,
        real: int,
        nearness: Floats,
        found: Sequence[NDArray[np.intp]],
        singly: SingleSlices,
    ) -> tuple[Floats, Floats, Floats]:
        """Positions of slices that look alike, in the query and in the volume, and how much they do.

        From single slices, which know mirrored ones, where these name the volume for most of the query; otherwise from
        the vectors.
        """
        x, y, weight, named = [], [], [], 0
        for position, entries in zip(query.positions, found, strict=True):
            mine = entries[self.volume_of[singly.real[entries]] == real]
            named += bool(len(mine))
            floor = float(singly.score[entries].min()) if len(entries) else 0.0
            for entry in mine[np.argsort(-singly.score[mine], kind="stable")][:VOTES]:
                x.append(float(position))
                y.append(float(self.position_of[singly.real[entry]]))
                weight.append(float(singly.score[entry]) - floor + 1e-6)
        if 2 * named < len(found):
            start, length = int(self._starts[real]), len(self.volumes[real].rows)
            near = nearness[:, start : start + length]
            best = np.argsort(-near, axis=1, kind="stable")[:, :VOTES]
            x = [float(position) for position in query.positions for _ in range(best.shape[1])]
            y = [float(self.volumes[real].positions[j]) for row in best for j in row]
            weight = [float(near[i, j] - near[i].min()) + 1e-6 for i, row in enumerate(best) for j in row]
        return np.array(x), np.array(y), np.array(weight)
