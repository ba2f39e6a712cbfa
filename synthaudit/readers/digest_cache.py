"""Digests of pixels kept between audits, so that a second audit does not decode every file again."""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

from synthaudit.readers.stored import StoredFile

READING_RULES = 2
"""Raised by one whenever a change in these readers changes pixels."""
FILE_NAME = "pixel-digests.sqlite3"
_COMMIT_EVERY = 500
_PACKAGES = (
    *("imagecodecs", "nibabel", "numpy", "opencv-python-headless", "pillow", "pydicom", "pyjpegls"),
    *("pylibjpeg-openjpeg", "pylibjpeg-rle", "SimpleITK", "tifffile"),
)


class Checked(NamedTuple):
    """What a scan keeps of an image: SHA-256 (hex) of its pixels as read, and its height and width as read."""

    digest: str
    height: int
    width: int


@lru_cache(maxsize=1)
def _decoders() -> str:
    """The versions of the libraries that decode: another version may give other pixels."""
    found = []
    for package in _PACKAGES:
        try:
            found.append(f"{package}={version(package)}")
        except PackageNotFoundError:  # another build of it, such as opencv-python, may be there instead
            found.append(f"{package}=?")
    return " ".join(found)


def cache_key(file: StoredFile, item: str) -> str | None:
    """SHA-256 (hex) over the file's path, size, time of change, the item in it and the decoders; None without a file.

    Only this hash is stored: a cache must not list the files of patients.
    """
    if isinstance(file, Path):
        try:
            stat = file.stat()
        except OSError:
            return None
        state: tuple[object, ...] = (os.fsencode(file.absolute()), item, stat.st_size, stat.st_mtime_ns)
    elif known := file.state():
        state = (known, item)
    else:
        return None
    parts = (*state, READING_RULES, _decoders())
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def joint_key(keys: Sequence[str | None]) -> str | None:
    """The key of what is found from several images together, in whatever order; None if one has none."""
    known = [key for key in keys if key is not None]
    return hashlib.sha256("\n".join(sorted(known)).encode()).hexdigest() if len(known) == len(keys) else None


class DigestCache:
    """Key -> what a scan found. A cache that is broken, locked or not writable is one that knows nothing."""

    def __init__(self, connection: sqlite3.Connection | None) -> None:
        self._connection = connection
        self._unsaved = 0

    def get(self, key: str | None) -> Checked | None:
        """What was found for the key, if anything."""
        if self._connection is None or key is None:
            return None
        try:
            row = self._connection.execute("SELECT digest, height, width FROM checked WHERE key = ?", (key,)).fetchone()
        except sqlite3.Error:
            return None
        return Checked(*row) if row else None

    def put(self, key: str | None, found: Checked) -> None:
        """Keep what was found."""
        self._put("INSERT OR REPLACE INTO checked VALUES (?, ?, ?, ?)", key, found)

    def window(self, key: str | None) -> tuple[float, float] | None:
        """The window that was found for a volume, if any."""
        if self._connection is None or key is None:
            return None
        try:
            row = self._connection.execute("SELECT low, high FROM windows WHERE key = ?", (key,)).fetchone()
        except sqlite3.Error:
            return None
        return (float(row[0]), float(row[1])) if row else None

    def put_window(self, key: str | None, window: tuple[float, float]) -> None:
        """Keep the window of a volume."""
        self._put("INSERT OR REPLACE INTO windows VALUES (?, ?, ?)", key, window)

    def _put(self, statement: str, key: str | None, found: tuple[object, ...]) -> None:
        if self._connection is None or key is None:
            return
        try:
            self._connection.execute(statement, (key, *found))
            self._unsaved += 1
            if self._unsaved >= _COMMIT_EVERY:
                self._connection.commit()
                self._unsaved = 0
        except sqlite3.Error:
            self._connection = None


@contextmanager
def digest_cache(folder: Path | None) -> Iterator[DigestCache]:
    """The cache in that folder, made if missing; one that knows nothing where `folder` is None or cannot be used."""
    connection = _connected(folder) if folder is not None else None
    cache = DigestCache(connection)
    try:
        yield cache
    finally:
        if connection is not None:
            try:
                connection.commit()
            except sqlite3.Error:
                pass
            finally:
                connection.close()


def _connected(folder: Path) -> sqlite3.Connection | None:
    connection = None
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        connection = sqlite3.connect(folder / FILE_NAME, timeout=2.0)
        connection.execute(
            "CREATE TABLE IF NOT EXISTS checked (key TEXT PRIMARY KEY, digest TEXT, height INTEGER, width INTEGER)"
        )
        connection.execute("CREATE TABLE IF NOT EXISTS windows (key TEXT PRIMARY KEY, low REAL, high REAL)")
    except (OSError, sqlite3.Error):
        if connection is not None:
            connection.close()
        return None
    return connection
