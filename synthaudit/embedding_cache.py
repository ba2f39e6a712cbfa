"""Vectors kept from one run to the next, so that no image is encoded twice and an interrupted run goes on.

What is kept is found again by its content alone: the digest of an image's pixels under the fingerprint of an encoder.
No file name and no patient id is in it. That does not make it harmless: who has an image can find out from the cache
whether it was audited here, and vectors of images are as personal as images. So the folders are made for their owner
only (mode 0700, files 0600), and the cache is never part of what an audit hands out.

On disk, one folder for each encoder, in it *shards*: files that are written once, whole (temporary file, then
`os.replace`), and never changed. A shard is named by the SHA-256 of its content, so one damaged by a full disk or a
power cut is recognized, removed, and its rows computed anew. Two processes may write at once: at worst both keep a row,
and the rows are equal. When `FAN_IN` shards of one generation have gathered, one of the next generation replaces them.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import struct
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from synthaudit.errors import UsageError

CACHE_VARIABLE = "SYNTHAUDIT_CACHE"
"""Environment variable that names the folder of the cache."""
FAN_IN = 32
"""So many shards of one generation become one of the next: 100 000 images in batches of 64 leave about 60 files."""
MERGED_BYTES_MAX = 2**28
"""Shards above this size are not merged any further: merging holds what it merges in memory."""
STALE_S = 24 * 3600.0
"""A temporary file this old belongs to a process that died."""

_HEADER = struct.Struct("<8sQQ")
_MAGIC = b"SYNAEMB1"
_KEY = 32
_SUFFIX = ".shard"


@dataclass(frozen=True, slots=True)
class _Shard:
    """Keys and vectors of one file, both views into its bytes."""

    keys: NDArray[np.uint8]
    """(n, 32)."""
    vectors: NDArray[np.float32]
    """(n, d)."""


class EmbeddingCache:
    """Vectors on disk, found by pixel digest and encoder fingerprint.

    A cache that cannot be read or written is no reason to stop: it then keeps nothing, and `problem` says why.

    Attributes:
        location: Its folder.
        problem: Why it keeps nothing (any more), or None.
    """

    def __init__(self, directory: str | os.PathLike[str] | None = None) -> None:
        """Use `directory`; else what SYNTHAUDIT_CACHE names; else the user's cache folder. Nothing is made yet."""
        if directory is None:
            directory = os.environ.get(CACHE_VARIABLE) or _user_directory()
        self.location = Path(directory).expanduser()
        self.problem: str | None = None
        self._top = self.location / "embeddings-v1"

    def fetch(self, fingerprint: str, digests: Sequence[str], out: NDArray[np.float32]) -> NDArray[np.bool_]:
        """(n,) bool: which of `digests` were found; the vectors of those are written into their rows of `out`.

        Args:
            fingerprint: Of the encoder.
            digests: (n,) pixel digests, distinct.
            out: (n, d) float32; vectors of another length are not found.
        """
        dim = out.shape[1]
        found = np.zeros(len(digests), dtype=np.bool_)
        position = {_key(fingerprint, digest): row for row, digest in enumerate(digests)}
        for shard in self._shards(self._folder(fingerprint, dim), dim):
            if not position:
                break
            text = shard.keys.tobytes()
            hits = [
                (i, row)
                for i in range(len(shard.keys))
                if (row := position.pop(text[i * _KEY : (i + 1) * _KEY], None)) is not None
            ]
            if hits:
                source, target = np.array(hits, dtype=np.intp).T
                out[target] = shard.vectors[source]
                found[target] = True
        return found

    def keep(self, fingerprint: str, digests: Sequence[str], vectors: NDArray[np.float32]) -> None:
        """Keep (n, d) float32 `vectors` of the images with these (n,) pixel digests; at once, as one shard."""
        if len(digests) != len(vectors):
            raise UsageError(f"vectors must have one row for each digest, got {len(vectors)} for {len(digests)}")
        if self.problem is not None or not len(digests):
            return
        keys = np.frombuffer(b"".join(_key(fingerprint, digest) for digest in digests), dtype=np.uint8)
        folder = self._folder(fingerprint, vectors.shape[1])
        try:
            for directory in (self.location, self._top, folder):
                directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            _write(folder, 0, keys.reshape(-1, _KEY), vectors)
            self._compact(folder, vectors.shape[1])
        except OSError as error:
            self.problem = f"cannot be written ({error.strerror or type(error).__name__})"

    def clear(self) -> None:
        """Remove every vector kept here, of every encoder."""
        shutil.rmtree(self._top, ignore_errors=True)

    def _folder(self, fingerprint: str, dim: int) -> Path:
        # Hashed: a fingerprint is whatever a plug-in says it is, and must not be able to name a folder elsewhere.
        return self._top / hashlib.sha256(f"{dim}:{fingerprint}".encode()).hexdigest()[:32]

    def _shards(self, folder: Path, dim: int) -> Iterator[_Shard]:
        """Every readable shard; lists again until no new one shows up, since another process may be merging."""
        seen: set[str] = set()
        try:
            while fresh := [path for path in _listed(folder) if path.name not in seen]:
                for path in fresh:
                    seen.add(path.name)
                    shard = _read(path, dim)
                    if shard is not None:
                        yield shard
        except OSError as error:
            self.problem = f"cannot be read ({error.strerror or type(error).__name__})"

    def _compact(self, folder: Path, dim: int) -> None:
        """Replace `FAN_IN` or more shards of one generation by one of the next, for as long as there are so many."""
        generation = 0
        while len(paths := _mergeable(folder, generation)) >= FAN_IN:
            shards = [(path, shard) for path in paths if (shard := _read(path, dim)) is not None]
            rows: dict[bytes, NDArray[np.float32]] = {}
            for _, shard in shards:
                rows.update(zip((key.tobytes() for key in shard.keys), shard.vectors, strict=True))
            if rows:
                keys = np.frombuffer(b"".join(rows), dtype=np.uint8).reshape(-1, _KEY)
                merged = _write(folder, generation + 1, keys, np.stack(list(rows.values())))
                for path, _ in shards:
                    if path != merged:
                        path.unlink(missing_ok=True)
            for left_over in folder.glob("*.tmp"):
                _remove_if_stale(left_over)
            generation += 1


