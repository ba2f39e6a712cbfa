"""Series to volumes: what lies across is apart, what lies twice is told apart if possible, what is missing is named."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from synthaudit.intake import Intake, load
from synthaudit.progress import Progress
from synthaudit.readers.dicom import DicomSource
from synthaudit.readers.dicom_frames import Place
from synthaudit.readers.dicom_intensity import PERCENTILES, Tally
from synthaudit.readers.scan import scan_folder
from synthaudit.readers.series import volumes_of
from tests.readers.dicom_objects import ct_slices, image, written

RNG = np.random.default_rng(5)
VOXELS = RNG.integers(0, 2000, (6, 12, 10)).astype(np.int16)


def place(position: float, *apart: str, stack: str = "a") -> Place:
    return Place((stack,), position, True, apart)


def test_images_of_a_stack_are_a_volume_in_the_order_of_their_positions() -> None:
    found = volumes_of([place(4), Place(), place(0), place(2), place(1, stack="b")])
    assert [volume.members for volume in found] == [(2, 3, 0)]
    assert found[0].missing == 0


def test_echoes_at_the_same_places_are_volumes_of_their_own() -> None:
    found = volumes_of([place(z, "same", echo, str(z)) for echo in ("10", "80") for z in (0.0, 2.0, 4.0)])
    assert [volume.members for volume in found] == [(0, 1, 2), (3, 4, 5)]


def test_what_nothing_tells_apart_stays_one_volume() -> None:
    found = volumes_of([place(0, "x"), place(2, "x"), place(2, "x"), place(4, "y")])
    assert [volume.members for volume in found] == [(0, 1, 2, 3)]


@pytest.mark.parametrize(
    ("positions", "missing"), [((0, 2, 4, 6), 0), ((0, 2, 4, 8, 10), 1), ((0, 1, 2, 3, 9, 10, 12), 6), ((0, 7), 0)]
)
def test_gaps_are_counted_in_slices(positions: tuple[float, ...], missing: int) -> None:
    assert volumes_of([place(float(z)) for z in positions])[0].missing == missing


@given(st.permutations(range(12)))
def test_volumes_do_not_depend_on_the_order_of_files(order: list[int]) -> None:
    places = [place(float(i % 6), "one" if i < 6 else "two") for i in range(12)]
    found = {frozenset(order[i] for i in volume.members) for volume in volumes_of([places[i] for i in order])}
    assert found == {frozenset(range(6)), frozenset(range(6, 12))}


def loaded(root: Path, series: Mapping[str, list[Dataset]], table: str = "") -> Intake:
    for name, slices in {**series, "synthetic/s": [image(VOXELS[0].astype(np.uint8), PatientID="")]}.items():
        for i, made in enumerate(slices):
            written(root / f"{name}{i}.dcm", made)
    (root / "t.csv").write_text(table)
    return load(
        train=root / "train", synthetic=root / "synthetic", metadata=root / "t.csv" if table else None, workers=2
    )


def reasons(intake: Intake, role: str = "train") -> dict[str, int]:
    return {issue.reason: issue.count for issue in intake.issues if issue.role == role}


def test_a_series_becomes_a_volume_of_its_patient_with_positions_in_mm(tmp_path: Path) -> None:
    scout = ct_slices(VOXELS[:1] + 9, ImageOrientationPatient=[0, 1, 0, 0, 0, -1])
    other = ct_slices(VOXELS[:3] + 1, PatientID="P2", SeriesInstanceUID="2.25.9")
    intake = loaded(tmp_path, {"train/a": ct_slices(VOXELS), "train/scout": scout, "train/b": other})
    train = intake.train
    assert reasons(intake) == {}
    assert train.patients == ("P1",) * 6 + ("P2",) * 3 + ("P1",)
    assert len(train.volume_ids) == 2
    assert train.volumes[-1] == "", "a scout lies across the others and is of no volume"
    assert train.positions[:6] == (0.0, 5.0, 10.0, 15.0, 20.0, 25.0)
    assert math.isnan(train.positions[-1])
    assert train.attributes["modality"] == ("CT",) * 10


def test_gaps_and_doubles_are_named_and_no_id_is(tmp_path: Path) -> None:
    slices = [one for i, one in enumerate(ct_slices(VOXELS)) if i != 2]
    twice = ct_slices(VOXELS[:1])[0]
    twice.SOPInstanceUID = "2.25.77"
    intake = loaded(tmp_path, {"train/a": [*slices, twice]})
    assert reasons(intake) == {"volume-gap": 1, "slice-repeated": 2, "duplicate-within": 1}
    assert len(intake.train.volume_ids) == 1
    assert sum(math.isnan(position) for position in intake.train.positions) == 2
    assert "2.25" not in repr(intake)
    assert all("2.25" not in issue.says and "P1" not in issue.says for issue in intake.issues)


def test_the_table_goes_before_the_headers(tmp_path: Path) -> None:
    rows = "".join(f"a{i}.dcm,Q,own,{9 - i}\n" for i in range(6))
    intake = loaded(tmp_path, {"train/a": ct_slices(VOXELS)}, "file,patient_id,volume,slice\n" + rows)
    assert intake.train.volumes == ("own",) * 6
    assert intake.train.positions == (9.0, 8.0, 7.0, 6.0, 5.0, 4.0)
    assert set(intake.train.patients) == {"Q"}
    # Without the columns, volumes come from the headers and patients still from the table.
    intake = loaded(tmp_path, {}, "file,patient_id\n" + "".join(f"a{i}.dcm,Q\n" for i in range(6)))
    assert intake.train.positions[:2] == (0.0, 5.0)
    assert set(intake.train.patients) == {"Q"}


def test_a_series_of_two_patients_is_no_volume(tmp_path: Path) -> None:
    slices = ct_slices(VOXELS)
    slices[0].PatientID = "P2"
    intake = loaded(tmp_path, {"train/a": slices})
    assert reasons(intake) == {"volume-two-patients": 6}
    assert intake.train.volume_ids == ()


def test_one_series_in_two_roles_is_two_volumes(tmp_path: Path) -> None:
    intake = loaded(tmp_path, {"train/a": ct_slices(VOXELS), "synthetic/x": ct_slices(VOXELS + 3)})
    assert len(intake.train.volume_ids) == len(intake.synthetic.volume_ids) == 1
    assert intake.train.volume_ids != intake.synthetic.volume_ids


def test_visits_are_numbered_by_day_for_each_patient(tmp_path: Path) -> None:
    def study(day: str, uid: str, patient: str = "P1", **elements: Any) -> Dataset:
        pixels = RNG.integers(0, 255, (9, 9)).astype(np.uint8)
        return image(pixels, StudyDate=day, StudyInstanceUID=uid, PatientID=patient, **elements)

    slices = [study("20200105", "2.25.9"), study("20200105", "2.25.8"), study("20190101", "2.25.7")]
    slices += [study("", "2.25.6", "P2"), study("", "2.25.5", "P2"), study("20210101", "2.25.4", "P3")]
    intake = loaded(tmp_path, {"train/a": slices})
    assert intake.train.attributes["visit"] == ("2", "2", "1", "2", "1", "1")


def mr_series(voxels: Any, **elements: Any) -> list[Dataset]:
    return ct_slices(voxels, **{"Modality": "MR", **elements})


def test_mr_has_one_window_for_the_whole_volume(tmp_path: Path) -> None:
    voxels = (VOXELS // np.array([1, 1, 1, 1, 40, 1])[:, None, None]).astype(np.int16)
    for i, made in enumerate(mr_series(voxels, RescaleIntercept="0", PixelPaddingValue=0)):
        written(tmp_path / f"in/{i}.dcm", made)
    low, high = np.percentile(voxels[voxels != 0], PERCENTILES)
    expected = np.clip((voxels - low) / (high - low), 0, 1)
    first = scan_folder(tmp_path / "in", "reading", 1, Progress(), tmp_path / "cache")
    np.testing.assert_allclose([one.source.read() for one in first.images], expected, atol=1e-6)
    assert expected[4].max() < 0.1, "a dark slice stays dark"
    again = scan_folder(tmp_path / "in", "reading", 3, Progress(), tmp_path / "cache")
    assert again == first
    # A slice more is another volume: its window is not that of before, and nothing of before is believed.
    (tmp_path / "in" / "5.dcm").unlink()
    fewer = scan_folder(tmp_path / "in", "reading", 1, Progress(), tmp_path / "cache")
    assert [one.checked for one in fewer.images] != [one.checked for one in first.images[:5]]
    assert fewer == scan_folder(tmp_path / "in", "reading", 1, Progress(), None)


def test_a_window_costs_one_decoding_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for i, made in enumerate(mr_series(VOXELS)):
        written(tmp_path / f"in/{i}.dcm", made)
    calls: list[DicomSource] = []
    tally = DicomSource.tally

    def counted(self: DicomSource) -> Tally:
        calls.append(self)
        return tally(self)

    monkeypatch.setattr(DicomSource, "tally", counted)
    for expected in (6, 6):
        scan_folder(tmp_path / "in", "reading", 1, Progress(), tmp_path / "cache")
        assert len(calls) == expected


def test_a_broken_place_makes_no_image_unreadable(tmp_path: Path) -> None:
    made = ct_slices(VOXELS[:2])
    plane = Dataset()
    plane.ImageOrientationPatient = None
    made[0].SharedFunctionalGroupsSequence = [plane]
    made[0].ImageOrientationPatient = [0, 0, 0, 0, 0, 0]
    made[0].ImagePositionPatient = None
    for i, one in enumerate(made):
        written(tmp_path / f"{i}.dcm", one)
    found = scan_folder(tmp_path, "reading", 1, Progress(), None)
    assert found.rejected == ()
    assert [one.volume for one in found.images] == ["", ""]
