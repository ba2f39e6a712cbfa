"""Headers and tables together say whose image each is."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, SecondaryCaptureImageStorage

from synthaudit.intake import load


def synthetic(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    Image.linear_gradient("L").save(folder / "s.png")


def dicom(path: Path, seed: int, **elements: Any) -> None:
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.file_meta.MediaStorageSOPClassUID = made.SOPClassUID = SecondaryCaptureImageStorage
    made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID = UID(f"1.2.{seed}")
    made.Rows, made.Columns, made.SamplesPerPixel, made.PixelRepresentation = 12, 16, 1, 0
    made.BitsAllocated, made.BitsStored, made.HighBit, made.PhotometricInterpretation = 16, 12, 11, "MONOCHROME2"
    made.PixelData = np.random.default_rng(seed).integers(0, 4096, (12, 16)).astype(np.uint16).tobytes()
    for keyword, value in elements.items():
        setattr(made, keyword, value)
    path.parent.mkdir(parents=True, exist_ok=True)
    made.save_as(path, enforce_file_format=True)


def test_headers_give_what_the_table_does_not_say(tmp_path: Path) -> None:
    dicom(tmp_path / "train" / "IM0001", 1, PatientID="H1 ", PatientSex="F", Modality="DX", PatientAge="030Y")
    dicom(tmp_path / "train" / "b.dcm", 2, PatientID="H2", PatientSex="M", Modality="CR")
    dicom(tmp_path / "train" / "c.dcm", 3, Modality="CR")
    synthetic(tmp_path / "synthetic")
    given_folders: dict[str, Any] = {"train": tmp_path / "train", "synthetic": tmp_path / "synthetic"}
    plain = load(**given_folders)
    assert plain.train.names == ("IM0001", "b.dcm", "c.dcm")
    assert plain.train.patients[:2] == ("H1", "H2")
    assert plain.train.known_patient.tolist() == [True, True, False]
    assert plain.train.attributes == {
        "sex": ("F", "M", ""),
        "age": ("30", "", ""),
        "modality": ("DX", "CR", "CR"),
    }
    assert [(i.role, i.reason, i.count) for i in plain.issues] == [("train", "no-patient", 1)]
    (tmp_path / "table.csv").write_text("file,patient_id,sex\nb.dcm,T2,\nc.dcm,,F\n")
    joined = load(**given_folders, metadata=tmp_path / "table.csv")
    assert joined.train.patients[:2] == ("H1", "T2")
    assert joined.train.attributes["sex"] == ("F", "M", "F")
    assert [(i.role, i.reason, i.count) for i in joined.issues] == [("train", "no-patient", 1)]


def test_the_result_does_not_depend_on_threads_or_cache(tmp_path: Path) -> None:
    synthetic(tmp_path / "synthetic")
    (tmp_path / "train").mkdir()
    for i in range(20):
        Image.new("L", (9, 9), i).save(tmp_path / "train" / f"{i}.png")
    results = [
        load(
            train=tmp_path / "train",
            synthetic=tmp_path / "synthetic",
            split="patients:0.3",
            workers=workers,
            cache=cache,
        )
        for workers, cache in ((1, None), (4, None), (2, tmp_path / "cache"), (2, tmp_path / "cache"))
    ]
    first = results[0]
    for other in results[1:]:
        assert (other.train.names, other.train.pixel_digests) == (first.train.names, first.train.pixel_digests)
        assert other.issues == first.issues


@pytest.mark.real_data
@pytest.mark.skipif("SYNTHAUDIT_DATA" not in os.environ, reason="SYNTHAUDIT_DATA names no folder of real images")
def test_real_images_are_joined_with_their_table(tmp_path: Path) -> None:
    synthetic(tmp_path)
    data = Path(os.environ["SYNTHAUDIT_DATA"], "nih_cxr_64px")
    intake = load(
        train=data / "images", synthetic=tmp_path, metadata=data / "metadata.csv", split="patients:0.5", workers=2
    )
    assert intake.holdout is not None
    assert len(intake.train) + len(intake.holdout) == 415
    assert intake.train.n_patients + intake.holdout.n_patients == 123
    assert intake.train.known_patient.all()
    assert set(intake.train.attributes["sex"]) == {"F", "M"}
    assert intake.sizes["train"] == "64 x 64"
