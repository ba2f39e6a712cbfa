"""What the engine knows, as the questions on groups want it: in an order that tells nothing, all encoders as one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from synthaudit.cohort import Role
from synthaudit.copying import CopyEvidence
from synthaudit.errors import NotEnoughData
from synthaudit.fairness.exposed import Scored
from synthaudit.fairness.groups import Attribute, attributes_of
from synthaudit.fairness.predicted import Vectors
from synthaudit.fairness.shares import Divided
from synthaudit.matching.pool import Pool
from synthaudit.membership.distances import domias_knn, gan_leaks_calibrated
from synthaudit.membership.sample_sets import SampleSets
from synthaudit.probe import Evidence
from synthaudit.statistics.patient_ranks import patient_maximum

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

    The highest of three scores: the audit's own, and two attacks on membership, of which one sees a single copy, the
    other many images drawn to a patient. Each is centered and scaled over all real patients; no label has a part in
    any. A mean would hide what only one of them sees, and ranks would how far the foremost lead. Whoever is named on
    direct evidence stands above all others.

    Args:
        named: (p,) bool, patients whom the audit names.
    """
    pool = evidence.pool
    if evidence.holdout is None:
        return NotEnoughData(NO_HOLDOUT)
    channels = [] if copies.matches is None else [_standard(copies.scores)]
    try:
        channels += _attacks(evidence, pool, copies)
    except NotEnoughData as error:
        if not channels:
            return error
    best = np.max(channels, axis=0)
    scores = np.where(copies.direct, best.max() + 1.0 + best - best.min(), best)
    return Scored(np.asarray(scores), named, ~copies.twins, pool.patient_is_train)


def _attacks(evidence: Evidence, pool: Pool, copies: CopyEvidence) -> list[NDArray[np.float64]]:
    """(p,) score of each patient by each attack, encoders as one; compared with those read on as many images."""
    nobody = np.zeros(len(pool), dtype=np.intp)
    sets = []
    for space in evidence.matcher.spaces:
        by_role = evidence.embeddings[space.encoder.name]
        reference = None if evidence.reference is None else by_role[Role.REFERENCE].vectors
        synthetic = by_role[Role.SYNTHETIC].vectors
        sets.append(SampleSets(space.vectors, pool.patient, synthetic, nobody, reference, evidence.workers))
    found = []
    for attack in (gan_leaks_calibrated, domias_knn):
        score = np.mean([_standard(attack(one)) for one in sets], axis=0)
        best = patient_maximum(score, pool.patient, copies.strata.rows, pool.n_patients)
        for level in np.unique(copies.strata.level):
            inside = copies.strata.level == level
            best[inside] = _standard(best[inside])
        found.append(best)
    return found


def _standard(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """The scores about their median, in quartile ranges: a few who lead far do not move the scale."""
    low, middle, high = np.quantile(scores, [0.25, 0.5, 0.75])
    return np.asarray((scores - middle) / (high - low if high > low else 1.0))
