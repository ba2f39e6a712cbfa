"""Frechet distances of many sets to one: from means and covariances, and extrapolated to infinitely many images.

With few images the Frechet distance is too large, the more the fewer there are: with fewer than two for each dimension
the estimate says more about n than about the images, and is refused here.

Reference:
    Dowson, Landau 1982, doi:10.1016/0047-259X(82)90077-X. Chong, Forsyth 2020, arXiv 1911.07023 (the extrapolation).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthaudit.errors import NotEnoughData

IMAGES_PER_DIMENSION = 2
"""Least number of images for each dimension of the vectors."""
SIZES = 8
"""Sample sizes from which the distance is extrapolated, their reciprocals evenly spaced (the authors take 15)."""

Floats = NDArray[np.float64]


def check_enough(n: int, dim: int) -> None:
    """Whether a Frechet distance can be had from so few images.

    Raises:
        NotEnoughData: Fewer than two images for each dimension.
    """
    if n < IMAGES_PER_DIMENSION * dim:
        raise NotEnoughData(
            f"a Frechet distance in {dim} dimensions needs at least {IMAGES_PER_DIMENSION * dim:,} images of different "
            f"patients on each side, got {n:,}"
        )


@dataclass(frozen=True, eq=False)
class GaussianReference:
    """What others are compared with, taken for a Gaussian.

    Attributes:
        mean: (d,).
        root: (d, d) symmetric square root of the covariance.
        trace: Of the covariance.
    """

    mean: Floats
    root: Floats
    trace: float

    @classmethod
    def of(cls, rows: NDArray[np.floating]) -> GaussianReference:
        """Of (n, d) rows.

        Raises:
            NotEnoughData: Fewer than 2 rows.
        """
        if len(rows) < 2:
            raise NotEnoughData(f"a Frechet distance needs at least 2 rows in each set, got {len(rows)}")
        wide = np.asarray(rows, dtype=np.float64)
        covariance = np.atleast_2d(np.cov(wide, rowvar=False))
        values, vectors = np.linalg.eigh(covariance)
        root = (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
        return cls(wide.mean(axis=0), root, float(np.trace(covariance)))

    def distance(self, rows: NDArray[np.floating]) -> float:
        """Squared Frechet distance of (n, d) rows to the reference; 0 for one mean and covariance."""
        wide = np.asarray(rows, dtype=np.float64)
        centered = (wide - wide.mean(axis=0)) / np.sqrt(len(wide) - 1)
        shift = float(((wide.mean(axis=0) - self.mean) ** 2).sum())
        turned = centered @ self.root
        # The trace of (R C R)^(1/2), from whichever of its two Gram matrices is the smaller.
        small = turned.T @ turned if len(wide) >= wide.shape[1] else turned @ turned.T
        between = float(np.sqrt(np.maximum(np.linalg.eigvalsh(small), 0.0)).sum())
        return max(shift + float((centered**2).sum()) + self.trace - 2.0 * between, 0.0)


def frechet_infinity(reference: GaussianReference, rows: NDArray[np.floating], rng: np.random.Generator) -> float:
    """Squared Frechet distance that infinitely many rows would have: the line through 1 / n, read at 0.

    It removes what the small number of `rows` adds, not what that of the reference adds. It can come out below 0 where
    the distance is next to nothing.

    Args:
        reference: What the rows are compared with.
        rows: (n, d), in any order.
        rng: Of the subsets; each is drawn from all rows.

    Raises:
        NotEnoughData: Fewer than two rows for each dimension.
    """
    check_enough(*rows.shape)
    return extrapolated(reference, rows, rng)


def extrapolated(reference: GaussianReference, rows: NDArray[np.floating], rng: np.random.Generator) -> float:
    """The same without asking whether there are enough rows: for parts of what was found enough."""
    n = len(rows)
    inverse = np.linspace(1.0 / n, 2.0 / n, SIZES)
    found = [reference.distance(rows[rng.permutation(n)[: round(1.0 / one)]]) for one in inverse]
    slope = np.polyfit(inverse, found, 1)
    return float(slope[1])
