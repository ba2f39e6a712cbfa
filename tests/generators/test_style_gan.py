"""The style-based GAN scales as the paper says, finds its own images again, and learns."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from synthaudit.cohort import Role
from synthaudit.errors import UsageError
from synthaudit.generators.made import images_cohort
from synthaudit.generators.principal import fit_principal_components
from synthaudit.generators.protocol import Budget
from synthaudit.generators.style_gan import StyleGan, StyleGanRecipe
from synthaudit.generators.style_gan_network import StyledConv
from synthaudit.phantoms.chest import ChestPopulation
from synthaudit.statistics.frechet import frechet_distance

SMALL = StyleGanRecipe(size=16, latent=16, style=16, width=8, most=24, depth=2, average=0.95)


@pytest.fixture(scope="module")
def tiny() -> StyleGan:
    recipe = replace(SMALL, size=8, latent=8, style=4, width=4, most=4)
    images = np.random.default_rng(0).random((10, 8, 8), dtype=np.float32)
    return StyleGan(recipe).fit(images_cohort(Role.TRAIN, images), Budget(steps=3), seed=1)


def test_scaling_activations_is_scaling_weights() -> None:
    """The naive twin: one convolution for each image, its weights scaled and divided by their size."""
    torch.manual_seed(0)
    conv, x, w = StyledConv(5, 3, 4, 3), torch.randn(2, 5, 6, 6), torch.randn(2, 4)
    with torch.no_grad():
        scales, fast = conv.scale(w), conv(x, w)
        for row in range(2):
            weight = conv.weight * scales[row][None, :, None, None]
            weight = weight / (weight**2).sum(dim=(1, 2, 3), keepdim=True).sqrt()
            naive = torch.nn.functional.conv2d(x[row : row + 1], weight, padding=1)
            torch.testing.assert_close(fast[row : row + 1], naive, rtol=1e-4, atol=1e-5)


def test_an_image_it_made_is_found_again(tiny: StyleGan) -> None:
    styles, _ = tiny.invert(tiny.sample(6, seed=5), seed=2, steps=0)
    made = tiny.decode(styles + np.float32(0.3))
    start, found = (tiny.invert(made, seed=0, steps=steps)[1] for steps in (0, 40))
    assert found.shape == (6,)
    assert np.all(found < 0.5 * start)
    # Each image is sought on its own.
    np.testing.assert_array_equal(tiny.invert(made[2:3], seed=0, steps=40)[1], found[2:3])


def test_reconstruction_leads_away(tiny: StyleGan) -> None:
    made = tiny.decode(tiny.encode(tiny.sample(5, seed=5)))
    errors = [float(np.abs(tiny.reconstruct(made, strength, 0) - made).mean()) for strength in (0.0, 0.5, 1.0)]
    assert errors[0] < errors[1] < errors[2]
    with pytest.raises(UsageError, match=r"strength must lie in \[0, 1\], got 1.5"):
        tiny.reconstruct(made, 1.5, 0)


def test_full_truncation_leaves_the_mean(tiny: StyleGan) -> None:
    flat = replace(tiny, recipe=replace(tiny.recipe, truncation=0.0)).sample(20, seed=0)
    assert flat.std(axis=0).mean() < 0.2 * tiny.sample(20, seed=0).std(axis=0).mean()
    lengths = tiny.path_length(3, seed=0)
    assert lengths.shape == (3,)
    assert np.all(lengths > 0)


def test_settings_out_of_range_are_named() -> None:
    with pytest.raises(UsageError, match=r"truncation must lie in \[0, 1\], got 2"):
        StyleGanRecipe(truncation=2)
    with pytest.raises(UsageError, match="style must be at least 1, got 0"):
        StyleGanRecipe(style=0)


@pytest.mark.slow
def test_it_learns() -> None:
    """Nearer to held-out images than an untrained network's samples, and than pixels drawn one by one."""
    population = ChestPopulation(seed=3, size=16)
    images = np.stack([population.image(patient) for patient in range(600)])
    train, held_out = images[:300], images[300:]
    space = fit_principal_components(held_out, 16, np.random.default_rng(0))

    def distance(x: NDArray[np.float32]) -> float:
        return frechet_distance(space.encode(x), space.encode(held_out))

    cohort = images_cohort(Role.TRAIN, train)
    learned, untrained = (StyleGan(SMALL).fit(cohort, Budget(steps=steps), 1).sample(256, 0) for steps in (200, 1))
    noise = np.random.default_rng(0).standard_normal(train[:256].shape).astype(np.float32)
    pixels = np.clip(train.mean(axis=0) + train.std(axis=0) * noise, 0, 1)
    assert distance(learned) < 0.6 * distance(pixels) < 0.2 * distance(untrained)
