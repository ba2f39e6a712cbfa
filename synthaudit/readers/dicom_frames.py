"""What a DICOM header says of each frame: where it lies, how its values are rescaled, what it was taken with.

An enhanced object says it in sequences for all frames and for each; a classic one says it once, for its one frame.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from synthaudit.readers.dicom_intensity import Slope, number

TAGS = (
    "SOPClassUID",
    "SOPInstanceUID",
    "SeriesInstanceUID",
    "InstanceNumber",
    "ImageType",
    "Modality",
    "Rows",
    "Columns",
    "SamplesPerPixel",
    "BitsAllocated",
    "BitsStored",
    "PhotometricInterpretation",
    "NumberOfFrames",
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "PixelSpacing",
    "SliceLocation",
    "EchoTime",
    "EchoNumbers",
    "TemporalPositionIdentifier",
    "DiffusionBValue",
    "AcquisitionNumber",
    "AcquisitionTime",
    "TriggerTime",
    "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence",
)
"""All that is read here."""
CROSS_SECTIONAL = frozenset({"CT", "MR", "PT", "NM"})
"""Modalities whose images are slices even where the header has lost their place."""
_APART_BY = ("EchoTime", "EchoNumbers", "TemporalPositionIdentifier", "DiffusionBValue", "ImageType")
_APART_AT_LAST = ("TriggerTime", "AcquisitionNumber", "AcquisitionTime")
_DECIMALS = 3


@dataclass(frozen=True, slots=True)
class Place:
    """Where one image lies.

    Attributes:
        stack: What images must have in common to be slices of one volume; () where it is a slice of none.
        position: In mm along the normal of the plane, else by number; NaN where that is not known.
        in_mm: Whether `position` is in mm.
        apart: What tells images of one stack at one position apart (echo, time, weighting), the likeliest first.
    """

    stack: tuple[Any, ...] = ()
    position: float = math.nan
    in_mm: bool = False
    apart: tuple[str, ...] = ()


def frame_count(dataset: Any) -> int:
    """Number of frames; 1 where the header does not say."""
    return max(1, int(dataset.get("NumberOfFrames") or 1))


def slope_of(dataset: Any, frame: int | None) -> Slope:
    """How the stored values of that frame are rescaled."""
    holder = next(
        (item for item in _holders(dataset, frame, "PixelValueTransformationSequence") if "RescaleIntercept" in item),
        dataset,
    )
    given = holder.get("RescaleIntercept") is not None
    return Slope(number(holder, "RescaleSlope", 1.0) or 1.0, number(holder, "RescaleIntercept", 0.0), given)


def place_of(dataset: Any, frame: int | None) -> Place:
    """Where that frame lies, and what stack it belongs to."""
    series = str(dataset.get("SeriesInstanceUID") or "")
    if not series or "Rows" not in dataset or "Columns" not in dataset:
        return Place()
    several = frame is not None
    stack: tuple[Any, ...] = (series, int(dataset.Rows), int(dataset.Columns))
    if several:
        stack += (str(dataset.get("SOPInstanceUID") or ""),)
    corner = _numbers(dataset, frame, "PlanePositionSequence", "ImagePositionPatient", 3)
    plane = _numbers(dataset, frame, "PlaneOrientationSequence", "ImageOrientationPatient", 6)
    spacing = _numbers(dataset, frame, "PixelMeasuresSequence", "PixelSpacing", 2)
    if corner and plane:
        normal = np.cross(plane[:3], plane[3:])
        length = float(np.linalg.norm(normal))
        if 0.5 < length < 2:
            stack += (_rounded(plane, 2), _rounded(spacing, _DECIMALS))
            position = round(float(np.dot(normal / length, corner)), _DECIMALS) + 0.0
            return Place(stack, position, True, tuple(_apart(dataset, frame)))
    if several:
        return Place(stack, float(frame or 0))
    if str(dataset.get("Modality", "")) not in CROSS_SECTIONAL:
        return Place()
    location, instance = (number(dataset, keyword, math.nan) for keyword in ("SliceLocation", "InstanceNumber"))
    in_mm = not math.isnan(location)
    position = round(location, _DECIMALS) + 0.0 if in_mm else instance
    return Place((*stack, "no-plane"), position, in_mm, tuple(_apart(dataset, None)))


def _apart(dataset: Any, frame: int | None) -> Iterator[str]:
    """The values that tell images of one place apart, as text, "" where missing."""
    groups = _groups(dataset, frame)
    for keyword in (*_APART_BY, *_APART_AT_LAST):
        holder = next((item for item in groups if keyword in item), dataset)
        try:
            value = holder.get(keyword)
        except Exception:  # a value that does not fit its type is no value
            value = None
        yield "" if value is None else str(value)


def _groups(dataset: Any, frame: int | None) -> list[Any]:
    """Every item of the functional groups of that frame; none in a classic object."""
    if frame is None:
        return []
    found: list[Any] = []
    for group in _frame_and_shared(dataset, frame):
        for element in group:
            if element.VR == "SQ" and element.value:
                found.append(element.value[0])
    return found


def _frame_and_shared(dataset: Any, frame: int | None) -> list[Any]:
    """The functional groups of the frame, then those shared by all."""
    found = []
    frames = dataset.get("PerFrameFunctionalGroupsSequence") or []
    if frame is not None and frame < len(frames):
        found.append(frames[frame])
    elif frame is None and len(frames) == 1:
        found.append(frames[0])
    shared = dataset.get("SharedFunctionalGroupsSequence") or []
    return [*found, *list(shared)[:1]]


def _holders(dataset: Any, frame: int | None, sequence: str) -> list[Any]:
    """First items of that sequence, of the frame and shared."""
    return [group.get(sequence)[0] for group in _frame_and_shared(dataset, frame) if group.get(sequence)]


def _numbers(dataset: Any, frame: int | None, sequence: str, keyword: str, count: int) -> tuple[float, ...]:
    """`count` finite numbers of the frame, of all frames or of the object; () where there are none."""
    for holder in (*_holders(dataset, frame, sequence), dataset):
        try:
            values = tuple(float(value) for value in holder.get(keyword) or ())
        except Exception:  # a value that does not fit its type is no value
            continue
        if len(values) == count and all(math.isfinite(value) and abs(value) < 1e6 for value in values):
            return values
    return ()


def _rounded(values: Sequence[float], decimals: int) -> tuple[float, ...]:
    return tuple(round(value, decimals) + 0.0 for value in values)
