"""Whom the rules in use elsewhere would name: each as published, none with an error rate.

For comparison only: no verdict rests on them. Every rule takes the same neighbors and says, image by image, which
training images it takes for memorized and which synthetic ones for copies; a patient is named if an image of theirs is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthaudit.errors import NotEnoughData
from synthaudit.statistics.authenticity import inauthentic
from synthaudit.statistics.distance_ratio import nndr
from synthaudit.statistics.nearness import Nearness, distance
from synthaudit.statistics.percentile_rule import percentile_threshold

LEAST_PERCENT = 5.0
"""Percentile of the held-out images below which a synthetic one is too close, as in the tests that vendors use and that
Ganev and De Cristofaro describe (arXiv 2312.05114)."""
LEAST_IMAGES = 20
"""Fewer have no 5 % percentile to speak of."""
FIXED_COSINE = 0.75
"""A rule of thumb: the same number whatever the encoder and the data, and so without an error rate."""


@dataclass(frozen=True, eq=False)
class Named:
    """What a rule names.

    Attributes:
        train: (t,) bool, training images said to be memorized.
        synthetic: (s,) bool, synthetic images said to be copies.
    """

    train: NDArray[np.bool_]
    synthetic: NDArray[np.bool_]


PeerRule = Callable[[Nearness], Named]


def percentile_rule(near: Nearness) -> Named:
    """More alike than 95 % of the training images are to their nearest held-out image.

    Reference:
        Dar et al. 2025, doi 10.1038/s41551-025-01468-8: a training image is memorized if its nearest synthetic image is
        above the threshold, a synthetic image is a copy if its nearest training image is.

    Raises:
        NotEnoughData: Fewer than 20 training images.
    """
    threshold = percentile_threshold(near.train_to_holdout)
    return Named(near.train_to_synthetic > threshold, near.synthetic_to_train[:, 0] > threshold)


def nndr_rule(near: Nearness) -> Named:
    """A nearest to second nearest distance ratio below that of 95 % of the held-out images.

    The published test compares the 5 % percentiles of the two sets; told image by image, that is a threshold there.

    Reference:
        Ganev and De Cristofaro 2023, arXiv 2312.05114 (NNDR).

    Raises:
        NotEnoughData: Fewer than 20 held-out images.
    """
    return _below(nndr(near.synthetic_to_train), nndr(near.holdout_to_train), near)


def dcr_rule(near: Nearness) -> Named:
    """A distance to the closest training image below that of 95 % of the held-out images.

    The published test compares the 5 % percentiles of the two sets; told image by image, that is a threshold there.

    Reference:
        Ganev and De Cristofaro 2023, arXiv 2312.05114 (DCR); Platzer and Reutterer 2021, arXiv 2104.00635.

    Raises:
        NotEnoughData: Fewer than 20 held-out images.
    """
    return _below(distance(near.synthetic_to_train[:, 0]), distance(near.holdout_to_train[:, 0]), near)


def authenticity_rule(near: Nearness) -> Named:
    """Closer to its nearest training image than that is to any other training image.

    Reference:
        Alaa et al. 2022, arXiv 2102.08921.
    """
    flagged = inauthentic(near.synthetic_to_train[:, 0], near.nearest_train, near.train_to_train)
    return Named(_hit(near, flagged), flagged)


def fixed_cosine_rule(near: Nearness) -> Named:
    """A cosine above 0.75, whatever the encoder and the data."""
    return Named(near.train_to_synthetic > FIXED_COSINE, near.synthetic_to_train[:, 0] > FIXED_COSINE)


PEER_RULES: Mapping[str, PeerRule] = {
    "percentile": percentile_rule,
    "nndr": nndr_rule,
    "dcr": dcr_rule,
    "authenticity": authenticity_rule,
    "fixed-cosine": fixed_cosine_rule,
}


def _below(synthetic: NDArray[np.float64], holdout: NDArray[np.float64], near: Nearness) -> Named:
    """Synthetic images below the percentile of the held-out ones, and the training images nearest to them."""
    if holdout.size < LEAST_IMAGES:
        raise NotEnoughData(
            f"a percentile of the held-out images needs at least {LEAST_IMAGES} of them, got {holdout.size}"
        )
    flagged = np.asarray(synthetic < np.percentile(holdout, LEAST_PERCENT))
    return Named(_hit(near, flagged), flagged)


def _hit(near: Nearness, flagged: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(t,) training images that are the nearest one of a flagged synthetic image."""
    hit = np.zeros(near.n_train, dtype=bool)
    hit[near.nearest_train[flagged]] = True
    return hit
