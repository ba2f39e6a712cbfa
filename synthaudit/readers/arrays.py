"""NumPy files: one image, or a stack of images, each an item of its own named `file.npy#3`.

Shapes: (h, w), (h, w, c), (n, h, w), (n, h, w, c) and, as PyTorch saves them, (n, c, h, w), with c = 1, 3 or 4 (the
fourth, transparency, is dropped). Three dimensions with a last one of 1, 3 or 4 are one image; any other are a stack.
"""

from __future__ import annotations

import threading
import zipfile
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthaudit.errors import UnreadableImage
from synthaudit.readers.intensity import finished, to_unit
from synthaudit.readers.limits import block_mean, check_size, giants_in_turn, reduction_factor
from synthaudit.readers.rejection import unreadable
from synthaudit.readers.stored import StoredFile, head, opened

EXTENSIONS = frozenset({".npy", ".npz"})
MAX_PACKED_BYTES = 2**31
"""A compressed array must be unpacked whole to read one image of it; above this, an .npy (read in place) is needed."""

_CHANNELS = (1, 3, 4)
_unpacking = threading.Lock()


@dataclass(frozen=True, slots=True)
class ArraySource:
    """One image of a NumPy file.

    Attributes:
        path: The .npy or .npz file.
        member: Name of the array in an .npz; "" for .npy.
        index: Position in a stack; None where the array is one image.
    """

    path: StoredFile = field(repr=False)
    member: str = ""
    index: int | None = None

    def read(self) -> NDArray[np.float32]:
        """(h, w) or (h, w, 3) float32 in [0, 1]; reduced by a whole factor where a side is above 4096 pixels.

        Raises:
            UnreadableImage: "not-finite", "too-small", "too-large", "bad-shape", "pickled", "truncated", "corrupt",
                "empty-file" or "cannot-open".
        """
        try:
            array = _array(self.path, self.member)
            image = array if self.index is None else array[self.index]
            if image.ndim == 3 and image.shape[-1] not in _CHANNELS:
                image = np.moveaxis(image, 0, -1)
            if image.ndim == 3:
                image = image[..., 0] if image.shape[-1] == 1 else image[..., :3]
            height, width = image.shape[:2]
            check_size(height, width)
            with giants_in_turn(height, width):
                factor = reduction_factor(height, width)
                pixels = block_mean(lambda top, bottom: image[top:bottom], height, width, factor)
                return finished(to_unit(np.asarray(pixels), array.dtype))
        except Exception as error:  # a broken file raises whatever its bytes lead to
            raise unreadable(error) from None


def array_items(path: StoredFile) -> list[tuple[str, ArraySource]]:
    """Every image in the file, as (what to add to the file's name, source); reads headers only.

    In an .npz of several arrays, those that cannot be images by their shape (labels, ids) are passed over.

    Raises:
        UnreadableImage: The file holds no array that is an image or a stack of images, or cannot be read.
    """
    try:
        with opened(path) as stream:
            if not stream.read(1):
                raise UnreadableImage("empty-file", "an array is needed, got zero bytes; copy the file again")
        if not _is_packed(path):
            return _items(path, "", "", _array(path, "").shape)
        return _packed_items(path)
    except Exception as error:
        raise unreadable(error) from None


def _is_packed(file: StoredFile) -> bool:
    """Whether it is an .npz: by its name, or where it has none by the mark of a ZIP."""
    return file.suffix.lower() == ".npz" if isinstance(file, Path) else head(file, 2) == b"PK"


def _packed_items(path: StoredFile) -> list[tuple[str, ArraySource]]:
    shapes: dict[str, tuple[int, ...]] = {}
    with opened(path) as whole, zipfile.ZipFile(whole) as archive:
        for entry in archive.namelist():
            if entry.endswith(".npy"):
                with archive.open(entry) as stream:
                    version = np.lib.format.read_magic(stream)
                    header = np.lib.format.read_array_header_1_0 if version == (1, 0) else None
                    shapes[entry[:-4]] = (header or np.lib.format.read_array_header_2_0)(stream)[0]
    if len(shapes) == 1:
        ((member, shape),) = shapes.items()
        return _items(path, member, "", shape)
    found: list[tuple[str, ArraySource]] = []
    for member, shape in shapes.items():
        if len(shape) >= 2 and min(shape[-2:] if len(shape) < 4 else shape[-3:-1]) > 1:
            found += _items(path, member, f"#{member}", shape)
    if not found:
        raise UnreadableImage("bad-shape", "an image or a stack of images is needed, found no such array in the file")
    return found


def _items(path: StoredFile, member: str, prefix: str, shape: tuple[int, ...]) -> list[tuple[str, ArraySource]]:
    single = len(shape) == 2 or (len(shape) == 3 and shape[-1] in _CHANNELS)
    stack = (len(shape) == 3 and not single) or (len(shape) == 4 and (shape[-1] in _CHANNELS or shape[1] in _CHANNELS))
    if single:
        return [(prefix, ArraySource(path, member))]
    if not stack or shape[0] == 0:
        raise UnreadableImage(
            "bad-shape", f"(h, w), (h, w, 3), (n, h, w) or (n, h, w, 3) is needed, got shape {shape}; reshape it"
        )
    return [(f"{prefix}#{i}", ArraySource(path, member, i)) for i in range(shape[0])]


def _array(path: StoredFile, member: str) -> NDArray[Any]:
    """The array, read in place (.npy on a disk) or unpacked and kept for the next image of the same stack."""
    try:
        if isinstance(path, Path) and not member and not _is_packed(path):
            array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
            return array
        state = str((path.stat().st_mtime_ns, path.stat().st_size)) if isinstance(path, Path) else path.state()
        with _unpacking:
            return _unpacked(path, member, state)
    except ValueError as error:
        if "allow_pickle" in str(error) or "Python objects" in str(error):
            raise UnreadableImage(
                "pickled", "plain numbers are needed, got Python objects; save a numeric array"
            ) from None
        raise


@lru_cache(maxsize=2)
def _unpacked(path: StoredFile, member: str, _state: str) -> NDArray[Any]:
    with opened(path) as stream:
        if not member:
            array: NDArray[Any] = np.lib.format.read_array(stream, allow_pickle=False)
            return array
        with zipfile.ZipFile(stream) as archive:
            size = archive.getinfo(f"{member}.npy").file_size
            if size > MAX_PACKED_BYTES:
                raise UnreadableImage(
                    "too-large",
                    f"at most {MAX_PACKED_BYTES:,} bytes can be unpacked, got {size:,}; save the array as .npy",
                )
            with archive.open(f"{member}.npy") as packed:
                return np.lib.format.read_array(packed, allow_pickle=False)
