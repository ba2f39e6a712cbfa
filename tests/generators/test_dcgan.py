"""The DCGAN's losses are the paper's, it learns, and its critic knows whom it has seen."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from synthaudit.cohort import Role
from synthaudit.errors import UsageError
from synthaudit.generators.adversarial import critic_loss, maker_loss, r1_penalty
from synthaudit.generators.adversarial_recipe import AdversarialRecipe
from synthaudit.generators.dcgan import Dcgan
from synthaudit.generators.made import images_cohort
from synthaudit.generators.principal import fit_principal_components
from synthaudit.generators.protocol import Budget
from synthaudit.phantoms.chest import ChestPopulation
from synthaudit.statistics.frechet import frechet_distance
from synthaudit.statistics.roc import auc

SMALL = AdversarialRecipe(size=16, latent=16, width=12, most=32, batch=16, average=0.95)


@pytest.fixture(scope="module")
def images() -> NDArray[np.float32]:
    population = ChestPopulation(seed=3, size=16)
    return np.stack([population.image(patient) for patient in range(600)])


def test_the_losses_of_a_critic_that_sees_nothing() -> None:
    nothing = torch.zeros(5)
    assert float(critic_loss(nothing, nothing)) == pytest.approx(2 * math.log(2))
    assert float(maker_loss(nothing)) == pytest.approx(math.log(2))
    # Non-saturating: the surer the critic is, the steeper the way out.
    logit = torch.tensor([-5.0], requires_grad=True)
    maker_loss(logit).backward()  # type: ignore[no-untyped-call]
    assert logit.grad is not None
    assert float(logit.grad) < -0.99


def test_r1_is_half_the_squared_slope() -> None:
    layer = nn.Linear(16, 1)
    penalty = r1_penalty(nn.Sequential(nn.Flatten(), layer), torch.randn(7, 1, 4, 4)).detach()
    assert float(penalty) == pytest.approx(0.5 * float((layer.weight.detach() ** 2).sum()), rel=1e-5)


def test_a_logit_does_not_depend_on_the_batch() -> None:
    images = np.random.default_rng(0).random((70, 16, 16), dtype=np.float32)
    made = Dcgan(replace(SMALL, width=4, most=8)).fit(images_cohort(Role.TRAIN, images[:20]), Budget(steps=2), 0)
    together = made.discriminate(images[:70])
    assert together.shape == (70,)
    np.testing.assert_array_equal(made.discriminate(images[5:6]), together[5:6])
    with pytest.raises(UsageError, match=r"images must have shape \(n, 16, 16\), got \(1, 8, 8\)"):
        made.discriminate(np.zeros((1, 8, 8), dtype=np.float32))
    with pytest.raises(UsageError, match="dcgan knows no condition, got one"):
        made.sample(1, 0, {"sex": "F"})


def test_settings_out_of_range_are_named() -> None:
    with pytest.raises(UsageError, match="size must be one of 8, 16, 32, 64, 128, got 48"):
        AdversarialRecipe(size=48)
    with pytest.raises(UsageError, match="r1_weight must be at least 0, got -1"):
        AdversarialRecipe(r1_weight=-1)
    with pytest.raises(UsageError, match=r"average must lie in \[0, 1\), got 1"):
        AdversarialRecipe(average=1)


@pytest.mark.slow
def test_it_learns(images: NDArray[np.float32]) -> None:
    """Nearer to held-out images than an untrained network's samples, and than pixels drawn one by one."""
    train, held_out = images[:300], images[300:]
    space = fit_principal_components(held_out, 16, np.random.default_rng(0))

    def distance(x: NDArray[np.float32]) -> float:
        return frechet_distance(space.encode(x), space.encode(held_out))

    cohort = images_cohort(Role.TRAIN, train)
    learned, untrained = (Dcgan(SMALL).fit(cohort, Budget(steps=steps), 1).sample(256, 0) for steps in (250, 1))
    noise = np.random.default_rng(0).standard_normal(train[:256].shape).astype(np.float32)
    pixels = np.clip(train.mean(axis=0) + train.std(axis=0) * noise, 0, 1)
    assert distance(learned) < 0.6 * distance(pixels) < 0.2 * distance(untrained)


@pytest.mark.slow
def test_the_critic_of_few_images_knows_them(images: NDArray[np.float32]) -> None:
    made = Dcgan(SMALL).fit(images_cohort(Role.TRAIN, images[:24]), Budget(steps=250), 1)
    logits = made.discriminate(images[:224]).astype(np.float64)
    assert auc(logits[:24], logits[24:]) > 0.8
