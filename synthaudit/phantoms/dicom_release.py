"""A simulated image as a synthetic DICOM object ought to be written: of nobody, and saying so.

What a patient's object says of patient, visit, place and machine is left out or invented recognizably; what a viewer
needs to show the pixels stays. `dicom_file` writes simulated *patients*; this writes what may be released.

Reference:
    DICOM PS3.15, annex E, basic profile with the option to retain patient characteristics; PS3.3, C.12.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from synthaudit.phantoms.dicom_file import dicom_dataset, uid
from synthaudit.phantoms.sources import PhantomSource

if TYPE_CHECKING:
    from pydicom import Dataset

_LEFT_OUT = (
    *("AccessionNumber", "ReferringPhysicianName", "StudyID", "StudyDescription", "SeriesDescription"),
    *("InstitutionName", "PatientBirthDate", "PositionReferenceIndicator", "ContrastBolusAgent"),
)
_MUST_BE_THERE = ("AccessionNumber", "ReferringPhysicianName", "StudyID", "PatientBirthDate")
"""Of type 2: present, and empty."""


def release_dataset(source: PhantomSource, number: int, collection: str = "synthetic") -> Dataset:
    """The object of one image, file meta information included.

    Args:
        source: Gives the pixels and how to show them; nothing of the person.
        number: Of the image in the collection: its ids are made of both, and of nothing else.
        collection: A name for the release.
    """
    dataset = dicom_dataset(source)
    for keyword in _LEFT_OUT:
        if keyword in dataset:
            delattr(dataset, keyword)
    for keyword in _MUST_BE_THERE:
        setattr(dataset, keyword, "")
    for keyword, value in _invented(number, collection).items():
        setattr(dataset, keyword, value)
    if "FrameOfReferenceUID" in dataset:
        dataset.FrameOfReferenceUID = uid(collection, number, "frame")
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    if source.scan.body_part in ("HEAD", "BRAIN"):
        dataset.RecognizableVisualFeatures = "NO"
    return dataset


def release_bytes(source: PhantomSource, number: int, collection: str = "synthetic") -> bytes:
    """The file of it, preamble included; the same bytes each time."""
    from pydicom import dcmwrite

    buffer = io.BytesIO()
    dcmwrite(buffer, release_dataset(source, number, collection), enforce_file_format=True)
    return buffer.getvalue()


def _invented(number: int, collection: str) -> dict[str, Any]:
    return {
        "SOPInstanceUID": uid(collection, number, "image"),
        "StudyInstanceUID": uid(collection, number, "study"),
        "SeriesInstanceUID": uid(collection, number, "series"),
        "PatientName": f"SYNTHETIC^{number:06d}",
        "PatientID": f"SYNTHETIC-{number:06d}",
        "StudyDate": "",
        "StudyTime": "",
        "SyntheticData": "YES",
        "PatientIdentityRemoved": "YES",
        "DeidentificationMethod": "Made by a generator: of nobody",
        "BurnedInAnnotation": "NO",
        "LongitudinalTemporalInformationModified": "REMOVED",
    }
