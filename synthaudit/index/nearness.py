"""Nearest neighbors between training, holdout and synthetic images, exact and in bounded memory."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from synthaudit.errors import NotEnoughData
from synthaudit.index.exact import top_k
from synthaudit.statistics.nearness import Nearness


def nearness(
    train: NDArray[np.float32], holdout: NDArray[np.float32], synthetic: NDArray[np.float32], *, workers: int = 1
) -> Nearness:
    """The neighbors that the set-level measures and the peers' rules look at.

    Args:
        train, holdout, synthetic: (t, d), (h, d) and (s, d) float32 rows of unit length, of one encoder.
        workers: Threads; the result does not depend on it.

    Raises:
        NotEnoughData: Fewer than 2 training images, or none on another side.
    """
    if len(train) < 2 or not len(holdout) or not len(synthetic):
        raise NotEnoughData(
            "nearest neighbors between the sets need at least 2 training images, 1 held-out and 1 synthetic one, "
            f"got {len(train)}, {len(holdout)} and {len(synthetic)}"
        )
    each = np.arange(len(train))
    from_synthetic = top_k(synthetic, train, 2, workers=workers)
    from_holdout = top_k(holdout, train, 2, workers=workers)
    return Nearness(
        synthetic_to_train=from_synthetic.scores,
        nearest_train=from_synthetic.ids[:, 0],
        holdout_to_train=from_holdout.scores,
        nearest_train_to_holdout=from_holdout.ids[:, 0],
        train_to_train=top_k(train, train, 1, exclude=(each, each), workers=workers).scores[:, 0],
        train_to_synthetic=top_k(train, synthetic, 1, workers=workers).scores[:, 0],
        train_to_holdout=top_k(train, holdout, 1, workers=workers).scores[:, 0],
    )
