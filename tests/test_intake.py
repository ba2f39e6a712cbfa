"""From folders and a table to cohorts: whose image each is, and that no patient stands on both sides."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from synthaudit.cohort import Cohort, Role
from synthaudit.errors import InputError, MetadataError, UsageError
from synthaudit.intake import Intake, load, split_by_patient
from synthaudit.readers.arrays import ArraySource


def picture(path: Path, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (12, 16), dtype=np.uint8)).save(path)


def folders(root: Path, files: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Pictures, each different, in a folder for each role."""
    seed = 0
    for role, names in files.items():
        for name in names:
            picture(root / role / name, seed := seed + 1)
    return {role: root / role for role in files}


def table(root: Path, *rows: str, header: str = "file,patient_id") -> Path:
    (root / "table.csv").write_text("\n".join([header, *rows, ""]), encoding="utf-8")
    return root / "table.csv"


def counts(intake: Intake) -> dict[tuple[str, str], int]:
    return {(issue.role, issue.reason): issue.count for issue in intake.issues}


def cohort(patients: Sequence[str], digests: Sequence[str] | None = None, role: Role = Role.TRAIN) -> Cohort:
    n = len(patients)
    return Cohort(
        role=role,
        names=tuple(f"{i}.npy" for i in range(n)),
        sources=tuple(ArraySource(Path(f"{i}.npy")) for i in range(n)),
        patients=tuple(patients),
        known_patient=np.ones(n, np.bool_),
        attributes={},
        pixel_digests=tuple(digests if digests is not None else (f"{role}{i}" for i in range(n))),
    )


def test_one_table_serves_all_roles(tmp_path: Path) -> None:
    given_folders = folders(tmp_path, {"train": ["a.png", "sub/b.png"], "holdout": ["c.png"], "synthetic": ["s.png"]})
    rows = table(tmp_path, "train/a.png,P1,F,", "sub/b.png,P1,M,x", "c.png,P2,,", header="file,patient_id,sex,Scanner")
    intake = load(**given_folders, metadata=rows, workers=2)
    assert intake.train.role is Role.TRAIN
    assert intake.train.names == ("a.png", "sub/b.png")
    assert intake.train.patients == ("P1", "P1")
    assert intake.train.known_patient.all()
    assert intake.train.attributes == {"sex": ("F", "M"), "scanner": ("", "x")}
    assert intake.holdout is not None
    assert intake.holdout.patients == ("P2",)
    assert not intake.synthetic.known_patient.any()
    assert intake.reference is None
    assert intake.issues == ()
    assert intake.files_left_out == ()
    assert intake.sizes == {"train": "16 x 12", "holdout": "16 x 12", "synthetic": "16 x 12"}
    assert intake.train.sources[0].read().shape == (12, 16)


def test_images_without_a_row_are_their_own_patients(tmp_path: Path) -> None:
    given_folders = folders(tmp_path, {"train": ["a.png", "b.png", "c.png", "d.png"], "synthetic": ["s.png"]})
    intake = load(**given_folders, metadata=table(tmp_path, "a.png,P1", "b.png,", "gone.png,P3"))
    assert intake.train.known_patient.tolist() == [True, False, False, False]
    assert intake.train.n_patients == 4
    assert counts(intake) == {("metadata", "no-file"): 1, ("train", "no-row"): 2, ("train", "no-patient"): 1}
    assert ("train", "c.png", "no-row") in intake.files_left_out
    assert ("metadata", "gone.png", "no-file") in intake.files_left_out
    assert {issue.reason: issue.excluded for issue in intake.issues}["no-row"] is False


def test_without_a_table_every_image_is_its_own_patient(tmp_path: Path) -> None:
    given_folders = folders(tmp_path, {"train": ["a.png", "b.png"], "holdout": ["a.png"], "synthetic": ["s.png"]})
    intake = load(**given_folders)
    assert intake.holdout is not None
    assert not set(intake.train.patients) & set(intake.holdout.patients)
    assert intake.train.n_patients == 2
    assert counts(intake) == {("train", "no-patient"): 2, ("holdout", "no-patient"): 1}


