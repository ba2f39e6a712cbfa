"""How far the pixels of many samples lie from those of the training images at once: what relabeling asks for."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from synthaudit.errors import NotEnoughData
from synthaudit.realism.pictures import PictureSides
from synthaudit.realism.vector_quantities import Gaussians, mean_of
from synthaudit.statistics.frechet_moments import check_enough
from synthaudit.statistics.multi_scale_similarity import multi_scale_similarity
from synthaudit.statistics.relabeling import Masks

PAIRS = 128
"""Pairs of images compared with each other on each side; no image is in two."""
_CONSTANT = 1e-9

Floats = NDArray[np.float64]


class Spectra:
    """Mean log power of each sample, less that of the training images."""

    def __init__(self, sides: PictureSides) -> None:
        self.bands = np.concatenate([sides.made.bands, sides.held.bands]) - sides.train.bands.mean(axis=0)
        self.grid = np.concatenate([sides.made.grid, sides.held.grid]) - sides.train.grid.mean(axis=0)

    def deviation(self, masks: Masks) -> Floats:
        """Root mean square over the bands, in decibels."""
        return np.asarray(np.sqrt((mean_of(self.bands, masks) ** 2).mean(axis=1)))

    def checkerboard(self, masks: Masks) -> Floats:
        """Largest peak or gap over the lattice, in decibels."""
        return np.asarray(np.abs(mean_of(self.grid, masks)).max(axis=1))


def radiomics(sides: PictureSides, rng: np.random.Generator) -> Gaussians:
    """Gray-level features, standardized by all images compared: a scale fitted to some would know them better.

    Raises:
        NotEnoughData: Fewer than two images for each feature that varies.
    """
    everything = np.concatenate([sides.train.features, sides.made.features, sides.held.features])
    mean, spread = everything.mean(axis=0), everything.std(axis=0)
    kept = spread > _CONSTANT * (1.0 + np.abs(mean))
    if not kept.any():
        raise NotEnoughData("gray-level features need images that differ, got images that are all alike")
    check_enough(min(len(sides.made), len(sides.train)), int(kept.sum()))
    scaled = [(one.features[:, kept] - mean[kept]) / spread[kept] for one in (sides.train, sides.made, sides.held)]
    return Gaussians(scaled[0], np.concatenate(scaled[1:]), rng)


def similarities_within(sides: PictureSides, pairs: int = PAIRS) -> tuple[Floats, int]:
    """(2p,) MS-SSIM of p pairs of synthetic images, then of p pairs of training images; and p.

    No image is in two pairs, so the pairs are independent, and labels can be dealt to pairs.
    """
    p = min(pairs, len(sides.made) // 2, len(sides.train) // 2)
    found = [
        multi_scale_similarity(one.small[2 * pair], one.small[2 * pair + 1])
        for one in (sides.made, sides.train)
        for pair in range(p)
    ]
    return np.array(found), p
