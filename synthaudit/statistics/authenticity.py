"""Authenticity: the share of synthetic images that are no closer to a training image than its own neighbors are.

Reference:
    Alaa, van Breugel, Saveliev, van der Schaar 2022, arXiv 2102.08921.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def inauthentic(
    to_train: NDArray[np.floating], nearest: NDArray[np.integer], train_to_train: NDArray[np.floating]
) -> NDArray[np.bool_]:
    """(n,) bool: images closer to their nearest training image than that is to its own nearest other one.

    Args:
        to_train: (n,) similarity of each image to its nearest training image; higher is closer.
        nearest: (n,) row of that training image.
        train_to_train: (t,) similarity of each training image to the nearest other training image, on the same scale.

    >>> inauthentic(np.array([0.9, 0.5]), np.array([0, 0]), np.array([0.8, 0.8])).tolist()
    [True, False]
    """
    # Equal counts as inauthentic: the published code asks for "strictly further" to be authentic.
    return np.asarray(to_train >= train_to_train[nearest])


def authenticity(
    to_train: NDArray[np.floating], nearest: NDArray[np.integer], train_to_train: NDArray[np.floating]
) -> float:
    """Share of authentic images, in [0, 1]; 0.7 on chest films, and not 1, where nothing was copied.

    Args: as for `inauthentic`.
    """
    return float(1.0 - inauthentic(to_train, nearest, train_to_train).mean())