def test_patient_ids_that_differ_by_white_space_are_one_patient_and_reported(tmp_path: Path) -> None:
    given_folders = folders(tmp_path, {"train": ["a.png", "b.png"], "holdout": ["c.png"], "synthetic": ["s.png"]})
    rows = table(tmp_path, "a.png,P1", "b.png,  P1", "c.png,p1")
    intake = load(**given_folders, metadata=rows)
    assert intake.train.patient_ids == ("P1",)
    assert counts(intake) == {("metadata", "patient-id-space"): 1}
    with pytest.raises(InputError, match="holdout needs patients who are not in training"):
        load(**given_folders, metadata=table(tmp_path, "a.png,P1", "b.png,P2", "c.png,P1 "))


def test_ids_that_differ_by_case_are_kept_apart_and_reported(tmp_path: Path) -> None:
    given_folders = folders(tmp_path, {"train": ["a.png", "b.png"], "synthetic": ["s.png"]})
    intake = load(**given_folders, metadata=table(tmp_path, "a.png,P1", "b.png,p1"))
    assert intake.train.n_patients == 2
    assert counts(intake) == {("train", "patient-id-case"): 2}


def test_names_beyond_ascii_match_whatever_their_unicode_form(tmp_path: Path) -> None:
    given_folders = folders(tmp_path, {"train": ["Müller/e\u0301.png", "日本.png"], "synthetic": ["s.png"]})
    rows = table(tmp_path, "Mu\u0308ller/\u00e9.png,Zoë", "日本.png,患者1")
    intake = load(**given_folders, metadata=rows)
    assert dict(zip(intake.train.names, intake.train.patients, strict=True)) == {
        "Müller/\u00e9.png": "Zoë",
        "日本.png": "患者1",
    }
    assert intake.issues == ()


def test_a_stack_has_one_row_or_a_row_for_each_image(tmp_path: Path) -> None:
    given_folders = folders(tmp_path, {"train": ["a.png"], "synthetic": ["s.png"]})
    for name in ("each.npy", "whole.npy"):
        np.save(tmp_path / "train" / name, np.random.default_rng(len(name)).random((2, 9, 9)))
    rows = table(tmp_path, "a.png,P1", "each.npy#0,P2", "each.npy#1,P3", "whole.npy,P4")
    intake = load(**given_folders, metadata=rows)
    assert intake.train.names == ("a.png", "each.npy#0", "each.npy#1", "whole.npy#0", "whole.npy#1")
    assert intake.train.patients == ("P1", "P2", "P3", "P4", "P4")
    assert intake.issues == ()


def test_a_role_column_divides_the_training_folder(tmp_path: Path) -> None:
    given_folders = folders(tmp_path, {"train": ["a.png", "b.png", "c.png", "d.png"], "synthetic": ["s.png"]})
    rows = table(
        tmp_path, "a.png,P1,train", "b.png,P2,holdout", "c.png,P3,Reference", "d.png,P4,", header="file,patient_id,role"
    )
    intake = load(**given_folders, metadata=rows)
    assert intake.train.names == ("a.png", "d.png")
    assert intake.holdout is not None
    assert intake.holdout.names == ("b.png",)
    assert intake.holdout.role is Role.HOLDOUT
    assert intake.reference is not None
    assert intake.reference.patients == ("P3",)
    with pytest.raises(UsageError, match="found a holdout by the `role` column"):
        load(**given_folders, metadata=rows, split="patients:0.5")


