"""Every kind of raster file comes out as the values that were put in."""

import pickle
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image

from synthaudit.errors import UnreadableImage
from synthaudit.readers.raster import RasterSource
from synthaudit.readers.scan import pixel_digest

RNG = np.random.default_rng(5)
GRAY = RNG.integers(0, 256, (20, 30), dtype=np.uint8)
COLOR = RNG.integers(0, 256, (20, 30, 3), dtype=np.uint8)


def saved(tmp_path: Path, image: Image.Image, name: str = "a.png", **options: Any) -> NDArray[np.float32]:
    image.save(tmp_path / name, **options)
    return RasterSource(tmp_path / name).read()


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.tif", "a.TIFF"])
def test_eight_bit_gray_and_color_are_exact(tmp_path: Path, name: str) -> None:
    for stored in (GRAY, COLOR):
        read = saved(tmp_path, Image.fromarray(stored), name)
        assert read.dtype == np.float32
        np.testing.assert_array_equal(read, stored.astype(np.float32) / np.float32(255))


def test_jpeg_is_what_its_codec_gives_whatever_its_name(tmp_path: Path) -> None:
    read = saved(tmp_path, Image.fromarray(COLOR), "a.png", format="JPEG")
    expected = np.asarray(Image.open(tmp_path / "a.png"))
    np.testing.assert_array_equal(read, expected.astype(np.float32) / np.float32(255))


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_sixteen_bits_are_kept(tmp_path: Path, name: str) -> None:
    stored = np.arange(600, dtype=np.uint16).reshape(20, 30) * 100
    read = saved(tmp_path, Image.fromarray(stored), name)
    assert len(np.unique(read)) == 600
    np.testing.assert_allclose(read, stored / 65535, atol=1e-7)


def test_twelve_bits_in_sixteen_use_the_whole_range(tmp_path: Path) -> None:
    stored = np.linspace(0, 4095, 600).astype(np.uint16).reshape(20, 30)
    read = saved(tmp_path, Image.fromarray(stored))
    assert read.max() == 1.0
    np.testing.assert_allclose(read, stored / 4095, atol=1e-7)


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_sixteen_bit_color_is_kept_in_its_order(tmp_path: Path, name: str) -> None:
    stored = RNG.integers(0, 65536, (20, 30, 3), dtype=np.uint16)
    assert cv2.imwrite(str(tmp_path / name), stored[:, :, ::-1])
    np.testing.assert_allclose(RasterSource(tmp_path / name).read(), stored / 65535, atol=1e-7)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_float_tiff_in_range_is_kept(tmp_path: Path, dtype: type) -> None:
    stored: NDArray[Any] = RNG.random((20, 30)).astype(dtype)
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="minisblack")
    np.testing.assert_array_equal(RasterSource(tmp_path / "a.tif").read(), stored.astype(np.float32))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_white_is_zero_tiff_is_inverted(tmp_path: Path, dtype: type) -> None:
    full = np.iinfo(dtype).max
    stored: NDArray[Any] = RNG.integers(0, full + 1, (20, 30)).astype(dtype)
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="minisblack")
    tifffile.imwrite(tmp_path / "b.tif", full - stored, photometric="miniswhite")
    black, white = RasterSource(tmp_path / "a.tif").read(), RasterSource(tmp_path / "b.tif").read()
    np.testing.assert_allclose(white, black, atol=1e-6)


def test_palette_shows_its_colors(tmp_path: Path) -> None:
    image = Image.fromarray(np.tile(np.arange(10, dtype=np.uint8), (10, 1)), "P")
    image.putpalette([255, 0, 0, 0, 255, 0] + [0, 0, 255] * 254)
    choices: list[dict[str, Any]] = [{}, {"transparency": bytes([0, 128, 255])}]
    for options in choices:
        read = saved(tmp_path, image, **options)
        assert read[0, :3].tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 1]]


def test_pixels_under_transparency_count(tmp_path: Path) -> None:
    clear = np.dstack([COLOR, np.zeros(COLOR.shape[:2], np.uint8)])
    np.testing.assert_array_equal(saved(tmp_path, Image.fromarray(clear)), COLOR.astype(np.float32) / np.float32(255))
    gray = np.dstack([GRAY, np.zeros_like(GRAY)])
    np.testing.assert_array_equal(
        saved(tmp_path, Image.fromarray(gray, "LA")), GRAY.astype(np.float32) / np.float32(255)
    )


