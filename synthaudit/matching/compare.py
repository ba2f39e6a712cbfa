"""Candidates put to the test: registered, and compared in the detail that tells people apart.

Each step costs more than the one before and is made for fewer pairs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from synthaudit.matching.lookup import Candidates, Seen
from synthaudit.matching.memo import Memo
from synthaudit.matching.pool import Pool
from synthaudit.matching.registration import (
    Prepared,
    place,
    prepare,
    register_coarse,
    register_fine,
    register_rough,
    rescale,
    warp,
)
from synthaudit.matching.similarity import Look, channels, look
from synthaudit.matching.views import Start

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Effort:
    """How hard to look.

    Attributes:
        per_view: Neighbors taken for each view.
        candidates: Pairs laid on each other for each query, at most `per_patient` of one patient.
        looking_alike: Of them, those registered roughly because their vectors are the most alike,
        fitting: and those registered roughly because they fit best when laid on each other.
        registered: Of these, those registered better.
        refined: Of them, those registered finely and compared in detail.
    """

    per_view: int = 6
    candidates: int = 64
    looking_alike: int = 6
    fitting: int = 8
    per_patient: int = 2
    registered: int = 6
    refined: int = 3


@dataclass(frozen=True, slots=True, eq=False)
class Compared:
    """One pair compared in detail.

    Attributes:
        real: Pool row.
        similarity: (6,) detail correlation by channel.
        matrix: (2, 3) map that brings the real image onto the query.
        flip: Whether the query was mirrored first.
    """

    real: int
    similarity: NDArray[np.float64]
    matrix: NDArray[np.float32]
    flip: bool


class _Side:
    """A query, as it is or mirrored, ready to be compared with many real images."""

    def __init__(self, image: NDArray[np.float32], flip: bool) -> None:
        self.image = np.ascontiguousarray(image[:, ::-1] if flip else image)

    @cached_property
    def prepared(self) -> Prepared:
        return prepare(self.image)

    @cached_property
    def look(self) -> Look:
        return look(self.image)


@dataclass(frozen=True, slots=True)
class _Registered:
    """A candidate pair on the way."""

    value: float
    row: int
    flip: bool
    matrix: NDArray[np.float32]


def _best(pairs: Iterable[_Registered], n: int) -> list[_Registered]:
    """The n pairs that correlate best; ties by row."""
    return sorted(pairs, key=lambda pair: (-round(pair.value, 6), pair.row))[:n]


def _once_a_row(pairs: Iterable[_Registered]) -> list[_Registered]:
    """Of the pairs with one real image, the one that correlates best; the first of equals."""
    best: dict[int, _Registered] = {}
    for pair in pairs:
        if pair.row not in best or pair.value > best[pair.row].value:
            best[pair.row] = pair
    return list(best.values())


class Comparison:
    """Compares queries with their candidates.

    Args:
        size: Side of the working canvas, in pixels.
        effort: How many pairs go through each step.
        memo: What is known of pairs already.
    """

    def __init__(self, pool: Pool, *, size: int, effort: Effort, memo: Memo) -> None:
        self.pool = pool
        self.size = size
        self.effort = effort
        self.memo = memo

    def compare(self, seen: Seen, candidates: Candidates) -> list[Compared]:
        """Lay the candidates on the query, register the best ever better, and compare the last few in detail."""
        sides = {flip: _Side(seen.canvas, flip) for flip in (False, True)}

        def remembered(step: str, row: int, how: Hashable, make: Callable[[], T]) -> T:
            return self.memo.once((step, self.size, seen.digest, self.pool.digest(row), how), make)

        def placed(row: int, start: Start) -> tuple[_Registered, _Registered]:
            flip = start.view.flip
            value, matrix = remembered("placed", row, start, partial(self._placed, sides[flip], row, start))
            begin = start.matrix(sides[flip].prepared.rough.shape[0])
            return _Registered(value, row, flip, begin), _Registered(value, row, flip, matrix)

        def rough(pair: _Registered) -> _Registered:
            make = partial(self._rough, sides[pair.flip], pair.row, pair.matrix)
            value, matrix = remembered("rough", pair.row, (pair.flip, pair.matrix.tobytes()), make)
            return replace(pair, value=value, matrix=matrix)

        def coarse(pair: _Registered) -> _Registered:
            make = partial(self._coarse, sides[pair.flip], pair.row, pair.matrix)
            value, matrix = remembered("coarse", pair.row, (pair.flip, pair.matrix.tobytes()), make)
            return replace(pair, value=value, matrix=matrix)

        def fine(pair: _Registered) -> Compared:
            make = partial(self._in_detail, sides[pair.flip], pair.row, pair.matrix)
            similarity, matrix = remembered("detail", pair.row, (pair.flip, pair.matrix.tobytes()), make)
            return Compared(pair.row, similarity, matrix, pair.flip)

        found = [placed(row, start) for row, start in self._chosen(candidates)]
        alike = [as_found for as_found, _ in found[: self.effort.looking_alike]]
        fitting = _best((slid for _, slid in found), self.effort.fitting)
        roughly = _best(_once_a_row(map(rough, (*alike, *fitting))), self.effort.registered)
        return [fine(pair) for pair in _best(map(coarse, roughly), self.effort.refined)]

    def _chosen(self, candidates: Candidates) -> Iterator[tuple[int, Start]]:
        """The best candidates, no more than `per_patient` of one patient."""
        taken: Counter[int] = Counter()
        for row, start in zip(candidates.rows, candidates.starts, strict=True):
            patient = int(self.pool.patient[row])
            if taken[patient] < self.effort.per_patient:
                taken[patient] += 1
                yield int(row), start
            if taken.total() >= self.effort.candidates:
                return

    def _placed(self, fixed: _Side, row: int, start: Start) -> tuple[float, NDArray[np.float32]]:
        """How well the pair fits when laid on each other, and the map for it at the rough size."""
        mine = fixed.prepared
        small, rough = mine.small.shape[0], mine.rough.shape[0]
        value, matrix = place(mine.small, self.pool.small(row, self.size), start.matrix(small))
        return value, rescale(matrix, small, rough)

    def _rough(self, fixed: _Side, row: int, start: NDArray[np.float32]) -> tuple[float, NDArray[np.float32]]:
        return register_rough(fixed.prepared, self.pool.prepared(row, self.size), start)

    def _coarse(self, fixed: _Side, row: int, rough: NDArray[np.float32]) -> tuple[float, NDArray[np.float32]]:
        return register_coarse(fixed.prepared, self.pool.prepared(row, self.size), rough)

    def _in_detail(
        self, fixed: _Side, row: int, coarse: NDArray[np.float32]
    ) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
        """Similarity of a pair by channel, and the map that brings the real image onto the query."""
        moving = self.pool.prepared(row, self.size)
        matrix = register_fine(fixed.prepared, moving, coarse)
        warped, inside = warp(moving.full, matrix)
        similarity, _ = channels(fixed.look, warped, inside)
        return np.round(similarity, 6), matrix
