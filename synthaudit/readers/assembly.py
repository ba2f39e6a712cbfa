"""Every image of the folders with what the table and the headers say of it: its patient, its role, its attributes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import nan, prod

from synthaudit.readers.matching import Matching, Place
from synthaudit.readers.scan import ScannedImage
from synthaudit.readers.table import normal_patient

DIVISIBLE = ("train", "holdout", "reference")
"""Roles into which a `role` column may divide the folder given as training."""


@dataclass(frozen=True, slots=True)
class Described:
    """One image and all that is known of it.

    Attributes:
        image: As scanned.
        role: What it is to the generator, after the `role` column.
        patient: Its patient id; one made up from its name where none is known.
        known_patient: Whether the id was given.
        attributes: Column -> text; columns without a value are left out.
        doubt: "no-row", "no-patient", "no-patient-volume", "role-conflict" (it takes no part) or "" if all is well.
        volume: Id of the volume it is a slice of, by its file alone until the table is asked; "" for none.
        position: Where it lies in the volume; NaN where that is not known.
    """

    image: ScannedImage
    role: str
    patient: str = field(repr=False)
    known_patient: bool
    attributes: Mapping[str, str] = field(repr=False)
    doubt: str
    volume: str = field(default="", repr=False)
    position: float = nan


def describe(
    role: str, images: Sequence[ScannedImage], matching: Matching | None, columns: Sequence[str], roles: Sequence[str]
) -> list[Described]:
    """What is known of each image of one folder.

    A cell of the table goes before a header of DICOM, and a header before nothing.

    Args:
        role: What the folder was given as.
        images: Its images.
        matching: The table's rows for them; None without a table.
        columns: The table's attribute columns.
        roles: The roles that a folder of their own was given for; the training folder is not divided into these.
    """
    described = []
    for image in images:
        row = None
        if matching is not None:
            row = matching.rows.get(Place(role, image.name)) or matching.rows.get(Place(role, image.file))
        header = {name: text for name, text in image.header.items() if text and name != "patient_id"}
        cells = dict(zip(columns, row.values, strict=True)) if row is not None else {}
        patient = (row.patient if row is not None else "") or normal_patient(image.header.get("patient_id", ""))
        wanted = row.role if row is not None and row.role else role
        divides = role == "train" and wanted in DIVISIBLE and (wanted == "train" or wanted not in roles)
        doubt = ""
        if wanted != role and not divides:
            doubt, wanted = "role-conflict", role
        elif not patient and role != "synthetic":
            doubt = "no-row" if matching is not None and row is None else "no-patient"
        described.append(
            Described(
                image=image,
                role=wanted,
                patient=patient or f"image:{role}/{image.name}",
                known_patient=bool(patient),
                attributes=header | {name: text for name, text in cells.items() if text},
                doubt=doubt,
                volume=f"{role}/{image.volume}" if image.volume else "",
                position=image.position,
            )
        )
    return described


def alike_but_for_case(images: Sequence[Described]) -> int:
    """How many patients have an id that another's differs from only in upper and lower case."""
    patients = {image.patient for image in images if image.known_patient}
    return sum(n for n in Counter(patient.casefold() for patient in patients).values() if n > 1)


def sizes_in_words(digests: Mapping[str, Sequence[str]], images: Sequence[Described]) -> dict[str, str]:
    """Role -> width x height of its images as read, such as "512 x 512" or "200 x 150 to 600 x 450" (by area).

    Args:
        digests: Role -> digests of its images' pixels; what is not among `images` counts for nothing.
        images: Images as scanned.
    """
    size_of = {image.image.checked.digest: (image.image.checked.width, image.image.checked.height) for image in images}
    sizes = {}
    for role, wanted in digests.items():
        found = sorted({size_of[digest] for digest in wanted if digest in size_of}, key=lambda size: (prod(size), size))
        if found:
            sizes[str(role)] = " to ".join(
                f"{width} x {height}" for width, height in dict.fromkeys((found[0], found[-1]))
            )
    return sizes
