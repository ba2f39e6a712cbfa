"""The space in which the latent diffusion works: leading principal components, scaled; the others are texture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthaudit.generators.principal import Floats, PrincipalComponents

_PARTS = ("mean", "axes", "deviations", "residual")


@dataclass(frozen=True, slots=True, eq=False)
class LatentSpace:
    """Principal components, the first of which are latent coordinates.

    Attributes:
        components: All of them.
        scale: (k,) what each of the first k is divided by; the mean variance of a latent coordinate is 1.
    """

    components: PrincipalComponents
    scale: Floats

    @property
    def dim(self) -> int:
        """Number of latent coordinates, k."""
        return len(self.scale)

    @property
    def n_texture(self) -> int:
        """Standard normal numbers that `textured` needs for an image: the other components, and each pixel."""
        return self.components.n_components - self.dim + self.components.mean.size

    def encode(self, x: Floats) -> Floats:
        """(n, k) latents of (n, h, w) images."""
        return np.asarray(self.components.encode(x)[:, : self.dim] / self.scale, dtype=np.float32)

    def decode(self, z: Floats) -> Floats:
        """(n, h, w) images of (n, k) latents, without texture."""
        return self.components.decode(z * self.scale)

    def pulled_back(self, slope: Floats) -> Floats:
        """(n, h, w) gradients with respect to images, of (n, k) gradients with respect to their latents."""
        flat = (slope / self.scale) @ self.components.axes[: self.dim]
        return np.asarray(flat.reshape(len(slope), *self.components.shape), dtype=np.float32)

    def textured(self, z: Floats, normal: Floats) -> Floats:
        """(n, h, w) images of (n, k) latents, with texture made of (n, n_texture) standard normal numbers."""
        others = self.components.n_components - self.dim
        tail = normal[:, :others] * self.components.deviations[self.dim :]
        return self.components.decode(np.concatenate([z * self.scale, tail], axis=1), normal[:, others:])

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What `restored_space` needs."""
        return {f"space.{part}": getattr(self.components, part) for part in _PARTS} | {"space.scale": self.scale}


def scaled_space(components: PrincipalComponents, learned: int, whitening: float) -> LatentSpace:
    """The space of the first `learned` components.

    Args:
        components: Fitted to the training images.
        learned: How many become latent coordinates, at most.
        whitening: 0 leaves each coordinate its own width, 1 gives all the same.
    """
    deviations = components.deviations[:learned].astype(np.float64)
    partly = deviations**whitening
    scale = partly * np.sqrt(np.mean((deviations / partly) ** 2))
    return LatentSpace(components, scale.astype(np.float32))


def restored_space(arrays: Mapping[str, NDArray[Any]], size: int) -> LatentSpace:
    """The space whose `arrays` were kept, of (size, size) images.

    Raises:
        KeyError: An array is missing.
    """
    mean, axes, deviations, residual = (arrays[f"space.{part}"] for part in _PARTS)
    return LatentSpace(PrincipalComponents(mean, axes, deviations, residual, (size, size)), arrays["space.scale"])
