"""One phantom as a DICOM object: CT, MR or Computed Radiography Image Storage, explicit VR little endian.

Every object says that it is synthetic, that no identity is in it and that no text is burned in. Unique ids are made
from the population, the patient and the visit, under the root for ids made of UUIDs (2.25): the same phantom gets the
same ids on every machine, and no two phantoms share one.
"""

from __future__ import annotations

import io
import uuid
from typing import TYPE_CHECKING, Any

from synthaudit.phantoms.brain_contrast import CT_WINDOW_HU
from synthaudit.phantoms.sources import PhantomSource, Scan

if TYPE_CHECKING:
    from pydicom import Dataset
    from pydicom.uid import UID

_NAMESPACE = uuid.UUID("8a2b1e5c-6a0f-5b53-9d3c-2f1f0c7d9e41")
"""Drawn once; another one would give every phantom other ids."""

_CLASSES = {
    "CR": "1.2.840.10008.5.1.4.1.1.1",
    "CT": "1.2.840.10008.5.1.4.1.1.2",
    "MR": "1.2.840.10008.5.1.4.1.1.4",
}
_SEQUENCES: dict[str, dict[str, Any]] = {
    "t1": {"ScanningSequence": "SE", "RepetitionTime": "500", "EchoTime": "12"},
    "t1c": {"ScanningSequence": "SE", "RepetitionTime": "500", "EchoTime": "12"},
    "t2": {"ScanningSequence": "SE", "RepetitionTime": "4000", "EchoTime": "100"},
    "flair": {"ScanningSequence": ["SE", "IR"], "RepetitionTime": "9000", "EchoTime": "120", "InversionTime": "2500"},
}
_DESCRIPTIONS = {"": "Chest PA", "t1": "T1", "t2": "T2", "flair": "FLAIR", "t1c": "T1 post contrast", "ct": "CT head"}
"""Contrast -> series description."""


def uid(*words: object) -> UID:
    """A unique id under 2.25 that is a function of these words alone.

    Reference: DICOM PS3.5, annex B.2 (ids made of UUIDs).
    """
    from pydicom.uid import UID

    return UID(f"2.25.{uuid.uuid5(_NAMESPACE, '/'.join(map(str, words))).int}")


def dicom_bytes(source: PhantomSource) -> bytes:
    """The file of one phantom, preamble included; the same bytes each time."""
    from pydicom import dcmwrite

    buffer = io.BytesIO()
    dcmwrite(buffer, dicom_dataset(source), enforce_file_format=True)
    return buffer.getvalue()


def dicom_dataset(source: PhantomSource) -> Dataset:
    """The data set of one phantom, file meta information included."""
    from pydicom import Dataset
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import UID, ExplicitVRLittleEndian

    scan = source.scan
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = UID(_CLASSES[scan.modality])
    dataset.file_meta.MediaStorageSOPInstanceUID = uid(scan.study, "image", scan.series, scan.instance)
    # Fixed, so that another version of the library writes the same file.
    dataset.file_meta.ImplementationClassUID = uid("synthaudit")
    dataset.file_meta.ImplementationVersionName = "SYNTHAUDIT"
    _add(dataset, _who(scan))
    _add(dataset, _study_and_series(scan))
    _add(dataset, _kind(scan))
    if scan.modality != "CR":
        _add(dataset, _plane(scan))
    stored = source.stored()
    _add(dataset, _pixel_module(scan, stored.shape))
    dataset.add_new("PixelData", "OW", stored.astype("<u2").tobytes())
    return dataset


def _add(dataset: Dataset, values: dict[str, Any]) -> None:
    for keyword, value in values.items():
        setattr(dataset, keyword, value)


def _who(scan: Scan) -> dict[str, Any]:
    return {
        "PatientName": f"{scan.patient_id}^Simulated",
        "PatientID": scan.patient_id,
        "PatientBirthDate": "",
        "PatientSex": scan.sex,
        "PatientAge": f"{int(scan.age):03d}Y",
        "PatientIdentityRemoved": "YES",
        "DeidentificationMethod": "Simulated: there is no such person",
        "SyntheticData": "YES",
        "BurnedInAnnotation": "NO",
        "LossyImageCompression": "00",
    }


def _study_and_series(scan: Scan) -> dict[str, Any]:
    return {
        "SOPClassUID": _CLASSES[scan.modality],
        "SOPInstanceUID": uid(scan.study, "image", scan.series, scan.instance),
        "StudyInstanceUID": uid(scan.study, "study"),
        "SeriesInstanceUID": uid(scan.study, "series", scan.series),
        "StudyDate": scan.date.strftime("%Y%m%d"),
        "StudyTime": "120000",
        "StudyID": "1",
        "AccessionNumber": "",
        "ReferringPhysicianName": "",
        "StudyDescription": "Simulated patient",
        "SeriesDescription": _DESCRIPTIONS[scan.contrast],
        "Modality": scan.modality,
        "SeriesNumber": scan.series,
        "InstanceNumber": scan.instance,
        "AcquisitionNumber": 1,
        "Manufacturer": "synthaudit",
        "InstitutionName": scan.site,
        "BodyPartExamined": scan.body_part,
    }


def _kind(scan: Scan) -> dict[str, Any]:
    """What the class of the object asks for beside the pixels."""
    if scan.modality == "CR":
        return {
            "ImageType": ["DERIVED", "PRIMARY"],
            "ViewPosition": "PA",
            "PatientOrientation": ["L", "F"],
            "ImagerPixelSpacing": [_decimal(scan.spacing_mm)] * 2,
        }
    if scan.modality == "CT":
        low, high = CT_WINDOW_HU
        return {
            "ImageType": ["DERIVED", "PRIMARY", "AXIAL"],
            "RescaleIntercept": str(scan.intercept),
            "RescaleSlope": "1",
            "RescaleType": "HU",
            "KVP": "120",
            "WindowCenter": _decimal((low + high) / 2),
            "WindowWidth": _decimal(high - low),
        }
    values: dict[str, Any] = {
        "ImageType": ["DERIVED", "PRIMARY", "OTHER"],
        "SequenceVariant": "NONE",
        "ScanOptions": "",
        "MRAcquisitionType": "2D",
        "EchoTrainLength": 1,
        "MagneticFieldStrength": "1.5",
        **_SEQUENCES[scan.contrast],
    }
    return values | ({"ContrastBolusAgent": "simulated"} if scan.contrast == "t1c" else {})


def _plane(scan: Scan) -> dict[str, Any]:
    thickness = _decimal(scan.thickness_mm)
    values = {
        "PatientPosition": "HFS",
        "FrameOfReferenceUID": uid(scan.study, "frame"),
        "PositionReferenceIndicator": "",
        "ImageOrientationPatient": [1, 0, 0, *scan.down],
        "ImagePositionPatient": [_decimal(place) for place in scan.corner_mm],
        "PixelSpacing": [_decimal(scan.spacing_mm)] * 2,
        "SliceThickness": thickness,
    }
    # Distance from slice to slice is of the MR class alone.
    return values | ({"SpacingBetweenSlices": thickness} if scan.modality == "MR" else {})


def _pixel_module(scan: Scan, shape: tuple[int, ...]) -> dict[str, Any]:
    return {
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "Rows": shape[0],
        "Columns": shape[1],
        "BitsAllocated": 16,
        "BitsStored": scan.bits,
        "HighBit": scan.bits - 1,
        "PixelRepresentation": 0,
    }


def _decimal(value: float) -> str:
    """A number as DICOM writes it, in at most 16 characters."""
    return f"{value:.6f}".rstrip("0").rstrip(".")
