"""The pixel diffusion denoises, scores every image against the same noise, and learns."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from synthaudit.cohort import Role
from synthaudit.errors import UsageError
from synthaudit.generators.made import images_cohort
from synthaudit.generators.pixel_diffusion import PixelDiffusion, PixelDiffusionRecipe
from synthaudit.generators.pixel_diffusion_network import PatchUnet
from synthaudit.generators.principal import fit_principal_components
from synthaudit.generators.protocol import Budget
from synthaudit.phantoms.chest import ChestPopulation
from synthaudit.statistics.frechet import frechet_distance


@pytest.fixture(scope="module")
def images() -> NDArray[np.float32]:
    return np.random.default_rng(0).random((70, 8, 8), dtype=np.float32)


@pytest.fixture(scope="module")
def tiny(images: NDArray[np.float32]) -> PixelDiffusion:
    recipe = PixelDiffusionRecipe(size=8, patch=2, width=8, batch=8, sampler_steps=4)
    return PixelDiffusion(recipe).fit(images_cohort(Role.TRAIN, images), Budget(steps=3), seed=1)


def test_latents_are_pixels(tiny: PixelDiffusion, images: NDArray[np.float32]) -> None:
    z = tiny.encode(images)
    assert z.shape == (70, 64)
    np.testing.assert_allclose(tiny.decode(z), images, atol=1e-6)
    # Hardly any noise: what is there is what was there.
    np.testing.assert_allclose(tiny.denoise(z, 1e-4), z, atol=1e-3)
    with pytest.raises(UsageError, match="sigma must be positive, got 0"):
        tiny.denoise(z, 0)


def test_scores_share_their_noise_and_keep_their_rows(tiny: PixelDiffusion, images: NDArray[np.float32]) -> None:
    scores = tiny.score(images, seed=2, levels=2)
    assert scores.shape == (70, 2)
    assert (scores > 0).all()
    np.testing.assert_array_equal(tiny.score(images[64:], seed=2, levels=2)[:2], scores[64:66])
    twice = tiny.score(np.repeat(images[:1], 2, axis=0), seed=2, levels=2)
    np.testing.assert_array_equal(twice[0], twice[1])


def test_reconstruction_forgets(tiny: PixelDiffusion, images: NDArray[np.float32]) -> None:
    errors = [float(np.abs(tiny.reconstruct(images[:20], s, 0) - images[:20]).mean()) for s in (0.0, 0.5, 0.9)]
    assert errors[0] < 0.02
    assert errors[0] < errors[1] < errors[2]
    with pytest.raises(UsageError, match=r"strength must lie in \[0, 1\], got -1"):
        tiny.reconstruct(images[:1], -1, 0)


def test_settings_out_of_range_are_named() -> None:
    with pytest.raises(UsageError, match="size must be a multiple of twice the patch, got 36 and 4"):
        PixelDiffusionRecipe(size=36)
    with pytest.raises(UsageError, match="width must be a multiple of 8, got 12"):
        PixelDiffusionRecipe(width=12)
    with pytest.raises(UsageError, match="sampler must be one of dpm-solver-2m, heun, got 'ddpm'"):
        PixelDiffusionRecipe(sampler="ddpm")


def test_the_recipe_for_a_gpu_can_be_built() -> None:
    with torch.device("meta"):
        network = PatchUnet(PixelDiffusionRecipe.gpu(64))
    assert 5e6 < sum(parameter.numel() for parameter in network.parameters()) < 2e7


@pytest.mark.slow
def test_it_learns() -> None:
    """Samples nearer to held-out images than pixels drawn one by one; held-out loss below the untrained network's."""
    population = ChestPopulation(seed=3, size=16)
    images = np.stack([population.image(patient) for patient in range(600)])
    train, held_out = images[:300], images[300:]
    space = fit_principal_components(held_out, 16, np.random.default_rng(0))
    recipe = PixelDiffusionRecipe(size=16, width=32, batch=32, sampler_steps=8, average=0.98)
    cohort = images_cohort(Role.TRAIN, train)
    learned, untrained = (PixelDiffusion(recipe).fit(cohort, Budget(steps=steps), 1) for steps in (200, 1))
    noise = np.random.default_rng(0).standard_normal(train[:256].shape).astype(np.float32)
    pixels = np.clip(train.mean(axis=0) + train.std(axis=0) * noise, 0, 1)
    made, drawn = (frechet_distance(space.encode(x), space.encode(held_out)) for x in (learned.sample(256, 0), pixels))
    assert made < 0.6 * drawn
    after, before = (generator.score(held_out[:64], 0, 3).mean(axis=0) for generator in (learned, untrained))
    # At the least noise so short a fit has hardly begun.
    assert np.all(after < before)
    assert np.all(after[1:] < 0.8 * before[1:])
