"""Copies of real images, altered and looked up like synthetic ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthaudit.canaries.transforms import PLANTED_PX, Transform
from synthaudit.copying import CopyEvidence
from synthaudit.errors import NotEnoughData
from synthaudit.matching.matcher import Query
from synthaudit.matching.strangers import Strangers, sample_rows
from synthaudit.pixels import canvas
from synthaudit.probe import Evidence

LEAST_PLANTED = 5
SIDES_SAMPLED = 16


@dataclass(frozen=True, eq=False)
class PlantedCopies:
    """What became of the planted copies of one transform.

    Attributes:
        patient: (n,) pool patient each copy was made of.
        of_train: (n,) bool; False for negative controls, made of held-out patients.
        direct: (n,) bool: direct evidence points at the right patient.
        wrong: (n,) bool: direct evidence points at another patient too.
        similarity, likeness: (n,) the evidence for the right patient that this copy adds; -inf where none.
    """

    transform: Transform
    patient: NDArray[np.intp]
    of_train: NDArray[np.bool_]
    direct: NDArray[np.bool_]
    wrong: NDArray[np.bool_]
    similarity: NDArray[np.float64]
    likeness: NDArray[np.float64]


def choose_rows(evidence: Evidence, copies: CopyEvidence, rng: np.random.Generator) -> NDArray[np.intp]:
    """Pool rows to plant, one image a patient: training patients first, then held-out ones as negative controls.

    Patients without direct evidence are preferred, so that what is found is what was planted; where hardly any are
    left, those with such evidence serve too: only the evidence that a planted copy adds is counted.

    Raises:
        NotEnoughData: There are fewer than 5 training patients.
    """
    pool, settings = evidence.pool, evidence.settings
    clean = np.count_nonzero(~copies.left_out & pool.patient_is_train) >= LEAST_PLANTED
    usable = ~(copies.left_out if clean else copies.twins)[pool.patient]
    chosen = []
    for is_train, wanted in ((True, settings.planted_patients), (False, settings.planted_decoys)):
        rows = np.flatnonzero(usable & (pool.patient_is_train[pool.patient] == is_train))
        n_patients = len(np.unique(pool.patient[rows]))
        if is_train and n_patients < LEAST_PLANTED:
            raise NotEnoughData(f"planting copies needs at least {LEAST_PLANTED} training patients, got {n_patients}")
        if len(rows):
            chosen.append(rows[sample_rows(pool.patient[rows], min(wanted, n_patients), rng)])
    return np.concatenate(chosen)


def _generator_side(evidence: Evidence) -> int:
    """Typical side of the synthetic images, at most 512 pixels: noise on finer pixels would vanish when reduced."""
    synthetic = evidence.synthetic
    sample = sorted(range(len(synthetic)), key=lambda i: synthetic.pixel_digests[i])[:SIDES_SAMPLED]
    return min(PLANTED_PX, int(np.median([max(synthetic.sources[i].read().shape[:2]) for i in sample])))


def _altered(evidence: Evidence, rows: NDArray[np.intp], transform: Transform) -> Iterator[Query]:
    """The copies, made when asked for at the generator's resolution, each from random numbers of its own."""
    pool, side = evidence.pool, _generator_side(evidence)
    for row in rows:

        def read(row: int = int(row)) -> NDArray[np.float32]:
            image = pool.read(row)
            square = canvas(image, side, 3 if image.ndim == 3 else 1)
            rng = evidence.rng(f"plant {transform.name} {pool.digest(row)}")
            return np.ascontiguousarray(transform.apply(square, rng), dtype=np.float32)

        yield Query(read)


def plant(
    evidence: Evidence, strangers: Strangers, rows: NDArray[np.intp], transforms: tuple[Transform, ...]
) -> list[PlantedCopies]:
    """Plant one copy of each row under each transform, and look all of them up."""
    queries = (query for transform in transforms for query in _altered(evidence, rows, transform))
    total = len(rows) * len(transforms)
    matches = evidence.matcher.match(queries, stage="planted copies", total=total)
    pool = evidence.pool
    source = np.tile(pool.patient[rows], len(transforms))
    likeness = strangers.likeness(matches.similarity)
    right = pool.patient[matches.fine_real] == source[matches.fine_query]
    above = likeness > strangers.threshold
    best_likeness, best_similarity = np.full(total, -np.inf), np.full(total, -np.inf)
    direct, wrong = np.zeros(total, dtype=bool), np.zeros(total, dtype=bool)
    np.maximum.at(best_likeness, matches.fine_query[right], likeness[right])
    direct[matches.fine_query[right & above]] = True
    wrong[matches.fine_query[~right & above]] = True
    mine = pool.patient[matches.real] == source[matches.query]
    np.maximum.at(best_similarity, matches.query[mine], matches.score[mine])
    parts = [slice(i * len(rows), (i + 1) * len(rows)) for i in range(len(transforms))]
    return [
        PlantedCopies(
            transform,
            source[part],
            pool.patient_is_train[source[part]],
            direct[part],
            wrong[part],
            best_similarity[part],
            best_likeness[part],
        )
        for transform, part in zip(transforms, parts, strict=True)
    ]
