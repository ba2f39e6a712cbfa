"""Images on a square canvas: padded, never cropped; and a bounded store of those last used."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from synthaudit.cohort import Cohort

GRAY_WEIGHTS = (0.299, 0.587, 0.114)
"""Rec. ITU-R BT.601 luma."""


def to_gray(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """(h, w) luma of a gray (h, w) or RGB (h, w, 3) image."""
    if image.ndim == 2:
        return image
    return image @ np.asarray(GRAY_WEIGHTS, dtype=np.float32)


def canvas(image: NDArray[np.float32], size: int, channels: Literal[1, 3] = 1) -> NDArray[np.float32]:
    """The image padded to a square with its own border's median, then resized to (size, size) or (size, size, 3).

    Padding keeps the whole field of view and the aspect ratio: a crop could remove the marker that identifies someone.

    Args:
        image: (h, w) or (h, w, 3) float32 in [0, 1].
        size: Side of the canvas, in pixels.
        channels: 1 gives gray, 3 gives RGB (gray repeated).
    """
    import cv2

    if channels == 1:
        image = to_gray(image)
    elif image.ndim == 2:
        image = np.repeat(image[:, :, None], 3, axis=2)
    height, width = image.shape[:2]
    side = max(height, width)
    if height != width:
        top, left = (side - height) // 2, (side - width) // 2
        edges = (image[0], image[-1]) if height < width else (image[:, 0], image[:, -1])
        fill = np.median(np.concatenate(edges), axis=0).astype(np.float32)
        square = np.empty((side, side, *image.shape[2:]), dtype=np.float32)
        square[...] = fill
        square[top : top + height, left : left + width] = image
        image = square
    if side == size:
        return np.ascontiguousarray(image, dtype=np.float32)
    interpolation = cv2.INTER_AREA if side > size else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(np.ascontiguousarray(image), (size, size), interpolation=interpolation), np.float32)


class CanvasStore:
    """Gray canvases of a cohort's images, read when asked for; the least recently used leave first.

    Safe to use from many threads. Kept as float16: half the memory, and finer than the 8 bits most images have.
    """

    def __init__(self, size: int, capacity_bytes: int = 384 * 2**20) -> None:
        self.size = size
        self._capacity = max(1, capacity_bytes // (2 * size * size))
        self._kept: OrderedDict[str, NDArray[np.float16]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, cohort: Cohort, row: int) -> NDArray[np.float32]:
        """(size, size) float32 gray canvas of image `row` of the cohort."""
        key = cohort.pixel_digests[row]
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
        if found is None:
            found = canvas(cohort.sources[row].read(), self.size).astype(np.float16)
            with self._lock:
                self._kept[key] = found
                while len(self._kept) > self._capacity:
                    self._kept.popitem(last=False)
        return found.astype(np.float32)
