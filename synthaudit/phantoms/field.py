"""Smooth shapes on a pixel grid: edges, ellipsoids, tubes and the point spread, all wider than a pixel.

A shape narrower than a pixel would flicker as it moves; each is therefore widened to the pixel and thinned to keep
its mass, which is what a detector does.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """Where the pixels lie in the patient.

    Attributes:
        x: (h, w) from the patient's right (-1) to the left (1).
        y: (h, w) from the neck (-1) down (1).
        pixel: Side of a pixel, in the same unit.
    """

    x: Floats
    y: Floats
    pixel: float


def placed_grid(size: int, shift: tuple[float, float], scale: float, rotation: float) -> Grid:
    """The patient's coordinates under a (size, size) detector, the patient shifted, magnified and rotated."""
    axis = ((np.arange(size, dtype=np.float32) + 0.5) * (2 / size) - 1).astype(np.float32)
    u, v = axis[None, :] - shift[0], axis[:, None] - shift[1]
    cosine, sine = float(np.cos(rotation)) / scale, float(np.sin(rotation)) / scale
    return Grid(x=cosine * u + sine * v, y=cosine * v - sine * u, pixel=2 / size)


def edge(distance: NDArray[np.floating[Any]], width: float) -> Floats:
    """0 to 1 as `distance` goes from below to above zero, over about `width` on either side."""
    return np.asarray(0.5 + 0.5 * np.tanh(distance * (1 / width)), dtype=np.float32)


def ellipsoid(grid: Grid, center: tuple[float, float], axes: tuple[float, float], tilt: float = 0.0) -> Floats:
    """(h, w) thickness of an ellipsoid, 1 at its center."""
    dx, dy = grid.x - center[0], grid.y - center[1]
    if tilt:
        cosine, sine = float(np.cos(tilt)), float(np.sin(tilt))
        dx, dy = cosine * dx + sine * dy, cosine * dy - sine * dx
    inside = 1 - (dx * (1 / axes[0])) ** 2 - (dy * (1 / axes[1])) ** 2
    return np.sqrt(np.maximum(inside, 0, out=inside), out=inside)


def blob(grid: Grid, center: tuple[float, float], radius: float) -> Floats:
    """(h, w) Gaussian, 1 at its center."""
    squared = (grid.x - center[0]) ** 2 + (grid.y - center[1]) ** 2
    return np.asarray(np.exp(squared * (-0.5 / radius**2)), dtype=np.float32)


def tube(distance: Floats, half_width: float, pixel: float) -> Floats:
    """Flat-topped profile of a tube, from the signed distance to its center line."""
    wide = float(np.hypot(half_width, 0.45 * pixel))
    ratio = (distance * (1 / wide)) ** 2
    return np.asarray((half_width / wide) * np.exp(-ratio * ratio), dtype=np.float32)


def polyline(grid: Grid, start: Floats, end: Floats, radius: Floats, strength: Floats) -> Floats:
    """(h, w) sum over straight segments of a Gaussian across each.

    Args:
        grid: Where to draw.
        start: (n, 2) x, y.
        end: (n, 2) x, y.
        radius: (n,) standard deviation across the segment.
        strength: (n,) height of a segment that is wide against the pixel.
    """
    wide = np.hypot(radius, np.float32(0.4 * grid.pixel))
    height = strength * radius / wide
    total = np.zeros(grid.x.size, dtype=np.float32)
    points = np.stack([grid.x.ravel(), grid.y.ravel(), np.ones(grid.x.size, np.float32)])
    step = max(1, 2**16 // grid.x.size)  # Small enough to stay in the processor's cache.
    for low in range(0, len(start), step):
        rows = slice(low, low + step)
        a, along = start[rows], end[rows] - start[rows]
        length = np.maximum(np.hypot(along[:, 0], along[:, 1]), np.float32(1e-6))
        unit = along / length[:, None]
        # Two matrix products give every pixel's place along and across every segment.
        t = np.column_stack([unit, -(a * unit).sum(axis=1)]) @ points
        normal = np.column_stack([-unit[:, 1], unit[:, 0]])
        across = np.column_stack([normal, -(a * normal).sum(axis=1)]) @ points
        t -= np.minimum(np.maximum(t, 0), length[:, None])
        across *= across
        t *= t
        across += t
        across *= (-0.5 / wide[rows] ** 2)[:, None]
        total += np.asarray(height[rows], dtype=np.float32) @ np.exp(np.maximum(across, -40, out=across), out=across)
    return total.reshape(grid.x.shape)


@lru_cache(maxsize=64)
def _spread(size: int, sigma_pixels: float) -> Floats:
    """(size, size) row-normalized Gaussian band: its product with an image blurs the columns."""
    offset = np.arange(size)
    band = np.exp(-0.5 * ((offset[:, None] - offset[None, :]) / sigma_pixels) ** 2)
    matrix: Floats = (band / band.sum(axis=1, keepdims=True)).astype(np.float32)
    matrix.setflags(write=False)
    return matrix


def blurred(image: Floats, sigma_pixels: float) -> Floats:
    """The square image under a Gaussian point spread; the border is renormalized, not darkened."""
    matrix = _spread(image.shape[0], sigma_pixels)
    return np.asarray(matrix @ image @ matrix.T, dtype=np.float32)
