"""What lies in a folder: the files that may be images, in an order that does not depend on the file system."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path, PurePosixPath

from synthaudit.errors import InputError, UsageError
from synthaudit.readers import arrays, dicom, nifti, raster
from synthaudit.readers.rejection import Rejected
from synthaudit.readers.stored import StoredFile

UNSUPPORTED_EXTENSIONS = frozenset(
    {".gif", ".webp", ".avif", ".heic", ".jp2", ".j2k", ".jls", ".pgm", ".ppm", ".pnm"}  # pictures
    | {".mha", ".mhd", ".nrrd", ".mgz", ".mgh", ".svs", ".ndpi"}  # volumes and slides
    | {".h5", ".hdf5", ".pt", ".tfrecord", ".zip", ".tar", ".gz", ".7z"}  # packages
)
"""Files that probably hold images but are not read: passing over them in silence would hide that images are missing."""
_TEXT_EXTENSIONS = frozenset(
    {".txt", ".csv", ".tsv", ".json", ".md", ".xml", ".yaml", ".yml", ".toml", ".log", ".pdf", ".html", ".xlsx"}
    | {".parquet"}
)


class Kind(Enum):
    """How a file is read."""

    RASTER = "raster"
    ARRAY = "array"
    DICOM = "dicom"
    NIFTI = "nifti"


_KINDS = {
    **dict.fromkeys(raster.EXTENSIONS, Kind.RASTER),
    **dict.fromkeys(arrays.EXTENSIONS, Kind.ARRAY),
    **dict.fromkeys(dicom.EXTENSIONS, Kind.DICOM),
}


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file that may be an image; `name` is its path relative to the folder, with "/" and in Unicode NFC."""

    path: StoredFile = field(repr=False)
    name: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Listing:
    """The files of a folder, sorted by name, and those that are no images."""

    files: tuple[FoundFile, ...]
    passed_over: tuple[Rejected, ...]


def existing_folders(given: Mapping[str, str | os.PathLike[str]]) -> dict[str, Path]:
    """Role -> folder, each existing, and none the same as another or inside it.

    Raises:
        InputError: One does not exist, or is a file.
        UsageError: Two are the same, or one lies inside the other.
    """
    folders = {role: Path(path) for role, path in given.items()}
    for role, folder in folders.items():
        if not folder.is_dir():
            found = "a file" if folder.exists() else "nothing"
            raise InputError(f"{role} must be an existing folder, found {found} there; check the path given for {role}")
    real = {role: folder.resolve() for role, folder in folders.items()}
    for role, folder in real.items():
        for other, outer in real.items():
            if role != other and folder.is_relative_to(outer):
                raise UsageError(
                    f"each role needs a folder of its own, got the same folder, or one inside the other, for {role} "
                    f"and {other}; divide one folder with split or with a `role` column"
                )
    return folders


def normal_name(text: str) -> str:
    """A path as it is compared: "/" between its parts, Unicode NFC, no leading "./"; never with lone surrogates."""
    text = os.fsencode(text).decode("utf-8", "replace").replace("\\", "/")
    while text.startswith("./"):
        text = text[2:]
    return unicodedata.normalize("NFC", text)


def list_folder(folder: Path) -> Listing:
    """Every file below `folder`, links followed, each folder visited once. Opens only files of unknown kind."""
    named = sorted((normal_name(path.relative_to(folder).as_posix()), str(path), path) for path in _walk(folder))
    files, passed_over = [], []
    for name, _, path in named:
        found = found_file(path, name)
        if isinstance(found, FoundFile):
            files.append(found)
        else:
            passed_over.append(found)
    return Listing(tuple(files), tuple(passed_over))


def _walk(folder: Path) -> Iterator[Path]:
    visited: set[str] = set()
    for root, folders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(root)
        if real in visited:
            folders.clear()
            continue
        visited.add(real)
        folders.sort()
        yield from (Path(root, file) for file in files)


def found_file(file: StoredFile, name: str) -> FoundFile | Rejected:
    """The file with how it is read, or the reason why it is not; opened only where its name does not tell.

    Args:
        file: Where its bytes are.
        name: Its path relative to the folder (or within the archive), as `normal_name` gives it.
    """
    kind = _kind(file, name)
    return FoundFile(file, name, kind) if isinstance(kind, Kind) else Rejected(name, kind, "by its name")


def _kind(file: StoredFile, name: str) -> Kind | str:
    parts = name.split("/")
    if any(part.startswith(".") or part == "__MACOSX" for part in parts) or parts[-1] in ("DICOMDIR", "Thumbs.db"):
        return "not-an-image"
    if name.lower().endswith(nifti.SUFFIXES):
        return Kind.NIFTI
    extension = PurePosixPath(name).suffix.lower()
    if extension in _KINDS:
        return _KINDS[extension]
    if extension in UNSUPPORTED_EXTENSIONS:
        return "unsupported-format"
    # Scanners write files without an extension, or with a piece of an identifier that looks like one.
    if extension not in _TEXT_EXTENSIONS and dicom.has_preamble(file):
        return Kind.DICOM
    return "not-an-image"
