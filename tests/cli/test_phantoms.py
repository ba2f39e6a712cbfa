"""`synthaudit generate phantoms`: what it writes, that it goes on, and what it refuses."""

from __future__ import annotations

import csv
from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest
from PIL import Image

from synthaudit.cli.main import run

BRAIN = ("--anatomy", "brain", "--size", 16, "--quiet", "--out")


def _run(*arguments: object) -> int:
    return run(["generate", "phantoms", *map(str, arguments)])


def _rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "metadata.csv").open(newline="") as handle:
        return list(csv.DictReader(handle))


def test_brain_images_with_masks_as_png(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = _run(*BRAIN, tmp_path, "--patients", 2, "--contrast", "t1", "--contrast", "ct", "--lesions", 1, "--masks")
    assert code == 0
    assert capsys.readouterr().out == "4 images of 2 simulated patients: 4 files written\n"
    rows = _rows(tmp_path)
    assert [row["contrast"] for row in rows] == ["t1", "ct"] * 2
    assert {row["label"] for row in rows} == {"tumor|white-matter-lesions"}
    for row in rows:
        with Image.open(tmp_path / row["file"]) as image, Image.open(tmp_path / row["mask"]) as mask:
            assert image.size == mask.size == (16, 16)
            assert set(np.asarray(mask).ravel()) == {0, 255}


def test_volumes_over_years_as_dicom(tmp_path: Path) -> None:
    assert _run(*BRAIN, tmp_path, "--patients", 1, "--visits", 2, "--years", 6, "--format", "dicom",
                "--volumes", "--slices", 8) == 0  # fmt: skip
    rows = _rows(tmp_path)
    assert len({row["volume"] for row in rows}) == 2
    assert [row["slice"] for row in rows[:8]] == [str(number) for number in range(8)]
    first, last = (pydicom.dcmread(tmp_path / rows[row]["file"]) for row in (0, 15))
    assert first.Modality == "MR"
    assert first.PatientID == last.PatientID
    assert int(last.StudyDate[:4]) - int(first.StudyDate[:4]) == 6


def test_volumes_as_nifti(tmp_path: Path) -> None:
    assert _run(*BRAIN, tmp_path, "--patients", 2, "--format", "nifti", "--volumes", "--slices", 8, "--masks") == 0
    rows = _rows(tmp_path)
    assert len(rows) == 2
    for column in ("file", "mask"):
        image = nibabel.Nifti1Image.from_filename(str(tmp_path / rows[0][column]))
        assert image.shape == (16, 16, 8)


def test_the_same_command_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ("--patients", 3, "--size", 16, "--rare", 1, "--quiet", "--out", tmp_path)
    assert _run(*command) == 0
    lost = tmp_path / "images" / "CHX-000001_00.png"
    content = lost.read_bytes()
    lost.unlink()
    assert _run(*command) == 0
    assert lost.read_bytes() == content
    assert capsys.readouterr().out.splitlines()[1] == "3 images of 3 simulated patients: 1 files written"
    assert len(_rows(tmp_path)) == 3
    assert _run(*command, "--seed", 5) == 2
    assert "of other settings; choose an empty folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--contrast", "t1"), "--contrast is for --anatomy brain"),
        (("--volumes",), "--volumes is for --anatomy brain: a radiograph has no slices"),
        (("--slices", 9), "--slices is for --volumes"),
        (("--years", 2), "--years needs --visits 2 or more"),
        (("--format", "dicom", "--bits", 16), "--bits is for --format png"),
        (("--format", "dicom", "--masks"), "--masks is for --format png or nifti"),
    ],
)
def test_impossible_combinations_are_named(
    options: tuple[object, ...], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run("--patients", 1, "--out", tmp_path / "new", *options) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def test_contrasts_of_the_command_are_those_of_the_brain() -> None:
    from synthaudit.cli.phantoms import CONTRASTS
    from synthaudit.phantoms import brain_contrast

    assert CONTRASTS == brain_contrast.CONTRASTS
