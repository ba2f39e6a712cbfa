"""A small set of images as a folder, and the same packed in every way."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from synthaudit.cohort import Cohort, Role
from synthaudit.intake import read_cohort

Read = Callable[..., Cohort]


def png(seed: int, size: int = 16) -> bytes:
    """A PNG of noise."""
    stream = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 256, (size, size), dtype=np.uint8)
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


@pytest.fixture
def content() -> dict[str, bytes]:
    """Name -> bytes of five images in two folders, and a text."""
    files = {f"{'ab'[i % 2]}/image-{i}.png": png(i) for i in range(4)}
    stack = io.BytesIO()
    np.save(stack, np.random.default_rng(9).random((2, 16, 16), dtype=np.float32))
    return files | {"stack.npy": stack.getvalue(), "notes.txt": b"text"}


@pytest.fixture
def folder(tmp_path: Path, content: dict[str, bytes]) -> Path:
    """The images as files."""
    for name, data in content.items():
        path = tmp_path / "as-folder" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return tmp_path / "as-folder"


def write_zip(path: Path, content: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    """They packed as .zip."""
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    return path


def write_tar(path: Path, content: dict[str, bytes], mode: str = "w") -> Path:
    """They packed as .tar."""
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, data in content.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


def as_read(place: Path | str) -> Cohort:
    """The cohort that an audit takes from there."""
    return read_cohort(place, Role.TRAIN, workers=2)[0]
