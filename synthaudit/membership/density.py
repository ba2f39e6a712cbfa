"""DOMIAS with kernel densities, in the leading directions of the real images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from synthaudit.membership.sample_sets import SampleSets

COMPONENTS = 10
"""Directions of the density: beyond about ten, a kernel density of some hundred images is flat or spiky."""
LARGEST_DENSITY = 5_000
"""Images that a density is made of; of more, every so many-th in an order that knows no side."""
_PAIRS_AT_ONCE = 4_000_000


@dataclass(frozen=True, eq=False)
class Directions:
    """Whitened principal directions: (d,) mean and (d, k) axes, each over the spread along it."""

    mean: NDArray[np.float64]
    axes: NDArray[np.float64]

    @classmethod
    def of(cls, rows: NDArray[np.float32], components: int) -> Directions:
        """Of all real images together; the label takes no part. Fewer where they span fewer."""
        x = rows.astype(np.float64)
        mean = x.mean(axis=0)
        centered = x - mean
        power, axes = np.linalg.eigh(centered.T @ centered / len(x))
        power, axes = power[::-1][:components], axes[:, ::-1][:, :components]
        kept = power > 1e-9 * max(float(power[0]), 1e-300)
        return cls(mean, axes[:, kept] / np.sqrt(power[kept]))

    def of_rows(self, rows: NDArray[np.float32]) -> NDArray[np.float64]:
        """(n, k) the rows along these directions; the real images have spread 1 along each."""
        return np.asarray((rows.astype(np.float64) - self.mean) @ self.axes)


def domias_kde(sets: SampleSets) -> NDArray[np.float64]:
    """Log ratio of the density of synthetic images to that of the background. (n,), higher means more exposed.

    Gaussian kernels in the ten leading directions of the real images, whitened; both densities have the one width that
    Scott's rule gives the smaller set, so that neither is smoother than the other. Images of the same patient take no
    part in the background.

    Reference:
        van Breugel, Sun, Qian, van der Schaar 2023, arXiv 2302.12580; Scott 1992, doi 10.1002/9780470316849.
    """
    directions = Directions.of(sets.real, COMPONENTS)
    real = directions.of_rows(sets.real)
    synthetic = _thinned(directions.of_rows(sets.synthetic))
    if sets.reference is None:
        rows = np.arange(len(real))[:: _stride(len(real))]
        background, owner = real[rows], sets.patient[rows]
    else:
        background = _thinned(directions.of_rows(sets.reference))
        owner = np.full(len(background), sets.patient.min() - 1)
    width = min(len(synthetic), len(background)) ** (-1.0 / (real.shape[1] + 4))
    nobody = np.full(len(synthetic), sets.patient.min() - 1)
    ours = _log_density(real, sets.patient, synthetic, nobody, width)
    return ours - _log_density(real, sets.patient, background, owner, width)


def _stride(n: int) -> int:
    return -(-n // LARGEST_DENSITY)


def _thinned(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    return rows[:: _stride(len(rows))]


def _log_density(
    at: NDArray[np.float64],
    patient: NDArray[np.intp],
    centers: NDArray[np.float64],
    owner: NDArray[np.intp],
    width: float,
) -> NDArray[np.float64]:
    """(n,) log of the mean kernel over the centers of other patients, less its constant; in blocks of rows."""
    found = np.empty(len(at))
    squares = np.einsum("ij,ij->i", centers, centers)
    step = max(1, _PAIRS_AT_ONCE // len(centers))
    for start in range(0, len(at), step):
        rows = at[start : start + step]
        apart = np.einsum("ij,ij->i", rows, rows)[:, None] + squares - 2.0 * rows @ centers.T
        own = patient[start : start + step, None] == owner
        terms = np.where(own, -np.inf, -np.maximum(apart, 0.0) / (2.0 * width**2))
        found[start : start + step] = logsumexp(terms, axis=1) - np.log((~own).sum(axis=1))
    return found
