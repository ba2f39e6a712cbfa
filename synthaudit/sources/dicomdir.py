"""DICOMDIR: the table of contents of a DICOM medium. The images are those that it names.

What it names and is not there is accounted for, and so is what is there and not named. On media, names are in capitals
and short; copied to a disk they may be in small letters, or have got an ending.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from synthaudit.errors import InputError
from synthaudit.readers.folder import FoundFile, Kind, Listing
from synthaudit.readers.quiet import library_warnings_silenced
from synthaudit.readers.rejection import Rejected
from synthaudit.readers.stored import StoredFile, opened

NAME = "DICOMDIR"
_LARGEST_BYTES = 2**30


def referenced(directory: StoredFile) -> list[str]:
    """The names of the files that a DICOMDIR refers to, as it writes them, "/" between the parts.

    Records that are marked as not in use refer to nothing.

    Raises:
        InputError: It is not a DICOMDIR that can be read, or refers to files outside its folder.
    """
    from pydicom import dcmread

    try:
        with opened(directory) as stream, library_warnings_silenced:
            content = stream.read(_LARGEST_BYTES)
            records: Any = dcmread(io.BytesIO(content)).DirectoryRecordSequence
            names = [
                [value] if isinstance(value := record.ReferencedFileID, str) else list(value)
                for record in records
                if record.get("ReferencedFileID") and record.get("RecordInUseFlag", 0xFFFF) != 0
            ]
    except Exception:  # pydicom raises whatever it likes on broken files
        raise InputError(
            "the DICOMDIR cannot be read; copy it again from its medium, or remove it to have all files of the folder "
            "read"
        ) from None
    for parts in names:
        if any(str(part).strip() in ("", ".", "..") or set(str(part)) & set("/\\:\0") for part in parts):
            raise InputError("a DICOMDIR must refer to files in its own folder, found one that refers elsewhere")
    return list(dict.fromkeys("/".join(str(part).strip() for part in parts) for parts in names))


def by_directory(files: Mapping[str, StoredFile], passed_over: Sequence[Rejected], wanted: Sequence[str]) -> Listing:
    """The files that a DICOMDIR refers to; those it does not know, and those that are not there, are accounted for.

    Args:
        files: Name -> where its bytes are, of every file beside the DICOMDIR.
        passed_over: Files of other kinds, which stay so if nothing refers to them.
        wanted: As `referenced` gives them.
    """
    by_spelling: dict[str, str] = {}
    for name in sorted(files, reverse=True):
        for spelling in (str(PurePosixPath(name).with_suffix("")), name.removesuffix(";1"), name):
            by_spelling[spelling.casefold()] = name
    for name in sorted(files, reverse=True):
        by_spelling[name.casefold()] = name
    found: dict[str, FoundFile] = {}
    missing: list[Rejected] = []
    for name in wanted:
        match = name if name in files else by_spelling.get(name.casefold(), "")
        if match:
            found[match] = FoundFile(files[match], match, Kind.DICOM)
        else:
            missing.append(Rejected(name, "missing-file", "named in the DICOMDIR"))
    others = {file.name: file for file in passed_over}
    unknown = [
        others.get(name) or Rejected(name, "not-in-dicomdir", "not named in the DICOMDIR")
        for name in sorted(files)
        if name not in found
    ]
    return Listing(tuple(found[name] for name in sorted(found)), (*unknown, *missing))
