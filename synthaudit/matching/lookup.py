"""From query images to the real images they may be copies of, by their vectors: turned, cut, looked up, ranked."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
from numpy.typing import NDArray

from synthaudit.embeddings import PixelEncoder
from synthaudit.index.exact import top_k
from synthaudit.matching.memo import Memo, image_digest
from synthaudit.matching.pool import Pool, Space
from synthaudit.matching.views import BESIDE_WINDOWS, FEW, MANY, WINDOWS, Start, View
from synthaudit.parallel import ordered_map
from synthaudit.pixels import canvas
from synthaudit.progress import Progress

LARGEST_WINDOWED = 5_000
"""Real images above which they are not cut into windows (200 MB of vectors): queries are shrunk instead."""
BACKGROUND_NEIGHBORS = 3
"""How many strangers' similarities make an image's background (score normalization, k small)."""


@dataclass(frozen=True, slots=True, eq=False)
class Query:
    """One image to look up.

    Attributes:
        read: Gives the image, (h, w) or (h, w, 3) float32 in [0, 1].
        patient: Pool patient whose images must not be found (for strangers); -1 for none.
        vectors: Encoder name -> (d,) vector, for encoders that cannot be shown an image.
        digest: Of the pixels, where known: what was found is then kept for an audit that is started again.
    """

    read: Callable[[], NDArray[np.float32]]
    patient: int = -1
    vectors: dict[str, NDArray[np.float32]] | None = None
    digest: str = ""


@dataclass(frozen=True, eq=False)
class Seen:
    """One query after decoding.

    Attributes:
        canvas: (s, s) float32, on which it is compared.
        views: For each encoder its views: as vectors if it is fast, as pictures if not, nothing for a table.
        digest: Of the image as read, where a memo asks for it.
    """

    canvas: NDArray[np.float32]
    views: tuple[NDArray[np.float32], ...]
    digest: str


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """The real images one query may be a copy of, best first.

    Attributes:
        rows: (c,) of the pool.
        scores: (c,) background-corrected similarity, averaged over the encoders.
        starts: Under which view, and in which window, each was found.
    """

    rows: NDArray[np.intp]
    scores: NDArray[np.float64]
    starts: tuple[Start, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Background:
    """How alike each real image is to strangers: what is subtracted from its similarity to a query.

    Attributes:
        whole: (n,) mean similarity of the image to its nearest strangers.
        windows: (n,) the same of its likest window; None where images are not cut.
        spread: Standard deviation of the similarity to the nearest stranger, over the images.
    """

    whole: NDArray[np.float64]
    windows: NDArray[np.float64] | None
    spread: float


def _mean(near: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,) mean of those that there are; 0 where there are none."""
    return np.asarray(np.nansum(near, axis=1) / np.maximum(1, (~np.isnan(near)).sum(axis=1)))


def views_for(space: Space) -> tuple[View, ...]:
    """The views under which queries are looked up with this encoder."""
    if not isinstance(space.encoder, PixelEncoder):
        return (View(),)
    return MANY if space.encoder.fast else FEW


