"""Slices of volumes seen with the one before and the one after: 2.5-D, for encoders that take color.

Two people's slices at one height can look alike where their next slices do not. So each slice is shown as three
channels: before, itself, after; at the ends of a volume the slice itself stands in. Images of no volume, slices at an
unknown place and color images stay as they are.

What this is not: a better look at single slices. A synthetic slice without its neighbors, copied from the midst of a
patient's volume, is no longer equal to anything. So this goes beside an audit of slices one by one, not in its place.
"""

from __future__ import annotations

import hashlib
import math
from collections import defaultdict
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from synthaudit.cohort import Cohort, ImageSource


@dataclass(frozen=True, slots=True)
class NeighborSource:
    """One slice with its neighbors.

    Attributes:
        before, itself, after: Where the three slices come from.
    """

    before: ImageSource = field(repr=False)
    itself: ImageSource = field(repr=False)
    after: ImageSource = field(repr=False)

    def read(self) -> NDArray[np.float32]:
        """(h, w, 3) float32 in [0, 1]: before, itself, after. (h, w) of itself alone where they have other sizes.

        Raises:
            UnreadableImage: One of them cannot be decoded.
        """
        image = self.itself.read()
        around = [source.read() for source in (self.before, self.after)]
        if image.ndim != 2 or any(other.shape != image.shape for other in around):
            return image
        return np.stack([around[0], image, around[1]], axis=-1)


def with_neighbors(cohort: Cohort) -> Cohort:
    """The cohort with each slice at a known place of its volume seen with its neighbors.

    Pixel digests become those of three slices together: equal where all three are.
    """
    places: dict[str, list[int]] = defaultdict(list)
    for row, (volume, position) in enumerate(zip(cohort.volumes, cohort.positions, strict=True)):
        if volume and not math.isnan(position):
            places[volume].append(row)
    sources, digests = list(cohort.sources), list(cohort.pixel_digests)
    for rows in places.values():
        ordered = sorted(rows, key=lambda row: cohort.positions[row])
        if len(ordered) < 2:
            continue
        for i, row in enumerate(ordered):
            three = ordered[max(i - 1, 0)], row, ordered[min(i + 1, len(ordered) - 1)]
            sources[row] = NeighborSource(*(cohort.sources[one] for one in three))
            together = "\n".join(cohort.pixel_digests[one] for one in three)
            digests[row] = hashlib.sha256(f"neighbors {together}".encode()).hexdigest()
    return replace(cohort, sources=tuple(sources), pixel_digests=tuple(digests))
