"""What can be left behind in a DICOM object, one thing at a time."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
from pydicom import Dataset, dcmwrite
from pydicom.sequence import Sequence

from synthaudit.phantoms.brain import BrainPopulation
from synthaudit.phantoms.brain_contrast import CONTRASTS
from synthaudit.phantoms.chest import ChestPopulation
from synthaudit.phantoms.dicom_file import dicom_dataset
from synthaudit.phantoms.dicom_release import release_dataset
from synthaudit.phantoms.sources import PhantomSource

Plant = Callable[[Dataset], object]


def encoded(dataset: Dataset) -> bytes:
    buffer = io.BytesIO()
    dcmwrite(buffer, dataset, enforce_file_format=True)
    return buffer.getvalue()


def _item(**values: Any) -> Dataset:
    item = Dataset()
    for keyword, value in values.items():
        setattr(item, keyword, value)
    return item


def _private(group: int, vr: str, value: Any) -> Plant:
    def plant(dataset: Dataset) -> None:
        block = dataset.private_block(group, "SOME MAKER 1.0", create=True)
        block.add_new(0x01, vr, value)

    return plant


def _set(**values: Any) -> Plant:
    def plant(dataset: Dataset) -> None:
        for keyword, value in values.items():
            setattr(dataset, keyword, value)

    return plant


def _meta(**values: Any) -> Plant:
    return lambda dataset: _set(**values)(dataset.file_meta)


def _icon(dataset: Dataset) -> None:
    pixels = np.arange(4096, dtype=np.uint8).tobytes()
    dataset.IconImageSequence = Sequence([_item(Rows=64, Columns=64, PixelData=pixels)])
    dataset.IconImageSequence[0]["PixelData"].VR = "OB"


def _overlay(dataset: Dataset) -> None:
    dataset.add_new(0x60000010, "US", 64)
    dataset.add_new(0x60000011, "US", 64)
    dataset.add_new(0x60000040, "CS", "G")
    dataset.add_new(0x60003000, "OW", bytes(range(256)) * 2)


def _high_bits(dataset: Dataset) -> None:
    stored = np.frombuffer(dataset.PixelData, "<u2").copy()
    dataset.BitsStored, dataset.HighBit = 12, 11
    stored &= 0x0FFF
    stored[100:200] |= 0x3000
    dataset.PixelData = stored.tobytes()


BY_LOOK: dict[str, Plant] = {
    "name": _set(PatientName="Meier^Anna"),
    "patient id": _set(PatientID="4477120-9"),
    "other ids": _set(OtherPatientIDs="99120034"),
    "birth date": _set(PatientBirthDate="19540312"),
    "age above 89": _set(PatientAge="094Y"),
    "address": _set(PatientAddress="12 High Street"),
    "telephone": _set(PatientTelephoneNumbers="+49 30 1234567"),
    "accession number": _set(AccessionNumber="A2017-88812"),
    "study date": _set(StudyDate="20170312"),
    "acquisition time": _set(AcquisitionTime="143207.220"),
    "content date and time": _set(ContentDate="20170312", ContentTime="143209"),
    "acquisition date time": _set(AcquisitionDateTime="20170312143207.22"),
    "institution": _set(InstitutionName="St Mary Hospital"),
    "institution address": _set(InstitutionAddress="1 Main Road"),
    "department": _set(InstitutionalDepartmentName="Neuroradiology B"),
    "referring physician": _set(ReferringPhysicianName="Dupont^Jean"),
    "operator": _set(OperatorsName="Kovacs^Eva"),
    "station": _set(StationName="CTAWP66421"),
    "serial number": _set(DeviceSerialNumber="SN-0049912"),
    "protocol": _set(ProtocolName="Thorax Dr. Meier"),
    "study description": _set(StudyDescription="Fall from ladder"),
    "image comments": _set(ImageComments="seen with Mrs Meier on ward 4"),
    "patient comments": _set(PatientComments="wheelchair"),
    "history": _set(AdditionalPatientHistory="Mother of two"),
    "scanner uid": _set(FrameOfReferenceUID="1.3.12.2.1107.5.1.4.66421.30000017031206"),
    "device uid of a scanner": _set(SeriesInstanceUID="1.2.840.113619.2.55.3.2831183.12.1489"),
    "icon": _icon,
    "overlay": _overlay,
    "overlay comments": lambda ds: ds.add_new(0x60004000, "LT", "marked by EK"),
    "curve": lambda ds: ds.add_new(0x50003000, "OW", bytes(range(64))),
    "private text": _private(0x0009, "LO", "Meier, Anna"),
    "private bytes": _private(0x0029, "OB", bytes(range(200))),
    "private sequence": lambda ds: ds.private_block(0x0011, "M", create=True).add_new(
        2, "SQ", [_item(PatientID="4471")]
    ),
    "nested name": lambda ds: setattr(
        ds,
        "ReferencedStudySequence",
        Sequence([_item(ReferencedSOPInstanceUID="1.3.12.2.1107.5.3.1", PatientName="A^Bee")]),
    ),
    "request attributes": lambda ds: setattr(
        ds, "RequestAttributesSequence", Sequence([_item(ScheduledProcedureStepID="SPS8812")])
    ),
    "deep in other sequences": lambda ds: setattr(
        ds,
        "AnatomicRegionSequence",
        Sequence([_item(CodeValue="1", AnatomicRegionModifierSequence=Sequence([_item(CodeMeaning="Meier^Anna")]))]),
    ),
    "odd text elsewhere": _set(ManufacturerModelName="Ward of Dr. Meier"),
    "sending machine": _meta(SourceApplicationEntityTitle="PACS_MARY"),
    "private file meta": _meta(PrivateInformationCreatorUID="2.25.4", PrivateInformation=b"Meier Anna 4471"),
    "preamble": lambda ds: setattr(ds, "preamble", b"MEIER ANNA 1954".ljust(128, b"\0")),
    "document": lambda ds: ds.add_new(0x00420011, "OB", b"%PDF-1.4 " + bytes(range(200))),
    "extra pixels": lambda ds: setattr(ds, "PixelData", ds.PixelData + bytes(range(1, 201))),
    "bits above the pixels": _high_bits,
    "padding after the pixels": lambda ds: ds.add_new(0xFFFCFFFC, "OB", b"MEIER ANNA 4471\0"),
    "timezone": _set(TimezoneOffsetFromUTC="+0100"),
}
"""What is found in the object alone."""

BYTES: dict[str, Callable[[bytes], bytes]] = {
    "text at the end": lambda data: data + b"Patient: Meier, Anna",
    "two bytes at the end": lambda data: data + b"AM",
    "another file at the end": lambda data: data + data[:2000],
}
"""What is done to the file."""

UNSAID: dict[str, Plant] = {
    "not said synthetic": lambda ds: delattr(ds, "SyntheticData"),
    "identity not removed": _set(PatientIdentityRemoved="NO"),
    "no method": lambda ds: delattr(ds, "DeidentificationMethod"),
    "burned in": _set(BurnedInAnnotation="YES"),
    "times unsaid": _set(LongitudinalTemporalInformationModified="UNMODIFIED"),
}
"""What a synthetic object must say, taken away."""


def _copied(*keywords: str) -> Callable[[Dataset, Dataset], None]:
    def plant(dataset: Dataset, patient: Dataset) -> None:
        for keyword in keywords:
            setattr(dataset, keyword, getattr(patient, keyword))

    return plant


def _copied_private(dataset: Dataset, patient: Dataset) -> None:
    dataset.private_block(0x0009, "SOME MAKER 1.0", create=True).add_new(1, "LO", patient[0x00091001].value)


def _said_elsewhere(dataset: Dataset, patient: Dataset) -> None:
    dataset.DerivationDescription = f"synthetic, prompt {patient.PatientID} left lung"


CARRIED: dict[str, Callable[[Dataset, Dataset], None]] = {
    "sop instance uid": _copied("SOPInstanceUID"),
    "study uid": _copied("StudyInstanceUID"),
    "frame of reference uid": _copied("FrameOfReferenceUID"),
    "patient id": _copied("PatientID"),
    "patient name": _copied("PatientName"),
    "accession number": _copied("AccessionNumber"),
    "long description": _copied("ImageComments"),
    "private value": _copied_private,
    "acquisition tuple": _copied(
        "AcquisitionTime", "KVP", "Exposure", "ExposureTime", "XRayTubeCurrent", "DistanceSourceToPatient"
    ),
    "date and time": _copied("AcquisitionDateTime"),
    "icon": _copied("IconImageSequence"),
    "serial number": _copied("DetectorID"),
    "id inside a text": _said_elsewhere,
}
"""What one patient's object says, and no other's."""


def patient_dataset(source: PhantomSource, number: int) -> Dataset:
    """A patient's object as scanners write it: with values of its own and values of everybody's."""
    rng = np.random.default_rng(number)
    dataset = dicom_dataset(source)
    dataset.PatientID = f"MRN{rng.integers(10**7, 10**8)}"
    dataset.PatientName = f"Fam{_letters(rng)}^Giv{_letters(rng)}"
    dataset.AccessionNumber = f"A{rng.integers(10**8, 10**9)}"
    dataset.ImageComments = f"Follow-up visit of person {_letters(rng)} {_letters(rng)}"
    dataset.AcquisitionTime = (
        f"{rng.integers(8, 18):02d}{rng.integers(60):02d}{rng.integers(60):02d}.{rng.integers(10**6):06d}"
    )
    dataset.AcquisitionDateTime = f"20170{rng.integers(1, 10)}1{rng.integers(10)}{dataset.AcquisitionTime}"
    dataset.KVP, dataset.Exposure = "125", int(rng.integers(1, 9))
    dataset.ExposureTime, dataset.XRayTubeCurrent = int(rng.integers(2, 90)), int(rng.integers(100, 999))
    dataset.DistanceSourceToPatient = f"{rng.uniform(1700, 1900):.4f}"
    dataset.InstitutionName = ("General Hospital", "City Clinic")[number % 2]
    dataset.StationName = ("CR01", "CR02", "CR03")[number % 3]
    dataset.DeviceSerialNumber = ("SN112200", "SN334455")[number % 2]
    dataset.DetectorID = f"DET{rng.integers(10**6, 10**7)}"
    dataset.SoftwareVersions = "V7.1 build 20160101"
    dataset.FrameOfReferenceUID = f"2.25.{rng.integers(10**15, 10**16)}"
    dataset.private_block(0x0009, "SOME MAKER 1.0", create=True).add_new(
        1, "LO", f"key {_letters(rng)} {_letters(rng)}"
    )
    dataset.private_block(0x0019, "SOME MAKER 1.0", create=True).add_new(1, "LO", "standard mode of everybody")
    dataset.IconImageSequence = Sequence([_item(Rows=64, Columns=64)])
    dataset.IconImageSequence[0].add_new(0x7FE00010, "OB", rng.bytes(4096))
    return dataset


def _letters(rng: np.random.Generator) -> str:
    return "".join(chr(97 + int(one)) for one in rng.integers(26, size=7))


def clean_dataset(kind: str, seed: int, number: int) -> Dataset:
    """A synthetic object as it ought to be."""
    source = sources(kind, seed, [number])[0]
    return release_dataset(source, number, f"release-{kind}-{seed}")


def sources(kind: str, seed: int, numbers: list[int]) -> list[PhantomSource]:
    """Simulated images of one kind: "chest", or a contrast of the brain."""
    if kind == "chest":
        return list(ChestPopulation(seed=seed, size=64).sources(numbers))
    contrasts = [contrast for contrast in CONTRASTS if contrast == kind]
    return list(BrainPopulation(seed=seed, size=64).sources(numbers, contrasts=contrasts))
