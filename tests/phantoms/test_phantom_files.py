"""Phantoms as DICOM and NIfTI files, and sets of them that go on after an interruption."""

from __future__ import annotations

import csv
import gzip
from dataclasses import replace
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pydicom
import pytest

from synthaudit.cohort import Role
from synthaudit.errors import OutputError
from synthaudit.phantoms import phantom_folder
from synthaudit.phantoms.brain import BrainPopulation
from synthaudit.phantoms.brain_contrast import CONTRASTS
from synthaudit.phantoms.chest import ChestPopulation
from synthaudit.phantoms.dicom_file import dicom_bytes, dicom_dataset
from synthaudit.phantoms.nifti_file import mask_bytes, nifti_affine, nifti_bytes
from synthaudit.phantoms.phantom_folder import PhantomSet, write_phantoms
from synthaudit.phantoms.sources import PhantomSource
from synthaudit.readers.dicom import DicomSource
from synthaudit.readers.dicom_header import header_columns

BRAIN = BrainPopulation(seed=1, size=16, slices=8, lesions=1)
CHEST = ChestPopulation(seed=1, size=16)
ONE_OF_EACH: tuple[PhantomSource, ...] = (
    *BRAIN.sources([2], contrasts=("t1", "t2", "flair", "t1c", "ct")),
    *CHEST.sources([2]),
)


def _read(source: PhantomSource, folder: Path) -> tuple[Any, Path]:
    file = folder / "one.dcm"
    file.write_bytes(dicom_bytes(source))
    return pydicom.dcmread(file), file


@pytest.mark.parametrize("source", ONE_OF_EACH, ids=lambda source: source.name)
def test_a_dicom_object_says_what_it_is(source: PhantomSource, tmp_path: Path) -> None:
    dataset, file = _read(source, tmp_path)
    assert dataset.file_meta.TransferSyntaxUID == pydicom.uid.ExplicitVRLittleEndian
    assert dataset[0x0008, 0x001C].value == "YES"
    assert dataset.PatientIdentityRemoved == "YES"
    assert dataset.DeidentificationMethod
    assert dataset.BurnedInAnnotation == "NO"
    assert dataset.PhotometricInterpretation == "MONOCHROME2"
    assert (dataset.BitsAllocated, dataset.BitsStored) in {(16, 12), (16, 16)}
    assert dataset.HighBit == dataset.BitsStored - 1
    assert dataset.pixel_array.max() < 2**dataset.BitsStored
    for keyword in ("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"):
        assert dataset[keyword].value.startswith("2.25.")
        assert dataset[keyword].value.is_valid
    row = source.attributes()
    header = header_columns(file)
    assert header["patient_id"] == source.patient_id
    assert (header["sex"], header["site"]) == (row["sex"], row["site"])
    assert header["study_date"] == row["study_date"]
    assert 0 <= float(row["age"]) - float(header["age"]) < 1.05


@pytest.mark.parametrize("source", ONE_OF_EACH, ids=lambda source: source.name)
def test_dicom_pixels_come_back(source: PhantomSource, tmp_path: Path) -> None:
    dataset, file = _read(source, tmp_path)
    np.testing.assert_array_equal(dataset.pixel_array, source.stored())
    ours = DicomSource(file).read()
    if source.scan.modality == "CR":
        np.testing.assert_array_equal(ours, source.read())
    elif source.scan.modality == "CT":
        hounsfield = dataset.pixel_array * dataset.RescaleSlope + dataset.RescaleIntercept
        np.testing.assert_allclose(hounsfield, BRAIN.signal(2, 0, "ct"), atol=0.51)
        np.testing.assert_allclose(ours * 4095 - 1024, hounsfield, atol=1e-2)
    else:
        signal = next(one.signal() for one in BRAIN.sources([2], contrasts=CONTRASTS) if one.name == source.name)
        np.testing.assert_allclose(dataset.pixel_array.astype(np.float32) / 4095, signal, atol=0.51 / 4095)
        assert np.corrcoef(ours.ravel(), source.read().ravel())[0, 1] > 0.99


