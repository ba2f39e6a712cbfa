"""How alike two different people can look: the yardstick for "too alike".

Each real image of a sample looks for its likeliest *stranger* among the real images of other patients, by the same
search and registration that the synthetic images go through. What it finds is what an honest, perfect generator would
be compared with. A fixed threshold cannot do this: .8 is nothing on mammograms and proof on chest films.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from synthaudit.errors import NotEnoughData
from synthaudit.matching.matcher import Matcher, Matches

LEAST_STRANGERS = 20
LARGEST_SAMPLE = 400
TAIL_SHARE = 1 / 3
SUSPECT_ALARMS, PROOF_ALARMS = 1e-2, 1e-4
"""Expected number of honest synthetic images above each bar, over a whole audit, if the tail is normal."""
SUSPECT_MARGIN, PROOF_MARGIN = 1.0, 2.0
"""Least distance of each bar from the most alike strangers seen, in robust standard deviations."""
LEAST_SPREAD = 0.005
SAME_PICTURE = 0.95
FAR_OUT = 5.0
"""Fine detail of one picture filed twice correlates above the first and lies this many spreads above the median
stranger; small pictures of strangers come near the first alone."""


@dataclass(frozen=True, slots=True, eq=False)
class Strangers:
    """The scale on which pairs are judged.

    Attributes:
        center, spread: (4,) median and robust standard deviation of each channel over the strangers' best pairs.
        best: (q,) how alike each sampled image's most alike stranger is; in robust standard deviations.
        threshold: Above it a pair is direct evidence: the patient is named, and someone has to look at the pair.
        proof: Above it the pair alone makes an audit fail.
        n_images, n_patients: Of the sample.
        matches: The raw pairs, for the input gate: two patients as alike as that may be one person.
        queries: (q,) pool row of each sampled image.
    """

    center: NDArray[np.float64]
    spread: NDArray[np.float64]
    best: NDArray[np.float64]
    threshold: float
    proof: float
    n_images: int
    n_patients: int
    matches: Matches
    queries: NDArray[np.intp]

    def likeness(self, similarity: NDArray[np.float64]) -> NDArray[np.float64]:
        """(r,) the largest channel of each pair, in robust standard deviations above the median stranger."""
        if not len(similarity):
            return np.empty(0)
        return np.asarray(((similarity - self.center) / self.spread).max(axis=1))


def sample_rows(patient: NDArray[np.intp], largest: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Pool rows to look for strangers with: one image of every patient first, then more, at most `largest`; sorted."""
    order = rng.permutation(len(patient))
    turn = np.empty(len(order), dtype=np.intp)
    seen: dict[int, int] = {}
    for row in order:
        turn[row] = seen.get(int(patient[row]), 0)
        seen[int(patient[row])] = int(turn[row]) + 1
    by_turn = order[np.argsort(turn[order], kind="stable")]
    return np.sort(by_turn[:largest])


def _bar(best: NDArray[np.float64], n_queries: int, alarms: float, margin: float) -> float:
    """Where a normal tail through the most alike strangers leaves so many expected false alarms in `n_queries`.

    The line through the upper third of the normal scores plot, read at that level; never less than `margin` above the
    most alike strangers seen. Two films with the same collimator frame can be further out than a normal tail says, so
    this is a model, the finding says so, and there are two bars.
    """
    ordered = np.sort(best)
    n = ordered.size
    positions = (np.arange(1, n + 1) - 0.375) / (n + 0.25)  # Blom 1958
    upper = slice(n - max(5, round(TAIL_SHARE * n)), n)
    slope, intercept = np.polyfit(norm.ppf(positions[upper]), ordered[upper], 1)
    level = alarms / max(1, n_queries)
    return float(max(intercept + slope * norm.isf(level), ordered[-1] + margin))


def find_strangers(matcher: Matcher, *, n_queries: int, rng: np.random.Generator) -> Strangers:
    """Measure how alike strangers are on these images.

    Images whose likest stranger is the same picture to the eye are set aside: two ids of one person, or one picture
    filed twice, must not teach the audit that copies are normal.

    Args:
        n_queries: How many synthetic images will be judged by the threshold.

    Raises:
        NotEnoughData: Fewer than 20 real images have a stranger to be compared with.
    """
    pool = matcher.pool
    rows = sample_rows(pool.patient, LARGEST_SAMPLE, rng)
    queries = (matcher.query_of_stranger(int(row)) for row in rows)
    matches = matcher.match(queries, stage="strangers", total=len(rows))
    asked = np.unique(matches.fine_query)
    if asked.size < LEAST_STRANGERS:
        raise NotEnoughData(
            f"knowing how alike strangers are needs at least {LEAST_STRANGERS} real images that have one, "
            f"got {asked.size}; add holdout images of more patients"
        )
    likest = np.stack([matches.similarity[matches.fine_query == query].max(axis=0) for query in asked])
    center = np.median(likest, axis=0)
    spread = np.maximum(1.4826 * np.median(np.abs(likest - center), axis=0), LEAST_SPREAD)
    best = ((likest - center) / spread).max(axis=1)
    filed_twice = (likest[:, 0] >= SAME_PICTURE) & (best > FAR_OUT)
    if np.count_nonzero(~filed_twice) < LEAST_STRANGERS:
        raise NotEnoughData(
            f"knowing how alike strangers are needs at least {LEAST_STRANGERS} real images whose likest stranger is "
            f"another picture, got {np.count_nonzero(~filed_twice)}; remove duplicates filed under several patients"
        )
    best = best[~filed_twice]
    return Strangers(
        center,
        spread,
        best,
        threshold=_bar(best, n_queries, SUSPECT_ALARMS, SUSPECT_MARGIN),
        proof=_bar(best, n_queries, PROOF_ALARMS, PROOF_MARGIN),
        n_images=len(rows),
        n_patients=len(np.unique(pool.patient[rows])),
        matches=matches,
        queries=rows,
    )
