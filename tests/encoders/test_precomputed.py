"""Vectors made elsewhere: joined with images by name, or by sorted name, or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from synthaudit.embeddings import PixelEncoder, TableEncoder
from synthaudit.encoders.precomputed import Precomputed
from synthaudit.errors import EncoderError, UsageError

NAMES = ("b.png", "a/10.png", "a/9.png", "c.png")


def rows(n: int, d: int = 3) -> NDArray[np.float32]:
    return np.random.default_rng(n).normal(size=(n, d)).astype(np.float32)


def unit(vectors: NDArray[Any]) -> NDArray[np.float32]:
    vectors = vectors.astype(np.float64)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)


def save(folder: Path, stem: str, array: Any, names: str | None = None) -> None:
    np.save(folder / f"{stem}.npy", array)
    if names is not None:
        (folder / f"{stem}.txt").write_bytes(names.encode())


def test_without_names_rows_follow_the_sorted_names(tmp_path: Path) -> None:
    save(tmp_path, "train", rows(4))
    encoder = Precomputed.from_spec(str(tmp_path))
    # Sorted: a/10.png, a/9.png, b.png, c.png
    np.testing.assert_array_equal(encoder.rows("train", NAMES), unit(rows(4))[[2, 0, 1, 3]])
    assert (encoder.name, encoder.dim) == ("precomputed", 3)
    assert isinstance(encoder, TableEncoder)
    assert not isinstance(encoder, PixelEncoder)


@pytest.mark.parametrize(
    "text",
    [
        "c.png\na/9.png\nx.png\nb.png\na/10.png\n",
        "c.png\r\na/9.png\r\nx.png\r\nb.png\r\na/10.png",
        "\ufeffc.png\na/9.png\nx.png\nb.png\na/10.png",
    ],
)
def test_with_names_rows_are_joined_by_name(tmp_path: Path, text: str) -> None:
    save(tmp_path, "synthetic", rows(5), text)
    made = Precomputed.from_spec(str(tmp_path)).rows("synthetic", NAMES)
    np.testing.assert_array_equal(made, unit(rows(5))[[3, 4, 1, 0]])


def test_one_name_composed_here_and_decomposed_there(tmp_path: Path) -> None:
    save(tmp_path, "train", rows(2), "Mu\u0308ller.png\nb.png\n")
    made = Precomputed.from_spec(str(tmp_path)).rows("train", ["b.png", "M\u00fcller.png"])
    np.testing.assert_array_equal(made, unit(rows(2))[[1, 0]])


def test_real_serves_train_and_holdout_unless_they_have_their_own(tmp_path: Path) -> None:
    save(tmp_path, "real", rows(3), "a\nb\nc\n")
    encoder = Precomputed.from_spec(str(tmp_path))
    np.testing.assert_array_equal(encoder.rows("train", ["c", "a"]), unit(rows(3))[[2, 0]])
    np.testing.assert_array_equal(encoder.rows("holdout", ["b"]), unit(rows(3))[[1]])
    for role in ("synthetic", "reference"):
        with pytest.raises(EncoderError, match=rf"^precomputed needs {role}.npy for the {role} images, found none$"):
            encoder.rows(role, ["a"])
    save(tmp_path, "train", rows(2), "a\nc\n")
    encoder = Precomputed.from_spec(str(tmp_path))
    np.testing.assert_array_equal(encoder.rows("train", ["c", "a"]), unit(rows(2))[[1, 0]])
    np.testing.assert_array_equal(encoder.rows("holdout", ["b"]), unit(rows(3))[[1]])


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_any_floating_point_is_scaled_to_unit_length(tmp_path: Path, dtype: type) -> None:
    array: NDArray[Any] = (1000 * rows(4)).astype(dtype)
    save(tmp_path, "train", array)
    made = Precomputed.from_spec(str(tmp_path)).rows("train", sorted(NAMES))
    assert made.dtype == np.float32
    np.testing.assert_array_equal(made, unit(array))
    assert Precomputed.from_spec(str(tmp_path)).rows("train", sorted(NAMES)).shape == (4, 3)


def test_the_fingerprint_covers_every_array_and_list(tmp_path: Path) -> None:
    fingerprints = set()

    def note() -> None:
        fingerprints.add(Precomputed.from_spec(str(tmp_path)).fingerprint)

    save(tmp_path, "train", rows(2), "a\nb\n")
    note()
    note()
    assert len(fingerprints) == 1
    save(tmp_path, "train", rows(2), "b\na\n")
    note()
    save(tmp_path, "train", 2 * rows(2), "b\na\n")
    note()
    save(tmp_path, "synthetic", rows(3))
    note()
    (tmp_path / "synthetic.npy").rename(tmp_path / "holdout.npy")
    note()
    assert len(fingerprints) == 5


def test_an_image_without_a_row_is_counted_not_named(tmp_path: Path) -> None:
    save(tmp_path, "train", rows(2), "a\nb\n")
    with pytest.raises(EncoderError) as raised:
        Precomputed.from_spec(str(tmp_path)).rows("train", ["a", "secret-patient.png", "b", "other.png"])
    assert str(raised.value) == (
        "precomputed needs a row for each train image, found none for 2 of 4, the first of them image 2; train.txt "
        "must have the names relative to the folder of images, with / between folders"
    )


def test_another_number_of_rows_than_images(tmp_path: Path) -> None:
    save(tmp_path, "train", rows(3))
    with pytest.raises(EncoderError) as raised:
        Precomputed.from_spec(str(tmp_path)).rows("train", NAMES)
    assert str(raised.value) == (
        "precomputed needs one row for each train image, got 3 rows in train.npy for 4 images; add train.txt with one "
        "file name a line to join them by name"
    )


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e300])
def test_a_row_that_is_not_finite_is_found_where_it_is_used(tmp_path: Path, bad: float) -> None:
    array = rows(3).astype(np.float64)
    array[1, 2] = bad
    save(tmp_path, "train", array, "a\nb\nc\n")
    encoder = Precomputed.from_spec(str(tmp_path))
    assert np.isfinite(encoder.rows("train", ["a", "c"])).all()
    with pytest.raises(EncoderError, match=r"got NaN, infinity or zeros in row 1 \(counted from 0\) of train.npy"):
        encoder.rows("train", ["a", "b"])


def test_a_row_of_zeros_has_no_direction(tmp_path: Path) -> None:
    array = rows(3)
    array[2] = 0
    save(tmp_path, "train", array)
    with pytest.raises(EncoderError, match=r"got NaN, infinity or zeros in row 2"):
        Precomputed.from_spec(str(tmp_path)).rows("train", ["x", "y", "z"])


@pytest.mark.parametrize(
    ("array", "says"),
    [
        (np.zeros(3), "a floating point array of shape (n, d), got float64 of shape (3,)"),
        (np.zeros((2, 3, 4)), "a floating point array of shape (n, d), got float64 of shape (2, 3, 4)"),
        (np.zeros((2, 0)), "a floating point array of shape (n, d), got float64 of shape (2, 0)"),
        (np.zeros((2, 3), dtype=int), "a floating point array of shape (n, d), got int64 of shape (2, 3)"),
        (np.zeros((2, 3), dtype=complex), "a floating point array of shape (n, d), got complex128 of shape (2, 3)"),
    ],
)
def test_arrays_of_another_kind_are_refused(tmp_path: Path, array: NDArray[Any], says: str) -> None:
    save(tmp_path, "train", array)
    with pytest.raises(EncoderError) as raised:
        Precomputed.from_spec(str(tmp_path))
    assert str(raised.value) == f"precomputed needs train.npy to be {says}"


class Trap:
    """Unpickled, it says so."""

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return exec, ("raise AssertionError('a pickle was opened')",)


def test_pickled_objects_and_other_files_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "train.npy", np.array([[Trap()]], dtype=object), allow_pickle=True)
    with pytest.raises(EncoderError, match=r"as numpy.save writes it, without pickled objects, got something else"):
        Precomputed.from_spec(str(tmp_path))
    for content in (b"", b"hello", b"\x93NUMPY"):
        (tmp_path / "train.npy").write_bytes(content)
        with pytest.raises(EncoderError, match=r"precomputed needs train.npy as numpy.save writes it"):
            Precomputed.from_spec(str(tmp_path))
    np.savez(tmp_path / "train.npz", rows(2))
    (tmp_path / "train.npz").rename(tmp_path / "train.npy")
    with pytest.raises(EncoderError, match=r"of shape \(n, d\), got an archive of arrays"):
        Precomputed.from_spec(str(tmp_path))


@pytest.mark.parametrize(
    ("names", "says"),
    [
        ("a\nb\n", "precomputed needs one line in train.txt for each row of train.npy, got 2 for 3"),
        ("", "precomputed needs one line in train.txt for each row of train.npy, got 0 for 3"),
        ("a\nb\na\n", "precomputed needs names in train.txt that differ, got 1 repeated"),
    ],
)
def test_lists_of_names_that_do_not_fit_are_refused(tmp_path: Path, names: str, says: str) -> None:
    save(tmp_path, "train", rows(3), names)
    with pytest.raises(EncoderError) as raised:
        Precomputed.from_spec(str(tmp_path))
    assert str(raised.value) == says


def test_a_list_in_another_encoding_is_refused(tmp_path: Path) -> None:
    save(tmp_path, "train", rows(1))
    (tmp_path / "train.txt").write_bytes("M\u00fcller".encode("latin-1"))
    with pytest.raises(
        EncoderError, match=r"needs train.txt as UTF-8 text, one file name a line, got UnicodeDecodeError"
    ):
        Precomputed.from_spec(str(tmp_path))


def test_folders_that_lack_something(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"^precomputed must be given as precomputed:FOLDER, got no folder$"):
        Precomputed.from_spec("")
    with pytest.raises(
        EncoderError, match=r"needs a folder with train.npy \(or real.npy\) and synthetic.npy, found none"
    ):
        Precomputed.from_spec(str(tmp_path / "nowhere"))
    save(tmp_path, "real", rows(3))
    with pytest.raises(EncoderError, match=r"needs real.txt with the file name of each row of real.npy, found none"):
        Precomputed.from_spec(str(tmp_path))
    save(tmp_path, "real", rows(3), "a\nb\nc\n")
    save(tmp_path, "synthetic", rows(3, 4))
    with pytest.raises(EncoderError, match=r"one length for all roles, got 4 in synthetic.npy, 3 in real.npy"):
        Precomputed.from_spec(str(tmp_path))
    (tmp_path / "synthetic.npy").unlink()
    with pytest.raises(EncoderError, match=r"^precomputed needs synthetic.npy for the synthetic images, found none$"):
        Precomputed.from_spec(str(tmp_path)).rows("synthetic", ["a"])
