"""Models like the generator under audit, fitted to random patients: what it would know had a patient not been there.

The patients of both sides are pooled and dealt without looking at who was trained on. Models come in pairs, the second
fitted to the half that the first was not, so that each patient is in as many models as not. They are kept on disk, and
a fit that was interrupted is taken up again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from synthaudit.attacks.loss import loss_exposures
from synthaudit.cohort import Cohort, Role
from synthaudit.errors import NotEnoughData
from synthaudit.generators.protocol import Budget, Generator, Images, Scores, Trainable
from synthaudit.matching.pool import Pool
from synthaudit.progress import Progress

LEAST_PATIENTS = 20


class Reproducible(Generator, Scores, Trainable, Protocol):
    """A generator that can be fitted anew and asked how well it knows an image."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How the reference models are made.

    Attributes:
        models: How many.
        steps: Training steps of each.
        seed: Of the halves, the fits and the noise of the scores.
        levels: Noise levels of the scores.
        folder: Where the models are kept; None keeps none.
        progress: Told about each fit.
    """

    models: int
    steps: int
    seed: int
    levels: int
    folder: Path | None = None
    progress: Progress = field(default_factory=Progress)


@dataclass(frozen=True, slots=True, eq=False)
class ReferenceScores:
    """(k, n) exposures of images by k reference models, and (k, n) whether a model was fitted with the patient."""

    exposures: NDArray[np.float64]
    inside: NDArray[np.bool_]


def reference_scores(
    generator: Reproducible, pool: Pool, rows: NDArray[np.intp], x: Images, plan: Plan
) -> ReferenceScores:
    """Fit the reference models and score the images with each.

    Args:
        generator: Under audit; gives its recipe, and nothing of what it has learned.
        pool: All real images.
        rows: (n,) the pool rows in question, in the pool's order.
        x: (n, h, w) their images in the generator's range.
        plan: How many, how long, where to keep them.

    Raises:
        NotEnoughData: Fewer than 20 patients.
    """
    patient = pool.patient[rows]
    present = np.unique(patient)
    if len(present) < LEAST_PATIENTS:
        raise NotEnoughData(f"reference models need at least {LEAST_PATIENTS} patients, got {len(present)}")
    inside, exposures = np.zeros((plan.models, len(rows)), dtype=bool), np.zeros((plan.models, len(rows)))
    for number, members in enumerate(plan.progress.track(halves(present, plan), "reference models", plan.models)):
        inside[number] = np.isin(patient, members)
        cohort = pooled_cohort(pool, rows[inside[number]])
        place = (
            None if plan.folder is None else plan.folder / "reference-models" / _key(generator, cohort, plan, number)
        )
        seed = int(np.random.SeedSequence([plan.seed, number]).generate_state(1)[0])
        # Quiet: bars of fits inside a bar of models would overwrite each other.
        fitted = generator.fresh().fit(cohort, Budget(steps=plan.steps), seed, folder=place, progress=Progress())
        if not isinstance(fitted, Scores):
            raise NotEnoughData("reference models need a generator whose fits can score images; this one's cannot")
        exposures[number] = loss_exposures(fitted, x, plan.seed, plan.levels)["loss"]
    return ReferenceScores(exposures, inside)


def halves(patients: NDArray[np.intp], plan: Plan) -> Iterator[NDArray[np.intp]]:
    """The patients of each model: a random half, then the other half, and so on."""
    for number in range(plan.models):
        dealt = np.random.default_rng([plan.seed, number // 2]).permutation(patients)
        half = len(dealt) // 2
        yield dealt[:half] if number % 2 == 0 else dealt[half:]


def pooled_cohort(pool: Pool, rows: NDArray[np.intp]) -> Cohort:
    """Pool rows of both sides as one training cohort, in the pool's order; patients and files go by numbers."""
    places = [pool.cohort(int(row)) for row in rows]
    columns = sorted({name for cohort in pool.cohorts for name in cohort.attributes})
    return Cohort(
        role=Role.TRAIN,
        names=tuple(f"{number:06d}" for number in range(len(rows))),
        sources=tuple(cohort.sources[i] for cohort, i in places),
        patients=tuple(str(patient) for patient in pool.patient[rows]),
        known_patient=np.array([cohort.known_patient[i] for cohort, i in places], dtype=bool),
        attributes={
            name: tuple(cohort.attributes[name][i] if name in cohort.attributes else "" for cohort, i in places)
            for name in columns
        },
        pixel_digests=tuple(pool.digest(int(row)) for row in rows),
    )


def _key(generator: Generator, cohort: Cohort, plan: Plan, number: int) -> str:
    """Under what a model is kept: the recipe is known by the checkpoint under audit that bears it."""
    spec = generator.spec
    told = (spec.name, spec.checkpoint_digest, spec.shape, cohort.digest, plan.steps, plan.seed, number)
    return hashlib.sha256(repr(told).encode()).hexdigest()[:24]
