"""How many directions a cloud of vectors really uses."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from synthaudit.errors import NotEnoughData

_NEGLIGIBLE = 1e-12
"""Length of the cloud, relative to its distance from the origin, below which it is one point and rounding."""


def effective_rank(vectors: NDArray[np.floating]) -> float:
    """Exponential of the entropy of the centered vectors' singular values, as shares of their sum.

    Between 1 and min(n - 1, d): 1 if all vectors lie on one line (or in one point), d if they spread alike along d
    directions. An encoder that maps every image to nearly the same place, or tells images apart by one feature only,
    has few directions to tell patients apart with. It says nothing of whether those directions mean anything: white
    noise has the largest effective rank of all.

    Args:
        vectors: (n, d) finite.

    Raises:
        NotEnoughData: Fewer than 2 vectors.

    Reference:
        Roy and Vetterli 2007, The effective rank: a measure of effective dimensionality, EUSIPCO (there of a matrix as
        it is; centered here, since a common offset tells no two images apart).

    >>> effective_rank(np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]]))
    2.0
    """
    if len(vectors) < 2:
        raise NotEnoughData(f"an effective rank needs at least 2 vectors, got {len(vectors)}")
    wide = np.asarray(vectors, dtype=np.float64)
    centered = wide - wide.mean(axis=0)
    singular = np.linalg.svd(centered, compute_uv=False)
    total = float(singular.sum())
    if total <= _NEGLIGIBLE * max(float(np.abs(wide).max()), 1e-300) * len(wide):
        return 1.0
    share = singular[singular > 0] / total
    return float(round(np.exp(-(share * np.log(share)).sum()), 9))
