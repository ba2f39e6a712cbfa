"""A stretch of a file as a file of its own: a member of a tar is one, and needs no unpacking."""

from __future__ import annotations

import io
import os
import threading
from typing import BinaryIO, cast


class SharedFile:
    """An open file that many threads read from, each at its own place; closed when nobody holds it any more."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def read_at(self, position: int, count: int) -> bytes:
        """Up to `count` bytes from `position`."""
        with self._lock:
            self._stream.seek(position)
            return self._stream.read(count)

    def __del__(self) -> None:
        self._stream.close()


class _Window(io.RawIOBase):
    name = ""  # pydicom asks every buffered stream for the name of its file

    def __init__(self, file: SharedFile, start: int, size: int) -> None:
        super().__init__()
        self._file, self._start, self._size, self._at = file, start, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        origin = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        self._at = max(0, origin + offset)
        return self._at

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        found = self._file.read_at(self._start + self._at, max(0, min(len(view), self._size - self._at)))
        view[: len(found)] = found
        self._at += len(found)
        return len(found)


def window(file: SharedFile, start: int, size: int) -> BinaryIO:
    """A seekable stream of the `size` bytes from `start`."""
    return cast("BinaryIO", io.BufferedReader(_Window(file, start, size), 2**16))
