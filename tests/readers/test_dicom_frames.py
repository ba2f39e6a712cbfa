"""Objects of many frames: each has its place and its slope; what cannot be as many frames as it says is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID, RLELossless

from synthaudit.errors import UnreadableImage
from synthaudit.progress import Progress
from synthaudit.readers.dicom import DicomSource, decoded, images_in
from synthaudit.readers.dicom_intensity import PERCENTILES
from synthaudit.readers.scan import ScannedFolder, scan_folder
from tests.readers.dicom_objects import enhanced, image, written

RNG = np.random.default_rng(3)
FRAMES = RNG.integers(0, 3000, (4, 16, 12)).astype(np.uint16)


def scanned(folder: Path) -> ScannedFolder:
    return scan_folder(folder, "reading", 1, Progress(), None)


def test_each_frame_of_an_enhanced_object_has_its_place_and_its_slope(tmp_path: Path) -> None:
    slopes = [1.0, 2.0, 0.5, 1.5]
    corners = [(0, 0, z) for z in (30, 10, 20, 0)]
    written(tmp_path / "a.dcm", enhanced(FRAMES, corners, slopes, Modality="CT"))
    found = scanned(tmp_path)
    assert [one.name for one in found.images] == [f"a.dcm#{i}" for i in range(4)]
    assert [one.position for one in found.images] == [30.0, 10.0, 20.0, 0.0]
    assert len({one.volume for one in found.images} - {""}) == 1
    for i, one in enumerate(found.images):
        expected = np.clip((FRAMES[i] * slopes[i] + 1024) / 4095, 0, 1)
        np.testing.assert_allclose(one.source.read(), expected, atol=1e-6)


def test_an_enhanced_mr_has_one_window_of_all_frames_rescaled(tmp_path: Path) -> None:
    slopes = [1.0, 2.0, 0.5, 1.5]
    made = enhanced(FRAMES, [(0, 0, z) for z in range(4)], slopes, Modality="MR")
    written(tmp_path / "a.dcm", made)
    values = FRAMES * np.array(slopes)[:, None, None]
    low, high = np.percentile(values, PERCENTILES)
    found = [one.source.read() for one in scanned(tmp_path).images]
    np.testing.assert_allclose(found, np.clip((values - low) / (high - low), 0, 1), atol=1e-6)


def test_frames_without_a_place_lie_in_their_order(tmp_path: Path) -> None:
    made = image(FRAMES.astype(np.uint8), Modality="US", SeriesInstanceUID="2.25.5")
    made.compress(RLELossless)
    written(tmp_path / "cine.dcm", made)
    found = scanned(tmp_path).images
    assert [one.position for one in found] == [0.0, 1.0, 2.0, 3.0]
    assert len({one.volume for one in found} - {""}) == 1
    for i, one in enumerate(found):
        np.testing.assert_allclose(one.source.read(), FRAMES[i].astype(np.uint8) / 255, atol=1e-6)


def test_color_frames(tmp_path: Path) -> None:
    color = RNG.integers(0, 256, (2, 12, 9, 3), dtype=np.uint8)
    made = image(color[..., 0], Modality="XC")
    made.SamplesPerPixel, made.PhotometricInterpretation, made.PlanarConfiguration = 3, "RGB", 1
    made.PixelData = np.moveaxis(color, 3, 1).tobytes()
    path = written(tmp_path / "a.dcm", made)
    np.testing.assert_allclose(DicomSource(path, 1).read(), color[1] / 255, atol=1e-6)


def stated(made: Dataset, frames: str) -> Dataset:
    made.NumberOfFrames = frames
    return made


def refused(made: Dataset) -> str:
    with pytest.raises(UnreadableImage) as caught:
        images_in(made)
    return caught.value.reason


def test_more_frames_than_there_are_are_refused_before_any_is_made() -> None:
    assert images_in(image(FRAMES))[1:2] == [("#1", 1)]
    assert refused(stated(image(FRAMES), "2147483647")) == "truncated"
    packed = image(FRAMES)
    packed.compress(RLELossless)
    assert len(images_in(packed)) == 4
    assert refused(stated(packed, "2147483647")) == "truncated"
    assert refused(stated(image(FRAMES, Rows=65535, Columns=65535), "9")) == "too-large"
    assert refused(stated(image(FRAMES, PixelData=encapsulate([b"x"])), "9")) == "truncated"


def test_doses_and_segmentations_are_no_pictures() -> None:
    for kind in ("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.481.2"):
        made = image(FRAMES[0], SOPClassUID=UID(kind))
        assert refused(made) == "no-picture"
        with pytest.raises(UnreadableImage, match="no-picture"):
            decoded(made)
