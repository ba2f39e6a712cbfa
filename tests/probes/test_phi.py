"""What the files say: a clean release passes, one thing carried over is counted, pixels alone have no header."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image
from pydicom import Dataset, dcmwrite

from synthaudit.cohort import Cohort, Role
from synthaudit.finding import Finding
from synthaudit.intake import read_cohort
from synthaudit.phantoms.chest import ChestPopulation
from synthaudit.phantoms.dicom_file import dicom_bytes, dicom_dataset
from synthaudit.phantoms.dicom_release import release_dataset
from synthaudit.probe import Evidence
from synthaudit.probes.phi import Phi
from synthaudit.reports.phi import Phi as Table

if TYPE_CHECKING:
    from tests.probes.conftest import Scene

Patients = dict[Role, Cohort]
SIDE = 14


def read(folder: Path, role: Role) -> Cohort:
    return read_cohort(folder, role, workers=1)[0]


POPULATION = ChestPopulation(seed=3, size=64)
Change = Callable[[Dataset], None]


@pytest.fixture(scope="module")
def patients(tmp_path_factory: pytest.TempPathFactory) -> dict[Role, Cohort]:
    """Patients of both sides as DICOM files."""
    folder = tmp_path_factory.mktemp("patients")
    for role, first in ((Role.TRAIN, 0), (Role.HOLDOUT, 100)):
        (folder / role).mkdir()
        for number, source in enumerate(POPULATION.sources(range(first, first + SIDE))):
            (folder / role / f"{number:03d}.dcm").write_bytes(dicom_bytes(source))
    return {role: read(folder / role, role) for role in (Role.TRAIN, Role.HOLDOUT)}


@pytest.fixture(scope="module")
def clean() -> list[Dataset]:
    """A release as it ought to be."""
    return [release_dataset(source, i) for i, source in enumerate(POPULATION.sources(range(200, 200 + SIDE)))]


def released(folder: Path, datasets: list[Dataset], change: Change | None = None, rows: Iterable[int] = ()) -> Cohort:
    """These objects as files, some of them changed."""
    changed = set(rows)
    for number, dataset in enumerate(datasets):
        written = copy.deepcopy(dataset)
        if change is not None and number in changed:
            change(written)
        dcmwrite(folder / f"{number:03d}.dcm", written, enforce_file_format=True)
    return read(folder, Role.SYNTHETIC)


def answered(evidence: Evidence, cohorts: dict[Role, Cohort], *, holdout: bool = True) -> Finding:
    """The finding on these cohorts; nothing else of the evidence is asked."""
    given = replace(
        evidence,
        train=cohorts[Role.TRAIN],
        holdout=cohorts[Role.HOLDOUT] if holdout else None,
        synthetic=cohorts[Role.SYNTHETIC],
        _memo={},
    )
    return Phi().run(given, given.rng("probe phi"))


def value(finding: Finding, name: str) -> float:
    found = finding.measure(name)
    assert found is not None
    assert found.value is not None
    return found.value


def test_a_clean_release_meets_every_check(
    honest_evidence: Evidence, patients: Patients, clean: list[Dataset], tmp_path: Path
) -> None:
    finding = answered(honest_evidence, patients | {Role.SYNTHETIC: released(tmp_path, clean)})
    assert finding.answer.startswith(f"Nothing in {SIDE} synthetic files (DICOM) was found to say who a patient is.")
    for name in (
        "carried_over",
        "carried_over_holdout",
        "identifying_files",
        "required_tags_missing",
        "burned_in_text",
    ):
        assert value(finding, name) == 0, name
    assert value(finding, "checks_met") == value(finding, "files_meeting_all_checks") == 1
    assert not finding.withheld
    assert not finding.header_issues


def of_a_patient(dataset: Dataset) -> None:
    dataset.StudyInstanceUID = dicom_dataset(POPULATION.sources([2])[0]).StudyInstanceUID


@pytest.mark.parametrize("holdout", [True, False])
def test_one_id_of_a_patient_is_counted_and_named_below_restricted(
    honest_evidence: Evidence, patients: Patients, clean: list[Dataset], tmp_path: Path, *, holdout: bool
) -> None:
    cohorts = patients | {Role.SYNTHETIC: released(tmp_path, clean, of_a_patient, [5])}
    finding = answered(honest_evidence, cohorts, holdout=holdout)
    assert finding.answer.startswith("Yes: 1 of 14 synthetic files")
    carried = finding.measure("carried_over")
    assert carried is not None
    assert (carried.low, carried.value, carried.high, carried.floor) == (1, 1, 1, 0 if holdout else None)
    (issue,) = [one for one in finding.header_issues if one.carried_over_from]
    assert (issue.file, issue.where, issue.carried_over_from) == ("005.dcm", "(0020,000D)", "train")
    assert issue.patients == (cohorts[Role.TRAIN].patients[2],)
    assert [one.synthetic_image for one in finding.withheld] == ["005.dcm"]


def of_a_ward(dataset: Dataset) -> None:
    dataset.PatientName, dataset.InstitutionName = "Meier^Anna", "=St Mary Hospital"
    dataset.private_block(0x0009, "WARD FOUR", create=True).add_new(1, "LO", "Meier 4477120")
    dataset.StudyDate = "19540312"


def test_no_value_gets_into_what_is_said(
    honest_evidence: Evidence, patients: Patients, clean: list[Dataset], tmp_path: Path
) -> None:
    cohorts = patients | {Role.SYNTHETIC: released(tmp_path, clean, of_a_ward, range(SIDE))}
    finding = answered(honest_evidence, cohorts)
    assert value(finding, "identifying_files") == SIDE
    public = json.dumps([finding.answer, finding.limits, [str(one) for one in finding.measures], str(finding.charts)])
    assert not re.search(r"Meier|Mary|WARD|4477|19540312|\.dcm", public)
    assert not re.search(r"Meier|Mary|WARD|4477|19540312", str(finding.header_issues))
    assert "names of people" in public
    rows = [issue for issue in finding.header_issues if issue.check == "institutions and places"]
    assert {(one.where, len(one.digest)) for one in rows} == {("(0008,0080)", 10)}
    assert len({one.digest for one in rows}) == 1, "equal values have equal digests"
    assert Table.restricted


def test_pictures_without_text_meet_every_check(honest_evidence: Evidence, tmp_path: Path) -> None:
    for role, first in ((Role.TRAIN, 0), (Role.HOLDOUT, 100), (Role.SYNTHETIC, 200)):
        (tmp_path / role).mkdir()
        for number in range(4):
            image = Image.fromarray((POPULATION.image(first + number) * 255).astype("uint8"))
            image.save(tmp_path / role / f"{first + number:04d}.png")
    cohorts = {role: read(tmp_path / role, role) for role in (Role.TRAIN, Role.HOLDOUT, Role.SYNTHETIC)}
    finding = answered(honest_evidence, cohorts)
    assert value(finding, "checks_met") == 1
    assert value(finding, "required_tags_missing") == value(finding, "carried_over") == 0
    assert not [one for one in finding.measures if one.name.startswith("required_tags_met")]
    assert any("say little beside their pixels" in limit for limit in finding.limits)


def test_pixels_alone_have_no_header(honest: Scene, honest_evidence: Evidence) -> None:
    finding = Phi().run(replace(honest_evidence, _memo={}), honest_evidence.rng("probe phi"))
    assert finding.answer == "Only pixels were given, so there is no header to read."
    came = f"{len(honest.synthetic)} synthetic images came as pixels: what their files will say was not seen."
    assert finding.limits[0] == came
    for name in ("carried_over", "carried_over_holdout", "identifying_files", "required_tags_missing"):
        measure = finding.measure(name)
        assert measure is not None
        assert measure.value is None, "what was not seen is never passed"
    assert finding.charts == ()


def test_training_images_without_files_cannot_be_compared(
    honest: Scene, honest_evidence: Evidence, patients: Patients, clean: list[Dataset], tmp_path: Path
) -> None:
    nobody = replace(honest.train, known_patient=np.zeros(len(honest.train), dtype=bool))
    cohorts = patients | {Role.TRAIN: nobody, Role.SYNTHETIC: released(tmp_path, clean[:2])}
    found = answered(honest_evidence, cohorts).measure("carried_over")
    assert found is not None
    assert found.value is None


def test_a_header_that_breaks_off_is_no_clean_one(
    honest_evidence: Evidence, patients: Patients, clean: list[Dataset], tmp_path: Path
) -> None:
    """What was not read cannot be said to hold nothing."""
    cohorts = patients | {Role.SYNTHETIC: released(tmp_path, clean)}
    given = replace(
        honest_evidence,
        train=cohorts[Role.TRAIN],
        holdout=cohorts[Role.HOLDOUT],
        synthetic=cohorts[Role.SYNTHETIC],
        _memo={},
    )
    headers = given.headers(Role.SYNTHETIC)
    assert headers is not None
    third = replace(headers.files[3], header=replace(headers.files[3].header, damaged=True))
    given._memo[f"headers {Role.SYNTHETIC}"] = replace(headers, files=(*headers.files[:3], third, *headers.files[4:]))
    finding = Phi().run(given, given.rng("probe phi"))
    assert value(finding, "damaged_headers") == 1
    for name in ("carried_over", "carried_over_holdout", "identifying_files", "required_tags_missing"):
        found = finding.measure(name)
        assert found is not None
        assert found.value is None, name
        assert found.not_measured is not None
        assert found.not_measured.startswith("1 of the synthetic files could not be read to the end")
    assert value(finding, "files_meeting_all_checks") == (SIDE - 1) / SIDE
    assert "1 of them could not be read to the end." in finding.answer
