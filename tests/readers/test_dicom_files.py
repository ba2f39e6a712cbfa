"""Every file of pydicom's and of the real data: read in a known shape, or refused for the right reason."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pytest

from synthaudit.progress import Progress
from synthaudit.readers.scan import ScannedFolder, scan_folder

PYDICOM = {
    "100 x 100 x 3": (
        "SC_rgb_dcmtk_+eb+cr.dcm",
        "SC_rgb_dcmtk_+eb+cy+n1.dcm",
        "SC_rgb_dcmtk_+eb+cy+n2.dcm",
        "SC_rgb_dcmtk_+eb+cy+np.dcm",
        "SC_rgb_dcmtk_+eb+cy+s2.dcm",
        "SC_rgb_dcmtk_+eb+cy+s4.dcm",
        "SC_rgb_gdcm_KY.dcm",
        "SC_rgb_jls_lossy_line.dcm",
        "SC_rgb_jls_lossy_sample.dcm",
        "SC_rgb_jpeg_dcmtk.dcm",
        "SC_rgb_jpeg_gdcm.dcm",
        "SC_rgb_jpeg_lossy_gdcm.dcm",
        "SC_rgb_rle.dcm",
        "SC_rgb_rle_16bit.dcm",
        "SC_rgb_rle_32bit.dcm",
        "SC_ybr_full_422_uncompressed.dcm",
    ),
    "1024 x 256": (
        "JPEG-lossy.dcm",
        "JPEG2000.dcm",
        "JPGExtended.dcm",
    ),
    "128 x 128": ("CT_small.dcm",),
    "2 of 100 x 100 x 3": (
        "SC_rgb_rle_16bit_2frame.dcm",
        "SC_rgb_rle_2frame.dcm",
        "SC_rgb_rle_32bit_2frame.dcm",
    ),
    "240 x 320 x 3": ("examples_rgb_color.dcm",),
    "256 x 256 x 3": (
        "SC_jpeg_no_color_transform.dcm",
        "SC_jpeg_no_color_transform_2.dcm",
        "SC_rgb_jpeg.dcm",
        "SC_rgb_jpeg_app14_dcmd.dcm",
        "SC_rgb_jpeg_dcmd.dcm",
    ),
    "30 of 240 x 320 x 3": ("examples_ybr_color.dcm",),
    "300 x 484": ("examples_overlay.dcm",),
    "350 x 800 x 3": ("examples_palette.dcm",),
    "400 x 400 x 3": ("GDCMJ2K_TextGBR.dcm",),
    "45 x 10": ("JPEGLSNearLossless_08.dcm",),
    "480 x 640 x 3": ("examples_jpeg2k.dcm",),
    "50 x 10": ("JPEGLSNearLossless_16.dcm",),
    "512 x 512": (
        "693_J2KI.dcm",
        "J2K_pixelrep_mismatch.dcm",
        "image_dfl.dcm",
    ),
    "60 x 80 x 3": ("ExplVR_BigEnd.dcm",),
    "64 x 64": (
        "MR_small.dcm",
        "MR_small_RLE.dcm",
        "MR_small_bigendian.dcm",
        "MR_small_expb.dcm",
        "MR_small_implicit.dcm",
        "MR_small_jp2klossless.dcm",
        "MR_small_jpeg_ls_lossless.dcm",
        "MR_small_padded.dcm",
    ),
    "corrupt": (
        "JPEG2000-embedded-sequence-delimiter.dcm",
        "badVR.dcm",
        "meta_missing_tsyntax.dcm",
        "nested_priv_SQ.dcm",
    ),
    "no-picture": (
        "liver_1frame.dcm",
        "liver_expb_1frame.dcm",
        "rtdose.dcm",
        "rtdose_1frame.dcm",
        "rtdose_expb.dcm",
        "rtdose_expb_1frame.dcm",
        "rtdose_rle.dcm",
        "rtdose_rle_1frame.dcm",
    ),
    "no-pixels": (
        "ExplVR_BigEndNoMeta.dcm",
        "ExplVR_LitEndNoMeta.dcm",
        "UN_sequence.dcm",
        "empty_charset_LEI.dcm",
        "no_meta_group_length.dcm",
        "priv_SQ.dcm",
        "reportsi.dcm",
        "reportsi_with_empty_number_tags.dcm",
        "rtplan.dcm",
        "rtplan_truncated.dcm",
        "rtstruct.dcm",
        "test-SR.dcm",
        "waveform_ecg.dcm",
    ),
    "too-small": (
        "SC_rgb_small_odd.dcm",
        "SC_rgb_small_odd_big_endian.dcm",
        "SC_rgb_small_odd_jpeg.dcm",
    ),
    "truncated": ("MR_truncated.dcm",),
    "unsupported-format": ("zipMR.gz",),
    "wrong-content": ("no_meta.dcm",),
}
"""Shape (h x w, or how many of them), or the reason of the refusal -> pydicom's files."""

