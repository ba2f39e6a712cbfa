"""SecMI and PIA: as the papers write them, step by step, and on a denoiser whose answers are known."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from synthaudit.attacks.denoising import noise_deviation, pia_exposures, secmi_exposures, seen_noise
from synthaudit.cohort import Role
from synthaudit.generators.kernel_memory import KernelMemory
from synthaudit.generators.made import images_cohort
from synthaudit.generators.protocol import Budget

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Gaussian:
    """Knows one thing: pixels are independent, of mean 0 and this variance."""

    variance: float

    def encode(self, x: Floats) -> Floats:
        return x.reshape(len(x), -1)

    def decode(self, z: Floats) -> Floats:
        return z.reshape(len(z), 2, 2)

    def denoise(self, z: Floats, sigma: float) -> Floats:
        return np.asarray(z * (self.variance / (self.variance + sigma**2)), dtype=np.float32)


@pytest.fixture(scope="module")
def x() -> Floats:
    return np.random.default_rng(0).uniform(0, 1, (10, 4, 4)).astype(np.float32)


@pytest.fixture(scope="module")
def memory(x: Floats) -> KernelMemory:
    return KernelMemory(size=4, width=0.1).fit(images_cohort(Role.TRAIN, x[:5]), Budget(steps=1), 0)


def kept(step: int) -> float:
    """abar_t, multiplied out."""
    product = 1.0
    for number in range(step + 1):
        product *= 1 - (1e-4 + number * (0.02 - 1e-4) / 999)
    return product


def noise(memory: KernelMemory, image: NDArray[np.float64], step: int) -> NDArray[np.float64]:
    """eps_theta(x_t, t) of one image in the papers' coordinates."""
    a = kept(step)
    z = (image / math.sqrt(a))[None].astype(np.float32)
    clean = memory.denoise(z, math.sqrt((1 - a) / a))[0].astype(np.float64)
    return np.asarray((image - math.sqrt(a) * clean) / math.sqrt(1 - a))


def moved(memory: KernelMemory, image: NDArray[np.float64], start: int, end: int) -> NDArray[np.float64]:
    """DDIM from one step to another: the predicted x_0, carried to the other step with the noise seen."""
    eps = noise(memory, image, start)
    first = (image - math.sqrt(1 - kept(start)) * eps) / math.sqrt(kept(start))
    return np.asarray(math.sqrt(kept(end)) * first + math.sqrt(1 - kept(end)) * eps)


def test_the_schedule_is_that_of_ddpm() -> None:
    for step in (0, 10, 100, 999):
        assert noise_deviation(step) == pytest.approx(math.sqrt((1 - kept(step)) / kept(step)))


def test_secmi_is_the_papers_step_error(memory: KernelMemory, x: Floats) -> None:
    naive = []
    for image in x.reshape(len(x), -1).astype(np.float64):
        at = image
        for step in range(0, 100, 10):
            at = moved(memory, at, step, step + 10)
        back = moved(memory, moved(memory, at, 100, 110), 110, 100)
        naive.append(-((back - at) ** 2).mean())
    found = secmi_exposures(memory, x, 0, 8)["secmi"]
    np.testing.assert_allclose(found, naive, rtol=1e-2, atol=1e-9)
    assert found[:5].min() > found[5:].max()


def test_pia_is_the_papers_difference(memory: KernelMemory, x: Floats) -> None:
    plain: list[float] = []
    scaled: list[float] = []
    for image in x.reshape(len(x), -1).astype(np.float64):
        first = noise(memory, image, 0)
        normal = first * len(first) * math.sqrt(2 / math.pi) / np.abs(first).sum()
        for eps, out in ((first, plain), (normal, scaled)):
            at = math.sqrt(kept(200)) * image + math.sqrt(1 - kept(200)) * eps
            out.append(-float(np.linalg.norm(eps - noise(memory, at, 200), ord=4)))
    found = pia_exposures(memory, x, 0, 8)
    np.testing.assert_allclose(found["pia"], plain, rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(found["pian"], scaled, rtol=1e-3, atol=5e-3)  # of members it is rounding, scaled up
    assert found["pia"][:5].mean() > found["pia"][5:].mean()


def test_a_gaussian_denoiser_has_known_answers() -> None:
    """Everything is linear there: noise seen is z times sigma / (v + sigma^2), and each step a known factor."""
    variance = 0.5
    gaussian = Gaussian(variance)
    x = np.random.default_rng(1).standard_normal((6, 2, 2)).astype(np.float32)

    def seen(sigma: float) -> float:
        return sigma / (variance + sigma**2)

    np.testing.assert_allclose(seen_noise(gaussian, x.reshape(6, 4), 0.3), x.reshape(6, 4) * seen(0.3), rtol=1e-5)
    zero, late = noise_deviation(0), noise_deviation(200)
    first = seen(zero) * math.sqrt(1 + zero**2)
    off = abs(first - seen(late) * (1 + late * first))
    length = np.linalg.norm(x.reshape(6, 4).astype(np.float64), ord=4, axis=1)
    np.testing.assert_allclose(pia_exposures(gaussian, x, 0, 1)["pia"], -off * length, rtol=1e-4)

    def factor(start: int, end: int) -> float:
        now, then = noise_deviation(start), noise_deviation(end)
        return 1 + (then - now) * seen(now)

    at = math.sqrt(1 + zero**2) * math.prod(factor(step, step + 10) for step in range(0, 100, 10))
    error = (factor(100, 110) * factor(110, 100) - 1) ** 2 * at**2 / (1 + noise_deviation(100) ** 2)
    mean_square = (x.reshape(6, 4).astype(np.float64) ** 2).mean(axis=1)
    np.testing.assert_allclose(secmi_exposures(gaussian, x, 0, 1)["secmi"], -error * mean_square, rtol=5e-2)
