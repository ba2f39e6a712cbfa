"""Small DICOM objects for tests: one image, a series, many frames."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian, SecondaryCaptureImageStorage

AXIAL = [1, 0, 0, 0, 1, 0]
SERIES = "2.25.1000"


def image(pixels: NDArray[Any], syntax: UID = ExplicitVRLittleEndian, **elements: Any) -> Dataset:
    """One image (or frames, first of three dimensions) with these stored values; keywords set or replace elements."""
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = syntax
    made.SOPClassUID = SecondaryCaptureImageStorage
    made.SOPInstanceUID = UID(f"2.25.{crc32(pixels.tobytes())}")
    made.Modality, made.PatientID = "DX", "P1"
    made.SamplesPerPixel, made.PhotometricInterpretation = 1, "MONOCHROME2"
    if pixels.ndim == 3:
        made.NumberOfFrames = len(pixels)
    made.Rows, made.Columns = pixels.shape[-2:]
    made.BitsAllocated = made.BitsStored = 8 * pixels.itemsize
    made.PixelRepresentation = int(pixels.dtype.kind == "i")
    made.PixelData = pixels.tobytes()
    for keyword, value in elements.items():
        setattr(made, keyword, value)
    if "HighBit" not in elements:
        made.HighBit = made.BitsStored - 1
    made.file_meta.MediaStorageSOPClassUID, made.file_meta.MediaStorageSOPInstanceUID = (
        made.SOPClassUID,
        made.SOPInstanceUID,
    )
    return made


def ct_slices(voxels: NDArray[np.int16], spacing_mm: float = 5.0, **elements: Any) -> list[Dataset]:
    """A CT series, slice by slice, HU = stored - 1024."""
    common: dict[str, Any] = {"ImageOrientationPatient": AXIAL, "PixelSpacing": [1, 1], "SeriesInstanceUID": SERIES}
    common |= {"Modality": "CT", "RescaleSlope": "1", "RescaleIntercept": "-1024", "StudyInstanceUID": "2.25.7"}
    made = []
    for i, plane in enumerate(voxels):
        place = {"ImagePositionPatient": [-10, -20, i * spacing_mm], "InstanceNumber": i + 1}
        made.append(image(plane, **{**common, **place, **elements}))
    return made


def written(path: Path, made: Dataset) -> Path:
    """The object as a file; uncompressed ones in the syntax that their file meta information names."""
    path.parent.mkdir(parents=True, exist_ok=True)
    made.save_as(path, enforce_file_format=True)
    return path


def as_implicit(made: Dataset) -> Dataset:
    """The same in implicit VR little endian."""
    made.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    return made


def enhanced(
    pixels: NDArray[Any], corners: Sequence[Sequence[float]], slopes: Sequence[float], **elements: Any
) -> Dataset:
    """An enhanced object: each frame with a position and a slope of its own, the plane shared by all."""
    made = image(pixels, SeriesInstanceUID=SERIES, **elements)
    shared, plane, spacing = Dataset(), Dataset(), Dataset()
    plane.ImageOrientationPatient, spacing.PixelSpacing = AXIAL, [1, 1]
    shared.PlaneOrientationSequence, shared.PixelMeasuresSequence = Items([plane]), Items([spacing])
    made.SharedFunctionalGroupsSequence = Items([shared])
    frames = []
    for corner, slope in zip(corners, slopes, strict=True):
        frame, position, values = Dataset(), Dataset(), Dataset()
        position.ImagePositionPatient = list(corner)
        values.RescaleSlope, values.RescaleIntercept = str(slope), "0"
        frame.PlanePositionSequence, frame.PixelValueTransformationSequence = Items([position]), Items([values])
        frames.append(frame)
    made.PerFrameFunctionalGroupsSequence = Items(frames)
    return made
