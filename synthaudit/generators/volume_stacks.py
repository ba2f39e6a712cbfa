"""Slices of a cohort, stacked into the volumes that they are slices of."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from synthaudit.cohort import Cohort
from synthaudit.errors import InputError, MetadataError
from synthaudit.pixels import canvas
from synthaudit.progress import Progress


def cohort_volumes(cohort: Cohort, slices: int, size: int, progress: Progress) -> NDArray[np.float32]:
    """(n, slices, size, size) float32 gray volumes of a cohort, in the order of its first slices.

    Slices are put in the order of their positions, whatever their order in the cohort. None is made up or left out.

    Args:
        cohort: Images that are slices of volumes.
        slices: That each volume must have.
        size: Side of a slice, in pixels.
        progress: Told about each slice.

    Raises:
        MetadataError: An image is of no volume, or it is not known where in its volume it lies.
        InputError: A volume has another number of slices, or slices of different shapes.
    """
    places = _places(cohort, slices)
    volumes = np.empty((len(cohort) // slices, slices, size, size), dtype=np.float32)
    shapes: dict[int, tuple[int, ...]] = {}
    for (volume, slice_), source in zip(places, progress.track(cohort.sources, "reading", len(cohort)), strict=True):
        image = source.read()
        if shapes.setdefault(volume, image.shape) != image.shape:
            raise InputError(
                f"the slices of a volume must have one shape, got {shapes[volume]} and {image.shape} in one"
            )
        volumes[volume, slice_] = canvas(image, size)
    return volumes


def _places(cohort: Cohort, slices: int) -> list[tuple[int, int]]:
    """Volume and slice, by number, of each image."""
    positions = np.array(cohort.positions, dtype=np.float64)
    if not cohort.volumes or "" in cohort.volumes or np.isnan(positions).any():
        raise MetadataError(
            "every image must be a slice of a volume, at a known position; some are not: give a cohort of volumes"
        )
    members: dict[str, list[int]] = {}
    for row, volume in enumerate(cohort.volumes):
        members.setdefault(volume, []).append(row)
    found = sorted({len(rows) for rows in members.values()})
    if found != [slices]:
        raise InputError(
            f"every volume must have {slices} slices, got {', '.join(map(str, found))}: "
            "set slices to their number, or leave out or resample the volumes that differ"
        )
    places = [(0, 0)] * len(cohort)
    for number, rows in enumerate(members.values()):
        for slice_, row in enumerate(sorted(rows, key=lambda row: positions[row])):
            places[row] = (number, slice_)
    return places
