"""DICOM pixels by the rules of the modality, and what cannot be decoded says why."""

import pickle
import subprocess
import sys
import warnings
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    MPEG2MPML,
    UID,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGExtended12Bit,
    JPEGLosslessSV1,
    RLELossless,
    SecondaryCaptureImageStorage,
)

from synthaudit.errors import UnreadableImage
from synthaudit.readers import dicom_syntax
from synthaudit.readers.dicom import DicomSource, has_preamble
from synthaudit.readers.dicom_header import COLUMNS, header_columns

RNG = np.random.default_rng(7)
TWELVE_BITS = np.arange(4096, dtype=np.uint16).reshape(64, 64)


def dataset(pixels: NDArray[Any] | None, syntax: UID = ExplicitVRLittleEndian, **elements: Any) -> Dataset:
    """A small DICOM object with these stored values; keywords set or replace elements."""
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = syntax
    made.file_meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    made.file_meta.MediaStorageSOPInstanceUID = UID("1.2.3")
    made.SOPClassUID, made.SOPInstanceUID = SecondaryCaptureImageStorage, UID("1.2.3")
    made.Modality, made.PatientID = "DX", "DX-1"
    if pixels is not None:
        made.Rows, made.Columns = pixels.shape[:2]
        made.SamplesPerPixel = 1 if pixels.ndim == 2 else 3
        made.PhotometricInterpretation = "MONOCHROME2" if pixels.ndim == 2 else "RGB"
        if pixels.ndim == 3:
            made.PlanarConfiguration = 0
        made.BitsAllocated = made.BitsStored = 8 * pixels.itemsize
        made.PixelRepresentation = int(pixels.dtype.kind == "i")
        made.PixelData = pixels.tobytes()
    for keyword, value in elements.items():
        setattr(made, keyword, value)
    if pixels is not None:
        made.HighBit = made.BitsStored - 1
    return made


def written(path: Path, made: Dataset) -> Path:
    made.save_as(path, enforce_file_format=True)
    return path


def read(tmp_path: Path, pixels: NDArray[Any] | None, **elements: Any) -> NDArray[np.float32]:
    return DicomSource(written(tmp_path / "a.dcm", dataset(pixels, **elements))).read()


def refusal(tmp_path: Path, pixels: NDArray[Any] | None, **elements: Any) -> UnreadableImage:
    with pytest.raises(UnreadableImage) as caught:
        read(tmp_path, pixels, **elements)
    return caught.value


def test_monochrome1_is_the_twin_of_monochrome2(tmp_path: Path) -> None:
    plain = read(tmp_path, TWELVE_BITS, BitsStored=12)
    inverted = read(tmp_path, 4095 - TWELVE_BITS, BitsStored=12, PhotometricInterpretation="MONOCHROME1")
    np.testing.assert_allclose(inverted, plain, atol=1e-6)


def test_twelve_bits_are_kept_over_the_whole_range_whatever_the_window(tmp_path: Path) -> None:
    plain = read(tmp_path, TWELVE_BITS, BitsStored=12)
    assert len(np.unique(plain)) == 4096
    np.testing.assert_allclose(plain, TWELVE_BITS / 4095, atol=1e-6)
    windowed = read(tmp_path, TWELVE_BITS, BitsStored=12, WindowCenter="100", WindowWidth="50")
    np.testing.assert_array_equal(windowed, plain)


@pytest.mark.parametrize(("slope", "intercept", "offset"), [(1, -1024, 0), (2, -3000, 0), (1, 0, -1024)])
def test_ct_has_a_fixed_window_in_hounsfield_units(tmp_path: Path, slope: int, intercept: int, offset: int) -> None:
    stored = (np.arange(4096).reshape(64, 64) + offset).astype(np.int16)
    found = read(tmp_path, stored, Modality="CT", RescaleSlope=str(slope), RescaleIntercept=str(intercept))
    hounsfield = stored.astype(float) * slope + intercept
    np.testing.assert_allclose(found, np.clip((hounsfield + 1024) / 4095, 0, 1), atol=1e-6)


def test_mr_is_stretched_by_percentiles_without_its_padding(tmp_path: Path) -> None:
    stored = RNG.integers(100, 900, (64, 64)).astype(np.uint16)
    low, high = np.percentile(stored, (0.5, 99.5))
    found = read(tmp_path, stored, Modality="MR")
    np.testing.assert_allclose(found, np.clip((stored - low) / (high - low), 0, 1), atol=1e-6)
    padded = np.pad(stored, ((0, 0), (0, 640)), constant_values=60_000)
    with_padding = read(tmp_path, padded, Modality="MR", PixelPaddingValue=60_000)
    np.testing.assert_allclose(with_padding[:, :64], found, atol=1e-6)


