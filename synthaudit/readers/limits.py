"""How large an image may be, and how a giant one is made small without ever being held as floats."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthaudit.errors import UnreadableImage

MAX_SIDE = 4096
"""Pixels; an image with a longer side is reduced by a whole factor while it is read."""
MIN_SIDE = 8
"""Pixels; below, nothing of a body can be seen."""
MAX_PIXELS = 1_000_000_000
GIANT_PIXELS = 64_000_000
"""From here on, one image at a time is decoded, so that memory does not grow with the number of threads."""
_BAND_PIXELS = 8_000_000

_one_giant_at_a_time = threading.Lock()


def reduction_factor(height: int, width: int) -> int:
    """The whole factor by which an image of that size is reduced when it is read; 1 if it is kept as it is."""
    return max(1, -(-max(height, width) // MAX_SIDE))


def check_size(height: int, width: int) -> None:
    """Refuse sizes that are no image, before anything is decoded.

    Raises:
        UnreadableImage: "too-small" (a side under 8 pixels, also once reduced) or "too-large" (above 1e9 pixels).
    """
    if height * width > MAX_PIXELS:
        raise UnreadableImage("too-large", f"at most {MAX_PIXELS:,} pixels can be read, got {width} x {height}")
    if min(height, width) // reduction_factor(height, width) < MIN_SIDE:
        raise UnreadableImage("too-small", f"sides of at least {MIN_SIDE} pixels are needed, got {width} x {height}")


@contextmanager
def giants_in_turn(height: int, width: int) -> Iterator[None]:
    """Hold the turn of giants while an image of that size is decoded; free for all others."""
    if height * width < GIANT_PIXELS:
        yield
        return
    with _one_giant_at_a_time:
        yield


def block_mean(band: Callable[[int, int], NDArray[Any]], height: int, width: int, factor: int) -> NDArray[Any]:
    """The image with every `factor` x `factor` block replaced by its mean, read by bands of rows.

    The image itself is returned, in its own dtype, where `factor` is 1. The last blocks may be smaller.

    Args:
        band: band(top, bottom) gives the rows [top, bottom) as (rows, w) or (rows, w, c).
        height: Rows of the image.
        width: Columns of the image.
        factor: Side of a block, in pixels.

    Returns:
        (ceil(h / factor), ceil(w / factor)) or the same with (..., c), float32.
    """
    if factor == 1:
        return band(0, height)
    step = factor * max(1, _BAND_PIXELS // (width * factor))
    lefts = np.arange(0, width, factor)
    columns = np.diff(np.append(lefts, width))
    means = []
    for top in range(0, height, step):
        rows = band(top, min(top + step, height))
        tops = np.arange(0, rows.shape[0], factor)
        # float64 keeps the sums of 16-bit blocks exact, so that the result does not depend on the bands.
        sums = np.add.reduceat(np.add.reduceat(rows, tops, axis=0, dtype=np.float64), lefts, axis=1)
        counts = np.multiply.outer(np.diff(np.append(tops, rows.shape[0])), columns)
        means.append((sums / (counts if sums.ndim == 2 else counts[:, :, None])).astype(np.float32))
    return np.concatenate(means)
