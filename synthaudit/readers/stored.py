"""Where the bytes of one file are: on a disk, in an archive, on a server.

A reader asks for a stream and not for a path, so whatever can give one can hold images of any kind that is read here.
"""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO, Protocol, runtime_checkable


@runtime_checkable
class Stored(Protocol):
    """The bytes of one file that is not a file of its own on a disk.

    Must be hashable, and cheap to copy and to pickle: it says where the bytes are, and does not hold many.
    """

    def __hash__(self) -> int: ...

    def open(self) -> BinaryIO:
        """A seekable stream at its start, opened anew; the caller closes it.

        Raises:
            UnreadableImage: It cannot be had any more; or OSError.
        """
        ...

    def state(self) -> str:
        """What changes when the bytes do, and differs from that of all others: the key under which results are kept.

        "" where that is not known: then nothing is kept.
        """
        ...


StoredFile = Path | Stored
"""A file on a disk, or one that is elsewhere."""


def opened(file: StoredFile) -> BinaryIO:
    """A seekable stream of the file's bytes, at its start."""
    return file.open("rb") if isinstance(file, Path) else file.open()


def head(file: StoredFile, count: int) -> bytes:
    """The first `count` bytes, fewer if no more are at hand; none where it cannot be opened.

    At hand is what one read gives. Of a server's file that may be the header alone: no pixels are fetched for this.
    """
    try:
        with opened(file) as stream:
            found: bytes = getattr(stream, "read1", stream.read)(count)
            return found
    except Exception:  # an archive or a server fails in ways of its own
        return b""
