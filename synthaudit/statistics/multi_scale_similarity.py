"""Structural similarity of two images over several scales."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import correlate1d

from synthaudit.errors import UsageError

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Of the five scales, finest first, as published."""
WINDOW = 11
SIGMA = 1.5
_K1, _K2 = 0.01, 0.03

Image = NDArray[np.floating]
_TAPS = np.exp(-((np.arange(WINDOW) - WINDOW // 2) ** 2) / (2 * SIGMA**2))
_TAPS = _TAPS / _TAPS.sum()


def number_of_scales(side: int) -> int:
    """Scales that an image of this shorter side has room for, at most five.

    Raises:
        UsageError: Not even one.

    >>> number_of_scales(176), number_of_scales(64)
    (5, 3)
    """
    scales = 0
    while scales < len(WEIGHTS) and side >= WINDOW:
        side //= 2
        scales += 1
    if not scales:
        raise UsageError(f"images must have sides of at least {WINDOW} pixels, got {side}")
    return scales


def multi_scale_similarity(x: Image, y: Image) -> float:
    """MS-SSIM of two images in [0, 1]: 1 for equal ones, about 0 for unrelated texture; negative parts count as 0.

    Averaged over pairs of different images of one set, it tells how alike they are: a generator that repeats itself has
    a high one. It compares upright pictures pixel by pixel, so a mirrored twin counts as different.

    Images too small for five scales have as many as fit, with the published weights of these scaled to sum to 1: then
    the figure compares only with others of the same size.

    Args:
        x, y: (h, w) in [0, 1], of one shape.

    Raises:
        UsageError: The shapes differ, or a side is shorter than 11 pixels.

    Reference:
        Wang, Simoncelli, Bovik 2003, doi 10.1109/ACSSC.2003.1292216. As diversity: Odena et al. 2017, arXiv 1610.09585.
    """
    if x.shape != y.shape or x.ndim != 2:
        raise UsageError(f"the two images must have one shape (h, w), got {x.shape} and {y.shape}")
    first, second = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    scales = number_of_scales(min(x.shape))
    weights = np.array(WEIGHTS[:scales]) / sum(WEIGHTS[:scales])
    found = 1.0
    for scale in range(scales):
        luminance, structure = _terms(first, second)
        part = structure * luminance if scale == scales - 1 else structure
        found *= max(float(part.mean()), 0.0) ** weights[scale]
        first, second = (_halved(one) for one in (first, second))
    return float(found)


def _terms(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Luminance, and contrast times structure, around each pixel whose window lies inside."""
    mean_x, mean_y = _local(x), _local(y)
    variance = _local(x * x + y * y) - mean_x**2 - mean_y**2
    covariance = _local(x * y) - mean_x * mean_y
    luminance = (2 * mean_x * mean_y + _K1**2) / (mean_x**2 + mean_y**2 + _K1**2)
    return luminance, (2 * covariance + _K2**2) / (variance + _K2**2)


def _local(image: NDArray[np.float64]) -> NDArray[np.float64]:
    pad = WINDOW // 2
    smooth = correlate1d(correlate1d(image, _TAPS, axis=0), _TAPS, axis=1)
    return np.asarray(smooth[pad : image.shape[0] - pad, pad : image.shape[1] - pad])


def _halved(image: NDArray[np.float64]) -> NDArray[np.float64]:
    height, width = (side // 2 * 2 for side in image.shape)
    return np.asarray(image[:height, :width].reshape(height // 2, 2, width // 2, 2).mean(axis=(1, 3)))