class LookUp:
    """Finds candidates in the pool.

    Args:
        pool: The real images.
        spaces: The encoders used, with the pool's vectors; their scores are averaged before anything is decided.
        per_view: Neighbors taken for each view.
        size: Side of the working canvas, in pixels.
        workers: Threads; the answer does not depend on it.
        memo: What is known of queries already.
    """

    def __init__(
        self,
        pool: Pool,
        spaces: tuple[Space, ...],
        *,
        per_view: int,
        size: int,
        workers: int,
        progress: Progress,
        memo: Memo,
    ) -> None:
        self.pool = pool
        self.spaces = spaces
        self.per_view = per_view
        self.size = size
        self.workers = workers
        self.progress = progress
        self.memo = memo

    @cached_property
    def background(self) -> tuple[Background, ...]:
        """What each real image's similarities are compared with, an encoder each.

        Subtracting it (Pizzi et al. 2022, arXiv 2202.10261) keeps images that resemble everyone from looking copied.
        """
        found = []
        for space, windows in zip(self.spaces, self.windows, strict=True):
            near = self._strangers_of(space.vectors[:, None, :], space.vectors)
            nearest = near[:, 0][~np.isnan(near[:, 0])]  # none where all images are one patient's
            spread = (float(nearest.std()) if nearest.size else 0.0) or 1.0
            cut = None if windows is None else _mean(self._strangers_of(windows, space.vectors))
            found.append(Background(_mean(near), cut, spread))
        return tuple(found)

    def _strangers_of(self, parts: NDArray[np.float32], base: NDArray[np.float32]) -> NDArray[np.float64]:
        """(n, 3) similarity of each image's likest strangers, by its likest part, from (n, p, d); nan where none is."""
        n, p, d = parts.shape
        groups = (np.repeat(self.pool.patient, p), self.pool.patient)
        near = top_k(parts.reshape(n * p, d), base, BACKGROUND_NEIGHBORS, exclude=groups, workers=self.workers)
        found = np.full((n, BACKGROUND_NEIGHBORS), np.nan)
        for i, (ids, scores) in enumerate(zip(near.ids.reshape(n, -1), near.scores.reshape(n, -1), strict=True)):
            best: dict[int, float] = {}
            for one, score in zip(ids, scores, strict=True):
                if one >= 0:
                    best[int(one)] = max(best.get(int(one), -1.0), float(score))
            top = sorted(best.values(), reverse=True)[:BACKGROUND_NEIGHBORS]
            found[i, : len(top)] = top
        return found

    @cached_property
    def windows(self) -> tuple[NDArray[np.float32] | None, ...]:
        """For each encoder: (n, w, d) vectors of the real images' windows; None for those that are not fast."""
        return tuple(self._cut(space) if self._in_windows(space) else None for space in self.spaces)

    def _in_windows(self, space: Space) -> bool:
        return isinstance(space.encoder, PixelEncoder) and space.encoder.fast and len(self.pool) <= LARGEST_WINDOWED

    def views(self, space: Space) -> tuple[View, ...]:
        """The views under which queries are looked up in this audit."""
        return BESIDE_WINDOWS if self._in_windows(space) else views_for(space)

    def _cut(self, space: Space) -> NDArray[np.float32]:
        encoder = space.encoder
        assert isinstance(encoder, PixelEncoder)  # noqa: S101  (asked before)
        side = encoder.input_size

        def vectors(row: int) -> NDArray[np.float32]:
            whole = canvas(self.pool.read(row), round(side / WINDOWS[0].share), encoder.channels)
            return encoder.encode(np.stack([window.cut(whole, side) for window in WINDOWS]))

        def known(row: int) -> NDArray[np.float32]:
            return self.memo.once(("windows", encoder.fingerprint, self.pool.digest(row)), partial(vectors, row))

        stage = f"windows ({encoder.name})"
        rows = self.progress.track(ordered_map(known, range(len(self.pool)), self.workers), stage, len(self.pool))
        return np.stack(list(rows))

    def prepare(self) -> None:
        """Everything that is computed once for the pool, with its progress, before the first query."""
        _ = self.windows, self.background

    def candidates(self, queries: list[Query], seen: list[Seen]) -> list[Candidates]:
        """The candidates of each query."""
        return self._look_up(queries, [self._encoded(i, queries, seen) for i in range(len(self.spaces))])

    def see(self, query: Query) -> Seen:
        """Decode a query and turn it every way; a fast encoder encodes right here, in this thread."""
        image = query.read()
        digest = image_digest(image) if self.memo.keeps else ""
        return Seen(
            canvas(image, self.size), tuple(self._turned(image, digest, space) for space in self.spaces), digest
        )

    def _turned(self, image: NDArray[np.float32], digest: str, space: Space) -> NDArray[np.float32]:
        """The image's views: vectors from a fast encoder, pictures for a slow one, nothing for a table."""
        encoder = space.encoder
        if not isinstance(encoder, PixelEncoder):
            return np.empty(0, dtype=np.float32)

        def pictures() -> NDArray[np.float32]:
            square = canvas(image, encoder.input_size, encoder.channels)
            return np.stack([view.apply(square) for view in self.views(space)])

        key = self._views_key(space, digest)
        if encoder.fast:
            return self.memo.once(key, lambda: encoder.encode(pictures()))
        return np.empty(0, dtype=np.float32) if key in self.memo else pictures()

    def _views_key(self, space: Space, digest: str) -> Hashable:
        return "views", space.encoder.fingerprint, len(self.views(space)), digest

    def _encoded(self, i: int, block: list[Query], seen: list[Seen]) -> NDArray[np.float32]:
        """(b, v, d) vectors of the block's views under encoder i."""
        encoder = self.spaces[i].encoder
        if isinstance(encoder, PixelEncoder):
            if encoder.fast:
                return np.stack([one.views[i] for one in seen])
            return self._encoded_slowly(i, encoder, [one.views[i] for one in seen], [one.digest for one in seen])
        given = [None if query.vectors is None else query.vectors.get(encoder.name) for query in block]
        if any(vector is None for vector in given):
            raise ValueError(f"encoder {encoder.name} cannot embed new images, and a query came without its vector")
        return np.stack([vector for vector in given if vector is not None])[:, None, :]

    def _encoded_slowly(
        self, i: int, encoder: PixelEncoder, views: list[NDArray[np.float32]], digests: list[str]
    ) -> NDArray[np.float32]:
        """(b, v, d) vectors of views given as pictures, all shown at once; remembered ones come as no pictures."""
        shown = [i for i, pictures in enumerate(views) if pictures.size]
        fresh: dict[int, NDArray[np.float32]] = {}
        if shown:
            stacked = np.concatenate([views[i] for i in shown])
            fresh = dict(zip(shown, encoder.encode(stacked).reshape(len(shown), -1, encoder.dim), strict=True))
        return np.stack(
            [
                self.memo.once(self._views_key(self.spaces[i], digest), partial(fresh.__getitem__, k))
                for k, digest in enumerate(digests)
            ]
        )

    def _look_up(self, block: list[Query], vectors: list[NDArray[np.float32]]) -> list[Candidates]:
        excluded = np.array([query.patient for query in block], dtype=np.intp)
        found: list[set[int]] = [set() for _ in block]
        for space, windows, turned in zip(self.spaces, self.windows, vectors, strict=True):
            n, v, d = turned.shape
            asking, asked_by = turned.reshape(n * v, d), np.repeat(excluded, v)
            bases = [(space.vectors, 1)]
            if windows is not None:
                bases.append((windows.reshape(-1, d), windows.shape[1]))
            for base, parts in bases:
                near = top_k(
                    asking,
                    base,
                    min(self.per_view, len(base)),
                    exclude=(asked_by, np.repeat(self.pool.patient, parts)),
                    workers=self.workers,
                )
                for i, ids in enumerate(near.ids.reshape(n, -1)):
                    found[i].update(int(one) // parts for one in ids if one >= 0)
        return [
            self._scored(np.array(sorted(rows), dtype=np.intp), [turned[i] for turned in vectors])
            for i, rows in enumerate(found)
        ]

    def _scored(self, rows: NDArray[np.intp], vectors: list[NDArray[np.float32]]) -> Candidates:
        """The candidates of one query, scored by all encoders together."""
        total = np.zeros(len(rows))
        start = [Start()] * len(rows)
        shown = next((i for i, space in enumerate(self.spaces) if isinstance(space.encoder, PixelEncoder)), -1)
        for i, (space, turned) in enumerate(zip(self.spaces, vectors, strict=True)):
            views, background = self.views(space), self.background[i]
            similarity = space.vectors[rows].astype(np.float64) @ turned.astype(np.float64).T
            above, view = similarity.max(axis=1) - background.whole[rows], similarity.argmax(axis=1)
            begin = [Start(views[j]) for j in view]
            windows = self.windows[i]
            if windows is not None and background.windows is not None and len(rows):
                cut = (windows[rows] @ turned.T).reshape(len(rows), -1)
                in_window, where = cut.max(axis=1) - background.windows[rows], cut.argmax(axis=1)
                for k in np.flatnonzero(in_window > above):
                    window, j = divmod(int(where[k]), len(views))
                    begin[k] = Start(views[j], WINDOWS[window])
                above = np.maximum(above, in_window)
            total += above / background.spread / len(self.spaces)
            if i == shown:
                start = begin
        order = np.lexsort((rows, -np.round(total, 6)))
        return Candidates(rows[order], total[order], tuple(start[j] for j in order))
