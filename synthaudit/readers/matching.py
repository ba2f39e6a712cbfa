"""Which row of the table speaks of which file.

A row's `file` is looked for relative to the folders given and relative to the table's own folder, and if neither leads
to a file, by the tail of the path: the file whose last parts agree with it furthest, if that is one file only.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from synthaudit.errors import MetadataError
from synthaudit.readers.folder import normal_name
from synthaudit.readers.table import MetadataTable, TableRow


class Place(NamedTuple):
    """A file (or one image of a stack) in the folder of a role."""

    role: str
    name: str


@dataclass(frozen=True, slots=True)
class Matching:
    """Rows and files brought together.

    Attributes:
        rows: Place -> its row.
        left_over: (row, "no-file" or "ambiguous-row") of rows that speak of no file, or of several.
        repeated: Places with several rows that say the same.
    """

    rows: Mapping[Place, TableRow] = field(repr=False)
    left_over: tuple[tuple[TableRow, str], ...] = field(repr=False)
    repeated: tuple[Place, ...] = field(repr=False)


class _Files:
    """The files of all folders, to be looked up by name, by absolute path, and by the last part of the path."""

    def __init__(self, folders: Mapping[str, tuple[Path, Iterable[str]]]) -> None:
        self.by_name: dict[str, list[Place]] = {}
        self.by_path: dict[str, list[Place]] = {}
        self.by_last_part: dict[str, list[tuple[Place, tuple[str, ...]]]] = {}
        for role, (folder, names) in folders.items():
            root = normal_name(folder.resolve().as_posix())
            for name in names:
                place, path = Place(role, name), f"{root}/{name}"
                self.by_name.setdefault(name, []).append(place)
                self.by_path.setdefault(path, []).append(place)
                parts = PurePosixPath(path).parts
                self.by_last_part.setdefault(parts[-1], []).append((place, parts))

    def with_tail(self, row: TableRow) -> list[Place]:
        """The files whose path agrees longest with the row's, from the end: over all of one or all of the other."""
        wanted = PurePosixPath(row.file).parts
        if not wanted:
            return []
        best: list[Place] = []
        length = 0
        for place, parts in self.by_last_part.get(wanted[-1], []):
            if place.role == "synthetic" and row.role != "synthetic":
                continue  # a table of real images must not lend its patients to synthetic ones of the same name
            same = 0
            while same < min(len(wanted), len(parts)) and wanted[-1 - same] == parts[-1 - same]:
                same += 1
            if same < min(len(wanted), len(PurePosixPath(place.name).parts)) or same < length:
                continue
            best = [*best, place] if same == length else [place]
            length = same
        return best


def match_rows(table: MetadataTable, folders: Mapping[str, tuple[Path, Iterable[str]]]) -> Matching:
    """Bring the rows of a table together with the files of all roles.

    Args:
        table: The table.
        folders: Role -> (folder, names of its files and of the images in stacks).

    Raises:
        MetadataError: Two rows contradict each other about one file.
    """
    files = _Files(folders)
    root = table.folder.as_posix()
    rows: dict[Place, TableRow] = {}
    left_over: list[tuple[TableRow, str]] = []
    repeated: list[Place] = []
    contradicted: dict[Place, set[str]] = {}
    for row in table.rows:
        places = _places(row, files, normal_name(os.path.normpath(f"{root}/{row.file}")) if row.file else "")
        if len(places) != 1:
            left_over.append((row, "ambiguous-row" if places else "no-file"))
            continue
        known = rows.setdefault(places[0], row)
        if known is row:
            continue
        differing = _differing(known, row, table.columns)
        if differing:
            contradicted.setdefault(places[0], set()).update(differing)
        else:
            repeated.append(places[0])
    if contradicted:
        columns = sorted(set().union(*contradicted.values()))
        raise MetadataError(
            f"the metadata table needs one row for each image, found rows that contradict each other for "
            f"{len(contradicted)} image(s), in: {', '.join(columns)}; keep the row that is right"
        )
    return Matching(rows, tuple(left_over), tuple(repeated))


def _places(row: TableRow, files: _Files, path: str) -> Sequence[Place]:
    """The files that the row may speak of: one, if all is well."""
    by_name = files.by_name.get(os.path.normpath(row.file), []) if row.file else []
    by_path = files.by_path.get(path, [])
    # A name can be found in several folders: a file that both ways lead to goes before all others.
    agreed = [place for place in by_name if place in by_path]
    return _fitting(row, agreed or [*by_name, *by_path] or files.with_tail(row))


def _fitting(row: TableRow, places: Sequence[Place]) -> Sequence[Place]:
    """Of several files, those of the row's role; without a role, the real ones."""
    if len(places) < 2:
        return places
    if row.role:
        # A folder given as training may be divided by the table.
        exact = [place for place in places if place.role == row.role]
        return exact or [place for place in places if place.role == "train"] or places
    return [place for place in places if place.role != "synthetic"] or places


def _differing(one: TableRow, other: TableRow, columns: Sequence[str]) -> set[str]:
    """The columns in which two rows differ."""
    named = {"patient_id": (one.patient, other.patient), "role": (one.role, other.role)}
    named |= {name: (a, b) for name, a, b in zip(columns, one.values, other.values, strict=True)}
    return {name for name, (a, b) in named.items() if a != b}
