"""A memory with a known grain: training images, each blurred into a Gaussian of one width. Nothing is learned.

All that an attack can ask of it has a closed form, and takes a millisecond: how much it leaks is set by `width`, from a
photocopier (narrow) to a single cloud that knows no one (wide). It calibrates attacks; nobody would release it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from synthaudit.cohort import Cohort
from synthaudit.errors import UsageError
from synthaudit.generators.controls import no_condition
from synthaudit.generators.principal import cohort_images
from synthaudit.generators.protocol import (
    Budget,
    Capability,
    Condition,
    GeneratorSpec,
    Images,
    capabilities_of,
    checked_images,
)
from synthaudit.generators.seeding import item_normals
from synthaudit.progress import Progress

LEAST_NOISE, MOST_NOISE = 0.02, 0.5
"""Noise levels at which images are scored and disturbed, in gray values."""

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class KernelMemory:
    """Kernel density of the training images.

    Attributes:
        size: Side of the images, in pixels.
        width: Standard deviation of each kernel, in gray values of a pixel.
        training: (n, size * size) flattened training images; None before `fit`.
    """

    size: int = 32
    width: float = 0.1
    training: Floats | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if not self.width > 0:
            raise UsageError(f"width must be positive, got {self.width}")

    @property
    def spec(self) -> GeneratorSpec:
        """What it is."""
        content = b"" if self.training is None else self.training.tobytes() + repr(self.width).encode()
        digest = hashlib.sha256(content).hexdigest() if content else ""
        return GeneratorSpec("kernel-memory", (self.size, self.size), checkpoint_digest=digest)

    def capabilities(self) -> frozenset[Capability]:
        """What it can do."""
        return capabilities_of(self)

    def fresh(self) -> KernelMemory:
        """The same width, knowing nothing."""
        return replace(self, training=None)

    def fit(
        self, cohort: Cohort, budget: Budget, seed: int, *, folder: Path | None = None, progress: Progress | None = None
    ) -> KernelMemory:
        """Keep the cohort's images; there is nothing to train, and no checkpoint."""
        del budget, seed, folder
        images = cohort_images(cohort, self.size, progress or Progress())
        return replace(self, training=images.reshape(len(images), -1))

    def sample(self, n: int, seed: int, condition: Condition | None = None) -> Images:
        """(n, h, w): a training image and noise of the kernel's width; image i depends on `seed` and i only."""
        no_condition(condition)
        training = self._kept()
        rows = [int(np.random.default_rng([seed, item, 1]).integers(len(training))) for item in range(n)]
        return self.decode(training[rows] + np.float32(self.width) * item_normals(n, training.shape[1], seed))

    def encode(self, x: Images) -> NDArray[np.float32]:
        """(n, d) pixels."""
        return checked_images(x, (self.size, self.size)).reshape(len(x), -1)

    def decode(self, z: NDArray[np.float32]) -> Images:
        """(n, h, w) images of pixels."""
        return np.asarray(np.clip(z, 0, 1).reshape(len(z), self.size, self.size), dtype=np.float32)

    def denoise(self, z: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
        """(n, d) expected clean pixels: the kernels' answers, weighted by how likely each is the one."""
        training, ours, noise = self._kept().astype(np.float64), self.width**2, sigma**2
        rows = z.astype(np.float64)
        apart = (rows**2).sum(axis=1)[:, None] + (training**2).sum(axis=1) - 2 * rows @ training.T
        likely = softmax(-apart / (2 * (ours + noise)), axis=1)
        return np.asarray((ours * rows + noise * (likely @ training)) / (ours + noise), dtype=np.float32)

    def score(self, x: Images, seed: int, levels: int) -> NDArray[np.float32]:
        """(n, levels) squared error of the denoised pixels, in units of the noise's variance; lower = better fitted."""
        z = self.encode(x)
        columns = []
        for column, sigma in enumerate(np.geomspace(LEAST_NOISE, MOST_NOISE, levels)):
            shared = item_normals(1, z.shape[1], seed + column)
            error = self.denoise(z + np.float32(sigma) * shared, float(sigma)) - z
            columns.append((error.astype(np.float64) ** 2).mean(axis=1) / sigma**2)
        return np.stack(columns, axis=1).astype(np.float32)

    def reconstruct(self, x: Images, strength: float, seed: int) -> Images:
        """(n, h, w) images with noise, and without it again; `strength` in [0, 1] is the noise, from least to most.

        Raises:
            UsageError: `strength` lies outside [0, 1].
        """
        if not 0 <= strength <= 1:
            raise UsageError(f"strength must lie in [0, 1], got {strength}")
        sigma = LEAST_NOISE * (MOST_NOISE / LEAST_NOISE) ** strength
        z = self.encode(x)
        return self.decode(self.denoise(z + np.float32(sigma) * item_normals(len(z), z.shape[1], seed), sigma))

    def _kept(self) -> Floats:
        if self.training is None:
            raise UsageError("the generator must be fitted first, got a fresh one")
        return self.training
