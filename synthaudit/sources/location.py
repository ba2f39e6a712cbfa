"""What is given as the images of a role: a folder, an archive, shards, a DICOMDIR or a PACS; and how each is opened."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from synthaudit.errors import InputError, UsageError
from synthaudit.readers.folder import FoundFile, Listing, list_folder, normal_name
from synthaudit.readers.stored import StoredFile, head
from synthaudit.sources import dicomdir, shards
from synthaudit.sources.opened import Opened, listed
from synthaudit.sources.pacs_uri import PacsQuery, is_pacs, parsed
from synthaudit.sources.parquet_images import has_images, open_parquet
from synthaudit.sources.sidecars import sidecar_columns
from synthaudit.sources.tar_archive import tar_members
from synthaudit.sources.zip_archive import zip_members

ACCEPTED = (
    "a folder; a .zip, .tar or .tar.gz; a Parquet file with a column `image`; WebDataset shards, as a folder or as "
    "shard-{000..003}.tar; a DICOMDIR; or a PACS: dicomweb+https://HOST/PATH?PatientID=... or "
    "dimse://AET@HOST:PORT/?PatientID=..."
)


class Form(Enum):
    """How the images of a role are packed."""

    FOLDER = "folder"
    ZIP = "zip"
    TAR = "tar"
    PARQUET = "parquet"
    DICOMDIR = "DICOMDIR"
    SHARDS = "shards"
    PACS = "PACS"


@dataclass(frozen=True, slots=True)
class Location:
    """Where the images of a role are.

    Attributes:
        form: How they are packed.
        paths: The folder or file; several for shards; none for a PACS.
        query: Of a PACS.
    """

    form: Form
    paths: tuple[Path, ...] = field(repr=False)
    query: PacsQuery | None = None


@dataclass(frozen=True, slots=True)
class Keeping:
    """Where a source may keep what spares work.

    Attributes:
        folder: The cache; a compressed tar is unpacked there, and what PACS headers say is kept there, sealed.
        key: The institution's secret; None keeps nothing of a PACS.
    """

    folder: Path | None = None
    key: bytes | None = field(default=None, repr=False)


def located(given: Mapping[str, str | os.PathLike[str]]) -> dict[str, Location]:
    """Role -> where its images are; each is there, and none is the same as another or inside it.

    Raises:
        InputError: There is nothing, or something that cannot hold images.
        UsageError: Two are the same, or one lies inside the other; or the address of a PACS is wrong.
    """
    places = {role: _located(role, os.fspath(one)) for role, one in given.items()}
    _refuse_shared(places)
    return places


def _located(role: str, text: str) -> Location:
    if is_pacs(text):
        return Location(Form.PACS, (), parsed(text))
    path = Path(text)
    if path.is_dir():
        return _folder(path)
    if path.is_file():
        return Location(_form_of(role, path), (path,))
    if shards.is_pattern(text):
        paths = shards.expanded(text)
        missing = sum(not shard.is_file() for shard in paths)
        if missing:
            raise InputError(
                f"{role} needs every shard of its range, found {missing} of {len(paths)} missing; check the numbers"
            )
        return Location(Form.SHARDS, tuple(paths))
    raise InputError(f"{role} must exist, found nothing there; check the path given for {role}. Accepted: {ACCEPTED}")


def _folder(path: Path) -> Location:
    if (path / dicomdir.NAME).is_file():
        return Location(Form.DICOMDIR, (path / dicomdir.NAME,))
    packed = shards.shards_in(path)
    if packed and not list_folder(path).files:
        # A table may lie beside the shards: a Parquet file without images is none of them.
        chosen = tuple(one for one in packed if one.suffix.lower() != ".parquet" or has_images(one))
        if chosen:
            return Location(Form.SHARDS, chosen)
    return Location(Form.FOLDER, (path,))


def _form_of(role: str, path: Path) -> Form:
    """How a file is packed, by its content."""
    start = head(path, 264)
    if start.startswith((b"PK\x03\x04", b"PK\x05\x06")) and path.suffix.lower() not in (".npz", ".docx", ".xlsx"):
        return Form.ZIP
    if start.startswith(b"PAR1"):
        return Form.PARQUET
    if path.name.upper() == dicomdir.NAME:
        return Form.DICOMDIR
    is_tar = start[257:262] == b"ustar" or path.name.lower().endswith(".tar")
    if is_tar or (start.startswith(b"\x1f\x8b") and path.name.lower().endswith((".tar.gz", ".tgz"))):
        return Form.TAR
    if path.suffix.lower() in (".zip", ".parquet", ".tgz"):
        raise InputError(
            f"{role} must be what its name says, found a {path.suffix.lower()} file with another content, or one that "
            f"is damaged; copy it again"
        )
    raise InputError(f"{role} must be a set of images, found a file of another kind. Accepted: {ACCEPTED}")


def _refuse_shared(places: Mapping[str, Location]) -> None:
    real = [(role, path.resolve()) for role, place in places.items() for path in _roots(place)]
    for role, path in real:
        for other, outer in real:
            if role != other and path.is_relative_to(outer):
                raise UsageError(
                    f"each role needs a folder of its own, got the same folder, or one inside the other, for {role} "
                    f"and {other}; divide one folder with split or with a `role` column"
                )
    queries = [(role, place.query) for role, place in places.items() if place.query is not None]
    for i, (role, query) in enumerate(queries):
        for other, same in queries[:i]:
            if query == same:
                raise UsageError(f"each role needs a query of its own, got the same for {other} and {role}")


def _roots(place: Location) -> tuple[Path, ...]:
    """What belongs to the role: all that lies beside a DICOMDIR does."""
    return tuple(path.parent for path in place.paths) if place.form is Form.DICOMDIR else place.paths


def opened_at(place: Location, keeping: Keeping) -> Opened:
    """The files at a location; no pixels are read.

    Raises:
        InputError: They cannot be listed.
    """
    if place.form is Form.PACS and place.query is not None:
        from synthaudit.sources.pacs import open_pacs

        return open_pacs(place.query, keeping.folder, keeping.key)
    if place.form is Form.FOLDER:
        return Opened(place.paths[0], list_folder(place.paths[0]))
    if place.form is Form.DICOMDIR:
        return _open_dicomdir(place.paths[0])
    if place.form is Form.SHARDS:
        return shards.joined(place.paths[0].parent, place.paths, lambda path: _open_packed(path, keeping))
    return _open_packed(place.paths[0], keeping)


def _open_packed(path: Path, keeping: Keeping) -> Opened:
    form = _form_of("the archive", path)
    if form is Form.PARQUET:
        return open_parquet(path)
    if form is Form.ZIP:
        members, columns = zip_members(path), {}
    else:
        members = tar_members(path, keeping.folder)
        columns = sidecar_columns(members)
    place = path.with_name(shards.shard_name(path))
    by_name = dict(members)
    if dicomdir.NAME in by_name:
        beside = {name: stored for name, stored in members if name != dicomdir.NAME}
        wanted = dicomdir.referenced(by_name[dicomdir.NAME])
        return Opened(place, dicomdir.by_directory(beside, list(listed(beside.items()).passed_over), wanted))
    return Opened(place, listed(members), columns)


def _open_dicomdir(path: Path) -> Opened:
    listing = list_folder(path.parent)
    beside: dict[str, StoredFile] = {
        normal_name(file.relative_to(path.parent).as_posix()): file
        for file in sorted(path.parent.rglob("*"))
        if file.is_file() and file != path
    }
    others = [r for r in listing.passed_over if r.name in beside]
    return Opened(path.parent, dicomdir.by_directory(beside, others, dicomdir.referenced(path)))


def names_at(place: Location, keeping: Keeping) -> Listing:
    """Everything at a location by name, for whoever wants to look before an audit; no pixels are read."""
    return opened_at(place, keeping).listing


__all__ = ["ACCEPTED", "Form", "FoundFile", "Keeping", "Location", "located", "names_at", "opened_at"]
