"""Arrays as .npy files between two processes that do not trust each other: numbers only, and no more than asked for."""

from __future__ import annotations

import io
import math
import os
import stat
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthaudit.errors import InputError

Shape = tuple[int | None, ...]

MOST_BYTES = 2**33
"""Of one array, where nothing says how large it may be."""

_HEADER_BYTES = 4096


def write_array(path: Path, array: NDArray[Any]) -> None:
    """Write `array` to `path`."""
    with path.open("wb") as handle:
        np.save(handle, np.ascontiguousarray(array), allow_pickle=False)


def read_array(path: Path, *shapes: Shape) -> NDArray[np.float32]:
    """The array in `path` as float32; nothing is read before its header is known to describe what is asked for.

    Args:
        path: A plain file.
        shapes: Those it may have: what each axis measures, None for an axis of any length.

    Raises:
        InputError: It is no plain .npy file, holds anything but finite real numbers, or has another shape.
    """
    try:
        # A link, or a pipe that never ends, is not followed.
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        raise InputError("an array must lie in the folder as a plain file, found none of that name") from None
    with open(handle, "rb") as stream:  # noqa: PTH123 (a descriptor, not a path)
        state = os.fstat(stream.fileno())
        if not stat.S_ISREG(state.st_mode):
            raise InputError("an array must lie in the folder as a plain file, found something else")
        found, fortran, dtype = _header(stream)
        if not any(_fits(found, shape) for shape in shapes):
            raise InputError(f"an array must have shape {' or '.join(map(_text, shapes))}, got {found}")
        if dtype.kind not in "fiu":
            raise InputError(f"an array must hold real numbers, got dtype {dtype}")
        size = math.prod(found) * dtype.itemsize
        if size > MOST_BYTES:
            raise InputError(f"an array must have at most {MOST_BYTES:,} bytes, got {size:,}")
        if state.st_size - stream.tell() != size:
            raise InputError(f"an array of shape {found} must have {size:,} bytes, got another number")
        content = np.frombuffer(stream.read(size), dtype=dtype)
    array = content.reshape(found, order="F" if fortran else "C").astype(np.float32)
    if not np.isfinite(array).all():
        raise InputError("an array must hold finite numbers, got NaN or infinity")
    return np.ascontiguousarray(array)


def _header(stream: io.BufferedReader) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, order and type of a .npy file, and the stream at its first number."""
    try:
        version = np.lib.format.read_magic(stream)
        if version == (1, 0):
            return np.lib.format.read_array_header_1_0(stream, max_header_size=_HEADER_BYTES)
        return np.lib.format.read_array_header_2_0(stream, max_header_size=_HEADER_BYTES)
    except (ValueError, OSError, MemoryError) as error:
        raise InputError("an array must be written by numpy.save, got something else") from error


def _fits(found: tuple[int, ...], shape: Shape) -> bool:
    return len(found) == len(shape) and all(b in {None, a} for a, b in zip(found, shape, strict=True))


def _text(shape: Shape) -> str:
    inside = ", ".join("any" if side is None else str(side) for side in shape)
    return f"({inside},)" if len(shape) == 1 else f"({inside})"
