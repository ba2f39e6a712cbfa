"""Images on a square canvas: padded, never cropped."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

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
