"""How well encoders tell these very images apart: measured on the real images, before anything rests on them.

No encoder is trusted by name. Each is looked at alone, and so is the combination that the search decides by. Everything
is drawn from the pool of real images, which does not know who was trained on.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from functools import partial

import numpy as np
from numpy.typing import NDArray

from synthaudit.canaries import alterations as alter
from synthaudit.canaries.transforms import PLANTED_PX
from synthaudit.embeddings import PixelEncoder
from synthaudit.index.exact import top_k
from synthaudit.matching.matcher import Effort, Matcher, Query
from synthaudit.matching.memo import Memo
from synthaudit.matching.pool import Pool, Space
from synthaudit.matching.strangers import sample_rows
from synthaudit.matching.views import View
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
NO_REGISTRATION = Effort(per_patient=0, refined=0)
"""The search up to the order of the candidates, which is the encoders' part of it."""


def searchers(evidence: Evidence) -> tuple[Matcher, tuple[Matcher, ...]]:
    """The search of this audit without registration: by all encoders together, and by each alone."""
    if len(evidence.matcher.spaces) == 1:
        together = copy.copy(evidence.matcher)  # shares what it already worked out of the pool
        together.effort = NO_REGISTRATION
        return together, (together,)
    memo = Memo()  # every view is encoded once, though it is asked for twice
    old = evidence.matcher

    def searcher(*chosen: Space) -> Matcher:
        return Matcher(
            old.pool,
            chosen,
            size=old.size,
            workers=old.workers,
            effort=NO_REGISTRATION,
            progress=old.progress,
            memo=memo,
        )

    return searcher(*old.spaces), tuple(searcher(space) for space in old.spaces)


def rows_to_alter(pool: Pool, rng: np.random.Generator) -> NDArray[np.intp]:
    """Pool rows whose images are altered and looked up: one a patient, at most 60."""
    return sample_rows(pool.patient, min(PATIENTS_TRIED, pool.n_patients), rng)


def found_again(matcher: Matcher, rows: NDArray[np.intp], evidence: Evidence) -> NDArray[np.bool_]:
    """(r,) bool: whether the altered image's best candidate is the image it was made of, or one of equal pixels."""
    pool = evidence.pool
    names = " + ".join(space.encoder.name for space in matcher.spaces)
    matches = matcher.match(_altered(evidence, rows), stage=f"fitness of {names}", total=len(rows))
    # Candidates of a query come best first.
    asked, first = np.unique(matches.query, return_index=True)
    found = np.zeros(len(rows), dtype=bool)
    for query, pair in zip(asked, first, strict=True):
        found[query] = pool.digest(int(matches.real[pair])) == pool.digest(int(rows[query]))
    return found


def _altered(evidence: Evidence, rows: NDArray[np.intp]) -> Iterator[Query]:
    """The rows' images, each altered in one mild way; each way equally often."""
    pool = evidence.pool
    turn = evidence.rng("fitness alterations").permutation(np.arange(len(rows)) % len(MILD))
    for row, which in zip(rows, turn, strict=True):

        def read(row: int = int(row), which: int = int(which)) -> NDArray[np.float32]:
            image = pool.read(row)
            square = canvas(image, min(PLANTED_PX, max(image.shape[:2])), 3 if image.ndim == 3 else 1)
            rng = evidence.rng(f"fitness {pool.digest(row)}")
            return np.ascontiguousarray(MILD[which](square, rng), dtype=np.float32)

        yield Query(read)


def combined(spaces: tuple[Space, ...], pool: Pool, rows: NDArray[np.intp]) -> NDArray[np.float32]:
    """(r, d) the rows' vectors under all encoders, such that inner products are averages of the encoders' cosines.

    Each cosine counts in units of its spread over the images' nearest strangers, as in the search.
    """
    weights = _weights(spaces, pool, rows)
    parts = [space.vectors[rows] * np.sqrt(weight) for space, weight in zip(spaces, weights, strict=True)]
    return np.concatenate(parts, axis=1).astype(np.float32)


def likeness(
    spaces: tuple[Space, ...], pool: Pool, first: NDArray[np.intp], second: NDArray[np.intp], compared: NDArray[np.intp]
) -> NDArray[np.float64]:
    """(f, s) how alike the images are, by all encoders; the first are looked at mirrored, too.

    As in the search, an encoder that can be shown images takes the better of both: a left breast is like a right one.

    Args:
        compared: Rows whose nearest strangers make the unit of each encoder.
    """
    total = np.zeros((len(first), len(second)))
    for space, weight in zip(spaces, _weights(spaces, pool, compared), strict=True):
        gallery = space.vectors[second].astype(np.float64)
        cosine = space.vectors[first].astype(np.float64) @ gallery.T
        if isinstance(space.encoder, PixelEncoder) and len(first):
            cosine = np.maximum(cosine, _mirrored(space.encoder, pool, first).astype(np.float64) @ gallery.T)
        total += weight * cosine
    return total


def _mirrored(encoder: PixelEncoder, pool: Pool, rows: NDArray[np.intp]) -> NDArray[np.float32]:
    """(r, d) vectors of the rows' images, left and right exchanged."""
    squares = (canvas(pool.read(int(row)), encoder.input_size, encoder.channels) for row in rows)
    return encoder.encode(np.stack([View(flip=True).apply(square) for square in squares]))


def _weights(spaces: tuple[Space, ...], pool: Pool, rows: NDArray[np.intp]) -> list[float]:
    """What a cosine of each encoder counts in their average."""
    if len(spaces) == 1:
        return [1.0]
    weights = []
    for space in spaces:
        groups = (pool.patient[rows], pool.patient[rows])
        nearest = top_k(space.vectors[rows], space.vectors[rows], 1, exclude=groups).scores[:, 0]
        known = nearest[np.isfinite(nearest)]
        spread = (float(known.std()) if known.size else 0.0) or 1.0
        weights.append(1 / (spread * len(spaces)))
    return weights


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
