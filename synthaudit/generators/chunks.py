"""Rows through a function a fixed number at a time, so that a row's result does not depend on how many come with it.

A matrix product rounds differently for another number of rows. Padding every chunk to the same number keeps the promise
that item i depends on the seed and i alone down to the last bit, and keeps memory bounded.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

CHUNK = 64

Floats = NDArray[np.float32]


def in_chunks(function: Callable[..., Floats], *rows: Floats) -> Floats:
    """`function` of (n, ...) rows, row for row, called with exactly `CHUNK` rows each time; no rows need one call.

    Args:
        function: Takes as many arrays as are given.
        rows: One or more arrays of n rows each.

    >>> in_chunks(lambda x: 2 * x, np.arange(3, dtype=np.float32)).tolist()
    [0.0, 2.0, 4.0]
    """
    parts = []
    for low in range(0, max(len(rows[0]), 1), CHUNK):
        chunk = [array[low : low + CHUNK] for array in rows]
        padded = [np.zeros((CHUNK, *array.shape[1:]), dtype=np.float32) for array in rows]
        for whole, part in zip(padded, chunk, strict=True):
            whole[: len(part)] = part
        parts.append(function(*padded)[: len(chunk[0])])
    return np.concatenate(parts)
