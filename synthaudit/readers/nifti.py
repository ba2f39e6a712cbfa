"""NIfTI volumes (.nii, .nii.gz) as slices, the way a radiologist sees them.

A volume is turned to the nearest of the patient's own axes, and cut through the plane it was taken in: across the
longest voxel side where that is plainly longer than the others, else in axial slices. Rows of a slice run to the
patient's feet or back, columns from the patient's right or front, as in DICOM.

The file does not say what its values are. A volume with whole numbers down to air (-900 and below) is taken for CT in
Hounsfield units and has its fixed window; any other has the percentiles of its own values, as MR in DICOM. NaN means
"no data" here, and is black.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthaudit.errors import UnreadableImage
from synthaudit.readers.dicom_intensity import CT_WINDOW_HU, PERCENTILES, Tally, Window, percentile_window, together
from synthaudit.readers.intensity import finished
from synthaudit.readers.limits import block_mean, check_size, reduction_factor
from synthaudit.readers.nifti_file import Volumes, volumes_in
from synthaudit.readers.rejection import unreadable
from synthaudit.readers.stored import StoredFile

SUFFIXES = (".nii", ".nii.gz")
AIR_HU = -900.0
"""Whole numbers down to here are Hounsfield units: nothing else is scaled like that."""
RULE = (
    f"whole numbers down to {AIR_HU:g} are HU: {CT_WINDOW_HU[0]:g} to {CT_WINDOW_HU[1]:g}; else percentiles "
    f"{PERCENTILES[0]:g} and {PERCENTILES[1]:g} of the volume"
)
"""How values are brought to [0, 1]; for an audit's provenance."""
LEAST_BRIGHTNESS = 0.05
LEAST_SHARE = 0.01
"""A slice shows something where this share of its pixels is brighter than that, in the window of its volume."""


@dataclass(frozen=True, slots=True)
class NiftiSource:
    """One slice of a volume.

    Attributes:
        path: The file.
        axis: Across which axis it is cut: 0 sagittal, 1 coronal, 2 axial.
        index: Which slice.
        time: Which volume of the file.
        window: Values that become 0 and 1.
    """

    path: StoredFile = field(repr=False)
    axis: int
    index: int
    time: int
    window: Window

    def read(self) -> NDArray[np.float32]:
        """(h, w) or (h, w, 3) float32 in [0, 1]; reduced by a whole factor where a side is above 4096 pixels.

        Raises:
            UnreadableImage: "not-finite", "truncated", "corrupt", "too-small", "too-large", "bad-shape", "empty-file",
                "wrong-content" or "cannot-open".
        """
        try:
            volumes = volumes_in(self.path)
            return finished(_shown(volumes, self.axis, self.index, self.time, self.window))
        except Exception as error:  # a broken file raises whatever its bytes lead to
            raise unreadable(error) from None


@dataclass(frozen=True, slots=True)
class NiftiSlice:
    """One slice and where it lies.

    Attributes:
        addition: What to add to the file's name.
        source: Reads the pixels.
        volume: Number of its volume in the file; None where the file is one plane.
        position: In mm across the slices.
        is_empty: Whether there is nothing to be seen on it.
    """

    addition: str
    source: NiftiSource
    volume: int | None
    position: float
    is_empty: bool


def slices_in(file: StoredFile) -> list[NiftiSlice]:
    """Every slice of every volume in the file, in order.

    Raises:
        UnreadableImage: As `NiftiSource.read`.
    """
    try:
        volumes = volumes_in(file)
        axis = volumes.axis()
        count, times = volumes.voxels.shape[axis], volumes.voxels.shape[3]
        step = volumes.spacing_mm()[axis]
        start = float(volumes.affine[:3, axis] / step @ volumes.affine[:3, 3]) if step > 0 else 0.0
        found = []
        for time in range(times):
            window = _window(volumes, time)
            for index in range(count):
                addition = (f"#v{time}" if times > 1 else "") + (f"#{index}" if count > 1 else "")
                source = NiftiSource(file, axis, index, time, window)
                is_empty = count > 1 and _is_empty(_shown(volumes, axis, index, time, window))
                position = round(start + index * float(step), 3) + 0.0 if step > 0 else float(index)
                found.append(NiftiSlice(addition, source, time if count > 1 else None, position, is_empty))
        return found
    except Exception as error:
        raise unreadable(error) from None


def _plane(volumes: Volumes, axis: int, index: int, time: int) -> NDArray[Any]:
    """(rows, columns) or (rows, columns, 3) stored values: rows downward or backward, columns from right or front."""
    plane: NDArray[Any] = np.moveaxis(volumes.voxels[:, :, :, time], axis, 0)[index]
    return plane[::-1, ::-1].swapaxes(0, 1)


def _values(volumes: Volumes, stored: NDArray[Any]) -> NDArray[np.float64]:
    return stored.astype(np.float64) * volumes.slope + volumes.intercept


def _shown(volumes: Volumes, axis: int, index: int, time: int, window: Window) -> NDArray[np.float32]:
    stored = _plane(volumes, axis, index, time)
    height, width = stored.shape[:2]
    check_size(height, width)
    values = _values(volumes, stored)
    if np.isinf(values).any():
        raise UnreadableImage("not-finite", "finite values are needed, got infinity; replace them")
    low, high = window
    unit = (values - low) / (high - low) if high > low else np.zeros_like(values)
    unit = np.clip(np.nan_to_num(unit, nan=0.0), 0, 1).astype(np.float32)
    return block_mean(lambda top, bottom: unit[top:bottom], height, width, reduction_factor(height, width))


def _window(volumes: Volumes, time: int) -> Window:
    """Values that become 0 and 1, the same for all slices of one volume."""
    stored = volumes.voxels[:, :, :, time]
    if volumes.voxels.ndim == 5:
        return 0.0, 255.0
    if stored.dtype.kind == "f":
        finite = stored[np.isfinite(stored)]
        if not finite.size:
            raise UnreadableImage("not-finite", "finite values are needed, got none; replace NaN and infinity")
        ends = _values(volumes, np.array([finite.min(), finite.max()]))
        is_whole = bool(np.array_equal(finite, np.round(finite))) and volumes.slope == round(volumes.slope)
        # The percentiles of the stored values become those of the values: a slope keeps, or turns, their order.
        window = _values(volumes, np.percentile(finite, PERCENTILES, overwrite_input=True))
    else:
        found = together(_tally(volumes, stored[:, :, k]) for k in range(stored.shape[2]))
        ends, window = found.values[[0, -1]], np.array(percentile_window(found))
        is_whole = bool(np.array_equal(found.values, np.round(found.values)))
    if ends.min() <= AIR_HU and is_whole:
        return CT_WINDOW_HU
    low, high = sorted(float(end) for end in (window if window[0] != window[1] else ends))
    return low, high


def _tally(volumes: Volumes, stored: NDArray[Any]) -> Tally:
    seen, counts = np.unique(stored, return_counts=True)
    values = _values(volumes, seen)
    order = np.argsort(values, kind="stable")
    return Tally(values[order], counts[order].astype(np.int64))


def _is_empty(image: NDArray[np.float32]) -> bool:
    return float((image > LEAST_BRIGHTNESS).mean()) < LEAST_SHARE
