"""Copies of real images, altered and looked up like synthetic ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from synthaudit.canaries.alterations import Image
from synthaudit.canaries.transforms import PLANTED_PX, TRANSFORMS, Transform
from synthaudit.copying import CopyEvidence
from synthaudit.errors import NotEnoughData
from synthaudit.matching.lookup import Query
from synthaudit.matching.strangers import Strangers, sample_rows
from synthaudit.pixels import canvas
from synthaudit.probe import Evidence

LEAST_PLANTED = 5
SIDES_SAMPLED = 16

Plan = Sequence[tuple[Transform, NDArray[np.intp]]]
"""What is planted: each transform with the pool rows that it is applied to."""


@dataclass(frozen=True, eq=False)
class PlantedCopies:
    """What became of the planted copies of one transform at one strength.

    Attributes:
        patient: (n,) pool patient each copy was made of.
        of_train: (n,) bool; False for negative controls, made of held-out patients.
        direct: (n,) bool: direct evidence points at the right patient.
        wrong: (n,) bool: direct evidence points at another patient too, one whom the copy does not show.
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


def planting_plan(evidence: Evidence, rows: NDArray[np.intp], transforms: Sequence[Transform] = TRANSFORMS) -> Plan:
    """All `rows` at each family's reference strength, and the first few training patients at the others.

    The few are the same throughout, so that strengths are compared on the same images. Where the settings ask for none,
    or there are too few patients to speak of a share, the reference strengths are all there is.
    """
    pool = evidence.pool
    train = rows[pool.patient_is_train[pool.patient[rows]]]
    few = train[: evidence.settings.planted_per_strength]
    ladder = len(few) >= LEAST_PLANTED
    return [(one, rows if one.reference else few) for one in transforms if one.reference or ladder]


def partner_row(evidence: Evidence, row: int) -> int:
    """The pool row of another patient, drawn without looking at sides: the same one for all transforms of `row`."""
    pool = evidence.pool
    others = np.flatnonzero(pool.patient != pool.patient[row])
    return int(evidence.rng(f"partner {pool.digest(row)}").choice(others))


def _altered(evidence: Evidence, plan: Plan) -> Iterator[Query]:
    """The copies, made when asked for at the generator's resolution, each from random numbers of its own."""
    pool, side = evidence.pool, _generator_side(evidence)

    for transform, rows in plan:
        for row in rows:

            def read(row: int = int(row), transform: Transform = transform) -> Image:
                image = pool.read(row)
                channels: Literal[1, 3] = 3 if image.ndim == 3 else 1
                copied = canvas(image, side, channels)
                partner = canvas(pool.read(partner_row(evidence, row)), side, channels) if transform.mixes else copied
                rng = evidence.rng(f"plant {transform.name} {pool.digest(row)}")
                return np.ascontiguousarray(transform.apply(copied, partner, rng), dtype=np.float32)

            yield Query(read)


def plant(evidence: Evidence, strangers: Strangers, plan: Plan) -> list[PlantedCopies]:
    """Plant what is planned, and look all of it up."""
    rows = np.concatenate([rows for _, rows in plan])
    total, pool = len(rows), evidence.pool
    matches = evidence.matcher.match(_altered(evidence, plan), stage="planted copies", total=total)
    source = pool.patient[rows]
    mixes = np.repeat([transform.mixes for transform, _ in plan], [len(rows) for _, rows in plan])
    shown = source.copy()
    shown[mixes] = [pool.patient[partner_row(evidence, int(row))] for row in rows[mixes]]
    likeness = strangers.likeness(matches.similarity)
    found = pool.patient[matches.fine_real]
    right = found == source[matches.fine_query]
    other = ~right & (found != shown[matches.fine_query])
    above = likeness > strangers.threshold
    best_likeness, best_similarity = np.full(total, -np.inf), np.full(total, -np.inf)
    direct, wrong = np.zeros(total, dtype=bool), np.zeros(total, dtype=bool)
    np.maximum.at(best_likeness, matches.fine_query[right], likeness[right])
    direct[matches.fine_query[right & above]] = True
    wrong[matches.fine_query[other & above]] = True
    mine = pool.patient[matches.real] == source[matches.query]
    np.maximum.at(best_similarity, matches.query[mine], matches.score[mine])
    ends = np.cumsum([len(rows) for _, rows in plan])
    parts = [slice(end - len(rows), end) for end, (_, rows) in zip(ends, plan, strict=True)]
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
        for (transform, _), part in zip(plan, parts, strict=True)
    ]
