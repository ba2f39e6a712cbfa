"""All real images of an audit in one pool that does not know who was trained on.

Candidates are searched, registered and scored in the pool. Its order is that of the pixels' digests, so that even ties
are broken without the label: whatever is computed here would be the same with training and holdout swapped.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from synthaudit.cohort import Cohort, Role
from synthaudit.embeddings import Encoder
from synthaudit.matching.registration import Prepared, prepare
from synthaudit.pixels import canvas

WORKING_PX = 256
"""Side of the canvas on which pairs are compared; smaller where the images are smaller."""
_STORE_BYTES = 256 * 2**20
_SMALL_KEPT = 50_000
"""Small pictures kept for placing (200 MB); without them every query would decode dozens of images."""


@dataclass(frozen=True, eq=False)
class Space:
    """One encoder, and the pool's vectors in it: (n, d) float32 of unit length, row for row with the pool."""

    encoder: Encoder
    vectors: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Pool:
    """Real images, shuffled together.

    Attributes:
        cohorts: Training first, then holdout; the pool's rows point into them.
        cohort_of, row_of: (n,) which cohort a pool row comes from, and its row there.
        patient: (n,) index into `patient_ids`; a patient belongs to one cohort.
        patient_ids: Names of the patients.
        patient_is_train: (p,) bool. Search, registration and scores never look at it; strata, twins and statistics do.
    """

    cohorts: tuple[Cohort, ...]
    cohort_of: NDArray[np.intp]
    row_of: NDArray[np.intp]
    patient: NDArray[np.intp]
    patient_ids: tuple[str, ...]
    patient_is_train: NDArray[np.bool_]
    _prepared: OrderedDict[int, Prepared] = field(default_factory=OrderedDict, repr=False)
    _small: OrderedDict[tuple[int, int], NDArray[np.float32]] = field(default_factory=OrderedDict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @classmethod
    def of(cls, *cohorts: Cohort) -> Pool:
        """The pool of these cohorts, ordered by pixel digest, then by patient and name."""
        rows = sorted(
            (cohort.pixel_digests[i], cohort.patients[i], cohort.names[i], c, i)
            for c, cohort in enumerate(cohorts)
            for i in range(len(cohort))
        )
        cohort_of = np.array([c for *_, c, _ in rows], dtype=np.intp)
        row_of = np.array([i for *_, i in rows], dtype=np.intp)
        keys = [(cohorts[c].patients[i], c) for *_, c, i in rows]
        ordered = sorted(set(keys))
        position = {key: i for i, key in enumerate(ordered)}
        return cls(
            cohorts=cohorts,
            cohort_of=cohort_of,
            row_of=row_of,
            patient=np.array([position[key] for key in keys], dtype=np.intp),
            patient_ids=tuple(patient for patient, _ in ordered),
            patient_is_train=np.array([cohorts[c].role is Role.TRAIN for _, c in ordered]),
        )

    def __len__(self) -> int:
        return len(self.row_of)

    @property
    def n_patients(self) -> int:
        """Number of patients."""
        return len(self.patient_ids)

    @cached_property
    def images_of(self) -> NDArray[np.intp]:
        """(p,) number of images of each patient."""
        return np.bincount(self.patient, minlength=self.n_patients)

    def cohort(self, row: int) -> tuple[Cohort, int]:
        """The cohort of a pool row, and its row there."""
        return self.cohorts[self.cohort_of[row]], int(self.row_of[row])

    def name(self, row: int) -> str:
        """Name of the image. Restricted."""
        cohort, i = self.cohort(row)
        return cohort.names[i]

    def digest(self, row: int) -> str:
        """SHA-256 of the image's pixels."""
        cohort, i = self.cohort(row)
        return cohort.pixel_digests[i]

    def read(self, row: int) -> NDArray[np.float32]:
        """The decoded image."""
        cohort, i = self.cohort(row)
        return cohort.sources[i].read()

    def in_pool_order(self, *vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, d) rows of one array a cohort, brought into the pool's order."""
        starts = np.cumsum([0, *(len(v) for v in vectors[:-1])])
        return np.concatenate(vectors)[starts[self.cohort_of] + self.row_of]

    def prepared(self, row: int, size: int) -> Prepared:
        """The image ready for registration on a canvas of this side; the last used are kept."""
        with self._lock:
            found = self._prepared.get(row)
            if found is not None and found.full.shape[0] == size:
                self._prepared.move_to_end(row)
                return found
        made = prepare(canvas(self.read(row), size))
        with self._lock:
            self._prepared[row] = made
            while len(self._prepared) * made.nbytes > _STORE_BYTES and len(self._prepared) > 1:
                self._prepared.popitem(last=False)
        return made

    def small(self, row: int, size: int) -> NDArray[np.float32]:
        """The image's smallest picture, as `prepared(row, size)` has it; more of them are kept."""
        key = (row, size)
        with self._lock:
            if key in self._small:
                self._small.move_to_end(key)
                return self._small[key]
        made = self.prepared(row, size).small
        with self._lock:
            self._small[key] = made
            while len(self._small) > _SMALL_KEPT:
                self._small.popitem(last=False)
        return made


def working_size(sides: NDArray[np.intp]) -> int:
    """Side of the canvas for comparing pairs: the images' median side, in steps of 32, between 64 and 256 pixels.

    >>> working_size(np.array([512, 400])), working_size(np.array([64])), working_size(np.array([28]))
    (256, 64, 64)
    """
    return int(np.clip(32 * round(float(np.median(sides)) / 32), 64, WORKING_PX))
