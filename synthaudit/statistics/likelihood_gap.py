"""FLD's generalization gap: do the synthetic images explain the training images better than held-out ones?

A mixture of one spherical Gaussian around each synthetic image has its widths fitted to the training images; then the
likelihoods of training and of held-out images are compared. A copy gets a narrow Gaussian that makes its original very
likely. The widths are fitted to the training images alone, and without any copying the gap lies off 0, either way:
only with the same fit around held-out images beside it does it say anything.

Reference:
    Jiralerspong, Bose, Gemp, Qin, Bachrach, Gidel 2023, Feature likelihood divergence: evaluating the generalization of
    generative models using samples, arXiv 2302.04440. Optimizer, starting widths and the Gaussian that keeps far
    training images from spoiling the fit are those of the authors' code.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

STEPS = 50
LEARNING_RATE = 0.5
ORIGIN_PULL = 0.1
"""How far images are pulled to the mean of all before the additional Gaussian sees them (all in the authors' code)."""
_LOG_VARIANCES = (-40.0, 20.0)
_BETA_1, _BETA_2, _EPSILON = 0.9, 0.999, 1e-8


@dataclass(frozen=True, eq=False)
class Mixture:
    """Spherical Gaussians of equal weight: (m, d) centers and (m,) log variances."""

    centers: NDArray[np.float64]
    log_variances: NDArray[np.float64]

    def negative_log_likelihoods(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n,) of each row, divided by the number of dimensions."""
        terms = _log_densities(_squared_distances(rows, self.centers), self.log_variances, rows.shape[1])
        return np.asarray(-(logsumexp(terms, axis=1) - np.log(len(self.centers))) / rows.shape[1])


def fit_mixture(centers: NDArray[np.float64], train: NDArray[np.float64]) -> Mixture:
    """Gaussians around `centers` (m, d) whose widths make `train` (n, d) most likely; 50 steps of Adam.

    Takes n * m * 8 bytes several times over.
    """
    n, d = train.shape
    squared = _squared_distances(train, centers)
    to_mean = (1.0 - ORIGIN_PULL) ** 2 * np.sum((train - train.mean(axis=0)) ** 2, axis=1)[:, None]
    # The last column is the additional Gaussian: it takes part in the fit, and is not one of the mixture's own.
    squared = np.concatenate([squared, to_mean], axis=1)
    log_weights = np.append(np.full(len(centers), -np.log(len(centers))), 0.0)
    theta = np.append(np.log((squared[:, :-1].min(axis=0) + 1e-3) / d), 0.0)
    first, second = np.zeros_like(theta), np.zeros_like(theta)
    for step in range(1, STEPS + 1):
        terms = _log_densities(squared, theta, d) + log_weights
        share = np.exp(terms - terms.max(axis=1, keepdims=True))
        share /= share.sum(axis=1, keepdims=True)
        slope = 0.5 * (d * share.sum(axis=0) - np.exp(-theta) * (share * squared).sum(axis=0)) / (n * d)
        first = _BETA_1 * first + (1 - _BETA_1) * slope
        second = _BETA_2 * second + (1 - _BETA_2) * slope**2
        stride = np.sqrt(second / (1 - _BETA_2**step)) + _EPSILON
        theta = theta - LEARNING_RATE * first / (1 - _BETA_1**step) / stride
        theta[:-1] = np.clip(theta[:-1], *_LOG_VARIANCES)
    return Mixture(centers, theta[:-1])


def fld_gap(train: NDArray[np.float64], held_out: NDArray[np.float64]) -> float:
    """Generalization gap: 100 times how much less likely held-out images are than training ones, with a minus.

    Args:
        train, held_out: Negative log-likelihoods per dimension under one `Mixture`.
    """
    return float(100.0 * (train.mean() - held_out.mean()))


def standardized(reference: NDArray[np.floating], *sets: NDArray[np.floating]) -> tuple[NDArray[np.float64], ...]:
    """The sets with mean 0 and spread 1 of `reference` in every dimension; dimensions that never vary are dropped.

    The authors take the test set as the reference; training and held-out images together do not know the label.
    """
    reference = reference.astype(np.float64)
    spread = reference.std(axis=0, ddof=1)
    kept = spread > 1e-9
    return tuple((one.astype(np.float64)[:, kept] - reference.mean(axis=0)[kept]) / spread[kept] for one in sets)


def _squared_distances(rows: NDArray[np.float64], centers: NDArray[np.float64]) -> NDArray[np.float64]:
    inner = rows @ centers.T
    lengths = np.einsum("ij,ij->i", rows, rows)[:, None] + np.einsum("ij,ij->i", centers, centers)
    return np.asarray(np.maximum(lengths - 2.0 * inner, 0.0))


def _log_densities(squared: NDArray[np.float64], log_variances: NDArray[np.float64], d: int) -> NDArray[np.float64]:
    return np.asarray(-0.5 * squared * np.exp(-log_variances) - 0.5 * d * (log_variances + np.log(2 * np.pi)))
