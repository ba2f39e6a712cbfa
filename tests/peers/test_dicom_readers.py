"""The same values as other readers have: SimpleITK (GDCM) of DICOM, SimpleITK and nibabel of NIfTI."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from synthaudit.readers.dicom import dataset_of
from synthaudit.readers.dicom_frames import slope_of
from synthaudit.readers.dicom_syntax import stored_values
from synthaudit.readers.nifti import slices_in

sitk = pytest.importorskip("SimpleITK")

GRAY = (
    *("CT_small.dcm", "MR_small.dcm", "MR_small_RLE.dcm", "MR_small_bigendian.dcm", "MR_small_implicit.dcm"),
    *("MR_small_jp2klossless.dcm", "MR_small_jpeg_ls_lossless.dcm", "693_J2KI.dcm", "JPGExtended.dcm", "JPEG2000.dcm"),
    *("examples_overlay.dcm", "image_dfl.dcm"),
)
COLOR = (
    *("SC_rgb_rle.dcm", "SC_rgb_gdcm_KY.dcm", "SC_rgb_jls_lossy_line.dcm", "SC_rgb_jpeg_gdcm.dcm", "ExplVR_BigEnd.dcm"),
    *("SC_rgb_dcmtk_+eb+cr.dcm", "SC_rgb_dcmtk_+eb+cy+np.dcm", "SC_rgb_jpeg_dcmtk.dcm"),
)
JPEG_ROUNDING = 3
"""Of 255: decoders of lossy JPEG round color and interpolate chroma in their own ways."""


def file_named(name: str) -> Path:
    from pydicom.data import get_testdata_file

    return Path(str(get_testdata_file(name, download=False)))


def theirs(path: Path) -> np.ndarray[Any, Any]:
    read: np.ndarray[Any, Any] = sitk.GetArrayFromImage(sitk.ReadImage(str(path)))[0]
    return read


@pytest.mark.parametrize("name", GRAY)
def test_gray_values_after_their_slope(name: str) -> None:
    dataset = dataset_of(file_named(name))
    slope = slope_of(dataset, None)
    ours = stored_values(dataset, None).astype(float) * slope.slope + slope.intercept
    np.testing.assert_allclose(ours, theirs(file_named(name)), atol=1 if name in ("JPGExtended.dcm",) else 0)


@pytest.mark.parametrize("name", COLOR)
def test_color_values(name: str) -> None:
    ours = stored_values(dataset_of(file_named(name)), None).astype(int)
    difference = np.abs(ours - theirs(file_named(name)).astype(int))
    is_lossy = "+eb" in name or "dcmtk" in name
    assert difference.max() <= (JPEG_ROUNDING if is_lossy else 0)


@pytest.mark.parametrize("axes", ["RAS", "LPS", "PSR", "AIL"])
def test_nifti_slices_are_those_of_other_readers(tmp_path: Path, axes: str) -> None:
    """Each voxel of ours is found at the place in mm where nibabel and SimpleITK have it."""
    import nibabel
    from nibabel import orientations as untyped

    orientations: Any = untyped
    made: Any = nibabel.Nifti1Image
    rng = np.random.default_rng(0)
    spacing, corner = np.array([2.0, 3.0, 2.5]), np.array([-20.0, 10.0, 5.0])
    affine = np.diag([*spacing, 1.0])
    affine[:3, 3] = corner
    voxels = rng.integers(0, 900, (10, 9, 8)).astype(np.int16)
    turns = orientations.ornt_transform(orientations.axcodes2ornt("RAS"), orientations.axcodes2ornt(axes))
    turned = orientations.apply_orientation(voxels, turns)
    path = tmp_path / "a.nii.gz"
    made(turned, affine @ orientations.inv_ornt_aff(turns, voxels.shape)).to_filename(path)
    image = sitk.ReadImage(str(path))
    low, high = np.percentile(voxels, (0.5, 99.5))
    for found in slices_in(path):
        pixels = found.source.read()
        for row, column in ((0, 0), (3, 5), (8, 9)):
            index = (9 - column, 8 - row, found.source.index)
            place = corner + spacing * index
            assert found.position == pytest.approx(place[2])
            value = image.GetPixel(image.TransformPhysicalPointToIndex([-place[0], -place[1], place[2]]))
            assert value == voxels[index]
            assert pixels[row, column] == pytest.approx(np.clip((value - low) / (high - low), 0, 1), abs=1e-6)
