"""Which real patients do the synthetic images lead to, and do training patients lead the list?

Every synthetic image is compared with every patient by the patient's most alike image (`near`), and by the most alike
image of any *other* visit of theirs (`other`): where a generator gives out the picture that it was trained on, the
first likeness is high; where it gives out the person, the second is, too.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from synthaudit.matching.patients import Strata
from synthaudit.matching.pool import Pool
from synthaudit.reidentification.background import Background
from synthaudit.reidentification.verifier import Verifier
from synthaudit.reidentification.visits import Visits
from synthaudit.statistics.cmc import rank_of_own
from synthaudit.statistics.patient_ranks import rank_in_stratum

_IMAGES_AT_ONCE = 256


@dataclass(frozen=True, eq=False)
class Linkage:
    """How alike synthetic images are to patients; training and held-out ones are treated alike.

    Attributes:
        near: (m, p) by the patient's most alike image.
        other: (m, p) by the most alike image of another visit than that one; -inf for patients read on one visit only.
        number: (p,) the patients compared, by their numbers in the pool.
        is_train: (p,) bool; nothing above the tests looks at it.
        stratum: (p,) images that each is read on.
        rows: Pool rows read.
    """

    near: NDArray[np.float32]
    other: NDArray[np.float32]
    number: NDArray[np.intp]
    is_train: NDArray[np.bool_]
    stratum: NDArray[np.intp]
    rows: NDArray[np.intp]

    @classmethod
    def of(
        cls,
        made: NDArray[np.float32],
        verifier: Verifier,
        background: Background,
        pool: Pool,
        visits: Visits,
        strata: Strata,
        kept: NDArray[np.bool_],
    ) -> Linkage:
        """Compare everything with everyone.

        Args:
            made: (m, d) vectors of the synthetic images.
            kept: (pool patients,) bool, the patients compared.
        """
        rows = np.flatnonzero(strata.rows & kept[pool.patient])
        rows = rows[np.lexsort((rows, visits.visit[rows], pool.patient[rows]))]
        layout = _Layout.of(pool.patient[rows], visits.visit[rows])
        ordinary = background.of_real(rows)
        near = np.empty((len(made), len(layout.number)), dtype=np.float32)
        other = np.empty_like(near)
        for start in range(0, len(made), _IMAGES_AT_ONCE):
            block = slice(start, start + _IMAGES_AT_ONCE)
            likeness = verifier.made(made[block], rows)
            beyond = layout.best_two(likeness - ordinary.T / 2)
            strangers = background.of_made(made[block], layout.number) / 2
            near[block], other[block] = beyond[0] - strangers, beyond[1] - strangers
        number = layout.number
        return cls(near, other, number, pool.patient_is_train[number], strata.level[number], rows)

    @cached_property
    def nearest(self) -> NDArray[np.intp]:
        """(p,) synthetic image most like each patient."""
        return np.asarray(self.near.argmax(axis=0), dtype=np.intp)

    @cached_property
    def best(self) -> NDArray[np.float64]:
        """(p,) likeness of each patient to that image; higher means more exposed."""
        return np.asarray(self.near.max(axis=0), dtype=np.float64)

    @cached_property
    def best_other(self) -> NDArray[np.float64]:
        """(p,) the highest likeness to any synthetic image by another visit; -inf for those without."""
        return np.asarray(self.other.max(axis=0), dtype=np.float64)

    @cached_property
    def several(self) -> NDArray[np.bool_]:
        """(p,) patients read on at least two visits."""
        return np.asarray(np.isfinite(self.best_other))

    def ranks(self, best: NDArray[np.float64]) -> NDArray[np.float64]:
        """(p,) in (0, 1) within the strata; patients without a value stand in the middle of their own."""
        known = np.isfinite(best)
        ranks = np.full(len(best), 0.5)
        if known.any():
            ranks[known] = rank_in_stratum(best[known], self.stratum[known])
        return ranks

    def places(self, likeness: NDArray[np.float32], of: NDArray[np.intp]) -> NDArray[np.intp]:
        """(q,) place of each of these patients in the list of the synthetic image most like them.

        Args:
            likeness: `near` or `other`; who is -inf is not in the list.
            of: (q,) patients.
        """
        found = [rank_of_own(likeness[self.nearest[part]], part) for part in np.array_split(of, max(1, len(of) // 500))]
        return np.concatenate(found)


@dataclass(frozen=True, eq=False)
class _Layout:
    """Where the columns of each visit begin, and the visits of each patient; columns in order of both."""

    starts: NDArray[np.intp]
    number: NDArray[np.intp]
    by_count: tuple[tuple[NDArray[np.intp], NDArray[np.intp]], ...]
    """For each number of visits v: (q,) patients with so many, (q, v) their visits."""

    @classmethod
    def of(cls, patient: NDArray[np.intp], visit: NDArray[np.intp]) -> _Layout:
        starts = np.flatnonzero(np.concatenate([[True], visit[1:] != visit[:-1]]))
        number, first, counts = np.unique(patient[starts], return_index=True, return_counts=True)
        groups = []
        for count in np.unique(counts):
            inside = np.flatnonzero(counts == count)
            groups.append((inside, first[inside][:, None] + np.arange(count)))
        return cls(starts, number, tuple(groups))

    def best_two(self, likeness: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(m, p) likeness of each patient's most and second most alike visit; the second -inf where there is one."""
        by_visit = np.maximum.reduceat(likeness, self.starts, axis=1)
        best, second = (np.full((len(likeness), len(self.number)), -np.inf) for _ in range(2))
        for patients, columns in self.by_count:
            mine = by_visit[:, columns]
            if columns.shape[1] == 1:
                best[:, patients] = mine[:, :, 0]
                continue
            two = np.partition(mine, columns.shape[1] - 2, axis=2)[:, :, -2:]
            best[:, patients], second[:, patients] = two[:, :, 1], two[:, :, 0]
        return best, second
