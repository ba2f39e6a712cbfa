"""One score a patient: how strongly the synthetic images point at them.

Two channels are read for each patient, over all synthetic images and the patient's images: the best background-
corrected similarity of the embeddings, and the best likeness after registration. Each is standardized over *all* real
patients, training and holdout alike, and the two are added.

Patients with many images have more chances to be hit. So patients are compared within *strata* of equal numbers of
images: those with more than their stratum's number are read on that many of them only, chosen without looking at scores
or sides. A stratum holds at least ten patients of each side; where one would not, its patients join the next lower one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthaudit.matching.matcher import Matches
from synthaudit.matching.pool import Pool
from synthaudit.matching.strangers import Strangers

LEVELS = (1, 2, 3, 4, 5, 6, 8, 12, 16, 24, 32, 48, 64)
LEAST_IN_STRATUM = 10


@dataclass(frozen=True, slots=True, eq=False)
class Strata:
    """How many images each patient is read on.

    Attributes:
        level: (p,) number of images; patients of one level are comparable.
        rows: (n,) bool, the pool rows read.
        thinned: Share of the patients read on fewer images than they have.
    """

    level: NDArray[np.intp]
    rows: NDArray[np.bool_]
    thinned: float


def strata(pool: Pool, kept: NDArray[np.bool_]) -> Strata:
    """Strata of equal numbers of images; the same with training and holdout swapped.

    Args:
        kept: (p,) bool, the patients compared.
    """
    levels = np.array(LEVELS)
    place = np.searchsorted(levels, pool.images_of, side="right") - 1
    for top in range(len(levels) - 1, 0, -1):
        here = kept & (place == top)
        least = min(np.count_nonzero(here & pool.patient_is_train), np.count_nonzero(here & ~pool.patient_is_train))
        if least < LEAST_IN_STRATUM:
            place[place == top] = top - 1
    level = levels[place]
    # The pool is in the order of pixel digests, so the first rows of a patient are a choice that knows nothing.
    order = np.argsort(pool.patient, kind="stable")
    starts = np.searchsorted(pool.patient[order], np.arange(pool.n_patients))
    turn = np.empty(len(pool), dtype=np.intp)
    turn[order] = np.arange(len(pool)) - starts[pool.patient[order]]
    rows = turn < level[pool.patient]
    return Strata(level.astype(np.intp), rows, float(np.mean(level < pool.images_of)))


@dataclass(frozen=True, slots=True, eq=False)
class PatientEvidence:
    """Best embedding similarity and best registered likeness of each patient; -inf where there was none. (p,) each."""

    similarity: NDArray[np.float64]
    likeness: NDArray[np.float64]


def gather(matches: Matches, pool: Pool, strangers: Strangers, rows: NDArray[np.bool_]) -> PatientEvidence:
    """The strongest evidence for each patient of the pool over all queries, on these pool rows (n, bool)."""
    similarity = np.full(pool.n_patients, -np.inf)
    likeness = np.full(pool.n_patients, -np.inf)
    coarse, fine = rows[matches.real], rows[matches.fine_real]
    np.maximum.at(similarity, pool.patient[matches.real[coarse]], matches.score[coarse])
    np.maximum.at(likeness, pool.patient[matches.fine_real[fine]], strangers.likeness(matches.similarity[fine]))
    return PatientEvidence(similarity, likeness)


def _standard(values: NDArray[np.float64]) -> tuple[float, float, float]:
    """Fill-in for missing evidence, center and spread of one channel."""
    finite = values[np.isfinite(values)]
    if finite.size == 0:
        return 0.0, 0.0, 1.0
    filled = np.where(np.isfinite(values), values, finite.min())
    return float(finite.min()), float(filled.mean()), float(filled.std()) or 1.0


@dataclass(frozen=True, slots=True, eq=False)
class PatientScale:
    """Turns evidence into one score a patient; fitted on all real patients together.

    Attributes:
        similarity, likeness: Fill-in, center and spread of each channel.
        center, spread: (p,) of the sum, over the patient's stratum.
    """

    similarity: tuple[float, float, float]
    likeness: tuple[float, float, float]
    center: NDArray[np.float64]
    spread: NDArray[np.float64]

    @classmethod
    def fit(cls, evidence: PatientEvidence, level: NDArray[np.intp], kept: NDArray[np.bool_]) -> PatientScale:
        """The scale over the patients in `kept` (p, bool), who are on these levels (p,)."""
        similarity, likeness = _standard(evidence.similarity[kept]), _standard(evidence.likeness[kept])
        center, spread = np.zeros(len(level)), np.ones(len(level))
        scores = cls(similarity, likeness, center, spread).scores(evidence)
        center, spread = np.zeros(len(level)), np.ones(len(level))
        for stratum in np.unique(level[kept]):
            inside = scores[kept & (level == stratum)]
            # Equal scores differ by rounding only, which must not be blown up into differences.
            wide = float(inside.std()) if float(np.ptp(inside)) > 1e-9 else 1.0
            center[level == stratum], spread[level == stratum] = float(inside.mean()), wide
        return cls(similarity, likeness, center, spread)

    def scores(self, evidence: PatientEvidence) -> NDArray[np.float64]:
        """(p,) finite scores; higher means more exposed."""
        total = np.zeros(len(self.center))
        for values, (fill, center, spread) in (
            (evidence.similarity, self.similarity),
            (evidence.likeness, self.likeness),
        ):
            total += (np.where(np.isfinite(values), values, fill) - center) / spread
        return np.asarray((total - self.center) / self.spread)
