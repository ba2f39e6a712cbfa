"""Random numbers item by item: item i gets the same ones however many items are asked for."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def item_normals(n: int, width: int, seed: int) -> NDArray[np.float32]:
    """(n, width) standard normal float32; row i depends on `seed`, i and `width` only.

    >>> bool((item_normals(2, 3, seed=5)[1] == item_normals(9, 3, seed=5)[1]).all())
    True
    """
    out = np.empty((n, width), dtype=np.float32)
    for row in range(n):
        np.random.default_rng([seed, row]).standard_normal(dtype=np.float32, out=out[row])
    return out
