"""What an attacker holds: the synthetic images with what is written beside them, and real images to try.

Nobody here knows who was trained on, but for one line that the comparison of both sides reads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from synthaudit.attributes import SMALLEST_CELL, values
from synthaudit.cohort import Cohort, Role
from synthaudit.copying import find_twins
from synthaudit.errors import NotEnoughData
from synthaudit.matching.pool import Pool
from synthaudit.probe import Evidence

LEAST_SYNTHETIC = 10
_PAIRED = 400
"""Images among which the usual distance of an encoder is measured."""


@dataclass(frozen=True, eq=False)
class Holdings:
    """Real images of the patients in question, and the synthetic ones.

    Attributes:
        pool: All real images.
        rows: (n,) the pool rows of the patients in question, in the pool's order.
        patient: (n,) number of each image's patient.
        is_train: (p,) bool; only comparisons of both sides look at it.
        real, made: (n, d) and (s, d) float32 rows of unit length; of several encoders, all of them side by side.
        synthetic: The cohort of the synthetic images.
        made_rows: (s,) its row of each synthetic image, in the order of pixel digests.
        workers: Threads; no number depends on it.
    """

    pool: Pool
    rows: NDArray[np.intp]
    patient: NDArray[np.intp]
    is_train: NDArray[np.bool_]
    real: NDArray[np.float32]
    made: NDArray[np.float32]
    synthetic: Cohort
    made_rows: NDArray[np.intp]
    workers: int

    @classmethod
    def of(cls, evidence: Evidence) -> Holdings:
        """What the attacks of an audit rest on; those whose very picture is on both sides take no part.

        Raises:
            NotEnoughData: Fewer than 10 patients on a side, or 10 synthetic images.
        """
        pool = evidence.pool
        kept = ~find_twins(pool, None)
        sides = [int((kept & (pool.patient_is_train == side)).sum()) for side in (True, False)]
        if min(sides) < SMALLEST_CELL or len(evidence.synthetic) < LEAST_SYNTHETIC:
            train, holdout = (f"fewer than {SMALLEST_CELL}" if n < SMALLEST_CELL else str(n) for n in sides)
            raise NotEnoughData(
                f"attacks on the released images need at least {SMALLEST_CELL} patients on each side and "
                f"{LEAST_SYNTHETIC} synthetic images, got {train} for training, {holdout} for holdout and "
                f"{len(evidence.synthetic)}; give more patients"
            )
        rows = np.flatnonzero(kept[pool.patient])
        made_rows = np.argsort(np.array(evidence.synthetic.pixel_digests), kind="stable")
        real, made = _side_by_side(evidence, rows, made_rows)
        number = np.cumsum(kept) - 1
        return cls(
            pool,
            rows,
            number[pool.patient[rows]],
            pool.patient_is_train[kept],
            real,
            made,
            evidence.synthetic,
            made_rows,
            evidence.workers,
        )

    @property
    def n_patients(self) -> int:
        """Patients in question."""
        return len(self.is_train)

    @cached_property
    def images_of(self) -> NDArray[np.intp]:
        """(p,) number of images of each."""
        return np.bincount(self.patient, minlength=self.n_patients)

    @cached_property
    def first_image(self) -> NDArray[np.intp]:
        """(p,) one image of each, by an order that knows nothing: what is read on it owes nothing to their number."""
        return np.unique(self.patient, return_index=True)[1].astype(np.intp)

    def per_image(self, columns: Sequence[Sequence[str]]) -> tuple[str, ...]:
        """(n,) what stands beside each real image, from one column for each cohort of the pool."""
        cohort_of, row_of = self.pool.cohort_of[self.rows], self.pool.row_of[self.rows]
        return tuple(columns[c][i] for c, i in zip(cohort_of, row_of, strict=True))

    def given(self, column: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """(n,) and (s,) an attribute of the real and of the synthetic images, ages in bands; "" where missing."""
        beside = values(self.synthetic, column)
        return self.per_image([values(one, column) for one in self.pool.cohorts]), tuple(
            beside[row] for row in self.made_rows
        )


def holdings(evidence: Evidence) -> Holdings:
    """What the attacks rest on, put together at the first call.

    Raises:
        NotEnoughData: Too few patients or synthetic images.
    """
    return evidence.once("holdings of an attacker", lambda: Holdings.of(evidence))


def _side_by_side(
    evidence: Evidence, rows: NDArray[np.intp], made_rows: NDArray[np.intp]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The real and synthetic vectors of all encoders as one, each encoder's distances in units of its usual one."""
    real = [space.vectors[rows] for space in evidence.matcher.spaces]
    made = [
        evidence.embeddings[space.encoder.name][Role.SYNTHETIC].vectors[made_rows] for space in evidence.matcher.spaces
    ]
    if len(real) == 1:
        return np.ascontiguousarray(real[0]), np.ascontiguousarray(made[0])
    weight = np.array([1.0 / _usual_distance(vectors) for vectors in real])
    weight /= np.linalg.norm(weight)
    return tuple(  # type: ignore[return-value]
        np.concatenate([w * v for w, v in zip(weight, one, strict=True)], axis=1).astype(np.float32)
        for one in (real, made)
    )


def _usual_distance(vectors: NDArray[np.float32]) -> float:
    """Median distance between real images, of both sides alike."""
    some = vectors[:: -(-len(vectors) // _PAIRED)].astype(np.float64)
    apart = np.maximum(2.0 - 2.0 * some @ some.T, 0.0)[np.triu_indices(len(some), 1)]
    return float(np.sqrt(max(float(np.median(apart)), 1e-6)))
