"""Is a part of a synthetic image a part of a patient's image?

Whole-image registration misses a region, a device or a burned-in mark put into another picture: most of the canvas
disagrees. So parts are looked up by patches, moved into place, and compared window by window. What is "too alike" is
learned as for whole images: from real images that look for their likest part in images of *other* patients. Each window
size has its own scale and its own bars, because small windows of strangers are more alike than large ones.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthaudit.errors import NotEnoughData
from synthaudit.matching.pool import Pool
from synthaudit.matching.regions_compare import RegionMatch, compare, window_sides
from synthaudit.matching.regions_detail import DetailStore
from synthaudit.matching.regions_search import PatchSearch
from synthaudit.matching.strangers import (
    LEAST_FOR_PROOF,
    LEAST_PATIENTS_FOR_PROOF,
    LEAST_STRANGERS,
    PROOF_ALARMS,
    SUSPECT_ALARMS,
    bar,
    sample_rows,
)
from synthaudit.parallel import ordered_map
from synthaudit.pixels import canvas
from synthaudit.progress import Progress

Image = NDArray[np.float32]

LARGEST_SAMPLE = 160
LEAST_SPREAD = 0.005
SUSPECT_MARGIN, PROOF_MARGIN = 2.0, 3.5
"""Least distance of each bar from the most alike strangers seen. Wider than for whole images: the best of many windows
has a longer tail than a normal one, and a marker on a film can lie alike in two of a hundred."""
SAME_PICTURE, ALONE = 0.8, 0.3
"""Two patients share a picture if their largest windows correlate above the first, and above other patients by the
second: such pairs must not teach the audit that shared parts are normal."""


@dataclass(frozen=True, slots=True, eq=False)
class RegionMatches:
    """What was found for a list of queries.

    Attributes:
        found: For each query and window size the likest part, or None.
        scores: (q, sizes) what sets it apart; -inf where there is none.
        rows: (q, sizes) pool rows; -1 where there is none.
    """

    found: tuple[tuple[RegionMatch | None, ...], ...]
    scores: NDArray[np.float64]
    rows: NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class RegionScale:
    """The scale on which parts are judged.

    Attributes:
        center, spread: (sizes,) median and robust standard deviation of the strangers' scores.
        suspect, proof: (sizes,) bars in those standard deviations; `proof` is inf with too few strangers.
        n_images, n_patients: Strangers, and patients among them.
    """

    center: NDArray[np.float64]
    spread: NDArray[np.float64]
    suspect: NDArray[np.float64]
    proof: NDArray[np.float64]
    n_images: int
    n_patients: int

    def likeness(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """(q, sizes) scores in robust standard deviations above the median stranger."""
        return np.asarray((scores - self.center) / self.spread)


@dataclass(frozen=True, slots=True)
class RegionPair:
    """A synthetic image (its number) of which a part is a part of a pool row.

    Attributes:
        likeness: In robust standard deviations above the median stranger of that window size.
        threshold: The similarity that the window had to exceed, other patients' being what it is.
        proven: Whether the pair alone makes an audit fail; otherwise someone has to look at it.
    """

    query: int
    match: RegionMatch
    likeness: float
    threshold: float
    proven: bool


class RegionMatcher:
    """Looks for parts of images in the pool.

    Args:
        pool: The real images; who was trained on is never looked at.
        size: Side of the working canvas, in pixels.
        workers: Threads; the answer does not depend on it.
    """

    def __init__(self, pool: Pool, *, size: int, workers: int = 1, progress: Progress | None = None) -> None:
        self.pool, self.size, self.workers = pool, size, workers
        self.progress = progress or Progress()
        self.sides = window_sides(size)
        self.store = DetailStore(self.canvas)
        self.search = PatchSearch(self.canvas, pool.patient, size=size, workers=workers)

    def canvas(self, row: int) -> Image:
        """Canvas of a pool row."""
        return canvas(self.pool.read(row), self.size)

    def match(
        self, n: int, read: Callable[[int], Image], *, stage: str, excluded: NDArray[np.intp] | None = None
    ) -> RegionMatches:
        """The likest part of each of `n` images, for each window size.

        Args:
            read: Image i, (h, w) or (h, w, 3) float32 in [0, 1]; may be called more than once.
            stage: For the progress.
            excluded: (n,) pool patients whose images must not be found; None to exclude nobody.
        """

        def squared(i: int) -> Image:
            return canvas(read(i), self.size)

        nobody = np.full(n, -1, dtype=np.intp)
        candidates = self.search.look_up(n, squared, nobody if excluded is None else excluded)
        compared = ordered_map(
            lambda i: compare(squared(i), candidates[i], self.store, self.pool.patient, self.sides),
            range(n),
            self.workers,
        )
        found = tuple(tuple(one) for one in self.progress.track(compared, stage, n))
        shape = (n, len(self.sides))
        scores = np.array([[-np.inf if m is None else m.score for m in one] for one in found]).reshape(shape)
        rows = np.array([[-1 if m is None else m.row for m in one] for one in found], dtype=np.intp).reshape(shape)
        return RegionMatches(found, scores, rows)


def region_scale(matcher: RegionMatcher, *, n_queries: int, rng: np.random.Generator) -> RegionScale:
    """Measure how alike parts of strangers' images are.

    Args:
        n_queries: How many synthetic images will be judged.

    Raises:
        NotEnoughData: Fewer than 20 real images have a stranger to be compared with.
    """
    patient = matcher.pool.patient
    asking = sample_rows(patient, LARGEST_SAMPLE, rng)
    matches = matcher.match(
        len(asking), lambda i: matcher.pool.read(int(asking[i])), stage="parts of strangers", excluded=patient[asking]
    )
    usable = np.isfinite(matches.scores).all(axis=1) & ~_share_a_picture(matches)
    if np.count_nonzero(usable) < LEAST_STRANGERS:
        raise NotEnoughData(
            f"knowing how alike parts of strangers' images are needs at least {LEAST_STRANGERS} real images that have "
            f"a stranger with another picture, got {np.count_nonzero(usable)}; add holdout images of more patients"
        )
    scores = matches.scores[usable]
    center = np.median(scores, axis=0)
    spread = np.maximum(1.4826 * np.median(np.abs(scores - center), axis=0), LEAST_SPREAD)
    best = (scores - center) / spread
    whose = patient[asking[usable]]
    n_patients = len(np.unique(whose))

    def bars(alarms: float, margin: float) -> NDArray[np.float64]:
        """One bar a window size; they share the alarms."""
        share = alarms / best.shape[1]
        return np.array([bar(column, whose, n_queries, share, margin, rng) for column in best.T])

    enough = len(scores) >= LEAST_FOR_PROOF and n_patients >= LEAST_PATIENTS_FOR_PROOF
    suspect, proof = bars(SUSPECT_ALARMS, SUSPECT_MARGIN), bars(PROOF_ALARMS, PROOF_MARGIN)
    return RegionScale(
        center, spread, suspect, proof if enough else np.full(len(proof), np.inf), len(scores), n_patients
    )


def _share_a_picture(matches: RegionMatches) -> NDArray[np.bool_]:
    """(q,) strangers who are one person under two ids, or one picture filed twice."""
    shared = np.zeros(len(matches.found), dtype=bool)
    for i, one in enumerate(matches.found):
        largest = one[-1]
        if largest is not None:
            alone = largest.similarity - float(np.tanh(largest.others)) > ALONE
            shared[i] = alone and largest.similarity > SAME_PICTURE
    return shared


def region_pairs(matches: RegionMatches, scale: RegionScale, pool: Pool) -> list[RegionPair]:
    """All parts above their bar, the best window of each query and patient; most alike first."""
    likeness = scale.likeness(matches.scores)
    found: dict[tuple[int, int], RegionPair] = {}
    for query, channel in zip(*np.nonzero(likeness > scale.suspect), strict=True):
        match = matches.found[query][channel]
        if match is None:
            continue
        bar = scale.center[channel] + scale.suspect[channel] * scale.spread[channel]
        one = RegionPair(
            int(query),
            match,
            float(likeness[query, channel]),
            float(np.tanh(bar + match.window.alike - match.score)),
            bool(likeness[query, channel] > scale.proof[channel]),
        )
        key = (int(query), int(pool.patient[match.row]))
        known = found.get(key)
        if known is None or (one.proven, one.likeness) > (known.proven, known.likeness):
            found[key] = one
    return sorted(found.values(), key=lambda one: (-one.likeness, one.query, one.match.row))
