"""NIfTI volumes as slices: seen as DICOM shows them, read once, and never larger than the file can be."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path
from typing import Any, BinaryIO

import nibabel
import numpy as np
import pytest
from numpy.typing import NDArray

from synthaudit.errors import UnreadableImage
from synthaudit.intake import load
from synthaudit.phantoms.brain import BrainPopulation
from synthaudit.phantoms.chest import ChestPopulation
from synthaudit.phantoms.dicom_file import dicom_bytes
from synthaudit.phantoms.nifti_file import nifti_bytes
from synthaudit.progress import Progress
from synthaudit.readers import nifti_file
from synthaudit.readers.nifti import slices_in
from synthaudit.readers.scan import ScannedFolder, scan_folder
from synthaudit.readers.stored import StoredFile

RNG = np.random.default_rng(4)


def saved(path: Path, voxels: NDArray[Any], affine: NDArray[Any] | None = None) -> Path:
    made: Any = nibabel.Nifti1Image
    made(voxels, np.eye(4) if affine is None else affine).to_filename(path)
    return path


def scanned(folder: Path) -> ScannedFolder:
    return scan_folder(folder, "reading", 2, Progress(), None)


def reason(path: Path) -> str:
    with pytest.raises(UnreadableImage) as caught:
        slices_in(path)
    return caught.value.reason


@pytest.mark.parametrize("contrast", ["t1", "ct"])
def test_a_volume_is_seen_as_its_dicom_series_is(tmp_path: Path, contrast: Any) -> None:
    sources = BrainPopulation(seed=1, size=16, slices=8).sources([0], contrasts=(contrast,), volumes=True)
    (tmp_path / "dicom").mkdir()
    (tmp_path / "nifti").mkdir()
    for i, source in enumerate(sources):
        (tmp_path / "dicom" / f"{i}.dcm").write_bytes(dicom_bytes(source))
    (tmp_path / "nifti" / "v.nii.gz").write_bytes(nifti_bytes(sources))
    ours, theirs = scanned(tmp_path / "nifti"), scanned(tmp_path / "dicom")
    assert len(ours.images) == len(theirs.images) == 8
    for mine, other in zip(ours.images, theirs.images, strict=True):
        assert mine.position == pytest.approx(other.position, abs=2e-3)
        np.testing.assert_allclose(mine.source.read(), other.source.read(), atol=2e-3)


def test_a_projection_is_one_image_of_no_volume(tmp_path: Path) -> None:
    source = ChestPopulation(seed=1, size=16).sources([0])[0]
    (tmp_path / "chest.nii.gz").write_bytes(nifti_bytes([source]))
    (found,) = scanned(tmp_path).images
    assert (found.name, found.volume) == ("chest.nii.gz", "")
    assert np.corrcoef(found.source.read().ravel(), source.read().ravel())[0, 1] > 0.98


@pytest.mark.parametrize(
    ("affine", "axis", "shape"),
    [
        (np.diag([1, 1, 1, 1]), 2, (11, 9)),
        (np.diag([4, 1, 1, 1]), 0, (13, 11)),
        (np.diag([1, -4, 1, 1]), 1, (13, 9)),
        (np.array([[0, 0, 1, 0], [1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1]]), 2, (9, 13)),
    ],
)
def test_slices_are_cut_across_the_longest_side_of_voxels_else_axial(
    tmp_path: Path, affine: NDArray[Any], axis: int, shape: tuple[int, int]
) -> None:
    found = slices_in(saved(tmp_path / "a.nii", RNG.random((9, 11, 13)).astype(np.float32), affine))
    assert {one.source.axis for one in found} == {axis}
    assert found[0].source.read().shape == shape


def test_rows_run_to_the_back_and_columns_from_the_right(tmp_path: Path) -> None:
    voxels = np.zeros((10, 12, 8), np.int16)
    voxels[9, :, :] += 100  # right
    voxels[:, 11, :] += 200  # front
    for i, turned in enumerate((np.diag([1, 1, 1, 1]), np.diag([-1, -1, 1, 1]))):
        shown = voxels if i == 0 else voxels[::-1, ::-1]
        image = slices_in(saved(tmp_path / f"{i}.nii", np.ascontiguousarray(shown), turned))[3].source.read()
        assert image.shape == (12, 10)
        assert image[0].min() > image[1:, 1:].max(), "the front is on top"
        assert image[1:, 0].min() > image[1:, 1:].max(), "the right is on the left"


def test_each_time_of_a_fourth_dimension_is_a_volume_with_a_window_of_its_own(tmp_path: Path) -> None:
    voxels = RNG.random((9, 10, 8, 3)).astype(np.float32) * np.array([1, 10, 100], np.float32)
    saved(tmp_path / "a.nii.gz", voxels)
    found = scanned(tmp_path).images
    assert [one.name for one in found[:2]] == ["a.nii.gz#v0#0", "a.nii.gz#v0#1"]
    assert len({one.volume for one in found}) == 3
    assert len(found) == 24
    for time in range(3):
        low, high = np.percentile(voxels[..., time], (0.5, 99.5))
        expected = np.clip((voxels[::-1, ::-1, 5, time].T - low) / (high - low), 0, 1)
        np.testing.assert_allclose(found[8 * time + 5].source.read(), expected, atol=1e-5)


def test_hounsfield_units_have_their_fixed_window_and_a_slope_is_applied(tmp_path: Path) -> None:
    voxels = RNG.integers(-1000, 2000, (9, 10, 8)).astype(np.int16)
    found = slices_in(saved(tmp_path / "ct.nii", voxels))
    assert found[0].source.window == (-1024.0, 3071.0)
    made: Any = nibabel.Nifti1Image
    image = made(voxels, np.eye(4))
    image.header.set_slope_inter(0.5, 7)
    image.to_filename(tmp_path / "mr.nii")
    loaded: Any = nibabel.load(tmp_path / "mr.nii")
    stored = np.asarray(loaded.dataobj)
    low, high = np.percentile(stored, (0.5, 99.5))
    np.testing.assert_allclose(slices_in(tmp_path / "mr.nii")[0].source.window, (low, high))


def test_empty_slices_are_left_out_and_named(tmp_path: Path) -> None:
    voxels = RNG.integers(1, 900, (20, 20, 6)).astype(np.int16)
    voxels[:, :, [0, 5]] = 0
    voxels[3, 3, 0] = 900  # one bright voxel shows no one
    saved(tmp_path / "a.nii", voxels)
    found = scanned(tmp_path)
    assert [one.name for one in found.images] == [f"a.nii#{i}" for i in (1, 2, 3, 4)]
    assert [(bad.name, bad.reason) for bad in found.rejected] == [
        ("a.nii#0", "slice-empty"),
        ("a.nii#5", "slice-empty"),
    ]


def test_nan_is_no_data_and_infinity_is_refused(tmp_path: Path) -> None:
    voxels = RNG.random((9, 10, 8)).astype(np.float32)
    voxels[0] = np.nan
    image = slices_in(saved(tmp_path / "nan.nii", voxels))[2].source.read()
    assert (image[:, -1] == 0).all()
    assert image[:, :-1].max() == 1
    voxels[0] = np.inf
    assert reason(saved(tmp_path / "inf.nii", voxels)) == "not-finite"
    assert reason(saved(tmp_path / "all.nii", np.full((9, 10, 8), np.nan, np.float32))) == "not-finite"


def test_colors(tmp_path: Path) -> None:
    colors = RNG.integers(0, 256, (9, 10, 8, 3), dtype=np.uint8)
    packed = np.ascontiguousarray(colors).view([("R", "u1"), ("G", "u1"), ("B", "u1")])[..., 0]
    image = slices_in(saved(tmp_path / "rgb.nii", packed))[1].source.read()
    np.testing.assert_allclose(image, colors[::-1, ::-1, 1].swapaxes(0, 1) / 255, atol=1e-6)


def test_a_volume_is_read_once_for_all_its_slices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[StoredFile] = []
    read = nifti_file._volumes

    def counted(file: StoredFile) -> nifti_file.Volumes:
        calls.append(file)
        return read(file)

    monkeypatch.setattr(nifti_file, "_volumes", counted)
    saved(tmp_path / "a.nii.gz", RNG.random((9, 10, 12)).astype(np.float32))
    found = scanned(tmp_path)
    for one in found.images:
        one.source.read()
    assert len(calls) == 1
    # Another file of the same name is another volume.
    saved(tmp_path / "a.nii.gz", RNG.random((9, 10, 12)).astype(np.float32) + 1)
    assert scanned(tmp_path).images[0].checked != found.images[0].checked


def header(shape: tuple[int, ...], code: int = 4) -> bytes:
    kind: Any = nibabel.Nifti1Header
    made = kind()
    made.set_data_shape(shape)
    made["datatype"], made["bitpix"], made["vox_offset"], made["magic"] = code, 16, 352, b"n+1"
    return bytes(made.binaryblock) + bytes(4)


def test_no_memory_is_taken_for_what_a_header_only_claims(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    read = nifti_file._read

    def counted(stream: BinaryIO, packed: bool, count: int) -> bytes:
        asked.append(count)
        return read(stream, packed, count)

    monkeypatch.setattr(nifti_file, "_read", counted)
    for name, content, expected in [
        ("giant.nii", header((32000, 32000, 32000)), "too-large"),
        ("claims.nii", header((800, 800, 800)) + bytes(500), "truncated"),
        ("packed.nii.gz", gzip.compress(header((800, 800, 800)) + bytes(500)), "truncated"),
        ("short.nii.gz", gzip.compress(header((20, 20, 20)) + bytes(9000)), "truncated"),
        ("flat.nii", header((20, 0, 20)), "corrupt"),
        ("tiny.nii", header((3, 3, 20)) + bytes(400), "too-small"),
        ("text.nii", b"no volume " * 50, "wrong-content"),
        ("text.nii.gz", b"no volume " * 50, "wrong-content"),
        ("empty.nii", b"", "empty-file"),
        ("complex.nii", header((9, 9, 9), code=32) + bytes(9000), "bad-shape"),
        ("offset.nii", header((9, 9, 9))[:108] + struct.pack("<f", 1e30) + header((9, 9, 9))[112:], "corrupt"),
    ]:
        (tmp_path / name).write_bytes(content)
        assert reason(tmp_path / name) == expected, name
    assert max(asked) < 20_000


def test_a_gzip_bomb_is_unpacked_no_further_than_its_header_says(tmp_path: Path) -> None:
    packed = gzip.compress(header((20, 20, 20)) + RNG.bytes(16000) + bytes(50_000_000))
    (tmp_path / "a.nii.gz").write_bytes(packed)
    assert len(nifti_file._content(tmp_path / "a.nii.gz")) == 16352
    parts = gzip.compress(header((20, 20, 20))) + gzip.compress(RNG.bytes(16000))
    (tmp_path / "b.nii.gz").write_bytes(parts)
    assert len(slices_in(tmp_path / "b.nii.gz")) == 20


def test_the_table_says_whose_volume_it_is(tmp_path: Path) -> None:
    for role, names in (("train", ("a", "b")), ("synthetic", ("s",))):
        (tmp_path / role).mkdir()
        for name in names:
            saved(tmp_path / role / f"{name}.nii.gz", RNG.random((9, 10, 8)).astype(np.float32))
    (tmp_path / "t.csv").write_text("file,patient_id,sex\na.nii.gz,P1,F\n")
    intake = load(train=tmp_path / "train", synthetic=tmp_path / "synthetic", metadata=tmp_path / "t.csv", workers=1)
    assert intake.train.n_patients == 2
    assert intake.train.patients[:8] == ("P1",) * 8
    assert intake.train.attributes["sex"] == ("F",) * 8 + ("",) * 8
    assert intake.train.positions[:3] == (0.0, 1.0, 2.0)
    assert {issue.reason: issue.count for issue in intake.issues} == {"no-patient-volume": 8}


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_messages_name_no_file(tmp_path: Path, name: str) -> None:
    (tmp_path / f"Secret-{name}").write_bytes(b"x" * 400)
    with pytest.raises(UnreadableImage) as caught:
        slices_in(tmp_path / f"Secret-{name}")
    assert "Secret" not in str(caught.value)
