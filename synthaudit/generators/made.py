"""Images in memory as a cohort: what a generator has just made, without a folder between."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from synthaudit.cohort import Cohort, ImageSource, Role
from synthaudit.readers.scan import pixel_digest


@dataclass(frozen=True, slots=True, eq=False)
class ArrayImage:
    """One image in memory."""

    pixels: NDArray[np.float32] = field(repr=False)

    def read(self) -> NDArray[np.float32]:
        """(h, w) or (h, w, 3) float32 in [0, 1]."""
        return self.pixels


def images_cohort(role: Role, images: NDArray[np.float32]) -> Cohort:
    """(n, h, w) images as a cohort: each its own patient, no attributes."""
    return anonymous_cohort(role, tuple(ArrayImage(image) for image in images))


def anonymous_cohort(role: Role, sources: tuple[ImageSource, ...]) -> Cohort:
    """Images of nobody known as a cohort: each its own patient, no attributes."""
    names = tuple(f"{row:06d}.png" for row in range(len(sources)))
    return Cohort(
        role=role,
        names=names,
        sources=sources,
        patients=names,
        known_patient=np.zeros(len(sources), dtype=bool),
        attributes={},
        pixel_digests=tuple(pixel_digest(source.read()) for source in sources),
    )
