"""From cohorts to what is learned and tested: vectors, classes, and who must take no part."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthaudit.cohort import Cohort, Role
from synthaudit.copying import copy_evidence
from synthaudit.errors import NotEnoughData
from synthaudit.membership.density import Directions
from synthaudit.probe import Evidence
from synthaudit.utility.classifier import COMPONENTS
from synthaudit.utility.task import Task, task
from synthaudit.utility.trained import Images, Trained


@dataclass(frozen=True, eq=False)
class Tested:
    """The task, and how well it was learned.

    Attributes:
        test_patients: For each class, held-out patients with it.
        patients: Training and held-out patients.
        images: Held-out images.
        flagged: Synthetic images of the task that direct evidence withholds.
    """

    task: Task
    trained: Trained
    test_patients: tuple[int, ...]
    patients: int
    images: int
    flagged: int


def tested(evidence: Evidence, holdout: Cohort, rng: np.random.Generator) -> Tested:
    """Train on half of what there is, test on the holdout.

    People who stand on both sides take no part, nor do held-out patients who are in the synthetic images: what was
    trained on is no test.

    Raises:
        NotEnoughData: No shared labels, or too few patients or images.
    """
    copies = copy_evidence(evidence)
    pool = evidence.pool
    out = copies.twins | (copies.direct & ~pool.patient_is_train)
    left_out = [np.zeros(len(cohort), dtype=bool) for cohort in pool.cohorts]
    for row in np.flatnonzero(out[pool.patient]):
        left_out[pool.cohort_of[row]][pool.row_of[row]] = True
    what = task(evidence.train, holdout, evidence.synthetic, (left_out[0], left_out[1]))
    vectors = _whitened(evidence)
    sides = (
        (evidence.train, Role.TRAIN, what.train, what.is_train),
        (evidence.synthetic, Role.SYNTHETIC, what.synthetic, what.is_synthetic),
        (holdout, Role.HOLDOUT, what.holdout, what.is_holdout),
    )
    ordered, orders = [], []
    for cohort, role, rows, belongs in sides:
        order = np.lexsort((np.array(cohort.patients)[rows], np.array(cohort.pixel_digests)[rows]))
        ordered.append(Images(vectors[role][rows[order]], belongs[order], _units(cohort)[rows[order]]))
        orders.append(rows[order])
    flagged = np.isin(orders[1], [pair.query for pair in copies.pairs])
    trained = Trained.of(
        *(ordered[0], ordered[1], ordered[2]), rng, exclusive=what.exclusive, rarest=what.rarest, flagged=flagged
    )
    test = ordered[2]
    counts = tuple(len(np.unique(test.unit[test.belongs[:, k]])) for k in range(len(what.classes)))
    patients = len(np.unique(test.unit)) + len(np.unique(ordered[0].unit))
    return Tested(what, trained, counts, patients, len(test), int(flagged.sum()))


def _units(cohort: Cohort) -> NDArray[np.intp]:
    """(n,) number of each image's patient; of nobody's images, of its volume."""
    volume = cohort.volume_index
    return np.where((volume >= 0) & ~cohort.known_patient, cohort.n_patients + volume, cohort.patient_index)


def _whitened(evidence: Evidence) -> dict[Role, NDArray[np.float64]]:
    """Vectors along the leading directions of all real images; of several encoders side by side."""
    spaces = evidence.matcher.spaces
    scale = np.float32(1 / np.sqrt(len(spaces)))
    real = np.concatenate([space.vectors for space in spaces], axis=1) * scale
    directions = Directions.of(np.asarray(real, dtype=np.float32), COMPONENTS)
    if not directions.of_rows(real[:1]).size:
        raise NotEnoughData(
            "testing what was learned needs real images that differ, found that all are the same to the encoders; look "
            "at the images, and name another encoder (--encoder)"
        )
    return {
        role: directions.of_rows(
            np.concatenate([evidence.embeddings[space.encoder.name][role].vectors for space in spaces], axis=1) * scale
        )
        for role in (Role.TRAIN, Role.HOLDOUT, Role.SYNTHETIC)
    }
