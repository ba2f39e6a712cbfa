"""Phantoms as NIfTI-1 files, compressed: one file for each volume, or for each image.

Voxels lie along the image's rows, then down its columns, then from slice to slice, and the affine takes their numbers
to millimeters toward the patient's right-to-left, back-to-front and up, as NIfTI has it (RAS+).
"""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthaudit.phantoms.sources import PhantomSource, Scan


def nifti_affine(scan: Scan) -> NDArray[np.float64]:
    """(4, 4) voxel numbers (column, row, slice) of the series that starts with `scan`, to mm in RAS+."""
    affine = np.eye(4)
    affine[:3, 0] = (scan.spacing_mm, 0, 0)
    affine[:3, 1] = scan.spacing_mm * np.asarray(scan.down)
    # A projection has no depth; its voxels get the side of a pixel.
    affine[:3, 2] = np.cross((1, 0, 0), scan.down) * (scan.thickness_mm or scan.spacing_mm)
    affine[:3, 3] = scan.corner_mm
    affine[:2] *= -1  # DICOM counts toward left and back, NIfTI toward right and front.
    return affine + 0.0  # no -0


def nifti_bytes(sources: Sequence[PhantomSource]) -> bytes:
    """The .nii.gz file of the slices of one series in order, as stored; CT in HU. The same bytes each time."""
    first = sources[0].scan
    kind = np.uint16 if first.bits == 16 else np.int16
    slices = [source.stored().astype(np.int32) + first.intercept for source in sources]
    return _encoded(np.stack(slices).astype(kind), first)


def volume_bytes(volume: NDArray[np.float32]) -> bytes:
    """The .nii.gz file of a made (slices, rows, columns) volume in [0, 1], 16 bits deep; the same bytes each time.

    A generator knows no millimeters: voxels are cubes of 1 mm, slices axial and lowest first, rows from front to back,
    columns from the right, as slices are shown when a volume is read.
    """
    voxels = np.round(np.clip(volume, 0, 1) * np.float32(65535)).astype(np.uint16).transpose(2, 1, 0)
    return _packed(voxels[::-1, ::-1], np.eye(4))


def mask_bytes(sources: Sequence[PhantomSource]) -> bytes:
    """The .nii.gz file of the lesion masks of the same slices: 1 in a lesion, 0 elsewhere."""
    return _encoded(np.stack([source.lesion_mask().astype(np.uint8) for source in sources]), sources[0].scan)


def _encoded(slices: NDArray[np.generic], scan: Scan) -> bytes:
    voxels = slices.transpose(2, 1, 0)
    return _packed(voxels if len(slices) > 1 else voxels[:, :, 0], nifti_affine(scan))


def _packed(voxels: NDArray[np.generic], affine: NDArray[np.float64]) -> bytes:
    import nibabel

    made: Any = nibabel.Nifti1Image  # The library has no types.
    image = made(voxels, affine)
    image.header.set_xyzt_units("mm")
    image.header.set_qform(affine, code="scanner")
    image.header.set_sform(affine, code="scanner")
    content: bytes = gzip.compress(image.to_bytes(), compresslevel=6, mtime=0)
    return content
