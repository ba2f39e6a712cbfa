"""Distances and overlaps of many samples with the training images at once: what relabeling asks for.

Each class holds what all samples of one pool have in common (kernels, distances, a Gaussian), and each of its methods
takes masks of members and gives the quantity of each sample. The numbers are those of the functions in `statistics`.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from synthaudit.errors import NotEnoughData
from synthaudit.statistics.frechet_moments import GaussianReference, extrapolated
from synthaudit.statistics.kernel_distance import CMMD_SCALE, cubic_kernel, gaussian_kernel
from synthaudit.statistics.manifold import NEIGHBORS, neighbor_radii, squared_distances
from synthaudit.statistics.relabeling import Masks
from synthaudit.statistics.vendi import vendi_of_similarities

_BELOW = 1.0 - 1e-7
"""Ties are no members of a ball, whatever rounding says."""
_LISTED = 96
"""Neighbors listed for each member; a sample of a quarter of the pool has its fifth among them nearly always."""

Floats = NDArray[np.float64]
Vectors = NDArray[np.floating]


def mean_of(values: Floats, masks: Masks) -> Floats:
    """(b, ...) mean of the members' values, (n, ...), over each sample."""
    n = masks.sum(axis=1).reshape(-1, *[1] * (values.ndim - 1))
    return np.asarray(masks @ values / n, dtype=np.float64)


