"""Vectors that the user computed elsewhere, with any model: one array for each role.

    DIR/train.npy      (n, d) floating point          DIR/train.txt      n file names, one a line (optional)
    DIR/holdout.npy                                   DIR/holdout.txt
    DIR/synthetic.npy                                 DIR/synthetic.txt
    DIR/real.npy       instead of train and holdout   DIR/real.txt       (needed here)

With names, rows are joined by name. Without, they are taken to follow the role's image names in sorted order (as Python
sorts text), and there must be exactly as many. Rows are scaled to unit length. Such an encoder cannot be shown an image
that it has no row for, so probes that plant copies do not run with it.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from synthaudit.errors import EncoderError, UsageError

ROLES = ("train", "holdout", "synthetic", "reference")
SHARED = "real"
"""Serves, by name, the roles of SHARED_ROLES that have no array of their own."""
SHARED_ROLES = ("train", "holdout")


class Precomputed:
    """A table of vectors for each role.

    Attributes:
        name: "precomputed".
        dim: Length of the vectors.
        fingerprint: SHA-256 (hex) over all arrays and name lists.
    """

    name = "precomputed"

    def __init__(self, folder: Path) -> None:
        self._arrays: dict[str, NDArray[np.floating]] = {}
        self._rows: dict[str, dict[str, int]] = {}
        digest = hashlib.sha256(b"precomputed-1")
        for stem in (*ROLES, SHARED):
            array_file, name_file = folder / f"{stem}.npy", folder / f"{stem}.txt"
            if not array_file.is_file():
                continue
            self._arrays[stem] = _array(array_file)
            _add(digest, array_file)
            if name_file.is_file():
                self._rows[stem] = _names(name_file, len(self._arrays[stem]))
                _add(digest, name_file)
        if not self._arrays:
            raise EncoderError(
                "precomputed needs a folder with train.npy (or real.npy) and synthetic.npy, found none of "
                f"{', '.join(f'{stem}.npy' for stem in (*ROLES, SHARED))} in {folder.name}"
            )
        if SHARED in self._arrays and SHARED not in self._rows:
            raise EncoderError("precomputed needs real.txt with the file name of each row of real.npy, found none")
        lengths = {stem: array.shape[1] for stem, array in self._arrays.items()}
        if len(set(lengths.values())) > 1:
            raise EncoderError(
                "precomputed needs vectors of one length for all roles, got "
                + ", ".join(f"{length} in {stem}.npy" for stem, length in lengths.items())
            )
        self.dim = next(iter(lengths.values()))
        self.fingerprint = digest.hexdigest()

    @classmethod
    def from_spec(cls, argument: str, *, device: str = "cpu", offline: bool = True) -> Precomputed:  # noqa: ARG003
        """The vectors in the folder `argument`; `device` and `offline` change nothing.

        Raises:
            EncoderError: A file is missing, or is not what it must be.
            UsageError: No folder is named.
        """
        if not argument:
            raise UsageError("precomputed must be given as precomputed:FOLDER, got no folder")
        return cls(Path(argument).expanduser().resolve())

    def rows(self, role: str, names: Sequence[str]) -> NDArray[np.float32]:
        """(n, dim) float32 rows of unit length, for the images of `role` with these (n,) names, in this order.

        Raises:
            EncoderError: There is no array for the role, not one row for each image, or a row is not finite or is zero.
        """
        stem = SHARED if role not in self._arrays and role in SHARED_ROLES else role
        if stem not in self._arrays:
            instead = f" or {SHARED}.npy" if role in SHARED_ROLES else ""
            raise EncoderError(f"precomputed needs {role}.npy{instead} for the {role} images, found none")
        array = self._arrays[stem]
        if stem in self._rows:
            position = [self._rows[stem].get(_normal(name), -1) for name in names]
            missing = position.count(-1)
            if missing:
                raise EncoderError(
                    f"precomputed needs a row for each {role} image, found none for {missing} of {len(names)}, the "
                    f"first of them image {position.index(-1) + 1}; {stem}.txt must have the names relative to the "
                    "folder of images, with / between folders"
                )
        else:
            if len(array) != len(names):
                raise EncoderError(
                    f"precomputed needs one row for each {role} image, got {len(array)} rows in {stem}.npy for "
                    f"{len(names)} images; add {stem}.txt with one file name a line to join them by name"
                )
            # Row i belongs to the i-th name in sorted order.
            position = np.argsort(np.argsort(np.array(names, dtype=object), kind="stable")).tolist()
        return _unit(array, np.array(position, dtype=np.intp), f"{stem}.npy")


def _unit(array: NDArray[np.floating], position: NDArray[np.intp], file: str) -> NDArray[np.float32]:
    """The rows at `position`, scaled to unit length in float64."""
    out = np.empty((len(position), array.shape[1]), dtype=np.float32)
    for start in range(0, len(position), 8192):
        part = slice(start, start + 8192)
        vectors = array[position[part]].astype(np.float64)
        with np.errstate(over="ignore"):
            length = np.linalg.norm(vectors, axis=1, keepdims=True)
        bad = np.flatnonzero(~np.isfinite(length[:, 0]) | (length[:, 0] == 0))
        if len(bad):
            raise EncoderError(
                f"precomputed needs finite vectors that are not zero, got NaN, infinity or zeros in row "
                f"{position[part][bad[0]]} (counted from 0) of {file}; embed that image again"
            )
        out[part] = vectors / length
    return out


def _array(file: Path) -> NDArray[np.floating]:
    try:
        # No pickles: an object array could run any program.
        array = np.load(file, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise EncoderError(
            f"precomputed needs {file.name} as numpy.save writes it, without pickled objects, "
            f"got something else ({type(error).__name__})"
        ) from error
    if not isinstance(array, np.ndarray) or array.ndim != 2 or array.dtype.kind != "f" or not array.shape[1]:
        found = f"{array.dtype} of shape {array.shape}" if isinstance(array, np.ndarray) else "an archive of arrays"
        raise EncoderError(f"precomputed needs {file.name} to be a floating point array of shape (n, d), got {found}")
    return array


def _names(file: Path, n: int) -> dict[str, int]:
    """Name -> row."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise EncoderError(
            f"precomputed needs {file.name} as UTF-8 text, one file name a line, got {type(error).__name__}"
        ) from error
    names = [_normal(line.rstrip("\r")) for line in text.removesuffix("\n").split("\n")] if text else []
    if len(names) != n:
        raise EncoderError(
            f"precomputed needs one line in {file.name} for each row of {file.stem}.npy, got {len(names)} for {n}"
        )
    rows = {name: row for row, name in enumerate(names)}
    if len(rows) < n:
        raise EncoderError(f"precomputed needs names in {file.name} that differ, got {n - len(rows)} repeated")
    return rows


def _normal(name: str) -> str:
    # One file name may come composed from one system and decomposed from another.
    return unicodedata.normalize("NFC", name)


def _add(digest: hashlib._Hash, file: Path) -> None:
    with file.open("rb") as content:
        digest.update(f"\0{file.name}\0".encode() + hashlib.file_digest(content, "sha256").digest())
