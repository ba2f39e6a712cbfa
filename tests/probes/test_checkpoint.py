"""The probe `checkpoint`: silent on generators that never saw anyone, loud on those that did, honest about the rest."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binom

from synthaudit.attacks.images import display_images, generator_images
from synthaudit.attacks.shown import show
from synthaudit.cohort import Cohort, Role
from synthaudit.errors import NotEnoughData
from synthaudit.finding import Finding
from synthaudit.generators.controls import FreshPatients
from synthaudit.generators.kernel_memory import KernelMemory
from synthaudit.generators.latent_diffusion import LatentDiffusion
from synthaudit.generators.made import images_cohort
from synthaudit.generators.protocol import Budget, Generator, GeneratorSpec
from synthaudit.generators.recipe import Recipe
from synthaudit.matching.matcher import Matcher
from synthaudit.matching.pool import Pool
from synthaudit.phantoms.chest import ChestPopulation
from synthaudit.probe import Evidence, Settings
from synthaudit.probes.checkpoint import Checkpoint
from synthaudit.progress import Progress
from synthaudit.statistics.cross_fitted import CrossFitted
from synthaudit.statistics.max_t import max_t
from synthaudit.statistics.roc import auc

POPULATION = ChestPopulation(seed=13, size=16)
QUICK = Settings(relabelings=199, noise_levels=3)
PATIENTS = 240


@pytest.fixture(scope="module")
def images() -> NDArray[np.float32]:
    return np.stack([POPULATION.image(patient) for patient in range(PATIENTS)])


def side(role: Role, images: NDArray[np.float32], visits: int = 1) -> Cohort:
    """A patient for every `visits` images."""
    made = images_cohort(role, images)
    return replace(made, patients=tuple(f"{role.value}-{row // visits:04d}" for row in range(len(images))))


def evidence_of(
    train: Cohort, holdout: Cohort, generator: Generator, settings: Settings = QUICK, seed: int = 0
) -> Evidence:
    """What this probe looks at; it looks up nothing, so there is no encoder."""
    pool = Pool.of(train, holdout)
    nobody = cast(Matcher, None)
    return Evidence(train, holdout, train, None, {}, pool, nobody, settings, seed, 1, Progress(), generator=generator)


def asked(evidence: Evidence) -> Finding:
    return Checkpoint().run(evidence, evidence.rng("probe checkpoint"))


def value(finding: Finding, name: str) -> float:
    measure = finding.measure(name)
    assert measure is not None
    assert measure.value is not None, measure.not_measured
    return measure.value


def memory(cohort: Cohort, width: float = 0.08) -> KernelMemory:
    return KernelMemory(size=16, width=width).fit(cohort, Budget(steps=1), 0)


def test_a_generator_that_saw_others_raises_no_more_alarms_than_it_may(images: NDArray[np.float32]) -> None:
    """Patients and memory are drawn anew each time; one in ten p-values may be at most a tenth."""
    nulls, p_values, excess = 40, [], []
    for seed in range(nulls):
        order = np.random.default_rng(seed).permutation(PATIENTS)
        foreign = memory(side(Role.TRAIN, images[order[:12]]))
        train, holdout = side(Role.TRAIN, images[order[12:25]]), side(Role.HOLDOUT, images[order[25:38]])
        shown = show(evidence_of(train, holdout, foreign), np.random.default_rng(seed))
        ranks, who = shown.patient_ranks(shown.scores), shown.asked
        combined = CrossFitted(ranks, who.fold)
        test = max_t(ranks, combined, who.is_member, who.stratum, draws=199, rng=np.random.default_rng(seed))
        p_values.append(test.p_value)
        beyond = shown.patient_ranks(shown.beyond)
        excess.append([auc(column[who.is_member], column[~who.is_member]) - 0.5 for column in beyond.T])
    assert np.sum(np.array(p_values) <= 0.1) <= binom.ppf(0.995, nulls, 0.1)
    assert np.all(np.abs(np.mean(excess, axis=0)) <= 4 * np.std(excess, axis=0) / np.sqrt(nulls))


@pytest.fixture(scope="module")
def known(images: NDArray[np.float32]) -> Evidence:
    """A memory of the training patients, half of whom have two images."""
    train, holdout = side(Role.TRAIN, images[:60], visits=2), side(Role.HOLDOUT, images[60:120], visits=2)
    return evidence_of(train, holdout, memory(train), replace(QUICK, relabelings=999, reference_models=4))


@pytest.fixture(scope="module")
def told(known: Evidence) -> Finding:
    return asked(known)


def test_a_memory_is_found_out(told: Finding) -> None:
    assert value(told, "p_value") <= 0.001
    for name in ("loss", "pia", "reconstruction", "fcre", "lira", "rmia", "ensemble"):
        assert value(told, f"auc[{name}]") > 0.9, name
    assert value(told, "excess_auc[loss]") > 0.4
    assert value(told, "loss_or_critic_asked") == 1
    assert abs(value(told, "auc[difficulty]") - 0.5) < 0.2
    assert value(told, "auc_beyond_chance") > 0.9
    assert told.answer.startswith("Yes: the generator knows training patients better than held-out ones. The best of")
    measure = told.measure("auc[loss]")
    assert measure is not None
    assert (measure.n_patients, measure.n_images) == (60, 120)
    assert measure.low is not None
    assert measure.low > 0.8
    (chart,) = told.charts
    assert {"loss", "difficulty", "ensemble"} <= set(chart.series[0].x)


def test_what_could_not_be_asked_is_said(told: Finding) -> None:
    for name in ("discriminator", "gradient"):
        measure = told.measure(f"auc[{name}]")
        assert measure is not None
        assert measure.not_measured is not None
        assert measure.not_measured.startswith("this attack needs a generator that can")
    few = told.measure("tpr_at_1pct_fpr[loss]")
    assert few is not None
    assert few.not_measured == "1 % of 30 held-out patients is less than one; at least 100 are needed."


def test_the_scores_do_not_know_the_sides(known: Evidence) -> None:
    assert known.holdout is not None
    assert known.generator is not None
    train, holdout = replace(known.holdout, role=Role.TRAIN), replace(known.train, role=Role.HOLDOUT)
    swapped = evidence_of(train, holdout, known.generator, known.settings)
    before, after = (show(one, one.rng("probe checkpoint")) for one in (known, swapped))
    for name in ("scores", "easiness", "beyond"):
        np.testing.assert_array_equal(getattr(before, name), getattr(after, name))
    np.testing.assert_array_equal(before.asked.is_member, ~after.asked.is_member)


def test_reference_models_are_trained_when_asked_for_only(images: NDArray[np.float32]) -> None:
    train, holdout = side(Role.TRAIN, images[:12]), side(Role.HOLDOUT, images[12:24])
    measure = asked(evidence_of(train, holdout, memory(train))).measure("auc[lira]")
    assert measure is not None
    assert measure.not_measured is not None
    assert measure.not_measured.endswith("ask with --reference-models")


def test_a_generator_that_tells_nothing_is_not_asked(images: NDArray[np.float32]) -> None:
    train, holdout = side(Role.TRAIN, images[:12]), side(Role.HOLDOUT, images[12:24])
    with pytest.raises(NotEnoughData, match=r"no attack is possible on this generator, .* nothing but: sample$"):
        asked(evidence_of(train, holdout, FreshPatients(POPULATION, first=900)))
    with pytest.raises(NotEnoughData, match="at least 5 patients on each side, got 12 for training and 4 for holdout"):
        asked(evidence_of(train, holdout.subset(range(4)), memory(train)))


def test_a_generator_that_was_never_fitted_is_said_to_be(images: NDArray[np.float32]) -> None:
    train, holdout = side(Role.TRAIN, images[:12]), side(Role.HOLDOUT, images[12:24])
    with pytest.raises(NotEnoughData, match="no attack on this generator could be run: the generator must be fitted"):
        asked(evidence_of(train, holdout, LatentDiffusion(Recipe(size=16))))


def test_images_are_shown_as_the_generator_knows_them() -> None:
    image = np.linspace(0, 1, 32 * 24, dtype=np.float32).reshape(32, 24)
    shown = generator_images([image], GeneratorSpec("any", (16, 16), value_range=(-1, 3)))
    assert shown.shape == (1, 16, 16)
    assert shown.dtype == np.float32
    assert (shown.min(), shown.max()) == (pytest.approx(-1, abs=0.2), pytest.approx(3, abs=0.2))
    np.testing.assert_allclose(display_images(shown, GeneratorSpec("any", (16, 16), (-1, 3))), (shown + 1) / 4)
    assert generator_images([image], GeneratorSpec("any", (32, 24))).shape == (1, 32, 24)
    with pytest.raises(NotEnoughData, match=r"can be shown images of its size \(24 x 32\) only, got others"):
        generator_images([image], GeneratorSpec("any", (24, 32)))
    for shape, made in (((4, 16, 16), "volumes"), ((0, 0), "images of a size that it does not tell")):
        with pytest.raises(NotEnoughData, match=f"of images of a known size, got {made}"):
            generator_images([image], GeneratorSpec("any", shape))


@pytest.mark.slow
def test_a_latent_diffusion_knows_its_patients_by_heart() -> None:
    """Fitted to 64 of 128 phantoms: the loss tells which, and the same generator says nothing of two other groups."""
    population = ChestPopulation(seed=2, size=32)
    images = np.stack([population.image(patient) for patient in range(192)])
    train, holdout, others = (
        side(role, part) for role, part in zip((Role.TRAIN, Role.HOLDOUT, Role.TRAIN), np.split(images, 3), strict=True)
    )
    recipe = Recipe(size=32, components=32, texture=16, width=256, depth=2, batch=128)
    fitted = LatentDiffusion(recipe).fit(train, Budget(steps=300), 0)
    found = asked(evidence_of(train, holdout, fitted, replace(QUICK, relabelings=999)))
    assert value(found, "auc[loss]") > 0.9
    assert value(found, "p_value") <= 0.001
    foreign = asked(evidence_of(others, holdout, fitted, replace(QUICK, relabelings=999)))
    assert value(foreign, "p_value") > 0.01
