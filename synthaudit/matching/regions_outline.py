"""Where exactly the shared part lies, and the two images with it outlined."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from synthaudit.finding import Pair
from synthaudit.matching.regions import RegionMatcher, RegionPair
from synthaudit.matching.regions_compare import RegionMatch, alike_everywhere, local_side, overlap
from synthaudit.matching.regions_detail import Details

Image = NDArray[np.float32]
Box = tuple[int, int, int, int]

ALIKE_SHARE = 0.5
"""The part reaches as far as the local correlation stays above what strangers reach there, by this share of the way up
to the window's."""


def outline(image: Image, real: Image, match: RegionMatch) -> Box:
    """(left, top, right, bottom) of the shared part on the query, in pixels; right and bottom just beyond it.

    Args:
        image, real: (size, size) canvases of the query (not mirrored) and of the real image.
    """
    import cv2

    size, window = image.shape[0], match.window
    turned = np.ascontiguousarray(image[:, ::-1]) if match.flip else image
    rows, columns, rows2, columns2 = overlap(match.shift, size)
    fixed, moving = Details.of(turned).full, Details.of(real).full
    alike = np.zeros_like(image)
    alike[rows, columns] = alike_everywhere(fixed[:, rows, columns], moving[:, rows2, columns2], local_side(size))
    mean = cv2.blur(alike, (local_side(size), local_side(size)))
    low = max(float(np.tanh(match.others)), 0.0)
    inside = np.asarray(mean > low + ALIKE_SHARE * (match.similarity - low), dtype=np.uint8)
    # The window belongs to the part by definition; its core holds together what lies around it.
    core = slice(window.top + window.side // 4, window.top + window.side - window.side // 4)
    core_x = slice(window.left + window.side // 4, window.left + window.side - window.side // 4)
    inside[core, core_x] = 1
    _, labels, stats, _ = cv2.connectedComponentsWithStats(inside, connectivity=4)
    left, top, width, height, _ = stats[labels[window.top + window.side // 2, window.left + window.side // 2]]
    box = (int(left), int(top), int(left + width), int(top + height))
    return (size - box[2], box[1], size - box[0], box[3]) if match.flip else box


def _gray_range(image: Image) -> tuple[float, float]:
    """The 1 % and 99 % quantiles."""
    low, high = np.quantile(image, [0.01, 0.99])
    return float(low), max(float(high), float(low) + 1e-6)


def _bytes(image: Image, low: float, high: float) -> NDArray[np.uint8]:
    return np.asarray(np.clip((image - low) / (high - low), 0, 1) * 255, dtype=np.uint8)


def _lit_alike(image: Image, like: Image, region: Box) -> Image:
    """`image` with the brightness and contrast that `like` has within the region."""
    left, top, right, bottom = region
    a, b = image[top:bottom, left:right], like[top:bottom, left:right]
    contrast = float(b.std()) / max(float(a.std()), 1e-6)
    return np.asarray((image - float(a.mean())) * contrast + float(b.mean()), dtype=np.float32)


def picture(pair: RegionPair, image: Image, matcher: RegionMatcher) -> Pair:
    """The two images side by side, the real one moved into place, with the shared part outlined.

    Args:
        image: The synthetic image's canvas.
    """
    match, size = pair.match, matcher.size
    real = matcher.canvas(match.row)
    rows, columns, rows2, columns2 = overlap(match.shift, size)
    moved = np.full_like(real, float(np.median(real)))
    moved[rows, columns] = real[rows2, columns2]
    if match.flip:
        moved = np.ascontiguousarray(moved[:, ::-1])
    region, levels = outline(image, real, match), _gray_range(image)
    shown, brought = _bytes(image, *levels), _bytes(_lit_alike(moved, image, region), *levels)
    difference = np.abs(shown.astype(np.int16) - brought).astype(np.uint8)
    share = (region[2] - region[0]) * (region[3] - region[1]) / size**2
    return Pair(
        shown,
        _bytes(real, *_gray_range(real)),
        brought,
        difference,
        _in_words(match, size, share),
        match.similarity,
        pair.threshold,
        region,
    )


def _in_words(match: RegionMatch, size: int, share: float) -> str:
    words = ["mirrored"] if match.flip else []
    shift = float(np.hypot(*match.shift)) / size
    if shift >= 0.01:
        words.append(f"shifted by {shift:.0%} of the side")
    return f"{', '.join(words) or 'in place'}; only the outlined part is alike, {share:.0%} of the canvas"
