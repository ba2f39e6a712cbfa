"""What the small parts of an image look like, at two sizes, as short vectors: layout, texture, edges, and color.

The four are kept apart, since a thing that is not there in any real image may be unusual in one of them only: a bright
disc in layout and edges, a checkerboard or a smoothed patch in texture. Exposure is taken out of the image as a whole
before, and nothing is fitted on anyone.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from synthaudit.pixels import canvas, to_gray

Image = NDArray[np.float32]
Described = tuple[Image, ...]
"""(across, across, d) vectors for each of `KINDS` at each of `SIZES`, sizes outermost."""

SIZES = (8, 4)
"""A patch is this part of the side of the image; neighbors overlap by half."""
KINDS = ("layout", "texture", "edges", "color")
LAYOUT, COLOR = 5, 3
"""Waves along each side of a patch (DCT) that are kept, of light and of each color."""
ORIENTATIONS = 8
OCTAVES_PX = (0.8, 1.6, 3.2)
_GRAIN = 1e-5
"""Added to the power in a band: less is no texture that anyone sees."""
_LEAST_RANGE = 1e-3


@dataclass(frozen=True, slots=True)
class Grid:
    """Where the patches of one size lie on a square canvas.

    Attributes:
        size: Side of the canvas, in pixels.
        patch: Side of a patch, in pixels.
        stride: Distance of neighbors, in pixels.
    """

    size: int
    patch: int
    stride: int

    @classmethod
    def of(cls, size: int, part: int) -> Grid:
        """Patches of `1 / part` of the side.

        >>> Grid.of(128, 8), Grid.of(128, 8).across
        (Grid(size=128, patch=16, stride=8), 15)
        """
        return cls(size, size // part, size // part // 2)

    @property
    def across(self) -> int:
        """Patches along a side."""
        return (self.size - self.patch) // self.stride + 1


def described(image: Image, size: int) -> Described:
    """Every patch of an image, of every size and kind.

    Args:
        image: (h, w) or (h, w, 3) float32 in [0, 1].
        size: Side of the canvas that it is brought to, in pixels; divisible by 8.
    """
    colored = canvas(image, size, 3) if image.ndim == 3 else None
    gray = canvas(image, size) if colored is None else to_gray(colored)
    low, high = (float(q) for q in np.quantile(gray, [0.05, 0.95]))
    scale = 1.0 / max(high - low, _LEAST_RANGE)
    gray = np.asarray((gray - low) * scale, dtype=np.float32)
    opponents = np.zeros((2, size, size), dtype=np.float32)
    if colored is not None:
        opponents[0] = (colored[..., 0] - colored[..., 1]) * scale
        opponents[1] = ((colored[..., 0] + colored[..., 1]) / 2 - colored[..., 2]) * scale
    found: list[Image] = []
    for part in SIZES:
        grid = Grid.of(size, part)
        colors = np.concatenate([_waves(plane, grid, COLOR) for plane in opponents], axis=-1)
        found += [_waves(gray, grid, LAYOUT), _texture(gray, grid), _edges(gray, grid), colors]
    return tuple(found)


@lru_cache
def _cosines(patch: int, kept: int) -> Image:
    """(kept, patch) the lowest waves of a discrete cosine transform."""
    import cv2

    return np.asarray(cv2.dct(np.eye(patch, dtype=np.float32))[:kept], dtype=np.float32)


def _waves(plane: Image, grid: Grid, kept: int) -> Image:
    """(across, across, kept * kept) how light and dark lie in each patch."""
    waves = _cosines(grid.patch, min(kept, grid.patch))
    windows = np.lib.stride_tricks.sliding_window_view(plane, (grid.patch, grid.patch))
    windows = windows[:: grid.stride, :: grid.stride][: grid.across, : grid.across]
    power = waves @ np.ascontiguousarray(windows) @ waves.T / grid.patch
    return np.asarray(power.reshape(grid.across, grid.across, -1), dtype=np.float32)


def _in_quarters(planes: list[Image], grid: Grid) -> Image:
    """(across, across, 4 * planes) mean of each plane over each quarter of each patch."""
    import cv2

    half, end = grid.patch // 2, grid.stride * (grid.across - 1) + 1
    found = []
    for plane in planes:
        mean = np.maximum(cv2.boxFilter(plane, -1, (half, half), anchor=(0, 0), borderType=cv2.BORDER_REFLECT), 0.0)
        found += [mean[y : y + end : grid.stride, x : x + end : grid.stride] for y in (0, half) for x in (0, half)]
    return np.stack(found, axis=-1).astype(np.float32)


def _texture(gray: Image, grid: Grid) -> Image:
    """(across, across, 12) log power of three octaves in the quarters of each patch."""
    import cv2

    smoothed = [gray, *(cv2.GaussianBlur(gray, (0, 0), sigma) for sigma in OCTAVES_PX)]
    return np.asarray(np.log(_in_quarters([(a - b) ** 2 for a, b in pairwise(smoothed)], grid) + _GRAIN))


def _edges(gray: Image, grid: Grid) -> Image:
    """(across, across, 32) which way edges run in the quarters of each patch; contrast divided out, with a floor."""
    import cv2

    smooth = cv2.GaussianBlur(gray, (0, 0), 1.0)
    dx, dy = (cv2.Sobel(smooth, cv2.CV_32F, *order, ksize=3) for order in ((1, 0), (0, 1)))
    angles = np.arange(ORIENTATIONS) * (2 * np.pi / ORIENTATIONS)
    along = [np.maximum(float(np.cos(a)) * dx + float(np.sin(a)) * dy, 0.0) ** 2 for a in angles]
    strength = np.sqrt(_in_quarters(along, grid))
    length = np.sqrt((strength * strength).sum(axis=-1, keepdims=True))
    return np.asarray(strength / (length + 0.3 * float(np.median(length)) + 1e-6), dtype=np.float32)
