"""Images in a .zip, read member by member without unpacking it to a disk."""

from __future__ import annotations

import io
import stat
import threading
import zipfile
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

from synthaudit.errors import InputError, UnreadableImage
from synthaudit.readers.stored import StoredFile
from synthaudit.sources.archive_limits import LIMITS, cut_off, member_name, refuse_links, refuse_repeats
from synthaudit.sources.stamp import stamp_of

_ENCRYPTED = 0x1
_UNIX = 3
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)


class _OpenZip:
    """An open archive; opening and closing a member are not safe for threads in `zipfile`, reading one is."""

    def __init__(self, path: Path) -> None:
        self._archive = zipfile.ZipFile(path)
        self._lock = threading.Lock()

    def infos(self) -> list[zipfile.ZipInfo]:
        return self._archive.infolist()

    def content(self, name: str, at: int) -> bytes:
        """The bytes of a member.

        Args:
            name: As it is written in the archive.
            at: Where its header is: tells two of one name apart.
        """
        info = self._archive.getinfo(name)
        if info.header_offset != at:
            raise zipfile.BadZipFile("another member")
        with self._lock:
            stream = self._archive.open(info)
        try:
            return stream.read(LIMITS.member_bytes + 1)
        finally:
            with self._lock:
                stream.close()


@lru_cache(maxsize=32)
def _open_zip(path: Path, _stamp: str) -> _OpenZip:
    return _OpenZip(path)


@dataclass(frozen=True, slots=True)
class ZipMember:
    """One file in a .zip.

    Attributes:
        archive: The .zip.
        stamp: Of the archive when it was listed.
        name: As it is written in the archive.
        at: Where its header is.
        checksum: CRC-32 that the archive gives for its content.
    """

    archive: Path = field(repr=False)
    stamp: str
    name: str = field(repr=False)
    at: int
    checksum: int

    def open(self) -> BinaryIO:
        """A stream of its unpacked bytes, in memory.

        Raises:
            UnreadableImage: "corrupt" or "too-large", or "cannot-open" where the archive has changed.
        """
        if stamp_of(self.archive) != self.stamp:
            raise UnreadableImage("cannot-open", "the archive was changed while it was read; start again")
        try:
            content = _open_zip(self.archive, self.stamp).content(self.name, self.at)
        except Exception:  # as above
            raise UnreadableImage("corrupt", "the archive does not give this file; pack it again") from None
        if len(content) > LIMITS.member_bytes:
            raise UnreadableImage(
                "too-large", f"at most {LIMITS.member_bytes:,} bytes can be unpacked; unpack it first"
            )
        return io.BytesIO(content)

    def state(self) -> str:
        """The archive with its stamp, and the member."""
        return f"zip {self.archive} {self.stamp} {self.at} {self.checksum} {self.name}"


def zip_members(path: Path) -> list[tuple[str, StoredFile]]:
    """(name, member) of each file in the archive.

    Raises:
        InputError: It is damaged, encrypted, unsafe, packed by a method that is not read, or too large.
    """
    path = path.absolute()
    stamp = stamp_of(path)
    try:
        infos = _open_zip(path, stamp).infos()
    except Exception:  # zipfile raises whatever the bytes lead to
        raise cut_off("zip") from None
    LIMITS.check_members(len(infos))
    files = [info for info in infos if not info.is_dir()]
    for info in infos:
        if info.is_dir() and info.filename.strip("./"):
            member_name(info.filename)
    refuse_links(sum(_is_special(info) for info in infos))
    _refuse_encrypted(files)
    names = [member_name(info.filename) for info in files]
    refuse_repeats(names)
    _check_sizes(files, path.stat().st_size)
    return [
        (name, ZipMember(path, stamp, info.filename, info.header_offset, info.CRC))
        for name, info in zip(names, files, strict=True)
    ]


def _is_special(info: zipfile.ZipInfo) -> bool:
    """Whether it is neither a file nor a folder, as far as the archive says."""
    kind = stat.S_IFMT(info.external_attr >> 16) if info.create_system == _UNIX else 0
    return kind not in (0, stat.S_IFREG, stat.S_IFDIR)


def _refuse_encrypted(files: list[zipfile.ZipInfo]) -> None:
    encrypted = sum(bool(info.flag_bits & _ENCRYPTED) for info in files)
    if encrypted:
        raise InputError(
            f"the zip archive must not be encrypted, found {encrypted} encrypted file(s); unpack it with its password "
            f"where only you can read it, and give the folder"
        )
    if any(info.compress_type not in _METHODS for info in files):
        raise InputError(
            "the zip archive must be packed by Store, Deflate, BZip2 or LZMA, found another method; pack it again"
        )


def _check_sizes(files: list[zipfile.ZipInfo], packed: int) -> None:
    # Members that share their packed bytes are the other way to make a bomb: no ratio of one of them shows it.
    if sum(info.compress_size for info in files) > packed:
        raise InputError(
            "the zip archive claims more packed bytes than it has: its members overlap, as in a decompression bomb; "
            "pack it again"
        )
    for info in files:
        LIMITS.check_total(info.file_size, info.compress_size)
    LIMITS.check_total(sum(info.file_size for info in files), packed)