PYDICOM_FOLDERS = {
    "charset_files": {"32 x 32": 12, "no-pixels": 5, "not-an-image": 1},
    "palettes": {"no-pixels": 8, "not-an-image": 1},
    "test_files/dicomdirtests/77654033": {"16 x 16": 7},
    "test_files/dicomdirtests/98892001": {"16 x 16": 7},
    "test_files/dicomdirtests/98892003": {"16 x 16": 17},
    "test_files/dicomdirtests/TINY_ALPHA": {"no-pixels": 50, "not-an-image": 2},
}
"""Folder -> shape or reason -> how many files."""

SHARED = {
    "dicom/cq500_310_CT": {"512 x 512": 2},
    "dicom/lidc_0314_CT": {"512 x 512": 11},
    "dicom/pydicom_small": {"128 x 128": 1, "1024 x 256": 1, "64 x 64": 2, "not-an-image": 1},
    "dicom/qin_hn_0024_PET": {"128 x 128": 19},
    "dicom/studyforrest_T1": {"384 x 274": 20, "not-an-image": 1},
    "nifti/ixi_small": {"113 of 120 x 90": 1, "106 of 120 x 90": 1, "slice-empty": 21, "not-an-image": 1},
}
REAL = [
    pytest.mark.real_data,
    pytest.mark.skipif("SYNTHAUDIT_DATA" not in os.environ, reason="SYNTHAUDIT_DATA names no folder of real images"),
]


def scanned(folder: Path) -> ScannedFolder:
    return scan_folder(folder, "reading", 2, Progress(), None)


def outcomes(scan: ScannedFolder) -> dict[str, str]:
    """File -> the shape of its images, or why it is left out."""
    shapes: dict[str, list[str]] = defaultdict(list)
    for image in scan.images:
        shapes[image.file].append(" x ".join(map(str, image.source.read().shape)))
    found = {}
    for file, seen in shapes.items():
        assert len(set(seen)) == 1
        found[file] = seen[0] if len(seen) == 1 else f"{len(seen)} of {seen[0]}"
    return found | {left.name: left.reason for left in (*scan.rejected, *scan.passed_over)}


def pydicom_folder() -> Path:
    import pydicom.data

    return Path(str(pydicom.data.__file__)).parent


def test_pydicoms_own_files(tmp_path: Path) -> None:
    expected = {name: outcome for outcome, names in PYDICOM.items() for name in names}
    # Other versions of pydicom lack some.
    there = [name for name in expected if (pydicom_folder() / "test_files" / name).exists()]
    assert len(there) > 70
    for name in there:
        (tmp_path / name).symlink_to(pydicom_folder() / "test_files" / name)
    assert outcomes(scanned(tmp_path)) == {name: expected[name] for name in there}


@pytest.mark.parametrize("folder", PYDICOM_FOLDERS)
def test_pydicoms_own_folders(folder: str) -> None:
    assert Counter(outcomes(scanned(pydicom_folder() / folder)).values()) == PYDICOM_FOLDERS[folder]


@pytest.mark.parametrize("folder", [pytest.param(folder, marks=REAL) for folder in SHARED])
def test_real_files(folder: str) -> None:
    scan = scanned(Path(os.environ["SYNTHAUDIT_DATA"], folder))
    assert Counter(outcomes(scan).values()) == SHARED[folder]
    for image in scan.images:
        pixels = image.source.read()
        assert pixels.max() > 0.1, image.name
        assert len(np.unique(pixels)) > 30, image.name


@pytest.mark.parametrize("folder", [pytest.param("nifti/nichart_demo", marks=REAL)])
def test_real_volumes_are_slices_at_the_distance_of_their_voxels(folder: str) -> None:
    scan = scanned(Path(os.environ["SYNTHAUDIT_DATA"], folder))
    volumes = defaultdict(list)
    for image in scan.images:
        volumes[image.volume].append(image.position)
    assert len(volumes) == 16
    for positions in volumes.values():
        assert 70 <= len(positions) <= 120
        np.testing.assert_allclose(np.diff(positions), 2, atol=0.002)
    assert {left.reason for left in scan.rejected} == {"slice-empty"}
