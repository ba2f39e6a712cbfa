"""The share of a group among images that come in clusters: several of one patient, or the slices of one volume."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthaudit.errors import NotEnoughData


@dataclass(frozen=True, slots=True)
class Share:
    """A share, and how many independent ones would know it as well.

    Attributes:
        value: In [0, 1].
        trials: Independent trials whose share would vary as much as this one; no whole number in general.
    """

    value: float
    trials: float

    @property
    def hits(self) -> float:
        """Hits in as many trials."""
        return self.value * self.trials


def clustered_shares(hit: NDArray[np.bool_], cluster: NDArray[np.integer]) -> tuple[Share, Share]:
    """The share of hits, every cluster counted alike, and every image counted alike.

    The two differ where those with many images belong to the group more often. Both carry the clusters' variance: ten
    images of one woman are one woman. Where clusters are single images both are the plain share of n trials.

    Args:
        hit: (n,) whether each image belongs to the group.
        cluster: (n,) number of each image's cluster, any integers.

    Raises:
        NotEnoughData: No image.

    Reference:
        Kish 1965, Survey sampling, chapter 8 (design effect; effective sample size).

    >>> alike, by_image = clustered_shares(np.array([True, True, True, False]), np.array([0, 0, 0, 1]))
    >>> alike.value, by_image.value, alike.trials
    (0.5, 0.75, 2.0)
    """
    if hit.size == 0:
        raise NotEnoughData("a share needs at least 1 image, got 0")
    _, number, size = np.unique(cluster, return_inverse=True, return_counts=True)
    hits = np.bincount(number, weights=hit, minlength=len(size))
    n = len(size)
    alike = float(np.mean(hits / size))
    by_image = float(hit.mean())
    spread_alike = float(np.sum((hits / size - alike) ** 2)) / n**2
    spread_by_image = float(np.sum((hits - by_image * size) ** 2)) / hit.size**2
    return Share(alike, _trials(alike, spread_alike, n, hit.size)), Share(
        by_image, _trials(by_image, spread_by_image, n, hit.size)
    )


def _trials(share: float, variance: float, clusters: int, images: int) -> float:
    """Never more than there are images; as many as there are clusters where nothing varies at all."""
    binomial = share * (1 - share)
    if binomial <= 0:
        return float(clusters)
    return float(min(images, binomial / variance)) if variance > binomial / images else float(images)
