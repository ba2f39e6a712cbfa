"""What the headers of a PACS's instances say, kept so that an audit that was cut off does not fetch them again.

A header is a patient in clear text, so it is sealed (Fernet: AES-128-CBC and HMAC-SHA-256) under a key derived from the
institution's secret, and found under a keyed hash of its address: whoever has the cache and not the secret reads
nothing in it, not even how many images are of one person. Pixels are never kept; their
digests and vectors are, where those of files are, too.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import sqlite3
import threading
from pathlib import Path
from typing import Any

FILE_NAME = "pacs-headers.sqlite3"
LARGEST_HEAD_BYTES = 256 * 1024
"""Beyond, an instance is fetched again: it is not the header that makes it so large."""


class KeptHeads:
    """Address of an instance -> the bytes before its pixels. One that cannot be read or written knows nothing."""

    def __init__(self, folder: Path, secret: bytes) -> None:
        self._lock = threading.Lock()
        self._name_key = _derived(secret, b"names")
        self._sealing = _fernet(_derived(secret, b"headers"))
        self._connection = _connected(folder) if self._sealing is not None else None

    def get(self, address: str) -> bytes | None:
        """What is kept of the instance, if anything, under this secret."""
        if self._connection is None:
            return None
        try:
            with self._lock:
                row = self._connection.execute("SELECT sealed FROM heads WHERE name = ?", (self._name(address),))
                found = row.fetchone()
            return None if found is None else bytes(self._sealing.decrypt(found[0]))
        except Exception:  # broken, locked, or sealed by another secret: then nothing is known
            return None

    def put(self, address: str, head: bytes) -> None:
        """Keep it, if it is of a header's size."""
        if self._connection is None or len(head) > LARGEST_HEAD_BYTES:
            return
        row = (self._name(address), self._sealing.encrypt(head))
        try:
            with self._lock:
                self._connection.execute("INSERT OR REPLACE INTO heads VALUES (?, ?)", row)
        except sqlite3.Error:
            self._connection = None

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _name(self, address: str) -> str:
        return hmac.new(self._name_key, address.encode(), hashlib.sha256).hexdigest()


def _derived(secret: bytes, purpose: bytes) -> bytes:
    """A key of 32 bytes that serves one purpose and tells nothing of the secret."""
    return hmac.new(secret, b"synthaudit pacs cache " + purpose, hashlib.sha256).digest()


def _fernet(key: bytes) -> Any:
    """None without the package `cryptography`: then nothing is kept, rather than anything in clear."""
    try:
        from cryptography.fernet import Fernet
    except ImportError:
        return None
    return Fernet(base64.urlsafe_b64encode(key))


def _connected(folder: Path) -> sqlite3.Connection | None:
    connection = None
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = folder / FILE_NAME
        path.touch(mode=0o600)
        connection = sqlite3.connect(path, timeout=2.0, check_same_thread=False, isolation_level=None)
        # A power cut may cost what is kept here, never more: it can all be fetched again.
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("CREATE TABLE IF NOT EXISTS heads (name TEXT PRIMARY KEY, sealed BLOB)")
    except (OSError, sqlite3.Error):
        if connection is not None:
            connection.close()
        return None
    return connection
