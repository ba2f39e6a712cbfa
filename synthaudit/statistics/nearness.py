"""How near three sets of images come to each other: all that the set-level measures and the peers' rules need.

Cosines of nearest neighbors, not whole matrices: three sets of 50,000 images would have 20 GB of those.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Nearness:
    """Nearest neighbors between training (t), holdout (h) and synthetic (s) images; cosines in [-1, 1].

    Attributes:
        synthetic_to_train: (s, 2) of each synthetic image to its two nearest training images, nearest first.
        nearest_train: (s,) row of the nearest training image.
        holdout_to_train: (h, 2) likewise of each held-out image.
        nearest_train_to_holdout: (h,) row of the nearest training image.
        train_to_train: (t,) of each training image to the nearest other one.
        train_to_synthetic: (t,) of each training image to the nearest synthetic one.
        train_to_holdout: (t,) of each training image to the nearest held-out one.
    """

    synthetic_to_train: NDArray[np.float32]
    nearest_train: NDArray[np.int64]
    holdout_to_train: NDArray[np.float32]
    nearest_train_to_holdout: NDArray[np.int64]
    train_to_train: NDArray[np.float32]
    train_to_synthetic: NDArray[np.float32]
    train_to_holdout: NDArray[np.float32]

    @property
    def n_train(self) -> int:
        """Number of training images."""
        return len(self.train_to_train)


def distance(cosine: NDArray[np.floating]) -> NDArray[np.float64]:
    """Distance of two vectors of unit length, for their cosine.

    >>> distance(np.array([1.0, 0.5, -1.0])).tolist()
    [0.0, 1.0, 2.0]
    """
    return np.asarray(np.sqrt(np.maximum(2.0 - 2.0 * cosine.astype(np.float64), 0.0)))
