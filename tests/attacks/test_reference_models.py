"""Reference models: whom each was fitted with, that nobody's side takes part, and that work is taken up again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from synthaudit.attacks.calibrated import lira, rmia
from synthaudit.attacks.loss import loss_exposures
from synthaudit.attacks.reference_models import Plan, halves, pooled_cohort, reference_scores
from synthaudit.cohort import Cohort, Role
from synthaudit.errors import NotEnoughData
from synthaudit.generators.kernel_memory import KernelMemory
from synthaudit.generators.latent_diffusion import LatentDiffusion
from synthaudit.generators.principal import cohort_images
from synthaudit.generators.protocol import Budget
from synthaudit.generators.recipe import Recipe
from synthaudit.matching.pool import Pool
from synthaudit.phantoms.chest import ChestPopulation
from synthaudit.progress import Progress
from synthaudit.statistics.roc import auc

POPULATION = ChestPopulation(seed=6, size=16)
PLAN = Plan(models=4, steps=1, seed=3, levels=3)


@pytest.fixture(scope="module")
def sides() -> tuple[Cohort, Cohort]:
    train = POPULATION.cohort(Role.TRAIN, range(20), visits=lambda patient: 1 + patient % 2)
    return train, POPULATION.cohort(Role.HOLDOUT, range(50, 70))


@pytest.fixture(scope="module")
def pool(sides: tuple[Cohort, Cohort]) -> Pool:
    return Pool.of(*sides)


def test_each_patient_is_in_as_many_models_as_not(pool: Pool) -> None:
    patients = np.arange(pool.n_patients)
    drawn = [np.isin(patients, members) for members in halves(patients, PLAN)]
    np.testing.assert_array_equal(np.sum(drawn, axis=0), 2)
    assert not np.array_equal(drawn[0], drawn[2])
    np.testing.assert_array_equal(drawn[1], ~drawn[0])


def test_the_sides_take_no_part(sides: tuple[Cohort, Cohort], pool: Pool) -> None:
    """With training and holdout exchanged, the same models are fitted to the same images."""
    train, holdout = sides
    swapped = Pool.of(replace(holdout, role=Role.TRAIN), replace(train, role=Role.HOLDOUT))
    memory, found = KernelMemory(size=16), []
    for one in (pool, swapped):
        rows = np.arange(len(one))
        x = cohort_images(pooled_cohort(one, rows), 16, Progress())
        found.append(reference_scores(memory, one, rows, x, PLAN))
    np.testing.assert_array_equal(found[0].exposures, found[1].exposures)
    np.testing.assert_array_equal(found[0].inside, found[1].inside)


def test_a_pooled_cohort_names_nobody(pool: Pool) -> None:
    cohort = pooled_cohort(pool, np.arange(len(pool)))
    assert not set(cohort.patients) & set(pool.patient_ids)
    assert cohort.n_patients == pool.n_patients
    assert set(cohort.pixel_digests) == {pool.digest(row) for row in range(len(pool))}


def test_a_memory_is_told_from_models_without_its_patients(sides: tuple[Cohort, Cohort], pool: Pool) -> None:
    memory = KernelMemory(size=16, width=0.12).fit(sides[0], Budget(steps=1), 0)
    rows = np.arange(len(pool))
    x = cohort_images(pooled_cohort(pool, rows), 16, Progress())
    references = reference_scores(memory, pool, rows, x, PLAN)
    observed = loss_exposures(memory, x, PLAN.seed, PLAN.levels)["loss"]
    member = pool.patient_is_train[pool.patient]
    for exposure in (
        lira(observed, references.exposures, references.inside),
        rmia(observed, references.exposures, pool.patient),
    ):
        assert auc(exposure[member], exposure[~member]) > 0.9


def test_models_are_kept_and_taken_up_again(pool: Pool, sides: tuple[Cohort, Cohort], tmp_path: Path) -> None:
    recipe = Recipe(size=16, components=8, texture=4, width=16, depth=1, batch=16, sampler_steps=2)
    fitted = LatentDiffusion(recipe).fit(sides[0], Budget(steps=2), 0)
    rows = np.arange(len(pool))
    x = cohort_images(pooled_cohort(pool, rows), 16, Progress())
    plan = replace(PLAN, models=2, steps=3, folder=tmp_path)
    first = reference_scores(fitted, pool, rows, x, plan)
    cards = sorted((tmp_path / "reference-models").glob("*/card.json"))
    assert len(cards) == 2
    made = [card.stat().st_mtime_ns for card in cards]
    again = reference_scores(fitted, pool, rows, x, plan)
    np.testing.assert_array_equal(first.exposures, again.exposures)
    assert [card.stat().st_mtime_ns for card in cards] == made
    assert not any(patient in str(card) for card in cards for patient in pool.patient_ids)


def test_too_few_patients_are_refused(pool: Pool) -> None:
    rows = np.arange(5)
    with pytest.raises(NotEnoughData, match="reference models need at least 20 patients, got"):
        reference_scores(KernelMemory(size=16), pool, rows, np.zeros((5, 16, 16), dtype=np.float32), PLAN)
