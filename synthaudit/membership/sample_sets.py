"""What an attacker on samples has: real images in question, whose they are, the synthetic images, and a background.

Nobody here knows who was trained on. The background is what is known of the population without the synthetic images:
an independent reference set where there is one, and otherwise the images in question themselves, each compared with
those of *other* patients only. Training and held-out images then have the same background, as they would with the
labels exchanged; one made of either side alone would favor that side.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from synthaudit.errors import NotEnoughData
from synthaudit.index.exact import Neighbors, top_k

LEAST_PATIENTS = 10
"""Patients in question; a background of fewer is none."""
LEAST_SYNTHETIC = 10
NEIGHBORS = 3
"""Largest number of neighbors that an attack looks at."""


@dataclass(frozen=True, eq=False)
class SampleSets:
    """Vectors of one encoder.

    Attributes:
        real: (n, d) float32 rows of unit length, the images in question.
        patient: (n,) whose they are, any integers.
        synthetic: (s, d) float32 rows of unit length.
        reference: (r, d) float32 rows of unit length of neither side's patients, or None.
        fold: (n,) number of the fold of each image's patient, for what is fitted: never to the patient it then judges.
        workers: Threads; no number depends on it.

    Raises:
        NotEnoughData: Fewer than 10 patients, synthetic images, or (if any) reference images.
    """

    real: NDArray[np.float32]
    patient: NDArray[np.intp]
    synthetic: NDArray[np.float32]
    fold: NDArray[np.intp]
    reference: NDArray[np.float32] | None = None
    workers: int = 1

    def __post_init__(self) -> None:
        patients = len(np.unique(self.patient))
        reference = LEAST_PATIENTS if self.reference is None else len(self.reference)
        if patients < LEAST_PATIENTS or len(self.synthetic) < LEAST_SYNTHETIC or reference < LEAST_PATIENTS:
            raise NotEnoughData(
                f"attacks on samples need at least {LEAST_PATIENTS} patients, {LEAST_SYNTHETIC} synthetic images and, "
                f"if any, {LEAST_PATIENTS} reference images, got {patients}, {len(self.synthetic)} and "
                f"{'none' if self.reference is None else reference}"
            )

    @cached_property
    def to_synthetic(self) -> NDArray[np.float64]:
        """(n, 3) distance of each real image to its nearest synthetic images, nearest first."""
        return _distances(top_k(self.real, self.synthetic, NEIGHBORS, workers=self.workers))

    @cached_property
    def to_background(self) -> NDArray[np.float64]:
        """(n, 3) likewise to the reference images, or to the real images of other patients."""
        if self.reference is not None:
            return _distances(top_k(self.real, self.reference, NEIGHBORS, workers=self.workers))
        groups = (self.patient, self.patient)
        return _distances(top_k(self.real, self.real, NEIGHBORS, exclude=groups, workers=self.workers))


def _distances(near: Neighbors) -> NDArray[np.float64]:
    """Euclidean distances of unit vectors; inf where there are fewer neighbors, and never below a float's rounding."""
    squared = 2.0 - 2.0 * near.scores.astype(np.float64)
    return np.sqrt(np.maximum(squared, 1e-12))