def test_one_bit_and_cmyk(tmp_path: Path) -> None:
    bits = GRAY > 127
    np.testing.assert_array_equal(saved(tmp_path, Image.fromarray(bits)), bits.astype(np.float32))
    assert saved(tmp_path, Image.fromarray(COLOR).convert("CMYK"), "a.jpg").shape == (20, 30, 3)


def test_gray_in_an_rgb_file_has_the_digest_of_the_gray_file(tmp_path: Path) -> None:
    as_gray = saved(tmp_path, Image.fromarray(GRAY))
    as_color = saved(tmp_path, Image.fromarray(GRAY).convert("RGB"), "b.bmp")
    assert pixel_digest(as_gray) == pixel_digest(as_color)
    one_off = GRAY.copy()
    one_off[3, 4] ^= 1
    assert pixel_digest(saved(tmp_path, Image.fromarray(one_off))) != pixel_digest(as_gray)


TURNED: dict[int, Callable[[NDArray[Any]], NDArray[Any]]] = {
    1: lambda a: a,
    2: np.fliplr,
    3: lambda a: np.rot90(a, 2),
    4: np.flipud,
    5: np.transpose,
    6: lambda a: np.rot90(a, -1),
    7: lambda a: np.rot90(a, 2).T,
    8: np.rot90,
}


@pytest.mark.parametrize("name", ["a.jpg", "a.tif", "a.png"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_what_a_viewer_shows(tmp_path: Path, name: str, orientation: int) -> None:
    stored = saved(tmp_path, Image.fromarray(GRAY), name)
    exif = Image.Exif()
    exif[0x0112] = orientation
    np.testing.assert_array_equal(saved(tmp_path, Image.fromarray(GRAY), name, exif=exif), TURNED[orientation](stored))


def test_a_long_image_is_reduced_by_whole_blocks(tmp_path: Path) -> None:
    stored = RNG.integers(0, 256, (33, 5000), dtype=np.uint8)
    read = saved(tmp_path, Image.fromarray(stored))
    assert read.shape == (17, 2500)
    expected = stored[:32].reshape(16, 2, 2500, 2).mean(axis=(1, 3)) / 255
    np.testing.assert_allclose(read[:16], expected, atol=1e-6)
    np.testing.assert_allclose(read[16], stored[32].reshape(2500, 2).mean(axis=1) / 255, atol=1e-6)


def test_a_long_jpeg_is_reduced_by_its_codec(tmp_path: Path) -> None:
    read = saved(tmp_path, Image.linear_gradient("L").resize((9000, 64)), "a.jpg", quality=95)
    assert read.shape == (16, 2250)  # half by the codec, half of that by blocks; a third if the codec did nothing
    assert abs(float(read[0].mean()) - float(read[-1].mean())) > 0.8


def test_several_pages_are_refused(tmp_path: Path) -> None:
    pages = [Image.fromarray(GRAY), Image.fromarray(GRAY)]
    with pytest.raises(UnreadableImage, match="multi-frame"):
        saved(tmp_path, pages[0], "a.tif", save_all=True, append_images=pages[1:])


def test_a_source_is_small_silent_about_its_path_and_pickles(tmp_path: Path) -> None:
    expected = saved(tmp_path, Image.fromarray(GRAY), "secret.png")
    source = RasterSource(tmp_path / "secret.png")
    assert "secret" not in repr(source)
    copy = pickle.loads(pickle.dumps(source))
    np.testing.assert_array_equal(copy.read(), expected)


def test_errors_carry_no_path(tmp_path: Path) -> None:
    with pytest.raises(UnreadableImage) as caught:
        RasterSource(tmp_path / "secret.png").read()
    assert caught.value.reason == "cannot-open"
    assert "secret" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_large_images_raise_no_bomb_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert saved(tmp_path, Image.fromarray(GRAY)).shape == (20, 30)


def test_warnings_of_the_caller_come_back_after_reading(tmp_path: Path) -> None:
    before = list(warnings.filters)
    saved(tmp_path, Image.fromarray(GRAY))
    assert warnings.filters == before
