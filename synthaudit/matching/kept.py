"""Blocks of matched queries, kept on disk, so that an audit that was interrupted goes on where it was.

Registration is the long part of an audit of many images: it must not start again because a machine did. A block is
found again by everything its result depends on: the pool's pixels and who belongs together, the encoders, the canvas,
the effort, the queries, and this package's own source. No name and no id is kept; like the vectors, the folder is the
owner's only (mode 0700) and no part of what an audit hands out.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import tempfile
import zipfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np

from synthaudit.matching.compare import Compared
from synthaudit.matching.lookup import Candidates
from synthaudit.matching.similarity import CHANNELS

Block = list[tuple[Candidates, list[Compared]]]


class KeptBlocks:
    """Matched blocks in a folder.

    A folder that cannot be read or written keeps nothing, and stops nothing.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "matches-v1"

    def fetch(self, key: str) -> Block | None:
        """The block kept under this key; None if there is none, or it is damaged."""
        try:
            content = (self.folder / f"{key}.npz").read_bytes()
        except OSError:
            return None
        digest, body = content[:32], content[32:]
        if hashlib.sha256(body).digest() != digest:
            return None
        try:
            with np.load(io.BytesIO(body), allow_pickle=False) as found:
                return _unpacked({name: found[name] for name in found.files})
        except (ValueError, KeyError, zipfile.BadZipFile):
            return None

    def keep(self, key: str, block: Block) -> None:
        """Keep a block, whole or not at all."""
        stream = io.BytesIO()
        np.savez(stream, allow_pickle=False, **_packed(block))
        body = stream.getvalue()
        with contextlib.suppress(OSError):
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(dir=self.folder, suffix=".partial")  # mode 0600
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(hashlib.sha256(body).digest() + body)
                Path(name).replace(self.folder / f"{key}.npz")
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise


def block_key(setting: str, queries: Sequence[str]) -> str:
    """Name of the block of these queries; empty if one of them cannot be told from others."""
    if not all(queries):
        return ""
    return hashlib.sha256("\n".join([_source(), setting, *queries]).encode()).hexdigest()


@cache
def _source() -> str:
    """Digest of the code that matches: a changed method must not find what the one before it has kept."""
    import synthaudit

    digest = hashlib.sha256()
    folder = Path(synthaudit.__file__).parent
    for file in sorted([*(folder / "matching").glob("*.py"), *(folder / "index").glob("*.py"), folder / "pixels.py"]):
        digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


def _packed(block: Block) -> dict[str, np.ndarray]:
    compared = [one for _, ones in block for one in ones]
    return {
        "candidates": np.array([len(found.rows) for found, _ in block], dtype=np.int64),
        "rows": np.concatenate([np.empty(0, dtype=np.int64), *(found.rows for found, _ in block)]).astype(np.int64),
        "scores": np.concatenate([np.empty(0), *(found.scores for found, _ in block)]),
        "compared": np.array([len(ones) for _, ones in block], dtype=np.int64),
        "real": np.array([one.real for one in compared], dtype=np.int64),
        "similarity": np.array([one.similarity for one in compared], dtype=np.float64).reshape(-1, len(CHANNELS)),
        "matrix": np.array([one.matrix for one in compared], dtype=np.float32).reshape(-1, 2, 3),
        "flip": np.array([one.flip for one in compared], dtype=bool),
    }


def _unpacked(found: dict[str, np.ndarray]) -> Block:
    """The block again; where each candidate was found is not needed any more, and was not kept."""
    ends = np.cumsum(found["candidates"])
    rows = np.split(found["rows"].astype(np.intp), ends[:-1])
    scores = np.split(found["scores"], ends[:-1])
    compared = [
        Compared(int(real), similarity, matrix, bool(flip))
        for real, similarity, matrix, flip in zip(
            found["real"], found["similarity"], found["matrix"], found["flip"], strict=True
        )
    ]
    counts = np.concatenate([[0], np.cumsum(found["compared"])])
    return [
        (Candidates(rows[i], scores[i], ()), compared[counts[i] : counts[i + 1]])
        for i in range(len(found["candidates"]))
    ]
