"""How well encoders tell these very images apart: measured on the real images, before anything rests on them.

No encoder is trusted by name. Each is looked at alone, and so is the combination that the search decides by. Everything
is drawn from the pool of real images, which does not know who was trained on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import partial
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from synthaudit.canaries import alterations as alter
from synthaudit.canaries.transforms import PLANTED_PX
from synthaudit.embeddings import PixelEncoder
from synthaudit.matching.lookup import LookUp, Query
from synthaudit.matching.memo import Memo
from synthaudit.matching.pool import Pool
from synthaudit.matching.strangers import sample_rows
from synthaudit.matching.views import View
from synthaudit.parallel import ordered_map
from synthaudit.pixels import canvas
from synthaudit.probe import Evidence

PATIENTS_TRIED = 60
"""Patients of whom one image each is altered and looked up, and of whom two images each are compared."""
IMAGES_COMPARED = 1_000
"""Images among which effective rank and hubness are measured: both take time that grows faster than the images."""
MILD = (
    partial(alter.noise, sigma=0.05),
    partial(alter.blur, sigma=1 / 128),
    alter.flip,
    partial(alter.shift, share=0.05),
    partial(alter.crop, share=0.88),
    partial(alter.rotation, degrees=6.0),
    partial(alter.gamma, exponent=1.5),
)
"""What is done to an image before it is looked up, one of them to each: all that an encoder meets in the search."""


def searches(evidence: Evidence) -> tuple[LookUp, tuple[LookUp, ...]]:
    """The audit's search by all encoders together, and by each alone; nothing known of the pool is computed again."""
    used = evidence.matcher.look_up
    memo = Memo()  # every altered image is encoded once, though it is looked up twice

    def search(*chosen: int) -> LookUp:
        made = LookUp(
            used.pool,
            tuple(used.spaces[i] for i in chosen),
            per_view=used.per_view,
            size=used.size,
            workers=used.workers,
            progress=used.progress,
            memo=memo,
        )
        made.windows = tuple(used.windows[i] for i in chosen)
        made.background = tuple(used.background[i] for i in chosen)
        return made

    every = range(len(used.spaces))
    return search(*every), tuple(search(i) for i in every)


def rows_to_alter(pool: Pool, rng: np.random.Generator) -> NDArray[np.intp]:
    """Pool rows whose images are altered and looked up: one a patient, at most 60."""
    return sample_rows(pool.patient, min(PATIENTS_TRIED, pool.n_patients), rng)


def places(search: LookUp, rows: NDArray[np.intp], evidence: Evidence) -> NDArray[np.intp]:
    """(r,) where the image that each altered one was made of, or one of equal pixels, stands among its candidates.

    0 is first; -1 is not among those that the audit would go on to lay on it. Nothing is registered here: this is about
    the encoders' part of the search.
    """
    pool = evidence.pool
    stage = f"fitness of {' + '.join(space.encoder.name for space in search.spaces)}"
    queries = _altered(evidence, rows)
    seen = list(evidence.progress.track(ordered_map(search.see, queries, evidence.workers), stage, len(rows)))
    found = np.full(len(rows), -1, dtype=np.intp)
    for i, candidates in enumerate(search.candidates(queries, seen)):
        wanted = pool.digest(int(rows[i]))
        registered = islice(_registered(candidates.rows, evidence), evidence.matcher.effort.candidates)
        found[i] = next((place for place, row in enumerate(registered) if pool.digest(row) == wanted), -1)
    return found


def _registered(rows: NDArray[np.intp], evidence: Evidence) -> Iterator[int]:
    """The candidates, best first, no more of one patient than the audit goes on with."""
    taken: Counter[int] = Counter()
    for row in rows:
        patient = int(evidence.pool.patient[row])
        taken[patient] += 1
        if taken[patient] <= evidence.matcher.effort.per_patient:
            yield int(row)


def _altered(evidence: Evidence, rows: NDArray[np.intp]) -> list[Query]:
    """The rows' images, each altered in one mild way; each way equally often. Pixels are read when asked for."""
    pool = evidence.pool
    turn = evidence.rng("fitness alterations").permutation(np.arange(len(rows)) % len(MILD))

    def read(row: int, which: int) -> NDArray[np.float32]:
        image = pool.read(row)
        square = canvas(image, min(PLANTED_PX, max(image.shape[:2])), 3 if image.ndim == 3 else 1)
        rng = evidence.rng(f"fitness {pool.digest(row)}")
        return np.ascontiguousarray(MILD[which](square, rng), dtype=np.float32)

    return [Query(partial(read, int(row), int(which))) for row, which in zip(rows, turn, strict=True)]


def combined(search: LookUp, rows: NDArray[np.intp]) -> NDArray[np.float32]:
    """(r, d) the rows' vectors under all encoders, such that inner products are averages of the encoders' cosines."""
    parts = [
        space.vectors[rows] * np.sqrt(weight) for space, weight in zip(search.spaces, _weights(search), strict=True)
    ]
    return np.concatenate(parts, axis=1).astype(np.float32)


def likeness(search: LookUp, first: NDArray[np.intp], second: NDArray[np.intp]) -> NDArray[np.float64]:
    """(f, s) how alike the images of these rows are, by all encoders; the first are looked at mirrored, too.

    As in the search, an encoder that can be shown images takes the better of both: a left breast is like a right one.
    """
    total = np.zeros((len(first), len(second)))
    for space, weight in zip(search.spaces, _weights(search), strict=True):
        gallery = space.vectors[second].astype(np.float64)
        cosine = space.vectors[first].astype(np.float64) @ gallery.T
        if isinstance(space.encoder, PixelEncoder) and len(first):
            cosine = np.maximum(cosine, _mirrored(space.encoder, search.pool, first).astype(np.float64) @ gallery.T)
        total += weight * cosine
    return total


def _mirrored(encoder: PixelEncoder, pool: Pool, rows: NDArray[np.intp]) -> NDArray[np.float32]:
    """(r, d) vectors of the rows' images, left and right exchanged."""
    squares = (canvas(pool.read(int(row)), encoder.input_size, encoder.channels) for row in rows)
    return encoder.encode(np.stack([View(flip=True).apply(square) for square in squares]))


def _weights(search: LookUp) -> list[float]:
    """What a cosine of each encoder counts in their average: it is in units of its spread, as in the search."""
    if len(search.spaces) == 1:
        return [1.0]
    return [1 / (one.spread * len(search.spaces)) for one in search.background]


def two_images_each(pool: Pool, rng: np.random.Generator) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Pool rows of two images of different pixels, a pair for each patient who has them, at most 60 patients."""
    first, second = [], []
    for patient in rng.permutation(np.flatnonzero(pool.images_of > 1)):
        rows = rng.permutation(np.flatnonzero(pool.patient == patient))
        other = next((row for row in rows[1:] if pool.digest(int(row)) != pool.digest(int(rows[0]))), None)
        if other is not None:
            first.append(int(rows[0]))
            second.append(int(other))
        if len(first) >= PATIENTS_TRIED:
            break
    return np.array(first, dtype=np.intp), np.array(second, dtype=np.intp)