def test_the_same_phantom_is_the_same_file_and_no_two_share_an_id() -> None:
    assert all(dicom_bytes(source) == dicom_bytes(source) for source in ONE_OF_EACH)
    sources: list[PhantomSource] = [
        *BRAIN.sources([0, 1], 2, contrasts=("t1", "ct"), volumes=True),
        *replace(BRAIN, seed=2).sources([0]),
        *replace(BRAIN, size=32).sources([0]),
        *CHEST.sources([0, 1], 2),
    ]
    ids = {dicom_dataset(source).SOPInstanceUID for source in sources}
    assert len(ids) == len(sources)


def test_a_volume_is_one_series_of_evenly_spaced_slices(tmp_path: Path) -> None:
    slices = [_read(source, tmp_path)[0] for source in BRAIN.sources([0], contrasts=("ct",), volumes=True)]
    assert len({dataset.SeriesInstanceUID for dataset in slices}) == 1
    assert len({dataset.FrameOfReferenceUID for dataset in slices}) == 1
    assert len({dataset.SOPInstanceUID for dataset in slices}) == len(slices)
    heights = [float(dataset.ImagePositionPatient[2]) for dataset in slices]
    np.testing.assert_allclose(np.diff(heights), 120 / 8, atol=1e-4)
    assert float(slices[0].SliceThickness) == 15
    assert list(slices[0].PixelSpacing) == [216 / 16] * 2
    assert [dataset.InstanceNumber for dataset in slices] == list(range(1, 9))


def test_contrasts_of_a_visit_share_study_and_frame(tmp_path: Path) -> None:
    first, second = (_read(source, tmp_path)[0] for source in BRAIN.sources([0], contrasts=("t1", "t1c")))
    assert first.StudyInstanceUID == second.StudyInstanceUID
    assert first.FrameOfReferenceUID == second.FrameOfReferenceUID
    assert first.SeriesInstanceUID != second.SeriesInstanceUID
    assert "ContrastBolusAgent" in second
    assert "ContrastBolusAgent" not in first


def _nifti(content: bytes) -> Any:
    return nibabel.Nifti1Image.from_bytes(gzip.decompress(content))


def _axes(image: Any) -> tuple[str, ...]:
    codes: Any = nibabel.aff2axcodes  # The library has no types.
    return tuple(codes(image.affine))


def test_a_nifti_volume_has_its_pixels_and_its_place() -> None:
    sources = BRAIN.sources([0], contrasts=("ct",), volumes=True)
    image = _nifti(nifti_bytes(sources))
    assert image.shape == (16, 16, 8)
    assert _axes(image) == ("L", "P", "S")
    np.testing.assert_allclose(image.header.get_zooms(), (13.5, 13.5, 15))
    hounsfield = np.stack([BRAIN.signal(0, 0, "ct", number) for number in range(8)])
    np.testing.assert_allclose(np.asarray(image.dataobj).transpose(2, 1, 0), hounsfield, atol=0.51)
    # The same point of the patient in both formats: DICOM counts toward left and back, NIfTI toward right and front.
    corner = image.affine @ (0, 0, 3, 1)
    np.testing.assert_allclose(corner[:3] * (-1, -1, 1), sources[3].scan.corner_mm, atol=1e-3)
    assert nifti_bytes(sources) == nifti_bytes(sources)


def test_two_dimensional_nifti() -> None:
    for source, axes in ((BRAIN.sources([0])[0], ("L", "P", "S")), (CHEST.sources([0])[0], ("L", "I", "P"))):
        image = _nifti(nifti_bytes([source]))
        assert image.shape == (16, 16)
        assert _axes(image) == axes
        np.testing.assert_allclose(image.affine, nifti_affine(source.scan), atol=1e-4)
        np.testing.assert_array_equal(np.asarray(image.dataobj).T, source.stored())


