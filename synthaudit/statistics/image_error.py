"""How far a made image is from the real one it should be: MAE, PSNR and SSIM, as SynthRAD2023 computes them.

A figure of translation is comparable with a published one only if mask, clipping, range and border agree, so these are
the challenge's: MAE over the mask as it is; PSNR over the mask after clipping to the range; SSIM after setting
everything outside the mask to the least value, averaged over the mask less a border of half a window. None of the three
says that an image is safe to treat by: in the challenge, image similarity did not predict the accuracy of the dose.

Reference:
    Huijben, Terpstra, et al. 2024, Generating synthetic computed tomography for radiotherapy: SynthRAD2023 challenge
    report, arXiv 2403.08447. Wang, Bovik, Sheikh, Simoncelli 2004, doi 10.1109/TIP.2003.819861 (SSIM).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

from synthaudit.errors import NotEnoughData, UsageError

CT_RANGE_HU = (-1024.0, 3000.0)
"""The challenge's range of a CT, in Hounsfield units."""

DISPLAY_RANGE = (0.0, 1.0)
"""Of images as this package reads them."""

WINDOW = 7
"""Side of the square (or cube) in which SSIM compares; its weights are equal, its covariance that of a sample."""

_K1, _K2 = 0.01, 0.03

Image = NDArray[np.floating]
Mask = NDArray[np.bool_]


def mean_absolute_error(real: Image, made: Image, mask: Mask | None = None) -> float:
    """Mean absolute difference inside the mask, in the images' units; 0 is equal, lower is better. Nothing is clipped.

    Args:
        real, made: (h, w) or (d, h, w), of one shape.
        mask: Of the same shape, True where the patient is; everywhere if None.

    Raises:
        UsageError: The shapes differ.
        NotEnoughData: The mask is empty.

    >>> mean_absolute_error(np.zeros((2, 2)), np.array([[1.0, 3.0], [0.0, 0.0]]))
    1.0
    """
    inside = _inside(real, made, mask)
    return float(np.abs(real.astype(np.float64) - made)[inside].mean())


def peak_signal_to_noise(real: Image, made: Image, value_range: tuple[float, float], mask: Mask | None = None) -> float:
    """Peak signal-to-noise ratio inside the mask, in dB; higher is better, inf for equal images.

    The peak is the width of `value_range`, the same for every patient: the peak of an image would favor bright ones.

    Args:
        real, made: (h, w) or (d, h, w), of one shape; both are clipped to `value_range`.
        value_range: Least and greatest value, in the images' units: `CT_RANGE_HU`, `DISPLAY_RANGE`.
        mask: Of the same shape, True where the patient is; everywhere if None.

    Raises:
        UsageError: The shapes differ, or the range is empty.
        NotEnoughData: The mask is empty.
    """
    inside = _inside(real, made, mask)
    low, high = _checked_range(value_range)
    difference = np.clip(real.astype(np.float64), low, high) - np.clip(made.astype(np.float64), low, high)
    squared = float((difference[inside] ** 2).mean())
    return float(10.0 * np.log10((high - low) ** 2 / squared)) if squared else float("inf")


def structural_similarity(
    real: Image, made: Image, value_range: tuple[float, float], mask: Mask | None = None
) -> float:
    """Mean structural similarity inside the mask, at most 1; higher is better, 1 for equal images.

    Outside the mask both images are set to the least value, so an image that is right inside it loses nothing there,
    and windows across its edge see the same edge twice, which raises the figure of small masks.

    Args:
        real, made: (h, w) or (d, h, w), of one shape, every side at least `WINDOW`; both are clipped to `value_range`.
        value_range: Least and greatest value, in the images' units: `CT_RANGE_HU`, `DISPLAY_RANGE`.
        mask: Of the same shape, True where the patient is; everywhere if None.

    Raises:
        UsageError: The shapes differ, a side is too short, or the range is empty.
        NotEnoughData: Nothing of the mask is left without the border.
    """
    inside = _inside(real, made, mask)
    low, high = _checked_range(value_range)
    if min(real.shape) < WINDOW:
        raise UsageError(f"images must have sides of at least {WINDOW} pixels, got {real.shape}")
    x, y = (np.where(inside, np.clip(one.astype(np.float64), low, high) - low, 0.0) for one in (real, made))
    pad = WINDOW // 2
    counted = np.zeros_like(inside)
    middle = (slice(pad, -pad),) * real.ndim
    counted[middle] = inside[middle]
    if not counted.any():
        raise NotEnoughData("the mask must reach beyond the border that SSIM leaves out, found nothing there")
    return float(_similarity_map(x, y, high - low)[counted].mean())


def _similarity_map(x: NDArray[np.float64], y: NDArray[np.float64], peak: float) -> NDArray[np.float64]:
    """SSIM of the window around each pixel."""
    n = WINDOW**x.ndim
    sample = n / (n - 1)
    mean_x, mean_y = uniform_filter(x, WINDOW), uniform_filter(y, WINDOW)
    variance_x = sample * (uniform_filter(x * x, WINDOW) - mean_x**2)
    variance_y = sample * (uniform_filter(y * y, WINDOW) - mean_y**2)
    covariance = sample * (uniform_filter(x * y, WINDOW) - mean_x * mean_y)
    steady_1, steady_2 = (_K1 * peak) ** 2, (_K2 * peak) ** 2
    above = (2 * mean_x * mean_y + steady_1) * (2 * covariance + steady_2)
    below = (mean_x**2 + mean_y**2 + steady_1) * (variance_x + variance_y + steady_2)
    return np.asarray(above / below)


def _inside(real: Image, made: Image, mask: Mask | None) -> Mask:
    """Where to compare."""
    shapes = {real.shape, made.shape} | (set() if mask is None else {mask.shape})
    if len(shapes) > 1 or real.ndim not in (2, 3):
        found = ", ".join(map(str, sorted(shapes)))
        raise UsageError(f"images and mask must have one shape, (h, w) or (d, h, w), got {found}")
    inside = np.ones(real.shape, dtype=bool) if mask is None else mask.astype(bool)
    if not inside.any():
        raise NotEnoughData("the mask must hold at least one pixel, found none")
    return inside


def _checked_range(value_range: tuple[float, float]) -> tuple[float, float]:
    low, high = value_range
    if not low < high:
        raise UsageError(f"value_range must be a lower and a higher number, got {low} and {high}")
    return low, high
