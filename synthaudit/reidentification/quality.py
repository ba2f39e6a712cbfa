"""How well the verifier knows these very people: on real pairs of patients whom it did not learn from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthaudit.errors import NotEnoughData
from synthaudit.matching.pool import Pool
from synthaudit.reidentification.background import Background
from synthaudit.reidentification.verifier import Verifier
from synthaudit.reidentification.visits import Visits, two_visits
from synthaudit.statistics.retrieval import patient_mean, retrieved
from synthaudit.statistics.verification import PairScores, Rate

FMR = 0.001
PATIENTS_COMPARED = 150
"""With two images each; of more, so many are drawn."""
QUERIES = 400
LARGEST_GALLERY = 4_000


@dataclass(frozen=True, slots=True, eq=False)
class Quality:
    """Of the verifier on real pairs; every patient counts once.

    Attributes:
        auc, eer: Over pairs of one patient and of two. tpr: Share recognized where 1 in 1,000 pairs of two passes, or
            why that cannot be measured.
        precision_at_1, map_at_r: (value, low, high) of looking one image up among all others; `chance` is what a random
            order would give.
        roc: (k,) false and (k,) true match rates.
        shown: (n,) likeness of a patient to an image of another visit of theirs.
        n_patients: Patients compared in pairs; n_searched: patients looked up.
        n_queries, n_gallery: Images looked up, and among how many.
    """

    auc: Rate
    eer: Rate
    tpr: Rate | NotEnoughData
    precision_at_1: tuple[float, float, float]
    map_at_r: tuple[float, float, float]
    chance: float
    roc: tuple[NDArray[np.float64], NDArray[np.float64]]
    shown: NDArray[np.float64]
    n_patients: int
    n_searched: int
    n_queries: int
    n_gallery: int

    @property
    def sees(self) -> bool:
        """Whether people are told apart beyond doubt; if not, what was not found says nothing."""
        return self.auc.low > 0.5

    @classmethod
    def of(
        cls, verifier: Verifier, background: Background, pool: Pool, visits: Visits, rng: np.random.Generator
    ) -> Quality:
        """Measure it.

        Raises:
            NotEnoughData: Fewer than 5 patients with two visits.
        """
        patients = np.sort(rng.permutation(visits.again)[:PATIENTS_COMPARED])
        first, second = two_visits(visits, pool, patients, rng)
        pairs = verifier.between(first, second)
        corrected = pairs - (background.of_real(first, patients) + background.of_real(second, patients).T) / 2
        scores = PairScores.of(corrected)
        eer, tpr = scores.rates(FMR, rng)
        search = _Search.of(verifier, background, pool, visits, rng)
        return cls(
            scores.auc(),
            eer,
            tpr,
            patient_mean(search.first, search.patient, rng),
            patient_mean(search.average, search.patient, rng),
            patient_mean(search.chance, search.patient, rng)[0],
            scores.roc(np.ones(len(patients))),
            np.diag(corrected).copy(),
            len(patients),
            len(np.unique(search.patient)),
            len(search.patient),
            search.n_gallery,
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Search:
    """Real images looked up among the others; those of the same visit are left out."""

    patient: NDArray[np.intp]
    first: NDArray[np.float64]
    average: NDArray[np.float64]
    chance: NDArray[np.float64]
    n_gallery: int

    @classmethod
    def of(
        cls, verifier: Verifier, background: Background, pool: Pool, visits: Visits, rng: np.random.Generator
    ) -> _Search:
        turn = np.argsort(rng.permutation(pool.n_patients))
        rows = np.flatnonzero(visits.count[pool.patient] > 1)
        rows = np.sort(rows[np.argsort(turn[pool.patient[rows]], kind="stable")][:QUERIES])
        mine = np.isin(pool.patient, pool.patient[rows])
        others = rng.permutation(np.flatnonzero(~mine))[: max(0, LARGEST_GALLERY - np.count_nonzero(mine))]
        gallery = np.sort(np.concatenate([np.flatnonzero(mine), others]))
        who, them = pool.patient[rows], pool.patient[gallery]
        ordinary = background.of_real(rows, them) + background.of_real(gallery, who).T
        similarity = verifier.between(rows, gallery) - ordinary / 2
        eligible = visits.visit[rows][:, None] != visits.visit[gallery]
        relevant = eligible & (who[:, None] == them)
        found = retrieved(similarity, relevant, eligible)
        return cls(who, found.precision_at_1, found.average_precision_at_r, found.chance, len(gallery))
