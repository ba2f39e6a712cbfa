"""Principal components of images: the latent space of the reference generators, and their baseline."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthaudit.cohort import Cohort
from synthaudit.errors import NotEnoughData
from synthaudit.pixels import canvas
from synthaudit.progress import Progress

Floats = NDArray[np.float32]

EXACT_BELOW = 512
"""With at most this many images the decomposition is exact; above, by subspace iteration."""

OVERSAMPLING, POWER_ITERATIONS = 32, 6
"""Halko, Martinsson, Tropp 2011, doi:10.1137/090771806: more than they need, and still a second."""


@dataclass(frozen=True, slots=True, eq=False)
class PrincipalComponents:
    """The directions in which images differ most.

    Attributes:
        mean: (d,) mean image, flattened.
        axes: (k, d) orthonormal directions, the widest first.
        deviations: (k,) standard deviation along each.
        residual: (d,) standard deviation of each pixel outside the k directions.
        shape: (h, w) of an image.
    """

    mean: Floats
    axes: Floats
    deviations: Floats
    residual: Floats
    shape: tuple[int, int]

    @property
    def n_components(self) -> int:
        """Number of directions, k."""
        return len(self.axes)

    def encode(self, x: Floats) -> Floats:
        """(n, k) coordinates of (n, h, w) images, in pixel units."""
        return np.asarray((x.reshape(len(x), -1) - self.mean) @ self.axes.T, dtype=np.float32)

    def decode(self, z: Floats, grain: Floats | None = None) -> Floats:
        """(n, h, w) images in [0, 1] of (n, j) coordinates along the first j <= k directions.

        Args:
            z: The coordinates, in pixel units.
            grain: (n, d) standard normal: what the directions leave out, as independent noise of each pixel's size.
        """
        flat = z.astype(np.float32) @ self.axes[: z.shape[1]] + self.mean
        if grain is not None:
            flat += grain * self.residual
        return np.asarray(np.clip(flat, 0, 1).reshape(len(z), *self.shape), dtype=np.float32)


def fit_principal_components(x: Floats, components: int, rng: np.random.Generator) -> PrincipalComponents:
    """The `components` widest directions of (n, h, w) images, at most n - 1.

    Args:
        x: (n, h, w) float32.
        components: How many to keep.
        rng: Starts the subspace iteration; its influence is far below the noise of an image.

    Raises:
        NotEnoughData: Fewer than 3 images.
    """
    if len(x) < 3:
        raise NotEnoughData(f"principal components need at least 3 images, got {len(x)}")
    flat = x.reshape(len(x), -1).astype(np.float32)
    mean = flat.mean(axis=0)
    flat = flat - mean
    k = min(components, len(x) - 1, flat.shape[1])
    if len(x) <= EXACT_BELOW:
        _, singular, axes = np.linalg.svd(flat, full_matrices=False)
    else:
        basis = rng.standard_normal((flat.shape[1], k + OVERSAMPLING), dtype=np.float32)
        for _ in range(POWER_ITERATIONS):
            basis, _ = np.linalg.qr(flat.T @ (flat @ basis))
        _, singular, rotation = np.linalg.svd(flat @ basis, full_matrices=False)
        axes = rotation @ basis.T
    axes = axes[:k]
    # The sign of an axis is arbitrary; fixing it makes two machines agree.
    axes = axes * np.sign(axes[np.arange(k), np.abs(axes).argmax(axis=1)])[:, None]
    variance = singular[:k].astype(np.float64) ** 2 / (len(x) - 1)
    spread = (flat**2).sum(axis=0, dtype=np.float64) / (len(x) - 1)
    left = np.maximum(spread - variance @ axes.astype(np.float64) ** 2, 0)
    return PrincipalComponents(
        mean=mean,
        axes=np.ascontiguousarray(axes, dtype=np.float32),
        deviations=np.maximum(np.sqrt(variance), 1e-6).astype(np.float32),
        residual=np.sqrt(left).astype(np.float32),
        shape=(int(x.shape[1]), int(x.shape[2])),
    )


def cohort_images(cohort: Cohort, size: int, progress: Progress) -> Floats:
    """(n, size, size) float32 gray canvases of a cohort, in its order."""
    images = np.empty((len(cohort), size, size), dtype=np.float32)
    for row, source in enumerate(progress.track(cohort.sources, "reading", len(cohort))):
        images[row] = canvas(source.read(), size)
    return images
