"""Where in an image is what no real image supports?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthaudit.image_realism.patches import KINDS, SIZES, Grid

USUAL_SHARE = 0.01
"""Of all places in real images, this share counts as unsupported: the map begins where it ends."""
FULL_SCALE = 4.0
"""How far beyond that the map is drawn in full, in the units of `within_image`."""
TOP_PLACES = 3
"""Places that the score of an image is read from: a thing covers several, a speck of noise one."""


@dataclass(frozen=True, eq=False)
class Map:
    """The map of one image.

    Attributes:
        shade: (size, size) uint8; 0 where real images support what is seen, 255 from 4 units beyond the usual on.
        peak: (x, y) as shares of the side, from left and top.
    """

    shade: NDArray[np.uint8]
    peak: tuple[float, float]


def within_image(part: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, across, across) how far each place stands out from the image's own usual place.

    An image of another scanner is unusual everywhere, among real images, too; a thing in it is unusual beyond that.
    """
    flat = part.reshape(len(part), -1)
    apart = flat - throughout(part)[:, None]
    return np.asarray((apart / (1.0 + np.median(np.abs(apart), axis=1))[:, None]).reshape(part.shape))


def throughout(part: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,) how unusual the middle one of an image's places is: what is the matter with the image as a whole."""
    return np.asarray(np.median(part.reshape(len(part), -1), axis=1))


def by_place(parts: Sequence[NDArray[np.float64]]) -> list[NDArray[np.float64]]:
    """For each size (n, across, across): the most unusual of the kinds at each place."""
    kinds = len(KINDS)
    return [np.max(np.stack(parts[i * kinds : (i + 1) * kinds]), axis=0) for i in range(len(SIZES))]


def top_mean(part: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,) mean of the highest three places of (n, across, across)."""
    flat = part.reshape(len(part), -1)
    return np.asarray(np.sort(flat, axis=1)[:, -TOP_PLACES:].mean(axis=1))


def beginnings(real: Sequence[NDArray[np.float64]], weight: NDArray[np.float64]) -> tuple[float, ...]:
    """For each size, what 1 % of the places of real images exceed; each patient counts the same.

    Args:
        real: From `by_place`.
        weight: (n,) of each image.
    """
    found = []
    for part in real:
        flat = part.reshape(len(part), -1)
        values, weights = flat.ravel(), np.repeat(weight, flat.shape[1])
        order = np.argsort(-values, kind="stable")
        passed = np.cumsum(weights[order]) / weights.sum()
        found.append(float(values[order[min(len(order) - 1, int(np.searchsorted(passed, USUAL_SHARE)))]]))
    return tuple(found)


def unsupported_area(places: NDArray[np.float64], beginning: float) -> NDArray[np.float64]:
    """(n,) share of the places of each image (n, across, across) beyond the usual."""
    return np.asarray((places > beginning).reshape(len(places), -1).mean(axis=1))


def excess_map(places: Sequence[NDArray[np.float64]], beginning: Sequence[float], size: int) -> Map:
    """The map of one image, both sizes of patches on top of each other.

    Args:
        places: For each size (across, across) of this image.
        beginning: From `beginnings`.
        size: Side of the canvas, in pixels.
    """
    total = np.zeros((size, size))
    for part, place, start in zip(SIZES, places, beginning, strict=True):
        total += np.maximum(_spread(place, Grid.of(size, part)) - start, 0.0)
    y, x = np.unravel_index(int(total.argmax()), total.shape)
    shade = np.asarray(np.round(np.clip(total / FULL_SCALE, 0.0, 1.0) * 255), dtype=np.uint8)
    return Map(shade, ((float(x) + 0.5) / size, (float(y) + 0.5) / size))


def _spread(place: NDArray[np.float64], grid: Grid) -> NDArray[np.float64]:
    """(size, size) linear between the centers of the patches, level beyond the outer ones."""
    centers = grid.patch / 2 + grid.stride * np.arange(grid.across)
    at = np.clip((np.arange(grid.size) + 0.5 - centers[0]) / grid.stride, 0, grid.across - 1)
    low = np.minimum(at.astype(int), grid.across - 2) if grid.across > 1 else np.zeros(grid.size, dtype=int)
    high = np.minimum(low + 1, grid.across - 1)
    part = at - low
    rows = place[low] * (1 - part)[:, None] + place[high] * part[:, None]
    return np.asarray(rows[:, low] * (1 - part) + rows[:, high] * part)
