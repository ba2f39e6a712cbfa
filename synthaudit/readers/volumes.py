"""Which images are slices of one volume, by the table's columns `volume` and `slice`, and else by their headers.

A volume is one patient, photographed once: an id that stands for two patients, or in two roles, is a mistake in the
table, and its images are taken one by one. A slice whose position is not known still belongs to its volume: it is
counted and withheld with it, and only cannot be laid beside the slices of another.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace

from synthaudit.readers.assembly import Described

COLUMNS = ("volume", "slice")
"""The columns read here; `slice` has a meaning of its own only beside `volume`."""
DOUBTS = ("volume-two-roles", "volume-two-patients", "slice-missing", "slice-not-a-number", "slice-repeated")
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d{1,3})?", re.IGNORECASE)
_OF_A_STACK = re.compile(r"#(\d+)$")

Doubtful = defaultdict[tuple[str, str], list[str]]
"""(role, reason) -> names of the images; empty for all others."""


def attribute_columns(columns: Sequence[str]) -> tuple[str, ...]:
    """The table's columns but those that are read here."""
    return tuple(name for name in columns if name not in COLUMNS) if "volume" in columns else tuple(columns)


def with_volumes(images: Sequence[Described], columns: Sequence[str]) -> tuple[list[Described], Doubtful]:
    """The images with their volumes and positions, and what is wrong with the volumes of which images.

    Real slices without a patient id take that of their volume; where the volume has none, it is a patient of its own.

    Args:
        images: Of all roles, with the table's cells as attributes. Those whose role is in doubt take no part.
        columns: The table's attribute columns; without `volume` among them, and volumes by header, nothing changes.
    """
    doubtful: Doubtful = defaultdict(list)
    by_table = "volume" in columns
    if not by_table and not any(image.volume for image in images):
        return list(images), doubtful

    def doubt(image: Described, reason: str) -> None:
        doubtful[str(image.role), reason].append(image.image.name)

    given = [image.attributes.get("volume", "") if by_table else "" for image in images]
    known = [text or image.volume for image, text in zip(images, given, strict=True)]
    named = ["" if image.doubt == "role-conflict" else volume for image, volume in zip(images, known, strict=True)]
    wrong = _contradicted(images, named)
    described = []
    for image, volume, text in zip(images, named, given, strict=True):
        attributes = {name: cell for name, cell in image.attributes.items() if not by_table or name not in COLUMNS}
        reason = wrong.get(volume, "")
        position = math.nan
        if reason:
            doubt(image, reason)
            volume = ""  # noqa: PLW2901
        elif volume:
            position, reason = _position(image) if text else (image.position, "")
            if math.isnan(position) and not reason:
                reason = "slice-missing"
            if reason:
                doubt(image, reason)
        described.append(replace(image, attributes=attributes, volume=volume, position=position))
    crowded = Counter((image.volume, image.position) for image in described if not math.isnan(image.position))
    for row, image in enumerate(described):
        if crowded[image.volume, image.position] > 1:
            doubt(image, "slice-repeated")
            described[row] = replace(image, position=math.nan)
    return _with_patients(described), doubtful


def _contradicted(images: Sequence[Described], named: Sequence[str]) -> dict[str, str]:
    """Volume id -> what is wrong with it."""
    roles: dict[str, set[str]] = {}
    patients: dict[str, set[str]] = {}
    for image, volume in zip(images, named, strict=True):
        if volume:
            roles.setdefault(volume, set()).add(str(image.role))
            patients.setdefault(volume, set()).update({image.patient} if image.known_patient else ())
    wrong = {volume: "volume-two-patients" for volume, found in patients.items() if len(found) > 1}
    return wrong | {volume: "volume-two-roles" for volume, found in roles.items() if len(found) > 1}


def _position(image: Described) -> tuple[float, str]:
    """Where the slice lies, and "" or what is wrong; without a cell by its header, or its order in the stack."""
    text = image.attributes.get("slice", "")
    if not text and not math.isnan(image.position):
        return image.position, ""
    in_stack = _OF_A_STACK.search(image.image.name) if image.image.name != image.image.file else None
    if not text:
        return (float(in_stack[1]), "") if in_stack else (math.nan, "slice-missing")
    value = float(text) if _NUMBER.fullmatch(text) else math.inf
    return (value, "") if math.isfinite(value) else (math.nan, "slice-not-a-number")


def _with_patients(images: Sequence[Described]) -> list[Described]:
    """The images, real slices of unknown patients given that of their volume."""
    patient_of = {image.volume: image.patient for image in images if image.volume and image.known_patient}
    completed = []
    for image in images:
        if not image.volume or image.known_patient or image.role == "synthetic":
            completed.append(image)
        elif image.volume in patient_of:
            completed.append(replace(image, patient=patient_of[image.volume], known_patient=True, doubt=""))
        else:
            patient = f"volume:{image.role}/{image.volume}"
            completed.append(replace(image, patient=patient, doubt="no-patient-volume"))
    return completed
