"""Overlapping patches of an image as short vectors, to find the same content in a part of another image.

Each patch is a small grid of gradient-orientation histograms (Lowe 2004, doi 10.1023/B:VISI.0000029664.99615.94;
Dalal and Triggs 2005, doi 10.1109/CVPR.2005.177), local contrast divided out, reduced by a whitening principal
component projection (Jegou and Chum 2012, doi 10.1007/978-3-642-33709-3_55) that is fitted on the whole pool, blind to
sides: what all images share (the ribs run like this here) counts less, what sets a patch apart counts more.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from synthaudit.errors import NotEnoughData

Image = NDArray[np.float32]

ORIENTATIONS = 8
PATCH_CELLS = 5
CELLS_ACROSS, LEAST_CELL_PX = 32, 4
STRIDE_CELLS = 2
DIMENSIONS = 80
WHITENING = 1.0
"""Exponent of the variances that are divided out: 0 keeps the principal components as they are, 1 whitens fully."""
LENGTH_FLOOR = 0.5
"""Share of the typical length added to a patch's own before it is divided out: flat background resembles nothing."""
LEAST_TO_FIT = 20
FITTED_ON = 20_000
"""Patches at most that the projection is fitted on."""


@dataclass(frozen=True, slots=True)
class Grid:
    """Where the patches lie on a square canvas.

    Attributes:
        size: Side of the canvas, in pixels.
        cells: Histogram cells along a side.
        across: Patches along a side.
    """

    size: int
    cells: int
    across: int

    @classmethod
    def of(cls, size: int) -> Grid:
        """The grid for a canvas of this side: cells of at least 4 pixels.

        >>> Grid.of(256), Grid.of(64)
        (Grid(size=256, cells=32, across=14), Grid(size=64, cells=16, across=6))
        """
        cells = min(CELLS_ACROSS, size // LEAST_CELL_PX)
        return cls(size, cells, (cells - PATCH_CELLS) // STRIDE_CELLS + 1)

    @property
    def step_px(self) -> float:
        """Distance of neighboring patches, in pixels."""
        return STRIDE_CELLS * self.size / self.cells

    @property
    def patch_px(self) -> float:
        """Side of a patch, in pixels."""
        return PATCH_CELLS * self.size / self.cells

    def center(self, place: int) -> float:
        """Center of the patch at that place along one axis, in pixels."""
        return place * self.step_px + self.patch_px / 2


@lru_cache
def _directions() -> Image:
    angle = np.arange(ORIENTATIONS) * (2 * np.pi / ORIENTATIONS)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)


def histograms(image: Image, grid: Grid) -> Image:
    """(across, across, d) gradient histograms of all patches of a (size, size) canvas, local contrast divided out."""
    import cv2

    smooth = cv2.GaussianBlur(image, (0, 0), 1.0)
    dx = cv2.Sobel(smooth, cv2.CV_32F, 1, 0, ksize=3)
    dy = cv2.Sobel(smooth, cv2.CV_32F, 0, 1, ksize=3)
    strength = cv2.magnitude(dx, dy)
    fine = 2 * grid.cells
    local = cv2.blur(cv2.resize(strength, (fine, fine), interpolation=cv2.INTER_AREA), (9, 9))
    divisor = cv2.resize(local + 0.5 * float(local.mean()) + 1e-6, (grid.size, grid.size))
    pooled = np.empty((ORIENTATIONS, grid.cells, grid.cells), dtype=np.float32)
    inverse = 1.0 / (divisor * (strength + 1e-9))
    for k, (cosine, sine) in enumerate(_directions()):
        along = cv2.max(cv2.addWeighted(dx, float(cosine), dy, float(sine), 0.0), 0.0)
        energy = cv2.multiply(cv2.multiply(along, along), inverse)  # cos^2 of the angle to this direction
        # Triangular pooling, so that a shift of half a cell moves little from one cell to the next.
        half = cv2.GaussianBlur(cv2.resize(energy, (fine, fine), interpolation=cv2.INTER_AREA), (3, 3), 1.0)
        pooled[k] = cv2.resize(half, (grid.cells, grid.cells), interpolation=cv2.INTER_AREA)
    windows = np.lib.stride_tricks.sliding_window_view(pooled, (PATCH_CELLS, PATCH_CELLS), axis=(1, 2))
    windows = windows[:, ::STRIDE_CELLS, ::STRIDE_CELLS][:, : grid.across, : grid.across]
    return np.ascontiguousarray(windows.transpose(1, 2, 0, 3, 4)).reshape(grid.across, grid.across, -1)


@dataclass(frozen=True, slots=True, eq=False)
class Projection:
    """From histograms to short vectors of at most unit length.

    Attributes:
        mean: (d,) of the histograms' square roots.
        matrix: (d, k) principal directions over a power of their variance.
        length: Typical length after projection.
    """

    mean: Image
    matrix: Image
    length: float

    @classmethod
    def fit(cls, sample: Image) -> Projection:
        """Fit on (n, d) histograms of patches from images of both sides.

        Raises:
            NotEnoughData: Fewer than 20 patches.
        """
        if len(sample) < LEAST_TO_FIT:
            raise NotEnoughData(f"describing patches needs at least {LEAST_TO_FIT} of them, got {len(sample)}")
        roots = np.sqrt(sample).astype(np.float64)
        mean = roots.mean(axis=0)
        variance, directions = np.linalg.eigh(np.cov(roots - mean, rowvar=False))
        kept = np.argsort(-variance)[:DIMENSIONS]
        kept = kept[variance[kept] > 1e-9 * variance[kept[0]]]
        chosen = directions[:, kept]
        chosen = chosen * np.sign(chosen[np.abs(chosen).argmax(axis=0), np.arange(len(kept))])
        matrix = chosen * variance[kept] ** (-WHITENING / 2)
        length = float(np.sqrt(np.mean(((roots - mean) @ matrix) ** 2) * len(kept)))
        return cls(mean.astype(np.float32), matrix.astype(np.float32), max(length, 1e-9))

    def __call__(self, patches: Image) -> Image:
        """(..., k) float32 vectors; their inner product is near 1 for equal content and 0 for unrelated content."""
        raw = (np.sqrt(patches) - self.mean) @ self.matrix
        length = np.sqrt((raw * raw).sum(axis=-1, keepdims=True))
        return np.asarray(raw / (length + LENGTH_FLOOR * self.length) * (1 + LENGTH_FLOOR), dtype=np.float32)
