"""What the Basic Confidentiality Profile of DICOM does to each attribute, and what the attribute is about.

The table is that of edition 2026c, as the package `dicom-anonymizer` carries it. The basic profile is applied with the
option to retain patient characteristics (sex, age, size, weight and the like): those of a synthetic image are nobody's.

Reference:
    DICOM PS3.15, annex E, table E.1-1 (2026c).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from synthaudit.headers.record import Topic

EDITION = "2026c"

CHARACTERISTICS = frozenset(
    {
        *("PatientSex", "PatientAge", "PatientSize", "PatientWeight", "PatientSexNeutered", "EthnicGroup"),
        *("EthnicGroups", "SmokingStatus", "PregnancyStatus", "PatientBodyMassIndex", "GenderIdentitySequence"),
    }
)
"""Retained by the option for patient characteristics."""
NOT_IDENTIFYING = frozenset(
    {
        *("ContrastBolusAgent", "AcquisitionContextSequence", "ReferencedImageSequence", "SourceImageSequence"),
        *("ContextGroupVersion", "ContextGroupLocalVersion", "ContentSequence"),
    }
)
"""In the table, but what they hold is judged by itself: references by their unique ids, sequences by their items."""

_PARTS: tuple[tuple[Topic, tuple[str, ...]], ...] = (
    (Topic.OBJECT, ("IconImage", "OverlayData", "CurveData", "EncapsulatedDocument", "AudioSample", "ThumbnailURL")),
    (Topic.TEXT, ("Comment", "Description", "History", "Reason", "Label", "Text", "Diagnosis", "Allerg", "Alert",
                  "Note")),
    (Topic.PLACE, ("Institution", "Address", "Country", "Region", "Telephone", "Telecom", "Department", "Residence",
                   "Location", "Site", "Organization", "Sponsor", "CoordinatingCenter", "MilitaryRank", "Insurance")),
    (Topic.DEVICE, ("Device", "Station", "Serial", "Detector", "Gantry", "Plate", "Cassette", "Machine", "AETitle",
                    "Generator", "Scanner", "Transducer", "System", "SourceID")),
    (Topic.ID, ("ID", "Identif", "Accession", "Number", "Issuer", "Barcode", "Reference")),
    (Topic.PERSON, ("Physician", "Operator", "Name", "Person", "Reviewer", "Observer", "Author", "Performer")),
)  # fmt: skip


@lru_cache(maxsize=1)
def _tables() -> tuple[dict[tuple[int, int], str], tuple[tuple[int, int, int, int, str], ...]]:
    """Tag -> action, and (group, element, group mask, element mask, action) of repeating groups."""
    from dicomanonymizer.dicomfields_selector import dicom_anonymization_database_selector

    tables: dict[str, Any] = dicom_anonymization_database_selector(f"dicomfields_{EDITION}")
    plain: dict[tuple[int, int], str] = {}
    masked: list[tuple[int, int, int, int, str]] = []
    for name, tags in tables.items():
        if name == "ALL_TAGS":
            continue
        action = name.removesuffix("_TAGS").removesuffix("_STAR").replace("_", "/")
        for tag in tags:
            if len(tag) == 2:
                plain[tag[0], tag[1]] = action
            else:
                masked.append((*tag, action))
    return plain, tuple(masked)


def action(group: int, element: int) -> str:
    """What the profile does: "X" remove, "Z" empty or make up, "D" make up, "U" replace the id; "" if nothing.

    Several letters ("X/Z/D") mean any of them, by what the kind of object demands. Private attributes are all removed.

    >>> action(0x0010, 0x0010), action(0x0008, 0x1030), action(0x0008, 0x0060), action(0x6002, 0x3000)
    ('Z', 'X', '', 'X')
    """
    if group % 2:
        return "X"
    plain, masked = _tables()
    found = plain.get((group, element), "")
    if found or not 0x5000 <= group < 0x6100:
        return found
    for its_group, its_element, group_mask, element_mask, what in masked:
        if group & group_mask == its_group & group_mask and element & element_mask == its_element & element_mask:
            return what
    return ""


def topic(keyword: str, vr: str) -> Topic:
    """What an attribute is about, by its type and its keyword."""
    if vr == "PN":
        return Topic.PERSON
    if vr in ("DA", "DT", "TM") or keyword.endswith(("Date", "DateTime", "Time")):
        return Topic.DATE
    if vr == "UI":
        return Topic.UID
    if keyword == "ProtocolName":
        return Topic.TEXT
    return next((what for what, parts in _PARTS if any(part in keyword for part in parts)), Topic.OTHER)