class Manifold:
    """Balls around training images, and around the images of each sample."""

    def __init__(self, reference: Vectors, patient: NDArray[np.intp], pool: Vectors, k: int = NEIGHBORS) -> None:
        self.k = k
        self.across = np.sqrt(squared_distances(pool, reference))
        radii = neighbor_radii(reference, k, patient)
        self.inside = self.across < radii * _BELOW
        among = np.sqrt(squared_distances(pool, pool))
        np.fill_diagonal(among, np.inf)
        self.order = np.argsort(among, axis=1, kind="stable")
        self.among = np.take_along_axis(among, self.order, axis=1)

    def precision(self, masks: Masks) -> Floats:
        """Share of the sample inside the balls of the training images."""
        return mean_of(np.asarray(self.inside.any(axis=1), dtype=np.float64), masks)

    def density(self, masks: Masks) -> Floats:
        """Training balls that hold an image of the sample, over k."""
        return mean_of(self.inside.sum(axis=1, dtype=np.float64) / self.k, masks)

    def coverage(self, masks: Masks) -> Floats:
        """Share of the training balls that hold an image of the sample."""
        held = masks.astype(np.float32) @ self.inside.astype(np.float32)
        return np.asarray((held > 0.5).mean(axis=1))

    def recall(self, masks: Masks) -> Floats:
        """Share of the training images inside the balls of the sample."""
        return np.array([self._in_own(mask).any(axis=0).mean() for mask in masks])

    def novelty(self, masks: Masks) -> Floats:
        """Share of the sample's balls that hold no training image."""
        return np.array([1.0 - self._in_own(mask).any(axis=1).mean() for mask in masks])

    def _in_own(self, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """(members, t) which training image lies in the ball of which member."""
        members = np.flatnonzero(mask)
        listed = self.order[members, :_LISTED]
        counted = np.cumsum(mask[listed], axis=1)
        place = (counted >= self.k).argmax(axis=1)
        for row in np.flatnonzero(counted[:, -1] < self.k):
            place[row] = np.flatnonzero(mask[self.order[members[row]]])[self.k - 1]
        radii = self.among[members, place]
        return np.asarray(self.across[members] < radii[:, None] * _BELOW)


class Kernels:
    """Kernel distances to the training images."""

    def __init__(self, reference: Vectors, pool: Vectors) -> None:
        self.reference, self.pool = (np.asarray(one, dtype=np.float64) for one in (reference, pool))

    @cached_property
    def _cubic(self) -> tuple[Floats, Floats, float]:
        # Rows of length sqrt(d), so that x.y / d is their cosine: with unit rows the cube would be all but linear.
        stretch = np.sqrt(self.pool.shape[1])
        reference, pool = self.reference * stretch, self.pool * stretch
        known = cubic_kernel(reference, reference)
        t = len(known)
        within = float((known.sum() - np.trace(known)) / (t * (t - 1)))
        return cubic_kernel(pool, pool), cubic_kernel(pool, reference).mean(axis=1), within

    def kid(self, masks: Masks) -> Floats:
        """Unbiased squared discrepancy under the cubic kernel (cosine + 1)^3."""
        kernel, across, within = self._cubic
        weights = masks.astype(np.float64)
        n = weights.sum(axis=1)
        own = ((weights @ kernel) * weights).sum(axis=1) - weights @ np.diagonal(kernel)
        return np.asarray(own / (n * (n - 1)) + within - 2.0 * mean_of(across, masks))

    @cached_property
    def _gaussian(self) -> tuple[Floats, Floats, float]:
        within = float(gaussian_kernel(self.reference, self.reference).mean())
        across = gaussian_kernel(self.pool, self.reference).mean(axis=1)
        return gaussian_kernel(self.pool, self.pool), across, within

    def cmmd(self, masks: Masks) -> Floats:
        """Biased squared discrepancy under the Gaussian kernel of width 10, times 1,000."""
        kernel, across, within = self._gaussian
        weights = masks.astype(np.float64)
        own = ((weights @ kernel) * weights).sum(axis=1) / weights.sum(axis=1) ** 2
        return np.asarray(CMMD_SCALE * (own + within - 2.0 * mean_of(across, masks)))


class Gaussians:
    """Frechet distances to the training images."""

    def __init__(self, reference: Vectors, pool: Vectors, rng: np.random.Generator) -> None:
        self.reference = GaussianReference.of(reference)
        self.pool, self.rng = np.asarray(pool, dtype=np.float64), rng

    def frechet(self, masks: Masks) -> Floats:
        """Squared Frechet distance."""
        return np.array([self.reference.distance(self.pool[mask]) for mask in masks])

    def log_frechet(self, masks: Masks) -> Floats:
        """Natural logarithm of the Frechet distance (not squared)."""
        return np.asarray(0.5 * np.log(np.maximum(self.frechet(masks), 1e-12)))

    def infinity(self, masks: Masks) -> Floats:
        """Squared Frechet distance, extrapolated to infinitely many images in the sample."""
        return np.array([extrapolated(self.reference, self.pool[mask], self.rng) for mask in masks])


class Similarities:
    """Variety within each sample."""

    def __init__(self, pool: Vectors) -> None:
        unit = np.asarray(pool, dtype=np.float64)
        unit = unit / np.linalg.norm(unit, axis=1, keepdims=True)
        self.cosines = unit @ unit.T

    def vendi(self, masks: Masks) -> Floats:
        """Vendi score."""
        found, sizes = np.empty(len(masks)), masks.sum(axis=1)
        for size in np.unique(sizes):
            some = np.flatnonzero(sizes == size)
            members = np.stack([np.flatnonzero(mask) for mask in masks[some]])
            found[some] = vendi_of_similarities(self.cosines[members[:, :, None], members[:, None, :]])
        return found


def principal_components(images: Vectors, dim: int) -> tuple[Floats, Floats]:
    """Mean (d,) and the first `dim` principal directions (d, dim) of these images.

    Raises:
        NotEnoughData: The images do not spread along so many directions.
    """
    wide = np.asarray(images, dtype=np.float64)
    mean = wide.mean(axis=0)
    _, spread, directions = np.linalg.svd(wide - mean, full_matrices=False)
    if len(spread) < dim or spread[dim - 1] <= 1e-6 * max(float(spread[0]), 1e-300):
        raise NotEnoughData(f"{dim} principal components need images that spread along as many directions")
    return mean, directions[:dim].T
