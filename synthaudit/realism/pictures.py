"""What the pixels of the compared images give: spectra, grids, gray-level features and small pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthaudit.cohort import Cohort
from synthaudit.parallel import ordered_map
from synthaudit.pixels import canvas, to_gray
from synthaudit.probe import Evidence
from synthaudit.realism.sides import Sides
from synthaudit.statistics.gray_level_features import gray_level_features
from synthaudit.statistics.power_spectrum import LEAST_SIDE, band_decibels, grid_decibels, power

LARGEST_READ = 256
"""Images read on each side."""
SPECTRUM_PX = 256
"""Side of the middle part whose spectrum is taken, at full resolution."""
FEATURES_PX = 256
SMALL_PX = 176
"""Side of the pictures compared with each other: the least with room for all five scales."""
SIZES_SAMPLED = 32

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Pictures:
    """Of n images, in one order.

    Attributes:
        bands: (n, 16) log power by fineness, in decibels.
        grid: (n, 9) log power at the lattice of frequencies over that around it, in decibels.
        features: (n, 30) gray-level features.
        small: (n, s, s) float32 in [0, 1].
    """

    bands: Floats
    grid: Floats
    features: Floats
    small: NDArray[np.float32]

    def part(self, start: int, stop: int) -> Pictures:
        """Images `start` to `stop`."""
        rows = slice(start, stop)
        return Pictures(self.bands[rows], self.grid[rows], self.features[rows], self.small[rows])

    def __len__(self) -> int:
        return len(self.bands)


@dataclass(frozen=True, eq=False)
class PictureSides:
    """Synthetic images, held-out ones (as many), and training ones, each of another patient; `side_px` as compared."""

    made: Pictures
    held: Pictures
    train: Pictures
    side_px: int


def pictures(evidence: Evidence, chosen: Sides) -> PictureSides:
    """Read the images; the largest part of what the probe costs.

    Args:
        chosen: The sides; of each, the first 256 are read.
    """
    chosen = chosen.at_most(sample=LARGEST_READ)
    real = [evidence.pool.cohort(int(row)) for row in (*chosen.held, *chosen.one_each)]
    sources = [
        *(evidence.synthetic.sources[row] for row in chosen.made),
        *(cohort.sources[row] for cohort, row in real),
    ]
    side = common_side([cohort for cohort in (evidence.train, evidence.holdout) if cohort], evidence.synthetic)
    read = _reader(side)
    found = ordered_map(lambda source: read(source.read()), sources, evidence.workers)
    columns = list(zip(*evidence.progress.track(found, "pixels for realism", len(sources)), strict=True))
    everything = Pictures(*(np.stack(column) for column in columns))
    n = chosen.n
    return PictureSides(everything.part(0, n), everything.part(n, 2 * n), everything.part(2 * n, len(sources)), side)


def common_side(real: Sequence[Cohort], synthetic: Cohort) -> int:
    """Side at which real and synthetic images are compared: the smaller of their median sides, even, at least 32."""
    return max(LEAST_SIDE, int(min(_median_side(*real), _median_side(synthetic))) // 2 * 2)


def _median_side(*cohorts: Cohort) -> float:
    """Of a sample that knows neither order nor role."""
    images = sorted((digest, c, i) for c in range(len(cohorts)) for i, digest in enumerate(cohorts[c].pixel_digests))
    return float(np.median([max(cohorts[c].sources[i].read().shape[:2]) for _, c, i in images[:SIZES_SAMPLED]]))


def _reader(side: int) -> Callable[[NDArray[np.float32]], tuple[NDArray[np.floating], ...]]:
    """What is taken of one decoded image."""
    crop = min(side, SPECTRUM_PX)
    edge = (side - crop) // 2

    def read(image: NDArray[np.float32]) -> tuple[NDArray[np.floating], ...]:
        # An image of that side keeps its pixels as they are: to resample is to change the spectrum.
        whole = canvas(to_gray(image), side)
        spectrum = power(whole[edge : edge + crop, edge : edge + crop])
        small = canvas(whole, min(side, SMALL_PX))
        features = gray_level_features(canvas(whole, min(side, FEATURES_PX)))
        return band_decibels(spectrum), grid_decibels(spectrum), features, np.clip(small, 0.0, 1.0)

    return read
