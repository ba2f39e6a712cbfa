"""From the table's columns `volume` and `slice` to volumes; what contradicts itself is listed with its reason."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from synthaudit.errors import MetadataError
from synthaudit.intake import Intake, load

HEADER = "file,patient_id,volume,slice"


def folders(root: Path, files: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    for role, names in files.items():
        for name in names:
            path = root / role / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.suffix == ".npy":
                np.save(path, rng.random((3, 9, 9), dtype=np.float32))
            else:
                Image.fromarray(rng.integers(0, 256, (12, 16), dtype=np.uint8)).save(path)
    return {role: root / role for role in files}


def loaded(root: Path, files: Mapping[str, Sequence[str]], rows: Sequence[str], header: str = HEADER) -> Intake:
    table = root / "table.csv"
    table.write_text("\n".join([header, *rows, ""]), encoding="utf-8")
    return load(**folders(root, files), metadata=table, workers=1)


def counts(intake: Intake) -> dict[tuple[str, str], int]:
    assert not any(issue.excluded for issue in intake.issues), "nothing is left out for a volume's sake"
    return {(issue.role, issue.reason): issue.count for issue in intake.issues}


def test_a_table_groups_real_and_synthetic_slices(tmp_path: Path) -> None:
    files = {"train": ["a.png", "b.png", "c.png"], "synthetic": ["s.png", "t.png", "u.png"]}
    rows = ["a.png,P1,v1,-3.5,F", "b.png,P1,v1,12,F", "c.png,P2,,,F"]
    rows += ["synthetic/s.png,,g1,1,", "synthetic/t.png,,g1,2,"]
    intake = loaded(tmp_path, files, rows, f"{HEADER},sex")
    assert intake.train.volumes == ("v1", "v1", "")
    assert intake.train.positions[:2] == (-3.5, 12.0)
    assert intake.train.attributes == {"sex": ("F", "F", "F")}
    assert intake.synthetic.volumes == ("g1", "g1", "")
    assert intake.synthetic.positions[:2] == (1.0, 2.0)
    assert counts(intake) == {}


def test_without_volumes_nothing_changes(tmp_path: Path) -> None:
    files = {"train": ["a.png", "b.png"], "synthetic": ["s.png"]}
    intake = loaded(tmp_path, files, ["a.png,P1,7", "b.png,P1,"], "file,patient_id,slice")
    assert intake.train.volume_ids == ()
    assert intake.train.attributes == {"slice": ("7", "")}, "a column `slice` alone is an attribute like any other"
    empty = loaded(tmp_path, files, ["a.png,P1,,3", "b.png,P1,,4"])
    assert empty.train.volume_ids == ()
    assert counts(empty) == {}


def test_a_volume_in_two_patients_is_listed_and_taken_image_by_image(tmp_path: Path) -> None:
    files = {"train": ["a.png", "b.png", "c.png"], "synthetic": ["s.png"]}
    intake = loaded(tmp_path, files, ["a.png,P1,v,1", "b.png,P2,v,2", "c.png,P2,w,2"])
    assert counts(intake) == {("train", "volume-two-patients"): 2}
    assert intake.train.volumes == ("", "", "w")
    assert intake.train.patients == ("P1", "P2", "P2")
    assert ("train", "a.png", "volume-two-patients") in intake.files_left_out


def test_a_volume_in_two_roles_is_listed_in_both(tmp_path: Path) -> None:
    files = {"train": ["a.png", "b.png"], "synthetic": ["s.png", "t.png"]}
    rows = ["a.png,P1,v,1", "b.png,P1,w,1", "synthetic/s.png,,v,2", "synthetic/t.png,,x,2"]
    intake = loaded(tmp_path, files, rows)
    assert counts(intake) == {("train", "volume-two-roles"): 1, ("synthetic", "volume-two-roles"): 1}
    assert intake.train.volumes == ("", "w")
    assert intake.synthetic.volumes == ("", "x")


@pytest.mark.parametrize(
    ("text", "reason"),
    [("twelve", "slice-not-a-number"), ("inf", "slice-not-a-number"), ("1_0", "slice-not-a-number"),
     ("1e999", "slice-not-a-number"), ("", "slice-missing"), ("n/a", "slice-missing")],
)  # fmt: skip
def test_a_slice_without_a_number_stays_in_its_volume(tmp_path: Path, text: str, reason: str) -> None:
    files = {"train": ["a.png", "b.png"], "synthetic": ["s.png"]}
    intake = loaded(tmp_path, files, ["a.png,P1,v,1", f"b.png,P1,v,{text}"])
    assert counts(intake) == {("train", reason): 1}
    assert intake.train.volumes == ("v", "v")
    assert intake.train.positions[0] == 1.0
    assert math.isnan(intake.train.positions[1])


def test_an_image_whose_role_is_in_doubt_is_no_slice(tmp_path: Path) -> None:
    files = {"train": ["a.png", "b.png"], "synthetic": ["s.png"]}
    rows = ["a.png,P1,v,1,train", "b.png,P1,v,1,synthetic"]
    intake = loaded(tmp_path, files, rows, f"{HEADER},role")
    assert [issue.reason for issue in intake.issues] == ["role-conflict"]
    assert intake.train.positions == (1.0,)


def test_two_slices_at_one_position_are_listed_both(tmp_path: Path) -> None:
    files = {"train": ["a.png", "b.png", "c.png"], "synthetic": ["s.png"]}
    intake = loaded(tmp_path, files, ["a.png,P1,v,1", "b.png,P1,v,1.0", "c.png,P1,v,2"])
    assert counts(intake) == {("train", "slice-repeated"): 2}
    assert [math.isnan(position) for position in intake.train.positions] == [True, True, False]


def test_the_images_of_a_stack_lie_in_their_order(tmp_path: Path) -> None:
    files = {"train": ["a.png", "whole.npy"], "synthetic": ["s.png"]}
    intake = loaded(tmp_path, files, ["a.png,P1,,", "whole.npy,P2,v,"])
    assert intake.train.volumes == ("", "v", "v", "v")
    assert intake.train.positions[1:] == (0.0, 1.0, 2.0)
    assert counts(intake) == {}


def test_a_volume_of_nobody_known_is_one_patient_not_as_many_as_it_has_slices(tmp_path: Path) -> None:
    files = {"train": ["a.png", "b.png", "c.png", "d.png"], "synthetic": ["s.png"]}
    intake = loaded(tmp_path, files, ["a.png,,v,1", "b.png,,v,2", "c.png,P1,w,1", "d.png,,w,2"])
    assert intake.train.n_patients == 2
    assert intake.train.patients[2:] == ("P1", "P1")
    assert intake.train.known_patient.tolist() == [False, False, True, True]
    assert counts(intake) == {("train", "no-patient-volume"): 2}


def test_rows_that_give_one_image_two_volumes_are_refused(tmp_path: Path) -> None:
    files = {"train": ["a.png"], "synthetic": ["s.png"]}
    with pytest.raises(MetadataError, match=r"contradict each other for 1 image\(s\), in: slice, volume"):
        loaded(tmp_path, files, ["a.png,P1,v,1", "a.png,P1,w,2"])


def test_blank_slices_are_equal_whoever_they_are_of(tmp_path: Path) -> None:
    files = {"train": ["a.png", "b.png"], "holdout": ["c.png", "d.png"], "synthetic": ["s.png"]}
    given = folders(tmp_path, files)
    for name in ("train/b.png", "holdout/d.png"):
        Image.fromarray(np.zeros((12, 16), np.uint8)).save(tmp_path / name)
    assert {issue.reason for issue in load(**given).issues} == {"no-patient"}
    Image.open(tmp_path / "train" / "a.png").save(tmp_path / "holdout" / "d.png")
    assert {issue.reason for issue in load(**given).issues} == {"no-patient", "duplicate-across"}


def test_no_message_names_a_volume(tmp_path: Path) -> None:
    files = {"train": ["a.png", "b.png"], "synthetic": ["s.png"]}
    intake = loaded(tmp_path, files, ["a.png,P1,SECRET,1", "b.png,P2,SECRET,x"])
    assert "SECRET" not in repr(intake)
    assert not any("SECRET" in issue.says for issue in intake.issues)
