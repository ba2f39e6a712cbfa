"""Radiomic features of a whole picture: how its gray values are distributed, and how they follow each other.

Thirty numbers: fourteen of the histogram and eight of the gray-level co-occurrence matrix at each of two scales. They
are defined as the Image Biomarker Standardisation Initiative has them, for one slice, neighbors one pixel apart in four
directions, the matrices of these merged before features are taken. There is no mask and no spacing, so they are not
the features of a lesion, and not those of another program with other settings.

Reference:
    Zwanenburg et al. 2020, doi 10.1148/radiol.2020191145 (IBSI). Haralick et al. 1973, doi 10.1109/TSMC.1973.4309314.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from synthaudit.errors import UsageError

LEVELS = 32
"""Equal bins from 0 to 1 into which gray values fall before they are counted."""

FIRST_ORDER = (
    *("mean", "standard_deviation", "skewness", "kurtosis", "minimum", "p10", "median", "p90", "maximum"),
    *("interquartile_range", "mean_absolute_deviation", "root_mean_square", "entropy", "uniformity"),
)
CO_OCCURRENCE = (
    *("contrast", "dissimilarity", "inverse_difference_moment", "angular_second_moment", "correlation"),
    *("joint_entropy", "cluster_shade", "cluster_prominence"),
)
FEATURES = (*FIRST_ORDER, *CO_OCCURRENCE, *(f"{name}_half_size" for name in CO_OCCURRENCE))
"""Names of the features, in order."""

_FLAT = 1e-12
Image = NDArray[np.floating]
Floats = NDArray[np.float64]


def gray_level_features(image: Image) -> Floats:
    """(30,) features of an image, in the order of `FEATURES`.

    Args:
        image: (h, w) in [0, 1], both sides at least 4 pixels.

    Raises:
        UsageError: It is no such image.
    """
    if image.ndim != 2 or min(image.shape) < 4:
        raise UsageError(f"image must be (h, w) with sides of at least 4 pixels, got {image.shape}")
    wide = np.asarray(image, dtype=np.float64)
    height, width = (side // 2 * 2 for side in wide.shape)
    half = wide[:height, :width].reshape(height // 2, 2, width // 2, 2).mean(axis=(1, 3))
    return np.concatenate(
        [first_order_features(wide), *(co_occurrence_features(co_occurrence(quantized(one))) for one in (wide, half))]
    )


def quantized(image: Image) -> NDArray[np.intp]:
    """Gray values as levels 0 to 31."""
    return np.clip((np.asarray(image) * LEVELS).astype(np.intp), 0, LEVELS - 1)


def first_order_features(image: Image) -> Floats:
    """(14,) features of the histogram; skewness and kurtosis (3 for a Gaussian) of a flat image are 0."""
    values = np.asarray(image, dtype=np.float64).ravel()
    mean, deviation = values.mean(), values.std()
    standard = (values - mean) / deviation if deviation > _FLAT else np.zeros_like(values)
    squares = standard * standard  # a power of 3 takes ten times as long as two products
    low, p10, p25, median, p75, p90, high = np.quantile(values, [0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0])
    shares = np.bincount(quantized(values), minlength=LEVELS) / values.size
    return np.array(
        [
            *(mean, deviation, (squares * standard).mean(), (squares * squares).mean()),
            *(low, p10, median, p90, high),
            *(p75 - p25, np.abs(values - mean).mean(), np.sqrt((values * values).mean())),
            *(_entropy(shares), (shares**2).sum()),
        ]
    )


def co_occurrence(levels: NDArray[np.intp]) -> Floats:
    """(32, 32) how often levels are neighbors, in four directions and both ways; sums to 1."""
    pairs = (
        (levels[:, :-1], levels[:, 1:]),
        (levels[:-1], levels[1:]),
        (levels[:-1, :-1], levels[1:, 1:]),
        (levels[:-1, 1:], levels[1:, :-1]),
    )
    counts = sum(np.bincount((a * LEVELS + b).ravel(), minlength=LEVELS**2) for a, b in pairs)
    matrix = np.asarray(counts, dtype=np.float64).reshape(LEVELS, LEVELS)
    matrix += matrix.T
    return np.asarray(matrix / matrix.sum())


def co_occurrence_features(matrix: Floats) -> Floats:
    """(8,) features of a symmetric co-occurrence matrix; the correlation of a flat image is 1."""
    i, j = np.indices(matrix.shape)
    mean = float((matrix * i).sum())
    variance = float((matrix * (i - mean) ** 2).sum())
    covariance = float((matrix * (i - mean) * (j - mean)).sum())
    together = i + j - 2 * mean
    return np.array(
        [
            (matrix * (i - j) ** 2).sum(),
            (matrix * np.abs(i - j)).sum(),
            (matrix / (1 + (i - j) ** 2)).sum(),
            (matrix**2).sum(),
            covariance / variance if variance > _FLAT else 1.0,
            _entropy(matrix.ravel()),
            (matrix * together**3).sum(),
            (matrix * together**4).sum(),
        ]
    )


def _entropy(shares: Floats) -> float:
    """In bits."""
    present = shares[shares > 0]
    return float(-(present * np.log2(present)).sum())
