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
from scipy.stats import t as student

from synthaudit.errors import NotEnoughData
from synthaudit.matching.matcher import Matcher, Matches
from synthaudit.matching.similarity import CHANNELS, fisher_z

LEAST_STRANGERS = 20
LARGEST_SAMPLE = 240
TAIL_SHARE = 1 / 3
SUSPECT_ALARMS, PROOF_ALARMS = 1e-2, 1e-4
"""Expected number of honest synthetic images above each bar, over a whole audit, if the tail is normal."""
SUSPECT_MARGIN, PROOF_MARGIN = 1.0, 2.0
"""Least distance of each bar from the most alike strangers seen, in robust standard deviations."""
LEAST_SPREAD = 0.02
SAME_PICTURE, FAR_OUT = 0.9, 3.0
"""Two patients share a picture if the fine or medium detail correlates above the first, and the pair is this many
robust standard deviations ahead of the image's next likest stranger."""
LEAST_FOR_PROOF, LEAST_PATIENTS_FOR_PROOF = 60, 30
"""Strangers, and patients among them, below which no pair but one of equal pixels is beyond doubt."""
BAR_BOOTSTRAPS = 400


@dataclass(frozen=True, slots=True, eq=False)
class Strangers:
    """The scale on which pairs are judged.

    Attributes:
        center, spread: (6,) median and robust standard deviation of each channel, as Fisher's z, over the strangers'
            best pairs.
        best: (q,) how alike each sampled image's most alike stranger is; in robust standard deviations.
        threshold: Above it a pair is direct evidence: the patient is named, and someone has to look at the pair.
        proof: Above it the pair alone makes an audit fail; inf where there are too few strangers for that.
        n_images, n_patients: Of the sample.
        sampled: Pool rows that looked for their likest stranger.
        twins: (t, 2) pairs of pool patients who share a picture: one person twice, or one picture filed twice. They
            stand out from the *next* likest stranger of the same image, a scale that duplicates cannot set.
    """

    center: NDArray[np.float64]
    spread: NDArray[np.float64]
    best: NDArray[np.float64]
    threshold: float
    proof: float
    n_images: int
    n_patients: int
    sampled: NDArray[np.intp]
    twins: NDArray[np.intp]

    def likeness(self, similarity: NDArray[np.float64]) -> NDArray[np.float64]:
        """(r,) the largest channel of each pair, in robust standard deviations above the median stranger."""
        return self.by_channel(similarity).max(axis=1) if len(similarity) else np.empty(0)

    def by_channel(self, similarity: NDArray[np.float64]) -> NDArray[np.float64]:
        """(r, 6) each channel of each pair, in robust standard deviations above its median stranger."""
        return np.asarray((fisher_z(similarity) - self.center) / self.spread)

    def correlation(self, likeness: float, channel: int) -> float:
        """The correlation in that channel which is so many robust standard deviations above the median stranger."""
        return float(np.tanh(self.center[channel] + likeness * self.spread[channel]))

    def proves(self, similarity: NDArray[np.float64]) -> NDArray[np.bool_]:
        """(r,) bool: which pairs are beyond doubt."""
        return self.likeness(similarity) > self.proof


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


def line_through_tail(ordered: NDArray[np.float64], level: float, patients: float = np.inf) -> NDArray[np.float64]:
    """(b,) the line through the upper third of each normal scores plot, read at that level; rows (b, n) ascending.

    It is read where Student's t with one degree of freedom less than there are patients leaves that level, as for the
    next one of a normal sample whose mean and spread are estimates: from twenty patients no one knows a tail.
    """
    n = ordered.shape[1]
    upper = slice(n - max(5, round(TAIL_SHARE * n)), n)
    x = norm.ppf((np.arange(1, n + 1) - 0.375) / (n + 0.25))[upper]  # Blom 1958
    y = ordered[:, upper]
    slope = (y - y.mean(axis=1, keepdims=True)) @ (x - x.mean()) / float(((x - x.mean()) ** 2).sum())
    return np.asarray(y.mean(axis=1) + slope * (float(student.isf(level, patients - 1)) - x.mean()))


