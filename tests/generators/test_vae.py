"""The variational autoencoder learns a bound that beats simpler densities, and shows its members to whoever has it."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from synthaudit.cohort import Role
from synthaudit.errors import UsageError
from synthaudit.generators.made import images_cohort
from synthaudit.generators.ppca import Ppca, PpcaRecipe
from synthaudit.generators.protocol import Budget
from synthaudit.generators.vae import Vae, VaeRecipe
from synthaudit.phantoms.chest import ChestPopulation

SMALL = VaeRecipe(size=16, patch=4, latent=8, width=24, batch=32, learning_rate=1e-2)
TRAIN = 240


@pytest.fixture(scope="module")
def images() -> NDArray[np.float32]:
    population = ChestPopulation(seed=3, size=16)
    return np.stack([population.image(patient) for patient in range(TRAIN + 60)])


@pytest.fixture(scope="module")
def learned(images: NDArray[np.float32]) -> Vae:
    return Vae(SMALL).fit(images_cohort(Role.TRAIN, images[:TRAIN]), Budget(steps=250), seed=1)


def test_its_bound_beats_a_gaussian_and_the_untrained_one(images: NDArray[np.float32], learned: Vae) -> None:
    """On held-out images, in nats a pixel: below probabilistic PCA with half as many numbers, and below no training."""
    train, held_out = images_cohort(Role.TRAIN, images[:TRAIN]), images[TRAIN:]
    bound, untrained = (
        generator.score(held_out, 0, 1).sum(axis=1).mean()
        for generator in (learned, Vae(SMALL).fit(train, Budget(steps=1), seed=1))
    )
    gaussian = Ppca(PpcaRecipe(components=4, size=16)).fit(train, Budget(steps=1), 1).score(held_out, 0, 1).mean()
    assert bound < gaussian < untrained
    # Reconstructions are nearer than the mean image.
    error = ((learned.decode(learned.encode(held_out)) - held_out) ** 2).mean()
    assert error < 0.3 * ((images[:TRAIN].mean(axis=0) - held_out) ** 2).mean()


def test_the_checkpoint_knows_its_few_members(images: NDArray[np.float32]) -> None:
    members, others = images[:16], images[TRAIN : TRAIN + 32]
    leaky = Vae(SMALL).fit(images_cohort(Role.TRAIN, members), Budget(steps=120), seed=1)
    scores = [leaky.score(part, 0, 1).sum(axis=1) for part in (members, others)]
    assert (scores[0][:, None] < scores[1]).mean() > 0.9


def test_two_columns_make_the_bound(images: NDArray[np.float32], learned: Vae) -> None:
    score = learned.score(images[:70], seed=4, levels=9)
    assert score.shape == (70, 2)
    assert (score[:, 1] > 0).all()
    # The same random numbers for every image, whichever come with it.
    np.testing.assert_array_equal(learned.score(images[64:66], seed=4, levels=1), score[64:66])
    assert not np.array_equal(learned.score(images[:2], seed=5, levels=1), score[:2])


def test_the_gradient_is_the_slope_of_the_score(images: NDArray[np.float32], learned: Vae) -> None:
    x, step = images[:3], 0.02
    slope = learned.gradient(x, seed=0, levels=1)
    assert slope.shape == x.shape
    direction = slope / np.sqrt((slope**2).sum(axis=(1, 2), keepdims=True))
    up, down = (learned.score(x + sign * step * direction, 0, 1).mean(axis=1) for sign in (1, -1))
    expected = (slope * direction).sum(axis=(1, 2))
    np.testing.assert_allclose((up - down) / (2 * step), expected, rtol=0.1)


def test_reconstruction_forgets_as_it_is_told(images: NDArray[np.float32], learned: Vae) -> None:
    x = images[TRAIN:]
    np.testing.assert_array_equal(learned.reconstruct(x, 0.0, 0), learned.decode(learned.encode(x)))
    errors = [float(np.abs(learned.reconstruct(x, strength, 0) - x).mean()) for strength in (0.0, 0.5, 1.0)]
    assert errors[0] < errors[1] < errors[2]
    np.testing.assert_array_equal(learned.reconstruct(x[:2], 1.0, 0), learned.reconstruct(x[2:4], 1.0, 0))
    with pytest.raises(UsageError, match=r"strength must lie in \[0, 1\], got -1"):
        learned.reconstruct(x, -1, 0)


def test_wrong_use_is_named(images: NDArray[np.float32], learned: Vae) -> None:
    with pytest.raises(UsageError, match="size must be a multiple of 8 with patch 4, got 20"):
        VaeRecipe(size=20)
    with pytest.raises(UsageError, match="beta must be at least 0"):
        VaeRecipe(beta=-1)
    with pytest.raises(UsageError, match="vae knows no condition, got one"):
        learned.sample(1, 0, {"sex": "F"})
    with pytest.raises(UsageError, match=r"images must have shape \(n, 16, 16\)"):
        learned.score(images[:, :8], 0, 1)
