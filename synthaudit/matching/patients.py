"""One score a patient: how strongly the synthetic images point at them.

Two channels are read for each patient, over all synthetic images and all images of the patient: the best background-
corrected similarity of the embeddings, and the best likeness after registration. Each is standardized over *all* real
patients, training and holdout alike, and the two are added. Patients with many images have more chances to be hit, so
the sum is standardized again among patients with about as many images (1, 2, 3-5, 6 and more). No step uses the label.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthaudit.matching.matcher import Matches
from synthaudit.matching.pool import Pool
from synthaudit.matching.strangers import Strangers

BIN_STARTS = (1, 2, 3, 6)
LEAST_IN_BIN = 10


@dataclass(frozen=True, slots=True, eq=False)
class PatientEvidence:
    """Best embedding similarity and best registered likeness of each patient; -inf where there was none. (p,) each."""

    similarity: NDArray[np.float64]
    likeness: NDArray[np.float64]


def gather(matches: Matches, pool: Pool, strangers: Strangers) -> PatientEvidence:
    """The strongest evidence for each patient of the pool over all queries."""
    similarity = np.full(pool.n_patients, -np.inf)
    likeness = np.full(pool.n_patients, -np.inf)
    np.maximum.at(similarity, pool.patient[matches.real], matches.score)
    np.maximum.at(likeness, pool.patient[matches.fine_real], strangers.likeness(matches.similarity))
    return PatientEvidence(similarity, likeness)


def _bins(images_of: NDArray[np.intp], kept: NDArray[np.bool_]) -> NDArray[np.intp]:
    """(p,) bin of each patient by number of images; bins with fewer than 10 kept patients join the one below."""
    label = np.searchsorted(BIN_STARTS, images_of, side="right") - 1
    for bin_ in range(len(BIN_STARTS) - 1, 0, -1):
        if np.count_nonzero(kept & (label == bin_)) < LEAST_IN_BIN:
            label[label == bin_] = bin_ - 1
    return label.astype(np.intp)


def _standard(values: NDArray[np.float64]) -> tuple[float, float, float]:
    """Fill-in for missing evidence, center and spread of one channel."""
    finite = values[np.isfinite(values)]
    if finite.size == 0:
        return 0.0, 0.0, 1.0
    filled = np.where(np.isfinite(values), values, finite.min())
    return float(finite.min()), float(filled.mean()), float(filled.std()) or 1.0


@dataclass(frozen=True, slots=True, eq=False)
class PatientScale:
    """Turns evidence into one score a patient; fitted on all real patients together."""

    similarity: tuple[float, float, float]
    likeness: tuple[float, float, float]
    bin_of: NDArray[np.intp]
    bin_center: NDArray[np.float64]
    bin_spread: NDArray[np.float64]

    @classmethod
    def fit(cls, evidence: PatientEvidence, images_of: NDArray[np.intp], kept: NDArray[np.bool_]) -> PatientScale:
        """The scale over the patients in `kept` (p, bool)."""
        similarity, likeness = _standard(evidence.similarity[kept]), _standard(evidence.likeness[kept])
        label = _bins(images_of, kept)
        plain = cls(similarity, likeness, label, np.zeros(len(BIN_STARTS)), np.ones(len(BIN_STARTS)))
        scores = plain.scores(evidence)
        center, spread = np.zeros(len(BIN_STARTS)), np.ones(len(BIN_STARTS))
        for bin_ in np.unique(label[kept]):
            inside = scores[kept & (label == bin_)]
            center[bin_], spread[bin_] = float(inside.mean()), float(inside.std()) or 1.0
        return cls(similarity, likeness, label, center, spread)

    def scores(self, evidence: PatientEvidence) -> NDArray[np.float64]:
        """(p,) finite scores; higher means more exposed."""
        total = np.zeros(len(self.bin_of))
        for values, (fill, center, spread) in (
            (evidence.similarity, self.similarity),
            (evidence.likeness, self.likeness),
        ):
            total += (np.where(np.isfinite(values), values, fill) - center) / spread
        return np.asarray((total - self.bin_center[self.bin_of]) / self.bin_spread[self.bin_of])
