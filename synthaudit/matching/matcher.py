"""From a query image to the real images it may be a copy of: look up under views, register, compare detail.

Used three times with one rule: for the synthetic images, for real images looking for *strangers* (what honest pairs
look like), and for planted copies (what this audit would have found). It never learns who was trained on.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import islice
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from synthaudit.embeddings import PixelEncoder
from synthaudit.index.exact import top_k
from synthaudit.matching.memo import Memo, image_digest
from synthaudit.matching.pool import Pool, Space
from synthaudit.matching.registration import Prepared, prepare, register_coarse, register_fine, warp
from synthaudit.matching.similarity import CHANNELS, channels
from synthaudit.matching.views import FEW, MANY, View
from synthaudit.parallel import ordered_map
from synthaudit.pixels import canvas
from synthaudit.progress import Progress

T = TypeVar("T")

BLOCK = 256
BACKGROUND_NEIGHBORS = 3
"""How many strangers' similarities make an image's background (score normalization, k small)."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How hard to look.

    Attributes:
        per_view: Neighbors taken for each view.
        candidates: Pairs registered coarsely for each query, at most `per_patient` of one patient.
        refined: Pairs then registered finely and compared in detail.
    """

    per_view: int = 6
    candidates: int = 8
    per_patient: int = 2
    refined: int = 2


@dataclass(frozen=True, slots=True, eq=False)
class Query:
    """One image to look up.

    Attributes:
        read: Gives the image, (h, w) or (h, w, 3) float32 in [0, 1].
        patient: Pool patient whose images must not be found (for strangers); -1 for none.
        vectors: Encoder name -> (d,) vector, for encoders that cannot be shown an image.
    """

    read: Callable[[], NDArray[np.float32]]
    patient: int = -1
    vectors: dict[str, NDArray[np.float32]] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Matches:
    """What was found for a list of queries.

    Attributes:
        n_queries: How many were looked up.
        query, real, score: (c,) candidate pairs: query number, pool row, background-corrected similarity.
        fine_query, fine_real: (r,) the pairs compared in detail.
        similarity: (r, 4) detail correlation by channel.
        flip, matrix: (r,) and (r, 2, 3) how the real image was brought onto the (mirrored) query, on the canvas.
    """

    n_queries: int
    query: NDArray[np.intp]
    real: NDArray[np.intp]
    score: NDArray[np.float64]
    fine_query: NDArray[np.intp]
    fine_real: NDArray[np.intp]
    similarity: NDArray[np.float64]
    flip: NDArray[np.bool_]
    matrix: NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class _Fine:
    """One pair compared in detail."""

    real: int
    similarity: NDArray[np.float64]
    matrix: NDArray[np.float32]
    flip: bool


@dataclass(frozen=True, eq=False)
class _Seen:
    """One query after decoding: its canvas, and its views as images or already as vectors, an encoder each."""

    canvas: NDArray[np.float32]
    views: tuple[NDArray[np.float32], ...]
    digest: str


def views_for(space: Space) -> tuple[View, ...]:
    """The views under which queries are looked up with this encoder."""
    if not isinstance(space.encoder, PixelEncoder):
        return (View(),)
    return MANY if space.encoder.fast else FEW


class Matcher:
    """Looks queries up in the pool.

    Args:
        pool: The real images.
        spaces: The encoders used, with the pool's vectors; their scores are averaged before anything is decided.
        size: Side of the working canvas, in pixels.
        workers: Threads; the answer does not depend on it.
        memo: Where to keep what was computed of queries and pairs, for audits of the same images to come; None keeps
            nothing.
    """

    def __init__(
        self,
        pool: Pool,
        spaces: tuple[Space, ...],
        *,
        size: int,
        workers: int = 1,
        effort: Effort | None = None,
        progress: Progress | None = None,
        memo: Memo | None = None,
    ) -> None:
        self.pool = pool
        self.spaces = spaces
        self.memo = memo
        self.size = size
        self.workers = workers
        self.effort = effort or Effort()
        self.progress = progress or Progress()

    @cached_property
    def _background(self) -> tuple[tuple[NDArray[np.float64], float], ...]:
        """For each encoder: (n,) mean similarity of each real image to its nearest strangers, and the spread of that.

        Subtracting it (Pizzi et al. 2022, arXiv 2202.10261) keeps images that resemble everyone from looking copied.
        """
        found = []
        for space in self.spaces:
            groups = (self.pool.patient, self.pool.patient)
            near = top_k(space.vectors, space.vectors, BACKGROUND_NEIGHBORS, exclude=groups, workers=self.workers)
            scores = np.where(np.isfinite(near.scores), near.scores, np.nan).astype(np.float64)
            mean = np.nanmean(np.where(np.isnan(scores).all(axis=1, keepdims=True), 0.0, scores), axis=1)
            nearest = scores[:, 0][~np.isnan(scores[:, 0])]  # none where all images are one patient's
            found.append((mean, (float(nearest.std()) if nearest.size else 0.0) or 1.0))
        return tuple(found)

    def query_of_stranger(self, row: int) -> Query:
        """A real image of the pool that looks for images of other patients."""
        vectors = {space.encoder.name: space.vectors[row] for space in self.spaces}
        return Query(lambda: self.pool.read(row), int(self.pool.patient[row]), vectors)

    def match(self, queries: Iterable[Query], *, stage: str, total: int) -> Matches:
        """Look up `total` queries, reporting progress as `stage`."""
        pairs: list[tuple[int, NDArray[np.intp], NDArray[np.float64]]] = []
        fine: list[tuple[int, list[_Fine]]] = []
        counted = self.progress.track(self._matched(queries), stage, total)
        for number, (real, score, compared) in enumerate(counted):
            pairs.append((number, real, score))
            fine.append((number, compared))
        flat = [(number, one) for number, ones in fine for one in ones]
        return Matches(
            n_queries=len(pairs),
            query=np.repeat(np.arange(len(pairs)), [len(real) for _, real, _ in pairs]),
            real=np.concatenate([np.empty(0, dtype=np.intp), *(real for _, real, _ in pairs)]),
            score=np.concatenate([np.empty(0), *(score for _, _, score in pairs)]),
            fine_query=np.array([number for number, _ in flat], dtype=np.intp),
            fine_real=np.array([one.real for _, one in flat], dtype=np.intp),
            similarity=np.array([one.similarity for _, one in flat]).reshape(-1, len(CHANNELS)),
            flip=np.array([one.flip for _, one in flat], dtype=bool),
            matrix=np.array([one.matrix for _, one in flat], dtype=np.float32).reshape(-1, 2, 3),
        )

    def _matched(self, queries: Iterable[Query]) -> Iterator[tuple[NDArray[np.intp], NDArray[np.float64], list[_Fine]]]:
        """Candidates and detailed comparisons of each query, in order; memory is that of one block."""
        waiting = iter(queries)
        while block := list(islice(waiting, BLOCK)):
            seen = list(ordered_map(self._see, block, self.workers))
            vectors = [self._encoded(i, block, seen) for i in range(len(self.spaces))]
            looked_up = self._look_up(block, vectors)
            jobs = zip(seen, looked_up, strict=True)
            for (real, score, _), compared in zip(
                looked_up, ordered_map(lambda job: self._compare(*job), jobs, self.workers), strict=True
            ):
                yield real, score, compared

    def _see(self, query: Query) -> _Seen:
        """Decode a query and turn it every way; a fast encoder encodes right here, in this thread."""
        image = query.read()
        digest = image_digest(image) if self.memo is not None else ""
        return _Seen(
            canvas(image, self.size), tuple(self._turned(image, digest, space) for space in self.spaces), digest
        )

    def _turned(self, image: NDArray[np.float32], digest: str, space: Space) -> NDArray[np.float32]:
        """The image's views: vectors from a fast encoder, pictures for a slow one, nothing for a table."""
        encoder = space.encoder
        if not isinstance(encoder, PixelEncoder):
            return np.empty(0, dtype=np.float32)

        def pictures() -> NDArray[np.float32]:
            square = canvas(image, encoder.input_size, encoder.channels)
            return np.stack([view.apply(square) for view in views_for(space)])

        key = ("views", encoder.fingerprint, digest)
        if encoder.fast:
            return self._once(key, lambda: encoder.encode(pictures()))
        return np.empty(0, dtype=np.float32) if self.memo is not None and key in self.memo else pictures()

    def _once(self, key: Hashable, make: Callable[[], T]) -> T:
        return make() if self.memo is None else self.memo.once(key, make)

    def _encoded(self, i: int, block: list[Query], seen: list[_Seen]) -> NDArray[np.float32]:
        """(b, v, d) vectors of the block's views under encoder i."""
        encoder = self.spaces[i].encoder
        if isinstance(encoder, PixelEncoder):
            if encoder.fast:
                return np.stack([one.views[i] for one in seen])
            return self._encoded_slowly(encoder, [one.views[i] for one in seen], [one.digest for one in seen])
        given = [None if query.vectors is None else query.vectors.get(encoder.name) for query in block]
        if any(vector is None for vector in given):
            raise ValueError(f"encoder {encoder.name} cannot embed new images, and a query came without its vector")
        return np.stack([vector for vector in given if vector is not None])[:, None, :]

    def _encoded_slowly(
        self, encoder: PixelEncoder, views: list[NDArray[np.float32]], digests: list[str]
    ) -> NDArray[np.float32]:
        """(b, v, d) vectors of views given as pictures, all shown at once; remembered ones come as no pictures."""
        shown = [i for i, pictures in enumerate(views) if pictures.size]
        fresh: dict[int, NDArray[np.float32]] = {}
        if shown:
            stacked = np.concatenate([views[i] for i in shown])
            fresh = dict(zip(shown, encoder.encode(stacked).reshape(len(shown), -1, encoder.dim), strict=True))
        return np.stack(
            [
                self._once(("views", encoder.fingerprint, digest), partial(fresh.__getitem__, i))
                for i, digest in enumerate(digests)
            ]
        )

    def _look_up(
        self, block: list[Query], vectors: list[NDArray[np.float32]]
    ) -> list[tuple[NDArray[np.intp], NDArray[np.float64], list[View]]]:
        """For each query its candidates in the pool, best first: rows, scores, and the view each was found under."""
        excluded = np.array([query.patient for query in block], dtype=np.intp)
        found: list[set[int]] = [set() for _ in block]
        for space, turned in zip(self.spaces, vectors, strict=True):
            n, v, d = turned.shape
            near = top_k(
                turned.reshape(n * v, d),
                space.vectors,
                min(self.effort.per_view, len(self.pool)),
                exclude=(np.repeat(excluded, v), self.pool.patient),
                workers=self.workers,
            )
            for i, ids in enumerate(near.ids.reshape(n, -1)):
                found[i].update(int(row) for row in ids if row >= 0)
        return [
            self._scored(np.array(sorted(rows), dtype=np.intp), [turned[i] for turned in vectors])
            for i, rows in enumerate(found)
        ]

    def _scored(
        self, rows: NDArray[np.intp], vectors: list[NDArray[np.float32]]
    ) -> tuple[NDArray[np.intp], NDArray[np.float64], list[View]]:
        """The candidates of one query, best first, scored by all encoders together."""
        total = np.zeros(len(rows))
        start: list[View] = [View()] * len(rows)
        shown = next((i for i, space in enumerate(self.spaces) if isinstance(space.encoder, PixelEncoder)), -1)
        for i, (space, turned) in enumerate(zip(self.spaces, vectors, strict=True)):
            similarity = space.vectors[rows].astype(np.float64) @ turned.astype(np.float64).T
            background, spread = self._background[i]
            total += (similarity.max(axis=1) - background[rows]) / spread / len(self.spaces)
            if i == shown:
                views = views_for(space)
                start = [views[j] for j in similarity.argmax(axis=1)]
        order = np.lexsort((rows, -np.round(total, 6)))
        return rows[order], total[order], [start[j] for j in order]

    def _compare(self, seen: _Seen, looked_up: tuple[NDArray[np.intp], NDArray[np.float64], list[View]]) -> list[_Fine]:
        """Register the best candidates, and compare the best registered in detail."""
        rows, _, start = looked_up
        sides: dict[bool, Prepared] = {}
        registered: list[tuple[float, int, bool, NDArray[np.float32]]] = []
        taken: dict[int, int] = {}
        for row, view in zip(rows, start, strict=True):
            patient = int(self.pool.patient[row])
            if taken.get(patient, 0) >= self.effort.per_patient:
                continue
            taken[patient] = taken.get(patient, 0) + 1
            if view.flip not in sides:
                image = seen.canvas[:, ::-1] if view.flip else seen.canvas
                sides[view.flip] = prepare(np.ascontiguousarray(image))
            value, matrix = self._once(
                ("coarse", self.size, seen.digest, self.pool.digest(int(row)), view),
                partial(self._register, sides[view.flip], int(row), view),
            )
            registered.append((value, int(row), view.flip, matrix))
            if len(registered) >= self.effort.candidates:
                break
        registered.sort(key=lambda entry: (-round(entry[0], 6), entry[1]))
        return [
            _Fine(
                row,
                *self._once(
                    ("detail", self.size, seen.digest, self.pool.digest(row), flip, matrix.tobytes()),
                    partial(self._in_detail, sides[flip], row, matrix),
                ),
                flip=flip,
            )
            for _, row, flip, matrix in registered[: self.effort.refined]
        ]

    def _register(self, fixed: Prepared, row: int, view: View) -> tuple[float, NDArray[np.float32]]:
        return register_coarse(fixed, self.pool.prepared(row, self.size), view)

    def _in_detail(
        self, fixed: Prepared, row: int, coarse: NDArray[np.float32]
    ) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
        """Similarity of a pair by channel, and the map that brings the real image onto the query."""
        moving = self.pool.prepared(row, self.size)
        matrix = register_fine(fixed, moving, coarse)
        warped, inside = warp(moving.full, matrix)
        similarity, _ = channels(fixed.full, warped, inside)
        return np.round(similarity, 6), matrix
