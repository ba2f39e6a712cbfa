"""Attacks on the denoising itself: the error of a deterministic step (SecMI), and the noise seen in no noise (PIA).

Both are written in the papers for the schedule of DDPM, where x_t = sqrt(abar_t) x_0 + sqrt(1 - abar_t) eps. A
generator here takes z = x_t / sqrt(abar_t), clean latents and noise of deviation sigma_t = sqrt((1 - abar_t) / abar_t),
and gives back the expected clean latents D(z; sigma); the noise that it sees is eps = (z - D(z; sigma)) / sigma. The
papers' steps are kept; they are meant for latents of about unit deviation.

References: Duan et al. 2023, arXiv:2302.01316 (SecMI); Kong et al. 2024, arXiv:2305.18355 (PIA, PIAN); Ho et al. 2020,
arXiv:2006.11239 (schedule).
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from synthaudit.attacks.attack import Attack, Exposures
from synthaudit.generators.protocol import Capability, Denoises, Encodes, Images

STEPS, FIRST_BETA, LAST_BETA = 1000, 1e-4, 0.02
"""DDPM's linear schedule."""

SECMI_STEP, SECMI_STRIDE = 100, 10
"""SecMI: the step whose error is taken, and the stride of the way there."""

PIA_STEP, PIA_NORM = 200, 4
"""PIA: the step at which the noise is seen again, and the norm of the difference."""

Floats = NDArray[np.float32]


class LatentDenoiser(Encodes, Denoises, Protocol):
    """Encodes images, and takes noise away from their latents."""


def noise_deviation(step: int) -> float:
    """sigma_t of DDPM's step t in [0, 999], for latents that are not scaled down.

    >>> round(noise_deviation(0), 4), round(noise_deviation(100), 3)
    (0.01, 0.343)
    """
    kept = float(np.prod(1 - np.linspace(FIRST_BETA, LAST_BETA, STEPS)[: step + 1]))
    return float(np.sqrt((1 - kept) / kept))


def seen_noise(generator: Denoises, z: Floats, sigma: float) -> Floats:
    """(n, d) noise, in deviations, that the generator sees in `z`, told that it is of deviation `sigma`."""
    return np.asarray((z - generator.denoise(z, sigma)) / np.float32(sigma), dtype=np.float32)


def secmi_exposures(generator: LatentDenoiser, x: Images, seed: int, levels: int) -> Exposures:
    """Minus SecMI's step error at t = 100: DDIM there by steps of 10, one step on and back again, and how far off."""
    del seed, levels  # deterministic, at the step of the paper

    def moved(z: Floats, start: int, end: int) -> Floats:
        now, then = noise_deviation(start), noise_deviation(end)
        return z + np.float32(then - now) * seen_noise(generator, z, now)

    z = _at_step_zero(generator.encode(x))
    for step in range(0, SECMI_STEP, SECMI_STRIDE):
        z = moved(z, step, step + SECMI_STRIDE)
    onward = SECMI_STEP + SECMI_STRIDE
    off = (moved(moved(z, SECMI_STEP, onward), onward, SECMI_STEP) - z).astype(np.float64)
    scaled_down = 1 + noise_deviation(SECMI_STEP) ** 2
    return {"secmi": -(off**2).mean(axis=1) / scaled_down}


def pia_exposures(generator: LatentDenoiser, x: Images, seed: int, levels: int) -> Exposures:
    """Minus the difference of the noise seen in the image alone and in the image with that very noise added.

    `pian` scales the first noise to the length of Gaussian noise before it is added.
    """
    del seed, levels  # deterministic, at the step of the paper
    z, sigma = generator.encode(x), noise_deviation(PIA_STEP)
    first = seen_noise(generator, _at_step_zero(z), noise_deviation(0))
    size = np.abs(first).mean(axis=1, keepdims=True) * np.float32(np.sqrt(np.pi / 2))
    normal = first / np.maximum(size, np.float32(1e-12))

    def difference(noise: Floats) -> NDArray[np.float64]:
        off = noise - seen_noise(generator, z + np.float32(sigma) * noise, sigma)
        return np.asarray(np.linalg.norm(off.astype(np.float64), ord=PIA_NORM, axis=1))

    return {"pia": -difference(first), "pian": -difference(normal)}


def _at_step_zero(z: Floats) -> Floats:
    """Clean latents taken for latents at the first step, as both papers do."""
    return z * np.float32(np.sqrt(1 + noise_deviation(0) ** 2))


_NEEDS = frozenset({Capability.ENCODE, Capability.DENOISE})
SECMI = Attack(("secmi",), "the error of one deterministic denoising step and back (SecMI)", _NEEDS, secmi_exposures)
PIA = Attack(
    ("pia", "pian"), "the noise seen in the image, before and after that noise is added (PIA)", _NEEDS, pia_exposures
)
