"""Direct evidence: pairs of a synthetic and a real image that are one picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from synthaudit.cohort import Cohort
from synthaudit.finding import Pair
from synthaudit.matching.matcher import Matches
from synthaudit.matching.pool import Pool
from synthaudit.matching.registration import in_words, warp
from synthaudit.matching.strangers import Strangers
from synthaudit.pixels import canvas

EQUAL = 0.95
"""What the annex prints as asked for, where only equal pixels could be looked for."""
LEAST_CONTRAST = 1e-3
"""Standard deviation of the gray values below which an image is blank and shows no one."""


@dataclass(frozen=True, slots=True)
class DirectPair:
    """A synthetic image (its number) and a pool row that are one picture.

    Attributes:
        likeness: In robust standard deviations above the median stranger; inf for equal pixels where no scale exists.
        similarity, threshold: Detail correlation of the channel that says so, and what it had to exceed.
        proven: Whether the pair alone makes an audit fail; otherwise someone has to look at it.
        match: Number of the compared pair in the matches; -1 if only the pixels' digest was compared.
    """

    query: int
    real: int
    likeness: float
    similarity: float
    threshold: float
    proven: bool
    match: int


def shows_something(image: NDArray[np.float32]) -> bool:
    """Whether an image is more than blank: two blank images are equal and show no one."""
    return float(np.std(image)) > LEAST_CONTRAST


def equal_pixels(digests: Sequence[str], pool: Pool) -> list[tuple[int, int]]:
    """(query, pool row) of all images with equal pixels, blank ones left out."""
    rows: dict[str, list[int]] = {}
    for row in range(len(pool)):
        rows.setdefault(pool.digest(row), []).append(row)
    found = []
    for query, digest in enumerate(digests):
        same = rows.get(digest, [])
        if same and shows_something(pool.read(same[0])):
            found += [(query, row) for row in same]
    return found


def direct_pairs(
    matches: Matches | None, strangers: Strangers | None, identical: Sequence[tuple[int, int]]
) -> list[DirectPair]:
    """All pairs above the strangers' threshold, and all of equal pixels; most alike first."""
    found: dict[tuple[int, int], DirectPair] = {}
    if matches is not None and strangers is not None:
        likeness, beyond_doubt = strangers.likeness(matches.similarity), strangers.proves(matches.similarity)
        for i in np.flatnonzero(likeness > strangers.threshold):
            channel = int(strangers.by_channel(matches.similarity[i : i + 1]).argmax())
            limit = strangers.correlation(strangers.threshold, channel)
            key = (int(matches.fine_query[i]), int(matches.fine_real[i]))
            similarity = float(matches.similarity[i, channel])
            found[key] = DirectPair(*key, float(likeness[i]), similarity, limit, bool(beyond_doubt[i]), int(i))
    best = max((pair.likeness for pair in found.values()), default=np.inf)
    limit = EQUAL if strangers is None else strangers.correlation(strangers.threshold, 0)
    for query, row in identical:
        known = found.get((query, row))
        if known is None:
            found[query, row] = DirectPair(query, row, best, 1.0, limit, True, -1)
        elif not known.proven:
            found[query, row] = replace(known, proven=True)
    return sorted(found.values(), key=lambda pair: (-pair.likeness, pair.query, pair.real))


def _bytes(image: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Gray values between the 1 % and 99 % quantiles, as 8 bits."""
    low, high = np.quantile(image, [0.01, 0.99])
    return np.asarray(np.clip((image - low) / max(float(high - low), 1e-6), 0, 1) * 255, dtype=np.uint8)


def picture(pair: DirectPair, matches: Matches | None, synthetic: Cohort, pool: Pool, size: int) -> Pair:
    """The two images side by side, registered, for the annex."""
    fixed = canvas(synthetic.sources[pair.query].read(), size)
    real = canvas(pool.read(pair.real), size)
    registered, words = real, "equal pixels"
    if matches is not None and pair.match >= 0:
        flip, matrix = bool(matches.flip[pair.match]), matches.matrix[pair.match]
        registered, _ = warp(real, matrix)
        if flip:
            registered = np.ascontiguousarray(registered[:, ::-1])
        words = in_words(flip, matrix, size)
    shown, brought = _bytes(fixed), _bytes(registered)
    difference = np.abs(shown.astype(np.int16) - brought).astype(np.uint8)
    return Pair(shown, _bytes(real), brought, difference, words, pair.similarity, pair.threshold)
