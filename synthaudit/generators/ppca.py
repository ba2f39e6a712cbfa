"""The simplest generator: one Gaussian in the space of principal components, in closed form.

It has seen every training image and can copy none, so it is the floor that a better generator must beat, and a member
of every comparison whose leak is small.

Reference: Tipping, Bishop 1999, "Probabilistic principal component analysis", doi:10.1111/1467-9868.00196.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from synthaudit.cohort import Cohort
from synthaudit.errors import UsageError
from synthaudit.generators.chunks import in_chunks
from synthaudit.generators.principal import PrincipalComponents, cohort_images, fit_principal_components
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


@dataclass(frozen=True, slots=True, eq=False)
class Ppca:
    """Probabilistic principal components.

    Attributes:
        components: Directions to keep, at most one fewer than there are images.
        size: Side of the images, in pixels.
        space: What was fitted; None before.
    """

    components: int = 96
    size: int = 64
    space: PrincipalComponents | None = None

    @property
    def spec(self) -> GeneratorSpec:
        """What it is."""
        if self.space is None:
            return GeneratorSpec("ppca", (self.size, self.size))
        parts = (self.space.mean, self.space.axes, self.space.deviations, self.space.residual)
        digest = hashlib.sha256(b"".join(part.tobytes() for part in parts)).hexdigest()
        return GeneratorSpec("ppca", self.space.shape, checkpoint_digest=digest)

    def capabilities(self) -> frozenset[Capability]:
        """What it can do."""
        return capabilities_of(self)

    def fresh(self) -> Ppca:
        """The same recipe, knowing nothing."""
        return replace(self, space=None)

    def fit(
        self, cohort: Cohort, budget: Budget, seed: int, *, folder: Path | None = None, progress: Progress | None = None
    ) -> Ppca:
        """The Gaussian of the cohort's images. It takes a second whatever the `budget`, and writes no checkpoint."""
        del budget, folder
        images = cohort_images(cohort, self.size, progress or Progress())
        space = fit_principal_components(images, self.components, np.random.default_rng(seed))
        return replace(self, space=space)

    def sample(self, n: int, seed: int, condition: Condition | None = None) -> Images:
        """(n, h, w) images; image i depends on `seed` and i only.

        Raises:
            UsageError: Nothing was fitted, or a condition is asked for.
        """
        space = self._fitted()
        if condition:
            raise UsageError("ppca knows no condition, got one")
        k = space.n_components
        normal = item_normals(n, k + space.mean.size, seed)
        return in_chunks(lambda part: space.decode(part[:, :k] * space.deviations, part[:, k:]), normal)

    def score(self, x: Images, seed: int, levels: int) -> NDArray[np.float32]:
        """(n, 1) negative log-likelihood in nats a pixel: a density has one level, whatever `levels`."""
        del seed, levels
        space = self._fitted()
        flat = checked_images(x, space.shape).reshape(len(x), -1).astype(np.float64) - space.mean
        along = flat @ space.axes.T.astype(np.float64)
        d, k = space.mean.size, space.n_components
        variance = space.deviations.astype(np.float64) ** 2
        noise = max(float((space.residual.astype(np.float64) ** 2).sum()) / (d - k), 1e-6)
        off_plane = (flat**2).sum(axis=1) - (along**2).sum(axis=1)
        squared = (along**2 / variance).sum(axis=1) + off_plane / noise
        volume = np.log(variance).sum() + (d - k) * np.log(noise) + d * np.log(2 * np.pi)
        return np.asarray((0.5 * (squared + volume) / d)[:, None], dtype=np.float32)

    def encode(self, x: Images) -> NDArray[np.float32]:
        """(n, k) coordinates in standard deviations."""
        space = self._fitted()
        return np.asarray(space.encode(checked_images(x, space.shape)) / space.deviations, dtype=np.float32)

    def decode(self, z: NDArray[np.float32]) -> Images:
        """(n, h, w) images of coordinates in standard deviations."""
        space = self._fitted()
        return space.decode(z * space.deviations)

    def _fitted(self) -> PrincipalComponents:
        if self.space is None:
            raise UsageError("the generator must be fitted first, got a fresh one")
        return self.space