def bar(
    best: NDArray[np.float64],
    patient: NDArray[np.intp],
    n_queries: int,
    alarms: float,
    margin: float,
    rng: np.random.Generator,
) -> float:
    """Where a normal tail through the most alike strangers leaves so many expected false alarms in `n_queries`.

    The upper 95 % bootstrap limit of that point, so that few strangers make a high bar; and never less than `margin`
    above the most alike strangers seen. Whole patients are drawn, for images of one patient are alike. Two films in one
    collimator frame can be further out than a normal tail says: this is a model, the finding says so, and there are two
    bars.

    Args:
        best: (q,) how alike the likest stranger of each image is.
        patient: (q,) whose image each is.
    """
    order = np.argsort(patient, kind="stable")
    starts = np.unique(patient[order], return_index=True)[1]
    images = np.split(best[order], starts[1:])
    level = alarms / max(1, n_queries)
    readings = []
    for drawn in rng.integers(0, len(images), (BAR_BOOTSTRAPS, len(images))):
        again = np.sort(np.concatenate([images[i] for i in drawn]))
        readings.append(float(line_through_tail(again[None], level, max(2, len(images)))[0]))
    return max(float(np.quantile(readings, 0.95)), float(best.max()) + margin)


def _likest(
    matches: Matches, asking: NDArray[np.intp], patient: NDArray[np.intp]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.intp]]:
    """Best similarity of each asking query by channel, the same to the next other patient, and the likest patient.

    Returns:
        (q, 6), (q, 6) with -1 where there is no other, (q,).
    """
    first, second = (np.full((asking.size, len(CHANNELS)), -1.0) for _ in range(2))
    who = np.full(asking.size, -1, dtype=np.intp)
    for i, query in enumerate(asking):
        rows = np.flatnonzero(matches.fine_query == query)
        patients = patient[matches.fine_real[rows]]
        similarity = matches.similarity[rows]
        who[i] = patients[int(similarity.sum(axis=1).argmax())]
        first[i] = similarity.max(axis=0)
        others = similarity[patients != who[i]]
        if len(others):
            second[i] = others.max(axis=0)
    return first, second, who


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
    first, second, who = _likest(matches, asked, pool.patient)
    twin = twins_among(first, second)
    if np.count_nonzero(~twin) < LEAST_STRANGERS:
        raise NotEnoughData(
            f"knowing how alike strangers are needs at least {LEAST_STRANGERS} real images whose likest stranger is "
            f"another picture, got {np.count_nonzero(~twin)}; remove duplicates filed under several patients"
        )
    center, spread = scale_of(first[~twin])
    best = ((fisher_z(first[~twin]) - center) / spread).max(axis=1)
    whose = pool.patient[rows[asked[~twin]]]
    n_patients = len(np.unique(whose))
    enough = np.count_nonzero(~twin) >= LEAST_FOR_PROOF and n_patients >= LEAST_PATIENTS_FOR_PROOF
    return Strangers(
        center,
        spread,
        best,
        threshold=bar(best, whose, n_queries, SUSPECT_ALARMS, SUSPECT_MARGIN, rng),
        proof=bar(best, whose, n_queries, PROOF_ALARMS, PROOF_MARGIN, rng) if enough else float("inf"),
        n_images=int(np.count_nonzero(~twin)),
        n_patients=n_patients,
        sampled=rows,
        twins=np.stack([pool.patient[rows[asked[twin]]], who[twin]], axis=1),
    )


def scale_of(likest: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(6,) median and robust standard deviation of Fisher's z of each channel, from (q, 6) correlations."""
    z = fisher_z(likest)
    center = np.median(z, axis=0)
    return center, np.maximum(1.4826 * np.median(np.abs(z - center), axis=0), LEAST_SPREAD)


def twins_among(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.bool_]:
    """(q,) bool: whose likest stranger is the same picture to the eye, far ahead of the next likest.

    Args:
        first, second: (q, 6) correlation with the likest stranger, and with the next other patient.
    """
    if not len(first):
        return np.zeros(0, dtype=bool)
    center, spread = scale_of(first)
    best = ((fisher_z(first) - center) / spread).max(axis=1)
    next_best = np.maximum(((fisher_z(second) - center) / spread).max(axis=1), 0.0)
    return np.asarray((first[:, :2].max(axis=1) >= SAME_PICTURE) & (best - next_best > FAR_OUT))
