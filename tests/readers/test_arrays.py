"""NumPy files: single images, stacks, and values of every type."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from synthaudit.errors import UnreadableImage
from synthaudit.readers.arrays import array_items

RNG = np.random.default_rng(6)


def images(path: Path) -> dict[str, NDArray[np.float32]]:
    return {name: source.read() for name, source in array_items(path)}


def saved(path: Path, array: NDArray[Any]) -> dict[str, NDArray[np.float32]]:
    np.save(path, array)
    return images(path)


@pytest.mark.parametrize(
    ("shape", "names", "image"),
    [
        ((20, 30), [""], (20, 30)),
        ((20, 30, 1), [""], (20, 30)),
        ((20, 30, 3), [""], (20, 30, 3)),
        ((20, 30, 4), [""], (20, 30, 3)),
        ((2, 20, 30), ["#0", "#1"], (20, 30)),
        ((2, 20, 30, 3), ["#0", "#1"], (20, 30, 3)),
        ((2, 20, 30, 1), ["#0", "#1"], (20, 30)),
        ((2, 3, 20, 30), ["#0", "#1"], (20, 30, 3)),
        ((2, 1, 20, 30), ["#0", "#1"], (20, 30)),
    ],
)
def test_shapes(tmp_path: Path, shape: tuple[int, ...], names: list[str], image: tuple[int, ...]) -> None:
    found = saved(tmp_path / "a.npy", RNG.random(shape).astype(np.float32))
    assert list(found) == names
    assert all(pixels.shape == image and pixels.dtype == np.float32 for pixels in found.values())


def test_each_image_of_a_stack_is_its_own(tmp_path: Path) -> None:
    stack = RNG.integers(0, 256, (5, 12, 16), dtype=np.uint8)
    for i, pixels in enumerate(saved(tmp_path / "a.npy", stack).values()):
        np.testing.assert_array_equal(pixels, stack[i].astype(np.float32) / np.float32(255))


def test_channel_first_is_turned_round(tmp_path: Path) -> None:
    stack = RNG.random((2, 3, 12, 16)).astype(np.float32)
    np.testing.assert_array_equal(saved(tmp_path / "a.npy", stack)["#1"], np.moveaxis(stack[1], 0, -1))


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_npz_gives_what_npy_gives(tmp_path: Path, save: Any) -> None:
    stack = RNG.integers(0, 256, (4, 12, 16), dtype=np.uint8)
    plain = saved(tmp_path / "a.npy", stack)
    save(tmp_path / "b.npz", images=stack)
    packed = images(tmp_path / "b.npz")
    assert list(packed) == list(plain)
    for name in plain:
        np.testing.assert_array_equal(packed[name], plain[name])


def test_npz_of_several_arrays_names_each_and_passes_over_labels(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.zeros((2, 9, 9)), y=np.zeros((9, 9)), labels=np.zeros((2, 1)), ids=np.arange(2))
    assert list(images(tmp_path / "a.npz")) == ["#x#0", "#x#1", "#y"]


def test_a_rewritten_npz_is_read_anew(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", np.zeros((9, 9)))
    assert images(tmp_path / "a.npz")[""].max() == 0
    np.savez(tmp_path / "a.npz", np.ones((9, 10)))
    assert images(tmp_path / "a.npz")[""].max() == 1


@pytest.mark.parametrize(
    ("values", "dtype", "full"),
    [
        ([0, 255], np.uint8, 255),
        ([0, 100], np.uint8, 255),
        ([0, 4095], np.uint16, 4095),
        ([0, 4096], np.uint16, 65535),
        ([0, 3000], np.int16, 4095),
        ([0, 200], np.int64, 255),
        ([0, 1000], np.int32, 4095),
        ([0, 60000], np.uint32, 65535),
        ([0, 0.5], np.float64, 1),
    ],
)
def test_scales(tmp_path: Path, values: list[float], dtype: type, full: float) -> None:
    array: NDArray[Any] = np.resize(np.array(values, dtype=dtype), (9, 10))
    np.testing.assert_allclose(saved(tmp_path / "a.npy", array)[""], array / full, rtol=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int16, np.int32])
def test_values_without_an_agreed_range_are_stretched_by_their_own(tmp_path: Path, dtype: type) -> None:
    array: NDArray[Any] = np.linspace(-1000, 3000, 90).astype(dtype).reshape(9, 10)
    pixels = saved(tmp_path / "a.npy", array)[""]
    assert (pixels.min(), pixels.max()) == (0, 1)
    np.testing.assert_allclose(pixels, (array.astype(float) + 1000) / 4000, atol=1e-6)


def test_a_constant_out_of_range_is_black_and_huge_values_do_not_overflow(tmp_path: Path) -> None:
    assert saved(tmp_path / "a.npy", np.full((9, 9), 7.0))[""].max() == 0
    huge = np.linspace(-1, 1, 81).reshape(9, 9) * 1.7e308
    np.testing.assert_allclose(saved(tmp_path / "b.npy", huge)[""].ravel(), np.linspace(0, 1, 81), atol=1e-6)


def test_a_giant_array_is_reduced(tmp_path: Path) -> None:
    np.save(tmp_path / "b.npy", np.full((64, 9000), 255, np.uint8))
    pixels = images(tmp_path / "b.npy")[""]
    assert pixels.shape == (22, 3000)
    assert pixels.min() == 1


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_values_that_are_no_numbers_are_refused(tmp_path: Path, bad: float) -> None:
    array = np.zeros((9, 9))
    array[4, 4] = bad
    with pytest.raises(UnreadableImage) as caught:
        saved(tmp_path / "a.npy", array)
    assert caught.value.reason == "not-finite"


@pytest.mark.parametrize("array", [np.zeros(9), np.zeros((0, 9, 9)), np.zeros((2, 2, 9, 9, 3)), np.zeros((2, 9, 9, 7))])
def test_shapes_refused(tmp_path: Path, array: NDArray[Any]) -> None:
    with pytest.raises(UnreadableImage) as caught:
        saved(tmp_path / "a.npy", array)
    assert caught.value.reason == "bad-shape"
    assert str(array.shape) in str(caught.value)


def test_python_objects_and_complex_numbers_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableImage, match="pickled"):
        saved(tmp_path / "a.npy", np.full((9, 9), None, dtype=object))
    np.savez(tmp_path / "b.npz", np.full((9, 9), None, dtype=object))
    with pytest.raises(UnreadableImage, match="pickled"):
        images(tmp_path / "b.npz")
    with pytest.raises(UnreadableImage, match="bad-shape"):
        saved(tmp_path / "c.npy", np.zeros((9, 9), np.complex64))


def test_a_cut_file_is_truncated(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros((90, 90)))
    whole = (tmp_path / "a.npy").read_bytes()
    (tmp_path / "a.npy").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UnreadableImage) as caught:
        images(tmp_path / "a.npy")
    assert caught.value.reason == "truncated"


def test_sources_pickle(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", RNG.random((2, 9, 9)))
    for _, source in array_items(tmp_path / "a.npy"):
        np.testing.assert_array_equal(pickle.loads(pickle.dumps(source)).read(), source.read())
        assert "a.npy" not in repr(source)
