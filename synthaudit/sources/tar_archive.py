"""Images in a .tar, read where they lie; a compressed one is unpacked once, to a temporary file without a name.

A .tar.gz has no way to its hundredth member but through the ninety-nine before it. So it is unpacked as a whole to a
file that only this process can reach and that is gone when the process is, whatever ends it.
"""

from __future__ import annotations

import gzip
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO, cast

from synthaudit.errors import InputError, UnreadableImage
from synthaudit.readers.stored import StoredFile
from synthaudit.sources.archive_limits import LIMITS, cut_off, member_name, refuse_links, refuse_repeats
from synthaudit.sources.member_window import SharedFile, window
from synthaudit.sources.stamp import stamp_of

BLOCK = 512
"""Bytes; a tar is made of these, and ends with at least one of zeros."""
_CHUNK = 2**20
_LONGEST_HEADER = 2**20
"""Bytes; an extended header above this size is no name, but an attempt to fill the memory."""

_GZIP = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class TarMember:
    """One file in a .tar.

    Attributes:
        archive: The .tar, maybe compressed.
        stamp: Of the archive when it was listed.
        start: Of its bytes in the unpacked tar.
        length: Of its bytes.
        spool_folder: Where the archive is unpacked to if it is compressed; None for the system's.
        file: The unpacked tar, open; a member that came from another process opens it anew.
    """

    archive: Path = field(repr=False)
    stamp: str
    start: int
    length: int
    spool_folder: Path | None = field(repr=False, compare=False)
    file: SharedFile | None = field(default=None, repr=False, compare=False)

    def open(self) -> BinaryIO:
        """A stream of its bytes.

        Raises:
            UnreadableImage: "cannot-open" where the archive has changed.
        """
        if stamp_of(self.archive) != self.stamp:
            raise UnreadableImage("cannot-open", "the archive was changed while it was read; start again")
        file = self.file or _reopened(self.archive, self.stamp, self.spool_folder)
        return window(file, self.start, self.length)

    def state(self) -> str:
        """The archive with its stamp, and where the member lies in it."""
        return f"tar {self.archive} {self.stamp} {self.start} {self.length}"

    def __reduce__(self) -> tuple[Any, ...]:
        return TarMember, (self.archive, self.stamp, self.start, self.length, self.spool_folder)


class _Checked:
    """A stream for `tarfile` that refuses to read a header larger than any name is."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def read(self, count: int) -> bytes:
        if count > _LONGEST_HEADER:
            raise tarfile.ReadError("header too large")
        return self._stream.read(count)

    def seek(self, position: int, whence: int = 0) -> int:
        return self._stream.seek(position, whence)

    def tell(self) -> int:
        return self._stream.tell()


def tar_members(path: Path, spool_folder: Path | None) -> list[tuple[str, StoredFile]]:
    """(name, member) of each file in the archive.

    Args:
        path: A .tar or a .tar.gz, told apart by content.
        spool_folder: Where a compressed one is unpacked to.

    Raises:
        InputError: It is damaged, cut off, unsafe or too large.
    """
    path = path.absolute()
    stamp = stamp_of(path)
    try:
        stream = _unpacked(path, spool_folder)
    except InputError:
        raise
    except Exception:  # tarfile raises whatever the bytes lead to
        raise cut_off("tar") from None
    try:
        found = list(_files(stream))
        refuse_repeats(name for name, _, _ in found)
    except BaseException as error:
        stream.close()
        if isinstance(error, InputError) or not isinstance(error, Exception):
            raise
        raise cut_off("tar") from None
    shared = SharedFile(stream)
    return [(name, TarMember(path, stamp, start, size, spool_folder, shared)) for name, start, size in found]


@lru_cache(maxsize=4)
def _reopened(path: Path, _stamp: str, spool_folder: Path | None) -> SharedFile:
    return SharedFile(_unpacked(path, spool_folder))


def _unpacked(path: Path, spool_folder: Path | None) -> BinaryIO:
    """The tar itself, open."""
    with path.open("rb") as stream:
        is_packed = stream.read(2) == _GZIP
    return _spooled(path, spool_folder) if is_packed else path.open("rb")


def _spooled(path: Path, folder: Path | None) -> BinaryIO:
    if folder is not None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    packed, written = path.stat().st_size, 0
    spool = cast("BinaryIO", tempfile.TemporaryFile(dir=folder))  # noqa: SIM115 - handed on
    try:
        with gzip.open(path) as stream:
            while chunk := stream.read(_CHUNK):
                written += len(chunk)
                LIMITS.check_total(written, packed)
                _check_room(written, folder)
                spool.write(chunk)
        spool.flush()
    except BaseException:
        spool.close()
        raise
    return spool


def _check_room(written: int, folder: Path | None) -> None:
    free = shutil.disk_usage(folder or tempfile.gettempdir()).free
    if written > LIMITS.spool_bytes or free < LIMITS.free_disk_bytes:
        raise InputError(
            "a compressed tar is unpacked to a temporary file, and this one is too large for that or for the disk; "
            "unpack it yourself and give the folder, or pack it as a plain .tar or a .zip, which need no unpacking"
        )


def _files(stream: BinaryIO) -> Iterator[tuple[str, int, int]]:
    """(name, start, length) of each file in an unpacked tar."""
    size = stream.seek(0, 2)
    stream.seek(0)
    special = members = total = 0
    with tarfile.open(fileobj=cast("Any", _Checked(stream)), mode="r:") as archive:
        while (member := archive.next()) is not None:
            cast("Any", archive).members.clear()  # tarfile keeps what it has seen, which would be every member
            members += 1
            LIMITS.check_members(members)
            name = member_name(member.name) if member.name.strip("./") else ""
            if member.isdir():
                continue
            if not member.isreg() or member.issparse():
                special += 1
                continue
            total += member.size
            if member.offset_data + member.size > size:
                raise tarfile.ReadError("cut off")
            yield name, member.offset_data, member.size
        end = archive.offset
    refuse_links(special)
    LIMITS.check_total(total, size)
    _check_end(stream, end)


def _check_end(stream: BinaryIO, end: int) -> None:
    """A tar ends with zeros: without them it was cut off, and with more behind them some of it would not be read."""
    stream.seek(end)
    if stream.read(BLOCK) != b"\0" * BLOCK:
        raise tarfile.ReadError("no end")
    while chunk := stream.read(_CHUNK):
        if chunk.strip(b"\0"):
            raise InputError(
                "a tar archive must end where it says, found more behind its end, such as a second archive, which "
                "would not be read; give each archive by itself, or pack them anew"
            )