def test_a_slope_does_not_change_a_whole_range_and_a_negative_one_inverts_it(tmp_path: Path) -> None:
    plain = read(tmp_path, TWELVE_BITS, BitsStored=12)
    sloped = read(tmp_path, TWELVE_BITS, BitsStored=12, RescaleSlope="3", RescaleIntercept="-50")
    np.testing.assert_allclose(sloped, plain, atol=1e-6)
    negative = read(tmp_path, TWELVE_BITS, BitsStored=12, RescaleSlope="-1", RescaleIntercept="4095")
    np.testing.assert_allclose(negative, 1 - plain, atol=1e-6)


def test_signed_values_use_their_whole_range(tmp_path: Path) -> None:
    stored = np.linspace(-2048, 2047, 4096).round().astype(np.int16).reshape(64, 64)
    np.testing.assert_allclose(read(tmp_path, stored, BitsStored=12), (stored + 2048) / 4095, atol=1e-6)


def test_color_and_palette(tmp_path: Path) -> None:
    color = RNG.integers(0, 256, (16, 20, 3), dtype=np.uint8)
    np.testing.assert_allclose(read(tmp_path, color, Modality="XC"), color / 255, atol=1e-6)
    index = RNG.integers(0, 256, (16, 20), dtype=np.uint8)
    made = dataset(index, PhotometricInterpretation="PALETTE COLOR")
    for i, name in enumerate(("Red", "Green", "Blue")):
        setattr(made, f"{name}PaletteColorLookupTableDescriptor", [256, 0, 16])
        setattr(made, f"{name}PaletteColorLookupTableData", (np.arange(256, dtype="<u2") * 100 * i).tobytes())
    found = DicomSource(written(tmp_path / "p.dcm", made)).read()
    np.testing.assert_allclose(found, index[:, :, None] * np.array([0, 100, 200]) / 65535, atol=1e-6)


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless])
def test_lossless_compression_changes_nothing(tmp_path: Path, syntax: UID) -> None:
    made = dataset(TWELVE_BITS, BitsStored=12)
    plain = DicomSource(written(tmp_path / "a.dcm", made)).read()
    made.compress(syntax)
    np.testing.assert_array_equal(DicomSource(written(tmp_path / "b.dcm", made)).read(), plain)


def test_jpeg_baseline_is_decoded(tmp_path: Path) -> None:
    from PIL import Image
    from pydicom.uid import JPEGBaseline8Bit

    stream = BytesIO()
    gradient = np.asarray(Image.linear_gradient("L"))
    Image.fromarray(gradient).save(stream, "JPEG", quality=95)
    found = read(tmp_path, gradient, syntax=JPEGBaseline8Bit, PixelData=encapsulate([stream.getvalue()]))
    assert np.abs(found - gradient / 255).max() < 0.02


@pytest.mark.parametrize(
    ("syntax", "name", "advice"),
    [
        (JPEGLosslessSV1, "JPEG Lossless", "pip install 'synthaudit[dicom]'"),
        (JPEGExtended12Bit, "JPEG Extended", "pip install 'synthaudit[dicom]'"),
        (MPEG2MPML, "MPEG2", "save the frames of the video as images"),
        (UID("1.2.826.0.1.3680043.9.9999.1"), "private or unknown transfer syntax", "decompress the files first"),
    ],
)
def test_a_syntax_that_cannot_be_decoded_is_named_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, syntax: UID, name: str, advice: str
) -> None:
    monkeypatch.setattr(dicom_syntax, "_usable", lambda _syntax, plugin: plugin == "pydicom")
    made = dataset(TWELVE_BITS, BitsStored=12, PixelData=encapsulate([b"\xff\xd8\xff\xd9"]))
    made.file_meta.TransferSyntaxUID = syntax
    made["PixelData"].is_undefined_length = True
    made.save_as(tmp_path / "a.dcm", implicit_vr=False, little_endian=True)
    with pytest.raises(UnreadableImage) as caught:
        DicomSource(tmp_path / "a.dcm").read()
    assert caught.value.reason == "transfer-syntax"
    assert name in str(caught.value)
    assert advice in str(caught.value)
    assert "libjpeg" not in str(caught.value)