def _user_directory() -> str:
    from platformdirs import user_cache_dir

    return user_cache_dir("synthaudit", appauthor=False)


def _key(fingerprint: str, digest: str) -> bytes:
    # Under the fingerprint, so that the keys of two encoders cannot be matched with each other or with a bare digest.
    return hashlib.sha256(f"{fingerprint}:{digest}".encode()).digest()


def _listed(folder: Path) -> list[Path]:
    """The shards of a folder; older generations, being larger, first."""
    try:
        return sorted((path for path in folder.iterdir() if path.suffix == _SUFFIX), reverse=True)
    except FileNotFoundError:
        return []


def _mergeable(folder: Path, generation: int) -> list[Path]:
    """Shards of a generation that may be merged without holding more than `MERGED_BYTES_MAX` of them at once."""
    chosen, size = [], 0
    for path in _listed(folder):
        if path.name.startswith(f"{generation:02d}-"):
            try:
                size += path.stat().st_size
            except FileNotFoundError:
                continue
            if size > MERGED_BYTES_MAX:
                break
            chosen.append(path)
    return chosen


def _write(folder: Path, generation: int, keys: NDArray[np.uint8], vectors: NDArray[np.float32]) -> Path:
    """The shard written: whole or not at all, whatever happens meanwhile."""
    parts = (
        _HEADER.pack(_MAGIC, len(keys), vectors.shape[1]),
        np.ascontiguousarray(keys).tobytes(),
        np.ascontiguousarray(vectors, dtype="<f4").tobytes(),
    )
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    path = folder / f"{generation:02d}-{digest.hexdigest()}{_SUFFIX}"
    descriptor, temporary = tempfile.mkstemp(suffix=".tmp", dir=folder)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.writelines(parts)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return path


def _read(path: Path, dim: int) -> _Shard | None:
    """The content of a shard; None if another process has merged it away, or if it is damaged (then it is removed)."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    if hashlib.sha256(content).hexdigest() != path.stem.partition("-")[2]:
        with contextlib.suppress(OSError):
            path.unlink()
        return None
    magic, n, width = _HEADER.unpack_from(content)
    if magic != _MAGIC or width != dim or len(content) != _HEADER.size + n * (_KEY + 4 * dim):
        return None
    keys = np.frombuffer(content, dtype=np.uint8, count=n * _KEY, offset=_HEADER.size)
    vectors = np.frombuffer(content, dtype="<f4", count=n * dim, offset=_HEADER.size + n * _KEY)
    return _Shard(keys.reshape(n, _KEY), vectors.reshape(n, dim))


def _remove_if_stale(path: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        if time.time() - path.stat().st_mtime > STALE_S:
            path.unlink()
