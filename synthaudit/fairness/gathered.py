"""What the engine knows, as the questions on groups want it: in an order that tells nothing, all encoders as one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from synthaudit.cohort import Role
from synthaudit.copying import CopyEvidence
from synthaudit.errors import NotEnoughData
from synthaudit.fairness.exposed import Scored
from synthaudit.fairness.groups import Attribute, attributes_of
from synthaudit.fairness.predicted import Vectors
from synthaudit.fairness.shares import Divided
from synthaudit.matching.pool import Pool
from synthaudit.membership.distances import domias_knn
from synthaudit.membership.sample_sets import SampleSets
from synthaudit.probe import Evidence
from synthaudit.statistics.patient_ranks import mean_rank, patient_maximum, rank_in_stratum

NO_HOLDOUT = (
    "there is no holdout, so nothing tells how exposed a group is by chance; give one with --holdout or --split"
)


def gathered(evidence: Evidence) -> tuple[tuple[Attribute, ...], Divided, Vectors]:
    """Attributes, whose images they are of, and vectors; synthetic images in the order of their pixels' digests.

    Raises:
        NotEnoughData: No column divides the training patients.
    """
    order = np.argsort(np.array(evidence.synthetic.pixel_digests), kind="stable")
    synthetic = evidence.synthetic.subset(order)
    attributes = attributes_of(evidence.pool, synthetic)
    volume = synthetic.volume_index
    unit = np.where(volume >= 0, volume, len(synthetic) + np.arange(len(synthetic)))
    spaces = evidence.matcher.spaces
    real = [space.vectors for space in spaces]
    made = [evidence.embeddings[space.encoder.name][Role.SYNTHETIC].vectors[order] for space in spaces]
    pool = evidence.pool
    return (
        attributes,
        Divided(pool.patient, pool.patient_is_train, unit),
        Vectors(_side_by_side(real), _side_by_side(made), pool.patient, pool.n_patients),
    )


def _side_by_side(vectors: list[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Rows of all encoders as one row of unit length: squared distances are then means over the encoders."""
    return np.ascontiguousarray(np.concatenate(vectors, axis=1) / np.float32(np.sqrt(len(vectors))), dtype=np.float32)


def scored(evidence: Evidence, copies: CopyEvidence, named: NDArray[np.bool_]) -> Scored | NotEnoughData:
    """How strongly the synthetic images point at each patient, or why that is not known.

    The mean of two ranks: that of the audit's own score, and that of an attack on membership; no label has a part in
    either. Whoever is named on direct evidence ranks above all others.

    Args:
        named: (p,) bool, patients whom the audit names.
    """
    pool = evidence.pool
    if evidence.holdout is None:
        return NotEnoughData(NO_HOLDOUT)
    ranks = []
    if copies.matches is not None:
        ranks.append(rankdata(copies.scores))
    try:
        ranks.append(rankdata(_attack(evidence, pool, copies)))
    except NotEnoughData as error:
        if not ranks:
            return error
    scores = np.mean(ranks, axis=0) + np.where(copies.direct, 2.0 * pool.n_patients, 0.0)
    return Scored(np.asarray(scores), named, ~copies.twins, pool.patient_is_train)


def _attack(evidence: Evidence, pool: Pool, copies: CopyEvidence) -> NDArray[np.float64]:
    """(p,) rank by DOMIAS: how much denser the synthetic images lie around a patient's than other patients' do."""
    nobody = np.zeros(len(pool), dtype=np.intp)
    columns = [
        domias_knn(
            SampleSets(
                space.vectors,
                pool.patient,
                evidence.embeddings[space.encoder.name][Role.SYNTHETIC].vectors,
                nobody,
                None if evidence.reference is None else evidence.embeddings[space.encoder.name][Role.REFERENCE].vectors,
                evidence.workers,
            )
        )
        for space in evidence.matcher.spaces
    ]
    best = patient_maximum(mean_rank(np.column_stack(columns)), pool.patient, copies.strata.rows, pool.n_patients)
    return rank_in_stratum(best, copies.strata.level)
