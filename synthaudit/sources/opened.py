"""What every kind of source comes down to: files that can give their bytes, and what is said of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from synthaudit.readers.folder import FoundFile, Listing, found_file
from synthaudit.readers.rejection import Rejected
from synthaudit.readers.stored import StoredFile

PACKED = frozenset({".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".7z", ".rar", ".zst", ".parquet"})
"""Endings of archives; one inside another is not opened."""


@dataclass(frozen=True, slots=True)
class Opened:
    """The files of one source.

    Attributes:
        place: Where they are, as a path that a table's rows may start with; for a server a made-up one.
        listing: The files that may be images, sorted by name, and those that are none.
        columns: File -> column -> text: what the source itself says of it (a Parquet row, a sidecar of WebDataset).
        groups: The files of the listing, a few patients at a time, where they are better read so; () for all at once.
        fetch: Gets the files of a group in one go, so that reading them does not wait for each.
        lost: How many of the files were asked for and could not be had, as their server stopped answering.
    """

    place: Path = field(repr=False)
    listing: Listing
    columns: Mapping[str, Mapping[str, str]] = field(default_factory=dict, repr=False)
    groups: tuple[tuple[FoundFile, ...], ...] = field(default=(), repr=False)
    fetch: Callable[[Sequence[FoundFile]], None] = field(default=lambda _: None, repr=False)
    lost: Callable[[], int] = field(default=lambda: 0, repr=False)


def listed(files: Iterable[tuple[str, StoredFile]]) -> Listing:
    """The files with how each is read, sorted by name.

    Args:
        files: (name, where its bytes are).
    """
    found: list[FoundFile] = []
    passed_over: list[Rejected] = []
    for name, stored in sorted(files, key=lambda pair: pair[0]):
        file = found_file(stored, name)
        if isinstance(file, FoundFile):
            found.append(file)
        elif file.reason == "unsupported-format" and PurePosixPath(name).suffix.lower() in PACKED:
            passed_over.append(Rejected(name, "nested-archive", "by its name"))
        else:
            passed_over.append(file)
    return Listing(tuple(found), tuple(passed_over))
