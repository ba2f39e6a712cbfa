"""A detector of lesions that knows what images without lesions look like at every place.

It is no radiologist: it sees what is brighter or darker, over some extent, than the same place is in patients without a
lesion. Which extent, which sign, and whether the other half of the image or the surroundings are the better background,
is chosen on real training images; the threshold is read off real held-out ones. What it says of made images therefore
always stands beside what it says of real images of the same patients.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from synthaudit.errors import NotEnoughData
from synthaudit.paired.lesion_marks import Place
from synthaudit.statistics.roc import auc

FEWEST_FREE = 10
"""Images without a lesion from which the usual look of a place is learned."""

FEWEST_LESIONS = 5
"""Images with a lesion on which the way of looking is chosen; with fewer, the first is taken."""

EXTENTS = (3 / 64, 4 / 64, 2 / 64, 6 / 64)
"""Standard deviations over which brightness is averaged, in image widths."""

SURROUND = 2.0
"""The surroundings, in extents."""

LEAST_SPREAD = 0.25
"""Of the whole image's spread: places that never vary would otherwise call noise a lesion."""

SMOOTHED = 1.5 / 64
"""Over which the spread of a place is averaged, in image widths; few patients do not tell it pixel by pixel."""

Images = NDArray[np.float32]
Maps = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Look:
    """A way of looking: over which extent, for brighter (1) or darker (-1), and against which background."""

    extent: float
    sign: int
    mirrored: bool
    surround: bool

    def maps(self, images: Images) -> Maps:
        """(n, h, w) how much brighter (or darker) each place of (n, h, w) images is than its background."""
        sigma = self.extent * images.shape[-1]
        pixels = images.astype(np.float64)
        if self.mirrored:
            pixels = pixels - pixels[:, :, ::-1]
        seen = gaussian_filter(pixels, (0, sigma, sigma))
        if self.surround:
            seen = seen - gaussian_filter(pixels, (0, SURROUND * sigma, SURROUND * sigma))
        return np.asarray(self.sign * seen)


LOOKS = tuple(
    Look(extent, sign, mirrored, surround)
    for surround, mirrored, sign, extent in product((True, False), (False, True), (1, -1), EXTENTS)
)


@dataclass(frozen=True, slots=True, eq=False)
class LesionDetector:
    """What is unusual, and how much.

    Attributes:
        look: The way of looking.
        usual, spread: (h, w) mean and standard deviation of what images without lesions show at each place.
    """

    look: Look
    usual: Maps
    spread: Maps

    def scores(self, images: Images, places: Sequence[tuple[Place, ...]] | None = None) -> NDArray[np.float64]:
        """(n,) how unusual the most unusual place of each image is, in standard deviations; higher: rather a lesion.

        Args:
            images: (n, h, w).
            places: Of each image, where to look; everywhere if None or if an image has none.
        """
        unusual = (self.look.maps(images) - self.usual) / self.spread
        if places is not None:
            for seen, those in zip(unusual, places, strict=True):
                if those:
                    seen[~_inside(those, seen.shape)] = -np.inf
        return np.asarray(unusual.max(axis=(1, 2)))


def fit_detector(free: Images, lesions: Images) -> LesionDetector:
    """The detector that tells `lesions` from `free` best, of all the ways of looking.

    Args:
        free: (n, h, w) real images without a lesion, one a patient.
        lesions: (m, h, w) real images with one.

    Raises:
        NotEnoughData: Fewer than `FEWEST_FREE` images without a lesion.
    """
    if len(free) < FEWEST_FREE:
        raise NotEnoughData(
            f"a detector of lesions needs at least {FEWEST_FREE} training patients whose images are marked as free of "
            f"lesions, found {len(free)}"
        )
    detectors = [_fitted(look, free) for look in (LOOKS if len(lesions) >= FEWEST_LESIONS else LOOKS[:1])]
    if len(detectors) == 1:
        return detectors[0]
    told = [auc(detector.scores(lesions), detector.scores(free)) for detector in detectors]
    return detectors[int(np.argmax(told))]


def _fitted(look: Look, free: Images) -> LesionDetector:
    maps = look.maps(free)
    sigma = SMOOTHED * free.shape[-1]
    variance = gaussian_filter(maps.var(axis=0), sigma)
    return LesionDetector(look, maps.mean(axis=0), np.sqrt(variance + (LEAST_SPREAD * maps.std()) ** 2 + 1e-12))


def _inside(places: tuple[Place, ...], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """(h, w) where the lesions are."""
    rows, columns = np.indices(shape)
    y, x = (rows + 0.5) / shape[0], (columns + 0.5) / shape[1]
    inside = np.zeros(shape, dtype=bool)
    for at_x, at_y, radius in places:
        near = (x - at_x) ** 2 + (y - at_y) ** 2
        inside |= near <= max(radius**2, float(near.min()))
    return inside
