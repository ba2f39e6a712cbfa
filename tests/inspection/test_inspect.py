"""A look before an audit: what is there, what would be done, what is wrong; and nobody is named."""

from __future__ import annotations

import json
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
from PIL import Image

from synthaudit.cli.main import run
from synthaudit.errors import InputError
from synthaudit.inspection.close_look import spread
from synthaudit.inspection.look import Inspection, inspect
from synthaudit.inspection.plan import plan

PATIENTS = 26


@pytest.fixture
def films(tmp_path: Path) -> Path:
    """PNG films of 26 patients, two of one of them; a table that lacks the last; a file that is none; one cut short."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "films"
    folder.mkdir()
    rows = ["file,patient_id,sex,study_date,site,modality"]
    for number in range(PATIENTS + 1):
        Image.fromarray(rng.integers(0, 255, (40, 48), dtype=np.uint8)).save(folder / f"film{number:02d}.png")
        who, sex = min(number, PATIENTS - 1), "F" if number < 12 else "M"
        site, modality = ("Saint Nowhere", "Room of Meier") if number < 3 else ("North", "CR" if number < 6 else "DX")
        if number < PATIENTS - 2 or number >= PATIENTS - 1:
            rows.append(f"film{number:02d}.png,Secret-{who:03d},{sex},2020-01-{1 + number:02d},{site},{modality}")
    (folder / "cutoff.png").write_bytes((folder / "film00.png").read_bytes()[:60])
    (folder / "notes.txt").write_text("Secret-001 came twice")
    (tmp_path / "table.csv").write_text("\n".join(rows) + "\n")
    return folder


@pytest.fixture
def looked(films: Path) -> Inspection:
    return inspect(films, metadata=films.parent / "table.csv", look_at=None, workers=1)


def test_it_counts_what_is_there(looked: Inspection) -> None:
    assert looked.form == "folder"
    assert looked.images == PATIENTS + 2
    assert looked.formats == {"raster": PATIENTS + 2}
    assert looked.patients == PATIENTS - 1
    assert looked.several_images == looked.several_visits == 1
    assert looked.unknown_patient == 2
    assert set(looked.look.sides) == {(48, 40)}
    assert looked.look.depths == {"8 bits": PATIENTS + 2}


def test_small_groups_are_not_named(looked: Inspection) -> None:
    columns = {column.name: column for column in looked.columns}
    assert columns["sex"].counts == {"F": 12, "M": 13}
    assert columns["site"].values == 2
    assert columns["site"].counts == {}, "three of 25 would follow from the other 22"
    assert columns["sex"].missing is None
    assert "study_date" not in columns


def test_it_says_what_is_wrong(looked: Inspection) -> None:
    assert {issue.reason: issue.count for issue in looked.issues} == {"truncated": 1, "not-an-image": 1, "no-row": 2}


def test_modalities_are_codes_or_those_of_many(looked: Inspection) -> None:
    assert looked.modalities == {"other": 3, "CR": 3, "DX": 20, "": 2}


def test_a_transfer_syntax_that_nobody_knows_is_not_read_out(tmp_path: Path) -> None:
    import io

    from pydicom import dcmread

    from synthaudit.phantoms.chest import ChestPopulation
    from synthaudit.phantoms.dicom_file import dicom_bytes

    source = ChestPopulation(seed=0, size=64).sources([0])[0]
    dataset = dcmread(io.BytesIO(dicom_bytes(source)))
    content = dicom_bytes(source)
    syntax = str(dataset.file_meta.TransferSyntaxUID).encode()
    secret = b"1.2.3.4477120".ljust(len(syntax), b"0")
    assert content.count(syntax) == 1
    (tmp_path / "a.dcm").write_bytes(content.replace(syntax, secret))
    assert b"4477120" in (tmp_path / "a.dcm").read_bytes()
    assert set(inspect(tmp_path, workers=1).look.syntaxes) <= {"private or unknown"}


def test_a_sample_is_spread_over_all(films: Path) -> None:
    few = inspect(films, look_at=4, workers=1)
    assert few.look.looked_at == 4
    numbers = list(range(100))
    assert spread(numbers, 3) == [0, 50, 99]  # type: ignore[arg-type, comparison-overlap]
    assert spread(numbers, None) == numbers  # type: ignore[arg-type, comparison-overlap]


def test_the_plan_says_what_can_be_asked(looked: Inspection, films: Path) -> None:
    said = " ".join(plan(looked))
    assert "64 x 64 pixels" in said
    assert "25 patients leave fewer than the 30" in said
    assert "Re-identification and linkability cannot be asked" in said
    assert "Groups can be compared by: modality, sex, site." in said
    assert "No patient is known" in " ".join(plan(inspect(films, look_at=1)))


@pytest.mark.parametrize("form", ["folder", "zip"])
def test_the_command_names_nobody(films: Path, form: str, capsys: pytest.CaptureFixture[str]) -> None:
    place = films
    if form == "zip":
        place = films.parent / "films.zip"
        with ZipFile(place, "w") as archive:
            for file in sorted(films.iterdir()):
                archive.write(file, file.name)
    assert run(["inspect", str(place), "--metadata", str(films.parent / "table.csv"), "--all"]) == 0
    out, err = capsys.readouterr()
    for secret in ("Secret-", "film0", "cutoff", "notes", "Nowhere", "Meier"):
        assert secret not in out + err
    assert "under 10 with several images, under 10 with several study dates" in out
    assert "28 images" in out
    assert form in out


def test_json_for_a_program(films: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["inspect", str(films), "--json", "--images", "5"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["schema"] == "synthaudit/inspection/1"
    assert told["images"] == 28
    assert told["decoded"]["images"] == 5
    assert told["patients_with_several_images"] == 0
    assert {issue["reason"] for issue in told["issues"]} >= {"no-patient", "not-an-image"}


def test_nothing_there_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InputError, match="at least one file that may be an image"):
        inspect(tmp_path)
    assert run(["inspect", str(tmp_path / "missing")]) == 2
    assert "must exist" in capsys.readouterr().err
