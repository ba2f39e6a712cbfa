"""A set of phantoms as files: PNG, DICOM or NIfTI, a table of who they are, and masks of their lesions.

A set can be large, so the same call goes on where an earlier one was interrupted: each file is put in place whole, and
`phantoms.json` beside them says which sets were written here, so that files of another set are never taken for these.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from synthaudit.cohort import Role
from synthaudit.errors import OutputError
from synthaudit.phantoms.folder import append_rows, png_bytes, write_whole
from synthaudit.phantoms.sources import PhantomSource
from synthaudit.progress import Progress

Format = Literal["png", "dicom", "nifti"]
SUFFIXES: dict[Format, str] = {"png": ".png", "dicom": ".dcm", "nifti": ".nii.gz"}
RECORD = "phantoms.json"
_SCHEMA = "synthaudit/phantoms/1"


@dataclass(frozen=True, slots=True)
class PhantomSet:
    """What to write.

    Attributes:
        sources: The images, in order; slices of one volume stand together.
        role: What they are to the generator; a column of the table.
        format: Of the images. A NIfTI file holds a whole volume, the others one image.
        bits: A pixel of a PNG, 8 or 16.
        masks: Write masks of the lesions too, under masks/; as PNG, or as NIfTI beside NIfTI.
        settings: Whatever the images are made from; JSON can hold it. Files of a set with the same settings are taken
            as written.
    """

    sources: Sequence[PhantomSource]
    role: Role
    format: Format
    bits: int
    masks: bool
    settings: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _File:
    name: str
    sources: tuple[PhantomSource, ...]


def write_phantoms(phantoms: PhantomSet, folder: Path, progress: Progress | None = None) -> int:
    """Write images/, metadata.csv and, if asked for, masks/ into `folder`; returns how many files were not there yet.

    Raises:
        OutputError: A file of that name exists and is not of this set, or the table there has other columns.
    """
    files = list(_files(phantoms))
    if not _is_recorded(phantoms, folder):
        if any((folder / "images" / file.name).exists() for file in files):
            raise OutputError(
                "an image of that name exists already, and is of other settings; choose an empty folder, or give the "
                "command that was given before to go on with it"
            )
        _record(phantoms, folder)
    written = 0
    for file in (progress or Progress()).track(files, "writing", len(files)):
        place = folder / "images" / file.name
        # The mask goes first: an image that is there has its mask.
        if phantoms.masks and not place.exists():
            write_whole(folder / "masks" / file.name, _mask(phantoms, file))
        if not place.exists():
            write_whole(place, _image(phantoms, file))
            written += 1
    rows = [_row(phantoms, file) for file in files]
    append_rows(folder / "metadata.csv", list(rows[0]), [list(row.values()) for row in rows])
    return written


def _files(phantoms: PhantomSet) -> Iterator[_File]:
    suffix = SUFFIXES[phantoms.format]
    if phantoms.format != "nifti":
        yield from (_File(source.name.removesuffix(".png") + suffix, (source,)) for source in phantoms.sources)
        return
    for name, group in itertools.groupby(phantoms.sources, lambda source: source.volume or source.name):
        yield _File(name.removesuffix(".png") + suffix, tuple(group))


def _image(phantoms: PhantomSet, file: _File) -> bytes:
    from synthaudit.phantoms.dicom_file import dicom_bytes
    from synthaudit.phantoms.nifti_file import nifti_bytes

    if phantoms.format == "nifti":
        return nifti_bytes(file.sources)
    if phantoms.format == "dicom":
        return dicom_bytes(file.sources[0])
    return png_bytes(file.sources[0].read(), phantoms.bits)


def _mask(phantoms: PhantomSet, file: _File) -> bytes:
    from synthaudit.phantoms.nifti_file import mask_bytes

    if phantoms.format == "nifti":
        return mask_bytes(file.sources)
    return png_bytes(file.sources[0].lesion_mask().astype(np.float32))


def _row(phantoms: PhantomSet, file: _File) -> dict[str, str]:
    """Column -> cell; all files of a set have the same columns."""
    source = file.sources[0]
    named = dict(source.attributes())
    row = {"file": f"images/{file.name}", "patient_id": source.patient_id}
    row |= {"ethnicity" if column == "group" else column: text for column, text in named.items()}
    row |= {"role": phantoms.role.value}
    if source.volume and phantoms.format != "nifti":
        row |= {"volume": source.volume, "slice": f"{source.position:.0f}"}
    return row | ({"mask": f"masks/{file.name}"} if phantoms.masks else {})


def _is_recorded(phantoms: PhantomSet, folder: Path) -> bool:
    return json.loads(json.dumps(phantoms.settings)) in _recorded(folder)


def _recorded(folder: Path) -> list[Any]:
    """Settings of the sets written here.

    Raises:
        OutputError: The record is not one.
    """
    record = folder / RECORD
    if not record.exists():
        return []
    try:
        known = json.loads(record.read_text(encoding="utf-8"))
        if known["schema"] == _SCHEMA:
            return list(known["sets"])
    except (ValueError, KeyError, TypeError):
        pass
    raise OutputError(f"{RECORD} in the folder must be a record of phantoms, got something else; choose another folder")


def _record(phantoms: PhantomSet, folder: Path) -> None:
    known = {"schema": _SCHEMA, "sets": [*_recorded(folder), phantoms.settings]}
    write_whole(folder / RECORD, json.dumps(known, indent=2).encode())
