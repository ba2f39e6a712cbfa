"""Likeness beyond the ordinary: what a verifier says of two images, less what it says of each and strangers.

A plain image is like everybody's, and a threshold would link it to everyone. So the mean likeness to the strangers most
like it is taken from each side, as in the verification of voices (where it is called score normalization).

Reference: Auckenthaler, Carey, Lloyd-Thomas 2000, doi 10.1006/dspr.1999.0360; Matejka et al. 2017,
doi 10.21437/Interspeech.2017-803 (the most alike strangers only).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthaudit.matching.pool import Pool
from synthaudit.reidentification.verifier import Verifier

STRANGERS = 20
"""Whose mean is taken."""
LARGEST_GALLERY = 1_500
"""Patients, one image each, among whom they are looked for."""


@dataclass(frozen=True, eq=False)
class Background:
    """Ordinary likeness, by an image of each of many patients.

    Attributes:
        rows: (g,) pool rows of the gallery, one a patient, chosen without looking at sides.
    """

    verifier: Verifier
    rows: NDArray[np.intp]
    patient: NDArray[np.intp]
    strangers: int

    @classmethod
    def of(cls, verifier: Verifier, pool: Pool, kept: NDArray[np.bool_], rng: np.random.Generator) -> Background:
        """The gallery of the patients in `kept` (p, bool)."""
        # The pool is in the order of pixel digests, so a patient's first row is a choice that knows nothing.
        patients, first = np.unique(pool.patient, return_index=True)
        rows = first[kept[patients]]
        rows = np.sort(rng.permutation(rows)[:LARGEST_GALLERY])
        return cls(verifier, rows, pool.patient, max(1, min(STRANGERS, (len(rows) - 2) // 2)))

    def of_real(self, rows: NDArray[np.intp]) -> NDArray[np.float64]:
        """(r,) mean likeness of real images to the strangers most like them; their own patient is none."""
        found = self.verifier.between(rows, self.rows)
        found[self.patient[rows][:, None] == self.patient[self.rows]] = -np.inf
        return self._mean(found, 0)

    def of_made(self, vectors: NDArray[np.float32]) -> NDArray[np.float64]:
        """(m,) the same of made images; whoever is most like one may be the person it shows, and is no stranger."""
        return self._mean(self.verifier.made(vectors, self.rows), 1)

    def of_shown(self, rows: NDArray[np.intp]) -> NDArray[np.float64]:
        """(r,) what `of_made` would say of these real images, if a generator had made them."""
        found = self.verifier.between(rows, self.rows)
        found[rows[:, None] == self.rows] = -np.inf
        return self._mean(found, 1)

    def _mean(self, likeness: NDArray[np.float64], skipped: int) -> NDArray[np.float64]:
        last = self.strangers + skipped
        top = -np.partition(-likeness, last - 1, axis=1)[:, :last]
        top = -np.sort(-top, axis=1)[:, skipped:]
        return np.asarray(top.mean(axis=1))