def test_refusals(tmp_path: Path) -> None:
    assert refusal(tmp_path, None).reason == "no-pixels"
    frames = refusal(tmp_path, TWELVE_BITS, NumberOfFrames=3, PixelData=TWELVE_BITS.tobytes() * 3)
    assert frames.reason == "multi-frame", "without a frame it is not known which is meant"
    assert refusal(tmp_path, TWELVE_BITS, PixelData=TWELVE_BITS.tobytes()[:-100]).reason == "truncated"
    assert refusal(tmp_path, np.zeros((1, 1), np.uint16)).reason == "too-small"
    assert refusal(tmp_path, TWELVE_BITS, Rows=40_000, Columns=40_000).reason == "too-large"
    for name, content, reason in (("e", b"", "empty-file"), ("t", b"text" * 99, "wrong-content")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(UnreadableImage) as caught:
            DicomSource(tmp_path / name).read()
        assert caught.value.reason == reason


def test_a_file_without_the_preamble_is_read(tmp_path: Path) -> None:
    whole = written(tmp_path / "a.dcm", dataset(TWELVE_BITS, BitsStored=12))
    expected = DicomSource(whole).read()
    bare = dataset(TWELVE_BITS, BitsStored=12)
    del bare.file_meta
    bare.save_as(tmp_path / "b.dcm", implicit_vr=True, little_endian=True)
    assert not has_preamble(tmp_path / "b.dcm")
    np.testing.assert_array_equal(DicomSource(tmp_path / "b.dcm").read(), expected)


def test_a_large_image_is_reduced(tmp_path: Path) -> None:
    stored = np.tile(np.arange(5000, dtype=np.uint16), (40, 1))
    found = read(tmp_path, stored)
    np.testing.assert_allclose(found[0], (np.arange(2500) * 2 + 0.5) / 65535, atol=1e-6)


def test_a_source_pickles_and_keeps_its_path_to_itself(tmp_path: Path) -> None:
    expected = read(tmp_path, TWELVE_BITS)
    source = DicomSource(tmp_path / "a.dcm")
    assert "a.dcm" not in repr(source)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(source)).read(), expected)


def test_header_columns(tmp_path: Path) -> None:
    made = dataset(
        TWELVE_BITS, PatientID=" P 7 ", PatientSex="F", PatientAge="045Y", StudyDate="20010203", ViewPosition="PA"
    )
    made.InstitutionName, made.ImageLaterality = "Nord", "L"
    made.Manufacturer, made.ManufacturerModelName = "ACME ", "3000"
    columns = header_columns(written(tmp_path / "a.dcm", made))
    assert tuple(columns) == COLUMNS
    assert columns == {
        "patient_id": "P 7",
        "sex": "F",
        "age": "45",
        "study_date": "2001-02-03",
        "view": "PA",
        "modality": "DX",
        "site": "Nord",
        "scanner": "ACME 3000",
        "laterality": "L",
    }


@pytest.mark.parametrize(
    ("elements", "age"),
    [
        ({"PatientAge": "018M"}, "1.5"),
        ({"PatientAge": "?", "PatientBirthDate": "19500204", "StudyDate": "20010203"}, "50"),
        ({"PatientBirthDate": "19500203", "StudyDate": "20010203"}, "51"),
        ({"PatientBirthDate": "20200203", "StudyDate": "20010203"}, ""),
        ({}, ""),
    ],
)
def test_age_in_years(tmp_path: Path, elements: dict[str, Any], age: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom warns of the odd values that this test writes
        path = written(tmp_path / "a.dcm", dataset(TWELVE_BITS, **elements))
    assert header_columns(path)["age"] == age


def test_no_header_value_gets_into_a_warning_or_a_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom warns of the odd values that this test writes
        path = written(
            tmp_path / "a.dcm", dataset(TWELVE_BITS, PatientAge="SecretAge", SpecificCharacterSet="SecretSet")
        )
    caplog.clear()
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        header_columns(path)
        DicomSource(path).read()
    assert heard == []
    assert "Secret" not in caplog.text
    # In a process of its own pydicom is first imported, and sets up its log, while a file is being read.
    code = (
        "import logging, sys, pathlib; logging.basicConfig(level=0);"
        "from synthaudit.readers.dicom import DicomSource; DicomSource(pathlib.Path(sys.argv[1])).read()"
    )
    done = subprocess.run([sys.executable, "-W", "always", "-c", code, str(path)], capture_output=True, check=True)
    assert b"Secret" not in done.stderr


def test_a_broken_header_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.dcm").write_bytes(b"\xff" * 500)
    assert set(header_columns(tmp_path / "a.dcm").values()) == {""}