def test_a_nifti_mask_is_the_lesion_mask() -> None:
    sources = BRAIN.sources([0], volumes=True)
    mask = np.asarray(_nifti(mask_bytes(sources)).dataobj).transpose(2, 1, 0)
    np.testing.assert_array_equal(mask, np.stack([BRAIN.lesion_mask(0, slice_=number) for number in range(8)]))
    assert mask.any()


def _set(**changed: Any) -> PhantomSet:
    named: dict[str, Any] = {"sources": BRAIN.sources([0, 1]), "role": Role.TRAIN, "format": "png", "bits": 8}
    named |= {"masks": False, "settings": {"seed": 1, "patients": 2}} | changed
    return PhantomSet(**named)


def test_an_interrupted_set_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    phantoms = _set(sources=BRAIN.sources([0, 1], 2), masks=True)
    write_phantoms(phantoms, tmp_path / "whole")
    made = 0

    def dies(one: PhantomSet, file: Any) -> bytes:
        nonlocal made
        made += 1
        if made == 3:
            raise KeyboardInterrupt
        return rendered(one, file)

    rendered = phantom_folder._image
    monkeypatch.setattr(phantom_folder, "_image", dies)
    with pytest.raises(KeyboardInterrupt):
        write_phantoms(phantoms, tmp_path / "parts")
    assert len(list((tmp_path / "parts" / "images").iterdir())) == 2
    assert write_phantoms(phantoms, tmp_path / "parts") == 2
    assert write_phantoms(phantoms, tmp_path / "parts") == 0
    files = sorted(file.relative_to(tmp_path / "whole") for file in (tmp_path / "whole").rglob("*") if file.is_file())
    assert len(files) == 4 + 4 + 2
    for file in files:
        assert (tmp_path / "whole" / file).read_bytes() == (tmp_path / "parts" / file).read_bytes()


def test_files_of_other_settings_are_not_taken_for_these(tmp_path: Path) -> None:
    write_phantoms(_set(), tmp_path)
    with pytest.raises(OutputError, match="an image of that name exists already, and is of other settings"):
        write_phantoms(_set(settings={"seed": 2, "patients": 2}), tmp_path)
    # Others of the same population may join them.
    write_phantoms(_set(sources=BRAIN.sources([5]), role=Role.HOLDOUT, settings={"first": 5}), tmp_path)
    with (tmp_path / "metadata.csv").open(newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert [row["role"] for row in rows] == ["train", "train", "holdout"]
    (tmp_path / "phantoms.json").write_text("{}")
    with pytest.raises(OutputError, match=r"phantoms\.json in the folder must be a record of phantoms"):
        write_phantoms(_set(), tmp_path)


@pytest.mark.parametrize("format_", ["png", "dicom"])
def test_an_audit_can_take_a_set_in(tmp_path: Path, format_: str) -> None:
    from synthaudit.intake import load

    for role, first in (("train", 0), ("synthetic", 2)):
        sources = BRAIN.sources(range(first, first + 2), contrasts=("ct",), volumes=True)
        write_phantoms(_set(sources=sources, format=format_, role=Role.TRAIN), tmp_path / role)
    table = tmp_path / "train" / "metadata.csv"
    loaded = load(train=tmp_path / "train" / "images", synthetic=tmp_path / "synthetic" / "images", metadata=table)
    assert len(loaded.train) == 16
    assert loaded.train.patient_ids == ("BRX-000000", "BRX-000001")
    assert loaded.train.volume_ids == ("BRX-000000_00_ct", "BRX-000001_00_ct")
    assert set(loaded.train.attributes["ethnicity"]) <= {"A", "B", "C"}
    images = BRAIN.cohort(Role.TRAIN, [0], contrasts=("ct",), volumes=True)
    if format_ == "png":
        np.testing.assert_array_equal(loaded.train.sources[4].read(), images.sources[4].read())
    else:
        np.testing.assert_allclose(loaded.train.sources[4].read() * 4095 - 1024, BRAIN.signal(0, 0, "ct", 4), atol=0.55)
