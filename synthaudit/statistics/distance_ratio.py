"""Distances to the closest training image: whose image is closer, and by how much it beats the next one.

References:
    Platzer and Reutterer 2021, Holdout-based empirical assessment of mixed-type synthetic data, arXiv 2104.00635 (the
    share of synthetic records closer to training than to holdout records).
    Ganev and De Cristofaro 2023, arXiv 2312.05114 (the tests built on DCR and NNDR, and how they fail).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from synthaudit.statistics.nearness import distance


def nndr(nearest_two: NDArray[np.floating]) -> NDArray[np.float64]:
    """(n,) distance to the nearest over distance to the second nearest training image, in [0, 1]; 0 is a lone copy.

    Args:
        nearest_two: (n, 2) cosines to the two nearest training images, nearest first.

    >>> nndr(np.array([[0.5, 0.0], [1.0, 0.2], [1.0, 1.0]])).round(3).tolist()
    [0.707, 0.0, 1.0]
    """
    first, second = distance(nearest_two[:, 0]), distance(nearest_two[:, 1])
    # Equal pixels twice in the training set: neither copy of them stands out, which is what 1 says.
    return np.divide(first, second, out=np.ones_like(first), where=second > 0)


def closer_to_train(to_train: NDArray[np.floating], to_holdout: NDArray[np.floating]) -> NDArray[np.float64]:
    """(n,) 1 for a synthetic image closer to a training image than to any held-out one, 0 the other way, 1/2 for a tie.

    Args:
        to_train, to_holdout: (n,) similarity to the nearest training and held-out image; higher is closer. Only with
            as many training as held-out images is 1/2 what to expect of their mean.

    >>> closer_to_train(np.array([0.9, 0.5, 0.2]), np.array([0.1, 0.5, 0.6])).tolist()
    [1.0, 0.5, 0.0]
    """
    return np.asarray(0.5 + 0.5 * np.sign(to_train.astype(np.float64) - to_holdout.astype(np.float64)))


def equal_sides(
    train_patient: NDArray[np.intp], holdout_patient: NDArray[np.intp], rng: np.random.Generator
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows of as many training as held-out patients, and of as many images: drawn by patient, then thinned by image.

    Both steps treat the sides alike, so with exchangeable patients either side is as likely to be the closer one.
    """
    sides = (train_patient, holdout_patient)
    patients = [np.unique(side) for side in sides]
    n = min(map(len, patients))
    rows = [
        np.flatnonzero(np.isin(side, rng.choice(ids, n, replace=False) if len(ids) > n else ids))
        for side, ids in zip(sides, patients, strict=True)
    ]
    images = min(map(len, rows))
    train, holdout = (np.sort(rng.choice(one, images, replace=False)) if len(one) > images else one for one in rows)
    return train, holdout
