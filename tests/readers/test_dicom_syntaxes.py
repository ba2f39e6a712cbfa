"""One decoder for each transfer syntax: what is lossless gives the same volume bit for bit, in whatever syntax."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.encaps import encapsulate
from pydicom.uid import (
    UID,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from synthaudit.errors import UnreadableImage
from synthaudit.progress import Progress
from synthaudit.readers import dicom_syntax
from synthaudit.readers.dicom import DicomSource, decoded
from synthaudit.readers.dicom_codestream import check_stream, stated_size
from synthaudit.readers.dicom_syntax import DECODERS, decoders, stored_values
from synthaudit.readers.scan import ScannedFolder, scan_folder
from tests.readers.dicom_objects import as_implicit, ct_slices, image, written

RNG = np.random.default_rng(11)
VOXELS = RNG.integers(-30, 2500, (5, 64, 48)).astype(np.int16)


def file_named(name: str) -> Path:
    return Path(str(get_testdata_file(name, download=False)))


def scanned(folder: Path) -> ScannedFolder:
    return scan_folder(folder, "reading", 1, Progress(), None)


@pytest.mark.parametrize("syntax", ["implicit", JPEG2000Lossless, RLELossless, JPEGLSLossless])
def test_a_series_gives_the_same_volume_in_every_lossless_syntax(tmp_path: Path, syntax: Any) -> None:
    for name, changed in (("explicit", None), ("other", syntax)):
        for i, made in enumerate(ct_slices(VOXELS)):
            if changed == "implicit":
                as_implicit(made)
            elif changed is not None:
                made.compress(changed)
            written(tmp_path / name / f"{9 - i}.dcm", made)
    plain, other = scanned(tmp_path / "explicit"), scanned(tmp_path / "other")
    assert [image.checked for image in other.images] == [image.checked for image in plain.images]
    assert [image.position for image in other.images] == [20.0, 15.0, 10.0, 5.0, 0.0]
    assert len({image.volume for image in other.images}) == 1
    # Files are named from the last slice to the first.
    expected = np.clip(VOXELS.astype(float) / 4095, 0, 1)[::-1]
    np.testing.assert_allclose([image.source.read() for image in other.images], expected, atol=1e-6)


def lossless_jpeg(pixels: NDArray[Any], bits: int) -> bytes:
    """A lossless JPEG (process 14, first selection value), by imagecodecs."""
    import imagecodecs

    return bytes(imagecodecs.ljpeg_encode(pixels, bitspersample=bits))


@pytest.mark.parametrize("plugin", ["imagecodecs", "SimpleITK"])
@pytest.mark.parametrize(("kind", "bits"), [(np.uint8, 8), (np.uint16, 12), (np.uint16, 16), (np.int16, 16)])
def test_lossless_jpeg_is_exact_by_either_decoder(
    monkeypatch: pytest.MonkeyPatch, plugin: str, kind: type, bits: int
) -> None:
    monkeypatch.setattr(dicom_syntax, "_usable", lambda _syntax, name: name == plugin)
    pixels: NDArray[Any] = RNG.integers(0, 2**bits, (20, 16)).astype(np.uint8 if bits == 8 else np.uint16).view(kind)
    made = image(pixels, JPEGLosslessSV1, BitsStored=bits)
    made.PixelData = encapsulate([lossless_jpeg(pixels.view(f"u{pixels.itemsize}"), bits)])
    np.testing.assert_array_equal(stored_values(made, None), pixels)


@pytest.mark.parametrize("name", ["JPGExtended.dcm", "JPEG-lossy.dcm"])
def test_jpeg_of_12_bits_is_decoded_alike_by_the_whole_chain(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    dataset = dcmread(file_named(name))
    found = {}
    for plugin in DECODERS[JPEGExtended12Bit]:
        monkeypatch.setattr(dicom_syntax, "_usable", lambda _syntax, other, plugin=plugin: other == plugin)
        found[plugin] = stored_values(dataset, None).astype(int)
    assert list(found) == ["imagecodecs", "SimpleITK"]
    assert found["imagecodecs"].max() > 255, "more than 8 bits"
    assert np.abs(found["imagecodecs"] - found["SimpleITK"]).max() <= 1


def test_where_the_first_of_a_chain_fails_the_next_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = dcmread(file_named("SC_rgb_jpeg_gdcm.dcm"))
    expected = stored_values(dataset, None)
    asked: list[str] = []
    decode = dicom_syntax._decoded

    def failing(dataset: Any, frame: int | None, syntax: Any, plugin: str) -> NDArray[Any]:
        asked.append(plugin)
        if plugin == "imagecodecs":
            raise RuntimeError
        return decode(dataset, frame, syntax, plugin)

    monkeypatch.setattr(dicom_syntax, "_decoded", failing)
    np.testing.assert_array_equal(stored_values(dataset, None), expected)
    assert asked == ["imagecodecs", "SimpleITK"]


def test_jpeg_extended_of_8_bits_goes_the_way_of_jpeg_baseline() -> None:
    from PIL import Image

    stream = io.BytesIO()
    gradient = np.asarray(Image.linear_gradient("L"))
    Image.fromarray(gradient).save(stream, "JPEG", quality=95)
    both = [
        image(gradient, syntax, PixelData=encapsulate([stream.getvalue()]))
        for syntax in (JPEGBaseline8Bit, JPEGExtended12Bit)
    ]
    one, other = (stored_values(made, None) for made in both)
    np.testing.assert_array_equal(one, other)


def test_every_syntax_has_a_decoder_here_and_its_version_is_recorded() -> None:
    recorded = decoders()
    assert len(recorded) == len(DECODERS)
    assert "none installed" not in recorded.values()
    assert recorded["JPEG Baseline (Process 1)"].startswith("pillow ")
    assert recorded["RLE Lossless"].startswith("pylibjpeg-rle ")
    assert recorded["JPEG-LS Lossless Image Compression"].startswith("pyjpegls ")
    assert all("?" not in version for version in recorded.values())


def test_old_overlays_in_the_high_bits_are_no_part_of_the_picture() -> None:
    plain = RNG.integers(0, 4096, (16, 16)).astype(np.uint16)
    overlay = (RNG.integers(0, 2, (16, 16)) << 12).astype(np.uint16)
    expected = decoded(image(plain, BitsStored=12))
    np.testing.assert_array_equal(decoded(image(plain | overlay, BitsStored=12)), expected)
    signed = plain.astype(np.int16) - 2048
    with_overlay = ((signed.view(np.uint16) & 0x0FFF) | overlay).view(np.int16)
    np.testing.assert_array_equal(stored_values(image(with_overlay, BitsStored=12), None), signed)


def test_bits_that_do_not_start_at_the_lowest_are_shifted_there() -> None:
    plain = RNG.integers(0, 4096, (16, 16)).astype(np.uint16)
    low = RNG.integers(0, 16, (16, 16)).astype(np.uint16)  # an overlay below the picture
    made = image((plain << 4) | low, BitsStored=12, HighBit=15)
    np.testing.assert_array_equal(stored_values(made, None), plain)
    signed = plain.astype(np.int16) - 2048
    made = image((signed << 4) | low.astype(np.int16), BitsStored=12, HighBit=15)
    np.testing.assert_array_equal(stored_values(made, None), signed)


@pytest.mark.parametrize(
    "name", ["JPEG2000.dcm", "MR_small_jpeg_ls_lossless.dcm", "JPGExtended.dcm", "SC_rgb_jpeg_gdcm.dcm"]
)
def test_a_stream_that_states_another_size_than_the_header_is_not_decoded(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(dicom_syntax, "_decoded", lambda *_: pytest.fail("memory was taken for it"))
    dataset = dcmread(file_named(name))
    dataset.Rows += 1
    with pytest.raises(UnreadableImage, match="one size is needed, found another"):
        stored_values(dataset, None)


def test_few_bytes_cannot_be_a_giant() -> None:
    assert stated_size(b"\xff\xd8\xff\xd9") is None
    with pytest.raises(UnreadableImage) as caught:
        check_stream(bytes(1000), 30_000, 30_000)
    assert caught.value.reason == "truncated"
    assert check_stream(bytes(1000), 4000, 4000) is None


def test_a_deflated_bomb_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pydicom.uid import DeflatedExplicitVRLittleEndian

    from synthaudit.readers import dicom_codestream

    made = image(np.zeros((512, 512), np.uint16), UID(DeflatedExplicitVRLittleEndian))
    path = written(tmp_path / "a.dcm", made)
    assert path.stat().st_size < 4000
    assert DicomSource(path).read().shape == (512, 512)
    monkeypatch.setattr(dicom_codestream, "MAX_INFLATED_BYTES", 500_000)
    with pytest.raises(UnreadableImage) as caught:
        DicomSource(path).read()
    assert caught.value.reason == "too-large"
