"""How many different images a set amounts to."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from synthaudit.errors import NotEnoughData


def vendi_score(rows: NDArray[np.floating]) -> float:
    """Exponential of the entropy of the eigenvalues of the rows' cosine similarities, as shares of n.

    Between 1 (all images alike) and n (all at right angles to each other). It measures variety, not quality: noise has
    the largest of all, and what is made is compared with as many real images only, since the score grows with n.

    Args:
        rows: (n, d), not zero; scaled to unit length here.

    Raises:
        NotEnoughData: No rows.

    Reference:
        Friedman, Dieng 2022, arXiv 2210.02410 (order 1).

    >>> round(vendi_score(np.eye(4)), 6)
    4.0
    """
    if not len(rows):
        raise NotEnoughData("a Vendi score needs at least 1 row, got none")
    wide = np.asarray(rows, dtype=np.float64)
    unit = wide / np.linalg.norm(wide, axis=1, keepdims=True)
    return float(vendi_of_similarities((unit @ unit.T)[None])[0])


def vendi_of_similarities(similarities: NDArray[np.float64]) -> NDArray[np.float64]:
    """(b,) Vendi scores of (b, n, n) positive semidefinite similarities with ones on the diagonal."""
    shares = np.maximum(np.linalg.eigvalsh(similarities / similarities.shape[-1]), 0.0)
    logs = np.log(np.where(shares > 0, shares, 1.0))
    return np.asarray(np.exp(-(shares * logs).sum(axis=-1)))