def test_a_role_that_contradicts_the_folder_leaves_the_image_out(tmp_path: Path) -> None:
    given_folders = folders(
        tmp_path, {"train": ["a.png", "b.png"], "holdout": ["c.png", "d.png"], "synthetic": ["s.png"]}
    )
    rows = table(
        tmp_path, "a.png,P1,train", "b.png,P2,holdout", "c.png,P3,train", "d.png,P4,", header="file,patient_id,role"
    )
    intake = load(**given_folders, metadata=rows)
    assert intake.train.names == ("a.png",)
    assert intake.holdout is not None
    assert intake.holdout.names == ("d.png",)
    assert counts(intake) == {("train", "role-conflict"): 1, ("holdout", "role-conflict"): 1}
    assert all(issue.excluded for issue in intake.issues)


def test_repeated_rows_are_merged_and_contradicting_rows_refused(tmp_path: Path) -> None:
    given_folders = folders(tmp_path, {"train": ["a.png", "b.png"], "synthetic": ["s.png"]})
    intake = load(**given_folders, metadata=table(tmp_path, "a.png,P1", "a.png,P1", "b.png,P2"))
    assert counts(intake) == {("metadata", "duplicate-row"): 1}
    with pytest.raises(MetadataError, match="contradict each other for 1 image"):
        load(**given_folders, metadata=table(tmp_path, "a.png,P1", "a.png,P2", "b.png,P2"))


def test_training_patients_leave_the_holdout_and_both_leave_the_reference(tmp_path: Path) -> None:
    names = {"train": ["a.png"], "holdout": ["b.png", "c.png"], "reference": ["d.png", "e.png"], "synthetic": ["s.png"]}
    rows = table(tmp_path, "a.png,P1", "b.png,P1", "c.png,P2", "d.png,P2", "e.png,P3")
    intake = load(**folders(tmp_path, names), metadata=rows)
    assert intake.holdout is not None
    assert intake.holdout.patients == ("P2",)
    assert intake.reference is not None
    assert intake.reference.patients == ("P3",)
    assert counts(intake) == {("holdout", "patient-in-both"): 1, ("reference", "patient-in-both"): 1}
    assert ("holdout", "b.png", "patient-in-both") in intake.files_left_out
    assert intake.issues[0].excluded


def test_equal_pixels_are_counted_within_and_across(tmp_path: Path) -> None:
    given_folders = folders(tmp_path, {"train": ["a.png", "b.png"], "holdout": ["c.png"], "synthetic": ["s.png"]})
    for copy in ("train/again.bmp", "holdout/copy.tif"):
        Image.open(tmp_path / "train" / "a.png").convert("RGB").save(tmp_path / copy)
    intake = load(**given_folders)
    assert counts(intake) == {
        ("train", "no-patient"): 3,
        ("holdout", "no-patient"): 2,
        ("train", "duplicate-within"): 1,
        ("train", "duplicate-across"): 2,
        ("holdout", "duplicate-across"): 1,
    }
    across = [file for file in intake.files_left_out if file[2] == "duplicate-across"]
    assert across == [
        ("train", "a.png", "duplicate-across"),
        ("train", "again.bmp", "duplicate-across"),
        ("holdout", "copy.tif", "duplicate-across"),
    ]
    assert intake.holdout is not None
    assert len(intake.holdout) == 2


def test_split_keeps_patients_whole_and_is_seeded(tmp_path: Path) -> None:
    names = [f"{patient}/{i}.png" for patient in range(6) for i in range(1 + patient % 3)]
    given_folders = folders(tmp_path, {"train": names, "synthetic": ["s.png"]})
    rows = table(tmp_path, *(f"{name},P{name[0]}" for name in names))
    intake = load(**given_folders, metadata=rows, split="patients:0.5", seed=3)
    assert intake.holdout is not None
    assert (intake.train.n_patients, intake.holdout.n_patients) == (3, 3)
    assert not set(intake.train.patients) & set(intake.holdout.patients)
    assert len(intake.train) + len(intake.holdout) == len(names)
    assert intake.sizes["holdout"] == "16 x 12"
    again = load(**given_folders, metadata=rows, split="patients:.5", seed=3, workers=3)
    assert again.holdout is not None
    assert again.holdout.names == intake.holdout.names
    drawn = set()
    for seed in range(8):
        other = load(**given_folders, metadata=rows, split="patients:0.5", seed=seed, cache=tmp_path / "cache")
        assert other.holdout is not None
        drawn.add(other.holdout.patient_ids)
    assert len(drawn) > 1


