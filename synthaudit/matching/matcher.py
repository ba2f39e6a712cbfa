"""From a query image to the real images it may be a copy of: look up under views, register, compare detail.

Used three times with one rule: for the synthetic images, for real images looking for *strangers* (what honest pairs
look like), and for planted copies (what this audit would have found). It never learns who was trained on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from synthaudit.embeddings import PixelEncoder
from synthaudit.matching.compare import Compared, Comparison, Effort
from synthaudit.matching.kept import KeptBlocks, block_key
from synthaudit.matching.lookup import Candidates, LookUp, Query
from synthaudit.matching.memo import NOTHING, Memo
from synthaudit.matching.pool import Pool, Space
from synthaudit.matching.similarity import CHANNELS
from synthaudit.parallel import ordered_map
from synthaudit.progress import Progress

BLOCK = 256


@dataclass(frozen=True, slots=True, eq=False)
class Matches:
    """What was found for a list of queries.

    Attributes:
        n_queries: How many were looked up.
        query, real, score: (c,) candidate pairs: query number, pool row, background-corrected similarity.
        fine_query, fine_real: (r,) the pairs compared in detail.
        similarity: (r, 6) detail correlation by channel.
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


class Matcher:
    """Looks queries up in the pool.

    Args:
        pool: The real images.
        spaces: The encoders used, with the pool's vectors; their scores are averaged before anything is decided.
        size: Side of the working canvas, in pixels.
        workers: Threads; the answer does not depend on it.
        memo: Where to keep what was computed of queries and pairs, for audits of the same images to come; None keeps
            nothing.
        kept: Where to keep what was found of whole blocks of queries, for the same audit started again; likewise.
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
        kept: KeptBlocks | None = None,
    ) -> None:
        self.pool = pool
        self.spaces = spaces
        self.size = size
        self.workers = workers
        self.effort = effort or Effort()
        self.progress = progress or Progress()
        self.kept = kept
        known = memo if memo is not None else NOTHING
        self.look_up = LookUp(
            pool,
            spaces,
            per_view=self.effort.per_view,
            size=size,
            workers=workers,
            progress=self.progress,
            memo=known,
        )
        self.comparison = Comparison(pool, size=size, effort=self.effort, memo=known)

    def query_of_stranger(self, row: int) -> Query:
        """A real image of the pool that looks for images of other patients."""
        vectors = {space.encoder.name: space.vectors[row] for space in self.spaces}
        return Query(lambda: self.pool.read(row), int(self.pool.patient[row]), vectors, self.pool.digest(row))

    def match(self, queries: Iterable[Query], *, stage: str, total: int) -> Matches:
        """Look up `total` queries, reporting progress as `stage`."""
        self.look_up.prepare()
        found = list(self.progress.track(self._matched(queries), stage, total))
        flat = [(number, one) for number, (_, compared) in enumerate(found) for one in compared]
        return Matches(
            n_queries=len(found),
            query=np.repeat(np.arange(len(found)), [len(candidates.rows) for candidates, _ in found]),
            real=np.concatenate([np.empty(0, dtype=np.intp), *(candidates.rows for candidates, _ in found)]),
            score=np.concatenate([np.empty(0), *(candidates.scores for candidates, _ in found)]),
            fine_query=np.array([number for number, _ in flat], dtype=np.intp),
            fine_real=np.array([one.real for _, one in flat], dtype=np.intp),
            similarity=np.array([one.similarity for _, one in flat]).reshape(-1, len(CHANNELS)),
            flip=np.array([one.flip for _, one in flat], dtype=bool),
            matrix=np.array([one.matrix for _, one in flat], dtype=np.float32).reshape(-1, 2, 3),
        )

    def _matched(self, queries: Iterable[Query]) -> Iterator[tuple[Candidates, list[Compared]]]:
        """Candidates and detailed comparisons of each query, in order; memory is that of one block."""
        waiting = iter(queries)
        while block := list(islice(waiting, BLOCK)):
            key = self._key(block)
            kept = self.kept.fetch(key) if self.kept is not None and key else None
            if kept is None:
                kept = []
                for one in self._block(block):
                    kept.append(one)
                    yield one
                if self.kept is not None and key:
                    self.kept.keep(key, kept)
            else:
                yield from kept

    def _block(self, queries: list[Query]) -> Iterator[tuple[Candidates, list[Compared]]]:
        seen = list(ordered_map(self.look_up.see, queries, self.workers))
        found = self.look_up.candidates(queries, seen)
        jobs = zip(seen, found, strict=True)
        compared = ordered_map(lambda job: self.comparison.compare(*job), jobs, self.workers)
        yield from zip(found, compared, strict=True)

    def _key(self, queries: list[Query]) -> str:
        """Under what a block is kept; empty if it is not."""
        if self.kept is None or not all(isinstance(space.encoder, PixelEncoder) for space in self.spaces):
            return ""
        return block_key(self._setting, [one.digest and f"{one.digest} {one.patient}" for one in queries])

    @cached_property
    def _setting(self) -> str:
        """Everything besides the queries that a result depends on."""
        pool = hashlib.sha256(self.pool.patient.tobytes())
        for row in range(len(self.pool)):
            pool.update(self.pool.digest(row).encode())
        encoders = [f"{space.encoder.name} {space.encoder.fingerprint}" for space in self.spaces]
        return repr((pool.hexdigest(), encoders, self.size, self.effort))
