"""From stored values to [0, 1], by rules that need no knowledge of the file format."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthaudit.errors import UnreadableImage

DEPTHS = (255, 4095, 65535)
"""Largest value of the usual depths: 8, 12 and 16 bits."""


def own_range(values: NDArray[Any]) -> NDArray[np.float32]:
    """Values stretched from their own least and largest to [0, 1]; all 0 where they are all equal."""
    low, high = float(values.min()), float(values.max())
    if high <= low:
        return np.zeros(values.shape, np.float32)
    # Halved first: the span of two large float64 values can overflow.
    return ((values.astype(np.float64) / 2 - low / 2) / (high / 2 - low / 2)).astype(np.float32)


def to_unit(values: NDArray[Any], stored: np.dtype[Any]) -> NDArray[np.float32]:
    """Stored values as float32 in [0, 1].

    Unsigned integers go by the depth of their type, except that 16 bits whose values end at 4095 are taken as 12 bits
    stored in 16, and wider types go by the least of the usual depths that holds them. Integers of more than 8 bits
    with negative values have no agreed range, nor have floats outside [0, 1]: both are stretched by their own.

    Args:
        values: (h, w) or (h, w, 3); of dtype `stored`, or float means of such values.
        stored: The dtype in the file.

    Raises:
        UnreadableImage: "not-finite", or "bad-shape" where the type is not a real number.
    """
    if stored.kind == "b":
        return values.astype(np.float32)
    if stored.kind == "f":
        if not np.isfinite(values).all():
            raise UnreadableImage("not-finite", "finite values are needed, got NaN or infinity; replace them")
        if values.min() >= 0 and values.max() <= 1:
            return values.astype(np.float32)
        return own_range(values)
    if stored.kind not in "iu":
        raise UnreadableImage("bad-shape", f"real numbers are needed, got dtype {stored}; save uint8, uint16 or float")
    if stored.itemsize == 1:
        offset = 128 if stored.kind == "i" else 0
        return (values.astype(np.float32) + offset) / np.float32(255)
    low, high = float(values.min()), float(values.max())
    depths = DEPTHS[1:] if stored.itemsize == 2 else DEPTHS
    full = next((depth for depth in depths if high <= depth), None)
    if low < 0 or full is None:
        return own_range(values)
    return values.astype(np.float32) / np.float32(full)


def finished(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """The image clipped to [0, 1], contiguous, and gray where its three channels are equal.

    A gray image saved as RGB shows nothing else than the gray one, and must have the same digest: otherwise a copy
    could hide by its container.
    """
    if image.ndim == 3 and all(np.array_equal(image[..., 0], image[..., i]) for i in (1, 2)):
        image = image[..., 0]
    clipped = np.clip(image, 0.0, 1.0, dtype=np.float32)
    return np.ascontiguousarray(clipped + np.float32(0))  # -0.0 becomes 0.0: equal pixels have equal bytes
