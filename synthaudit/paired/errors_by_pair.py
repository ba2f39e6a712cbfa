"""How wrong a generator is about each pair, and how wrong one would be that knows no picture at all."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from synthaudit.statistics.image_error import DISPLAY_RANGE, peak_signal_to_noise, structural_similarity

LEVELS = 64
"""Steps of the source's intensity for which the usual intensity of the target is kept."""


def absolute_errors(made: NDArray[np.float32], target: NDArray[np.float32]) -> NDArray[np.float64]:
    """(n,) mean absolute error of each of (n, h, w) images, in pixel units."""
    return np.asarray(np.abs(made.astype(np.float64) - target).mean(axis=(1, 2)))


def quality(target: NDArray[np.float32], made: NDArray[np.float32]) -> tuple[float, float, float]:
    """MAE, PSNR in dB and SSIM of (n, h, w) images in [0, 1], each a mean over the images, without a mask."""
    pairs = list(zip(target, made, strict=True))
    psnr = np.mean([peak_signal_to_noise(real, image, DISPLAY_RANGE) for real, image in pairs])
    ssim = np.mean([structural_similarity(real, image, DISPLAY_RANGE) for real, image in pairs])
    return float(absolute_errors(made, target).mean()), float(psnr), float(ssim)


def intensity_curve(source: NDArray[np.float32], target: NDArray[np.float32]) -> NDArray[np.float64]:
    """(LEVELS,) mean target intensity where the source has each intensity, over all pixels of (n, h, w) pairs.

    It is the best translator that looks at one pixel at a time, and cannot remember anybody. Levels that no source has
    take the value of the nearest one.
    """
    level = _levels(source)
    count = np.bincount(level, minlength=LEVELS)
    total = np.bincount(level, weights=target.ravel().astype(np.float64), minlength=LEVELS)
    there = np.flatnonzero(count)
    return np.asarray(np.interp(np.arange(LEVELS), there, total[there] / count[there]))


def by_curve(source: NDArray[np.float32], curve: NDArray[np.float64]) -> NDArray[np.float32]:
    """(n, h, w) what the curve makes of the sources."""
    return curve[_levels(source)].reshape(source.shape).astype(np.float32)


def _levels(source: NDArray[np.float32]) -> NDArray[np.intp]:
    return np.clip(np.rint(source.ravel() * (LEVELS - 1)), 0, LEVELS - 1).astype(np.intp)
