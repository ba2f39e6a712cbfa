"""The memory with a known grain: its closed forms are what sampling from it says they are."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from synthaudit.cohort import Role
from synthaudit.errors import UsageError
from synthaudit.generators.kernel_memory import KernelMemory
from synthaudit.generators.made import images_cohort
from synthaudit.generators.protocol import Budget, Capability, Generator, Trainable


@pytest.fixture(scope="module")
def images() -> NDArray[np.float32]:
    return np.random.default_rng(0).uniform(0.3, 0.7, (12, 2, 2)).astype(np.float32)


@pytest.fixture(scope="module")
def memory(images: NDArray[np.float32]) -> KernelMemory:
    return KernelMemory(size=2, width=0.05).fit(images_cohort(Role.TRAIN, images[:6]), Budget(steps=1), 0)


def test_it_is_a_generator_that_can_be_fitted(memory: KernelMemory) -> None:
    assert isinstance(memory, Generator)
    assert isinstance(memory, Trainable)
    cannot = {Capability.TRANSLATE, Capability.DISCRIMINATE, Capability.DIFFERENTIATE}
    assert memory.capabilities() == set(Capability) - cannot
    assert len(memory.spec.checkpoint_digest) == 64
    assert memory.fresh().spec.checkpoint_digest == ""
    np.testing.assert_array_equal(memory.sample(5, 1), memory.sample(9, 1)[:5])


def test_denoising_is_the_mean_of_what_could_have_been(memory: KernelMemory) -> None:
    """Among many clean points, those that noise brings near a noisy one have the mean that the closed form gives."""
    rng = np.random.default_rng(1)
    assert memory.training is not None
    sigma, noisy = 0.1, memory.training[:1] + np.float32(0.05)
    clean = memory.training[rng.integers(6, size=200_000)] + 0.05 * rng.standard_normal((200_000, 4))
    weight = np.exp(-((clean - noisy) ** 2).sum(axis=1) / (2 * sigma**2))
    expected = (weight[:, None] * clean).sum(axis=0) / weight.sum()
    np.testing.assert_allclose(memory.denoise(noisy, sigma)[0], expected, atol=2e-3)


def test_it_knows_whom_it_keeps(memory: KernelMemory, images: NDArray[np.float32]) -> None:
    scores = memory.score(images, 0, 3)
    assert scores.shape == (12, 3)
    assert scores[:6].mean() < scores[6:].mean()
    restored = np.abs(memory.reconstruct(images, 0.5, 0) - images).reshape(12, -1).mean(axis=1)
    assert restored[:6].mean() < restored[6:].mean()
    np.testing.assert_array_equal(memory.decode(memory.encode(images)), images)


def test_wrong_use_is_named(memory: KernelMemory, images: NDArray[np.float32]) -> None:
    with pytest.raises(UsageError, match="width must be positive, got 0"):
        KernelMemory(width=0)
    with pytest.raises(UsageError, match="the generator must be fitted first, got a fresh one"):
        memory.fresh().sample(1, 0)
    with pytest.raises(UsageError, match=r"strength must lie in \[0, 1\], got 2"):
        memory.reconstruct(images, 2, 0)
