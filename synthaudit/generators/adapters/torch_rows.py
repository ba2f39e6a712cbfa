"""Rows through somebody else's network, in PyTorch: a row's result does not depend on how many come with it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from synthaudit.errors import InputError, UsageError

if TYPE_CHECKING:
    from torch import Tensor

ROWS = 8
"""Rows that go through a network at once: fewer are filled up with zeros. Small, as one image may be large."""

Floats = NDArray[np.float32]


def through(function: Callable[[Tensor], Tensor], rows: Floats, device: str) -> Floats:
    """`function` of (n, ...) rows, row for row, without gradients, called with exactly `ROWS` rows each time.

    Raises:
        InputError: The function does not return one row for each.
    """
    import torch

    parts = []
    for low in range(0, max(len(rows), 1), ROWS):
        part = rows[low : low + ROWS]
        padded = np.zeros((ROWS, *rows.shape[1:]), dtype=np.float32)
        padded[: len(part)] = part
        with torch.inference_mode():
            result: Any = function(torch.from_numpy(padded).to(device))
        if not isinstance(result, torch.Tensor) or result.shape[:1] != (ROWS,):
            got = tuple(result.shape) if isinstance(result, torch.Tensor) else type(result).__name__
            raise InputError(f"the network must return a tensor with one row for each of {ROWS}, got {got}")
        parts.append(result[: len(part)].float().cpu().numpy())
    return np.concatenate(parts)


def channels_last(images: Floats) -> Floats:
    """(n, h, w, c) of (n, c, h, w) images; (n, h, w) are left as they are."""
    return np.moveaxis(images, 1, -1) if images.ndim == 4 else images


def channels_first(images: Floats, channels: int) -> Floats:
    """(n, channels, h, w) of gray (n, h, w) images, which every channel repeats."""
    return np.repeat(images[:, None], channels, axis=1)


def on_device(device: str) -> str:
    """`device`, if there is such a one.

    Raises:
        UsageError: There is not.
    """
    import torch

    kind, _, number = device.partition(":")
    there = torch.cuda.device_count() if kind == "cuda" and torch.cuda.is_available() else 0
    if device != "cpu" and not (kind == "cuda" and int(number or 0) < there):
        raise UsageError(f"device must be cpu or one of {there} CUDA devices, got {device!r}")
    return device


def digest_of(files: Iterable[Path]) -> str:
    """SHA-256 (hex) over the content of the files, in the order of their names."""
    hasher = hashlib.sha256()
    for file in sorted(files, key=lambda file: file.name):
        with file.open("rb") as stream:
            hasher.update(hashlib.file_digest(stream, "sha256").digest())
    return hasher.hexdigest()


def existing_file(scheme: str, target: str) -> Path:
    """The file of that name.

    Raises:
        InputError: There is none.
    """
    file = Path(target).expanduser().resolve()
    if not file.is_file():
        raise InputError(f"{scheme}: must name an existing file, found none there")
    return file


def existing_folder(scheme: str, target: str) -> Path:
    """The folder of that name.

    Raises:
        InputError: There is none.
    """
    folder = Path(target).expanduser().resolve()
    if not folder.is_dir():
        raise InputError(f"{scheme}: must name an existing folder, found none there")
    return folder
