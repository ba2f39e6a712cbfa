"""A cohort's vectors under an encoder; only what the cache does not know yet is decoded and encoded."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from synthaudit.cohort import Cohort, Role
from synthaudit.embedding_cache import EmbeddingCache
from synthaudit.embeddings import Embeddings, Encoder, PixelEncoder, TableEncoder
from synthaudit.errors import EncoderError, UsageError
from synthaudit.parallel import ordered_map
from synthaudit.pixels import canvas
from synthaudit.progress import Progress

UNIT_LENGTH_TOLERANCE = 1e-3
"""How far from 1 the length of a row may be; float32 rounding over thousands of dimensions stays far below."""


def embed(
    cohort: Cohort,
    encoder: PixelEncoder | TableEncoder,
    *,
    cache: EmbeddingCache | None = None,
    workers: int = 1,
    batch_size: int = 64,
    progress: Progress | None = None,
) -> Embeddings:
    """The vectors of a cohort, row for row.

    Images with equal pixels are encoded once. Each batch is kept in the cache as soon as it is encoded, so that a run
    that was interrupted, even killed, goes on where it was. Besides the result itself, no more than a batch and
    `4 * workers` canvases are in memory.

    Args:
        cohort: n images.
        encoder: One that sees pixels, or one that has a table of the user's vectors (that one needs no cache).
        cache: Where to look first, and to keep what was computed; None keeps nothing.
        workers: Threads that decode.
        batch_size: Images shown to the encoder at once. The last batch is filled up with copies of its last image, as
            kernels are chosen by shape: a vector should not depend on how many images happened to be left over.
        progress: Told how far it is.

    Returns:
        Vectors (n, d) float32, rows of unit length.

    Raises:
        EncoderError: The encoder gave another shape than it promised, NaN or infinity, or rows not of unit length.
        UnreadableImage: An image cannot be decoded (any more).
        UsageError: `batch_size` or `workers` is below 1.
    """
    if batch_size < 1 or workers < 1:
        raise UsageError(f"batch_size and workers must be at least 1, got {batch_size} and {workers}")
    if isinstance(encoder, PixelEncoder):
        batches = _Batches(cohort, encoder, workers, batch_size, progress or Progress())
        vectors = _encoded_once(batches, cache)
    else:
        vectors = _checked(encoder.rows(cohort.role.value, cohort.names), len(cohort), encoder, cohort.role)
    return Embeddings(encoder.name, encoder.fingerprint, vectors)


@dataclass(frozen=True, slots=True)
class _Batches:
    """How a cohort is shown to an encoder."""

    cohort: Cohort
    encoder: PixelEncoder
    workers: int
    size: int
    progress: Progress

    def of(self, rows: Sequence[int]) -> Generator[tuple[int, NDArray[np.float32]], None, None]:
        """Canvases of these rows of the cohort, `size` at a time, and how many of them count."""
        if not rows:
            return
        decoded = cast(
            "Generator[NDArray[np.float32], None, None]", ordered_map(self._decode, rows, workers=self.workers)
        )
        stage = f"embed {self.cohort.role} ({self.encoder.name})"
        with closing(decoded):
            batch: list[NDArray[np.float32]] = []
            for image in self.progress.track(decoded, stage, len(rows)):
                batch.append(image)
                if len(batch) == self.size:
                    yield self.size, np.stack(batch)
                    batch = []
            if batch:
                yield len(batch), np.stack(batch + [batch[-1]] * (self.size - len(batch)))

    def _decode(self, row: int) -> NDArray[np.float32]:
        return canvas(self.cohort.sources[row].read(), self.encoder.input_size, self.encoder.channels)


def _encoded_once(batches: _Batches, cache: EmbeddingCache | None) -> NDArray[np.float32]:
    """(n, d) vectors of the cohort: from the cache, else encoded, once for images with equal pixels."""
    cohort, encoder = batches.cohort, batches.encoder
    rows: dict[str, int] = {}
    for row, digest in enumerate(cohort.pixel_digests):
        rows.setdefault(digest, row)
    digests = list(rows)
    vectors = np.empty((len(digests), encoder.dim), dtype=np.float32)
    todo = np.arange(len(digests))
    if cache is not None:
        todo = np.flatnonzero(~cache.fetch(encoder.fingerprint, digests, vectors))
    done = 0
    with closing(batches.of([rows[digests[i]] for i in todo])) as shown:
        for count, images in shown:
            part = todo[done : done + count]
            vectors[part] = _checked(encoder.encode(images), len(images), encoder, cohort.role)[:count]
            if cache is not None:
                cache.keep(encoder.fingerprint, [digests[i] for i in part], vectors[part])
            done += count
    if cache is not None and cache.problem is not None:
        batches.progress.note(f"the cache of embeddings {cache.problem}: vectors are computed, and not kept")
    if len(digests) == len(cohort):
        return vectors
    place = {digest: i for i, digest in enumerate(digests)}
    return vectors[[place[digest] for digest in cohort.pixel_digests]]


def _checked(vectors: NDArray[np.float32], n: int, encoder: Encoder, role: Role) -> NDArray[np.float32]:
    """The vectors, if they are what an encoder must give for `n` images."""
    vectors = np.asarray(vectors)
    if vectors.shape != (n, encoder.dim):
        raise EncoderError(
            f"encoder {encoder.name} must give vectors of shape {(n, encoder.dim)} for {n} images, got {vectors.shape}"
        )
    if not np.isfinite(vectors).all():
        bad = int((~np.isfinite(vectors).all(axis=1)).sum())
        raise EncoderError(
            f"encoder {encoder.name} must give finite vectors, got NaN or infinity for {bad} of {n} {role} images; "
            "its weights are damaged, or do not suit its architecture"
        )
    length = np.sqrt(np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64))
    worst = float(length[np.abs(length - 1).argmax()]) if n else 1.0
    if abs(worst - 1) > UNIT_LENGTH_TOLERANCE:
        raise EncoderError(f"encoder {encoder.name} must give rows of unit length, got one of length {worst:.4g}")
    return vectors.astype(np.float32, copy=False)
