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


def in_chunks(function: Callable[[Floats], Floats], rows: Floats) -> Floats:
    """`function` of (n, ...) rows, row for row, called with exactly `CHUNK` rows each time; no rows need one call.

    >>> in_chunks(lambda x: 2 * x, np.arange(3, dtype=np.float32)).tolist()
    [0.0, 2.0, 4.0]
    """
    parts = []
    for low in range(0, max(len(rows), 1), CHUNK):
        part = rows[low : low + CHUNK]
        padded = np.zeros((CHUNK, *rows.shape[1:]), dtype=np.float32)
        padded[: len(part)] = part
        parts.append(function(padded)[: len(part)])
    return np.concatenate(parts)
