"""Likeness beyond the ordinary: what a verifier says of two images, less what it says of each and strangers.

A plain image is like everybody's, and a threshold would link it to everyone. So the mean likeness to the strangers most
like it is taken from each side, as in the verification of voices (where it is called score normalization). The two who
are compared are no strangers to each other: neither counts in the other's mean, or the most alike pair would be held
against itself, and error rates on real pairs would come out too low.

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

    def of_real(self, rows: NDArray[np.intp], asked: NDArray[np.intp] | None = None) -> NDArray[np.float64]:
        """Mean likeness of real images (r,) to the strangers most like them; their own patient is none.

        Args:
            asked: (a,) patients that they are compared with.

        Returns:
            (r, a) one mean for each of these, who is left out; (r, 1) if None is given.
        """
        found = self.verifier.between(rows, self.rows)
        found[self.patient[rows][:, None] == self.patient[self.rows]] = -np.inf
        return self._without(found, np.empty(0, dtype=np.intp) if asked is None else asked)

    def of_made(self, vectors: NDArray[np.float32], asked: NDArray[np.intp]) -> NDArray[np.float64]:
        """(m, a) the same of made images, for each of the patients that they are compared with."""
        return self._without(self.verifier.made(vectors, self.rows), asked)

    def _without(self, likeness: NDArray[np.float64], asked: NDArray[np.intp]) -> NDArray[np.float64]:
        """The mean of the highest in each row; where a patient asked for is among them, the next one instead."""
        k = self.strangers
        top = -np.sort(np.partition(-likeness, k, axis=1)[:, : k + 1], axis=1)
        total, last, spare = top[:, :k].sum(axis=1)[:, None], top[:, k - 1 : k], top[:, k:]
        if not len(asked):
            return np.asarray(total / k)
        place = np.full(int(max(self.patient.max(), asked.max())) + 1, -1)
        place[self.patient[self.rows]] = np.arange(len(self.rows))
        column = place[asked]
        theirs = np.where(column >= 0, likeness[:, column], -np.inf)
        return np.asarray((total - np.where(theirs >= last, theirs - spare, 0.0)) / k)
