"""Everything that can be left behind in a DICOM object is objected to; an object as it ought to be is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pydicom import dcmread

from synthaudit.cohort import Role
from synthaudit.headers.carry_over import CarriedOver, carried_over
from synthaudit.headers.required import FEATURES, SYNTHETIC
from tests.headers.conftest import Memory, Ward, header_of, headers_of, objections
from tests.headers.planted_dicom import (
    BY_LOOK,
    BYTES,
    CARRIED,
    UNSAID,
    clean_dataset,
    encoded,
    patient_dataset,
    sources,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

CLEAN = encoded(clean_dataset("chest", 0, 7))


@pytest.mark.parametrize("kind", ["chest", "t1", "t2", "flair", "ct"])
@pytest.mark.parametrize("seed", [0, 1])
def test_an_object_as_it_ought_to_be_is_not_objected_to(kind: str, seed: int) -> None:
    header = header_of(encoded(clean_dataset(kind, seed, seed + 3)), "out/0003.dcm")
    assert objections(header) == {}
    assert all(header.required.values()), header.required
    assert (FEATURES in header.required) == (kind != "chest")
    assert not header.damaged


@pytest.mark.parametrize("kind", list(BY_LOOK))
def test_what_was_left_behind_is_objected_to(kind: str) -> None:
    dataset = clean_dataset("chest", 0, 7)
    BY_LOOK[kind](dataset)
    assert objections(header_of(encoded(dataset))), kind


@pytest.mark.parametrize("kind", list(BYTES))
def test_bytes_behind_the_object_are_objected_to(kind: str) -> None:
    assert objections(header_of(BYTES[kind](CLEAN)))["bytes at the end"]


@pytest.mark.parametrize("kind", list(UNSAID))
def test_what_an_object_must_say_is_missed(kind: str) -> None:
    dataset = clean_dataset("chest", 0, 7)
    UNSAID[kind](dataset)
    assert not all(header_of(encoded(dataset)).required.values())


def test_a_head_must_say_whether_a_face_shows() -> None:
    dataset = clean_dataset("t1", 0, 7)
    del dataset.RecognizableVisualFeatures
    assert header_of(encoded(dataset)).required[FEATURES] is False


def test_no_value_is_kept() -> None:
    dataset = patient_dataset(sources("chest", 0, [1])[0], 1)
    kept = repr(header_of(encoded(dataset))) + str([one.__slots__ for one in header_of(encoded(dataset)).said])
    for value in (dataset.PatientID, str(dataset.PatientName), dataset.AccessionNumber, dataset.SOPInstanceUID):
        assert str(value) not in kept


@pytest.mark.parametrize("cut", [0, 3, 100, 140, 200, 300, 400, 700, 1000])
def test_broken_objects_never_raise(cut: int) -> None:
    content = encoded(patient_dataset(sources("chest", 0, [1])[0], 1))
    for broken in (
        content[:cut],
        content[:cut] + b"\xff" * 40 + content[cut + 40 :],
        content[:cut] + content[cut + 7 :],
    ):
        header_of(broken)


def carried(ward: Ward, files: list[bytes], *, holdout: bool = True) -> list[CarriedOver]:
    synthetic = headers_of(Role.SYNTHETIC, [(f"made-{i:02d}.dcm", content) for i, content in enumerate(files)])
    return carried_over(synthetic, ward.train, ward.holdout if holdout else None, alpha=0.001)


def test_a_clean_release_carries_nothing_over(ward: Ward) -> None:
    assert carried(ward, list(ward.clean)) == []
    assert carried(ward, list(ward.clean), holdout=False) == []


@pytest.mark.parametrize("holdout", [True, False])
@pytest.mark.parametrize("kind", list(CARRIED))
def test_what_one_patients_object_says_is_recognized(ward: Ward, kind: str, holdout: bool) -> None:
    patient = patient_dataset(sources("chest", 0, [5])[0], 5)
    dataset = clean_dataset("chest", 0, 203)
    CARRIED[kind](dataset, patient)
    found = carried(ward, [*ward.clean[:3], encoded(dataset)], holdout=holdout)
    assert {one.file for one in found} == {3}, kind
    assert {one.patients for one in found if one.from_train} == {frozenset({str(patient.PatientID)})}


def test_a_held_out_patients_ids_are_told_apart(ward: Ward) -> None:
    patient = patient_dataset(sources("chest", 0, [104])[0], 104)
    dataset = clean_dataset("chest", 0, 203)
    CARRIED["sop instance uid"](dataset, patient)
    assert {one.from_train for one in carried(ward, [encoded(dataset)])} == {False}


COMMON = {
    "institution": ("InstitutionName", "General Hospital"),
    "serial number": ("DeviceSerialNumber", "SN112200"),
    "station": ("StationName", "CR02"),
    "software": ("SoftwareVersions", "V7.1 build 20160101"),
}


@pytest.mark.parametrize("kind", list(COMMON))
def test_what_everybodys_objects_say_is_not_carried_over(ward: Ward, kind: str) -> None:
    files = []
    for content in ward.clean:
        dataset = dcmread(Memory(content).open())
        setattr(dataset, *COMMON[kind])
        dataset.private_block(0x0019, "SOME MAKER 1.0", create=True).add_new(1, "LO", "standard mode of everybody")
        files.append(encoded(dataset))
    assert carried(ward, files) == []


def test_synthetic_must_be_said_in_so_many_words() -> None:
    dataset = clean_dataset("chest", 0, 7)
    dataset.SyntheticData = "NO"
    required: Mapping[str, bool] = header_of(encoded(dataset)).required
    assert required[SYNTHETIC] is False