@given(
    st.lists(st.integers(0, 12), min_size=2, max_size=40).filter(lambda ids: len(set(ids)) > 1),
    st.floats(0.01, 0.99),
    st.integers(0, 2**32),
    st.randoms(),
)
def test_split_laws(ids: list[int], share: float, seed: int, order: Any) -> None:
    whole = cohort([f"P{i}" for i in ids])
    train, holdout = split_by_patient(whole, share, seed)
    assert not set(train.patients) & set(holdout.patients)
    assert sorted(train.names + holdout.names) == sorted(whole.names)
    assert min(len(train), len(holdout)) > 0
    assert abs(holdout.n_patients - share * whole.n_patients) <= 1
    assert holdout.role is Role.HOLDOUT
    rows = list(range(len(ids)))
    order.shuffle(rows)
    shuffled_train, _ = split_by_patient(whole.subset(rows), share, seed)
    assert shuffled_train.patient_ids == train.patient_ids


def test_split_needs_two_patients(tmp_path: Path) -> None:
    given_folders = folders(tmp_path, {"train": ["a.png", "b.png"], "synthetic": ["s.png"]})
    with pytest.raises(InputError, match="split needs at least 2 patients in training, found 1"):
        load(**given_folders, metadata=table(tmp_path, "a.png,P1", "b.png,P1"), split="patients:0.5")


@pytest.mark.parametrize("split", ["0.5", "patients", "patients:0", "patients:1", "patients:1.5", "images:0.5", ""])
def test_split_in_other_words_is_refused(tmp_path: Path, split: str) -> None:
    given_folders = folders(tmp_path, {"train": ["a.png"], "synthetic": ["s.png"]})
    with pytest.raises(UsageError, match="split must be patients:SHARE"):
        load(**given_folders, split=split)


def test_split_beside_a_holdout_is_refused(tmp_path: Path) -> None:
    given_folders = folders(tmp_path, {"train": ["a.png"], "holdout": ["b.png"], "synthetic": ["s.png"]})
    with pytest.raises(UsageError, match="give one of them"):
        load(**given_folders, split="patients:0.5")


def test_one_folder_for_two_roles_is_refused_also_inside_or_by_another_name(tmp_path: Path) -> None:
    given_folders = folders(tmp_path, {"train": ["a.png", "inner/b.png"], "synthetic": ["s.png"]})
    (tmp_path / "link").symlink_to(given_folders["train"])
    for other in (given_folders["train"], given_folders["train"] / "inner", tmp_path / "link", tmp_path):
        with pytest.raises(UsageError, match="each role needs a folder of its own"):
            load(**given_folders, holdout=other)


def test_cohorts_made_by_other_means_are_taken_as_they_are() -> None:
    intake = load(
        train=cohort(["P1", "P1", "P2"], ["x", "x", "y"]),
        holdout=cohort(["P2", "P3"], ["z", "y"]),
        synthetic=cohort(["S1"], role=Role.SYNTHETIC),
    )
    assert intake.holdout is not None
    assert intake.holdout.role is Role.HOLDOUT
    assert intake.holdout.patients == ("P3",)
    assert counts(intake) == {
        ("holdout", "patient-in-both"): 1,
        ("train", "duplicate-within"): 1,
        ("train", "duplicate-across"): 1,
        ("holdout", "duplicate-across"): 1,
    }
    assert intake.sizes == {}
    with pytest.raises(InputError, match="synthetic needs at least one image"):
        load(train=cohort(["P1"]), synthetic=cohort([], role=Role.SYNTHETIC))
