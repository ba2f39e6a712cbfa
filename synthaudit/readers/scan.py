"""One pass over a folder: every image decoded once, to know that it can be read and what its pixels' digest is."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from synthaudit.errors import UnreadableImage
from synthaudit.parallel import ordered_map
from synthaudit.progress import Progress
from synthaudit.readers.arrays import ArraySource, array_items
from synthaudit.readers.dicom import DicomSource
from synthaudit.readers.dicom_header import header_columns
from synthaudit.readers.digest_cache import Checked, cache_key, digest_cache
from synthaudit.readers.folder import FoundFile, Kind, Listing, list_folder
from synthaudit.readers.raster import RasterSource
from synthaudit.readers.rejection import Rejected

FileSource = RasterSource | ArraySource | DicomSource


@dataclass(frozen=True, slots=True)
class ScannedImage:
    """An image that can be read.

    Attributes:
        name: Path relative to the folder, `#i` added for the i-th of a stack.
        file: The same without the addition.
        source: Reads the pixels.
        checked: Digest and size of the pixels as read.
        header: The columns that a DICOM header gives; empty for other files.
    """

    name: str
    file: str
    source: FileSource
    checked: Checked
    header: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class ScannedFolder:
    """The images of a folder in the order of their names, and what was left out."""

    images: tuple[ScannedImage, ...]
    rejected: tuple[Rejected, ...]
    """Files that should have been images and cannot be read."""
    passed_over: tuple[Rejected, ...]
    """Files of other kinds."""

    def names(self) -> list[str]:
        """All names that a row of a table may mean: also of files left out, as their row is not at fault."""
        left_out = [file.name for file in (*self.rejected, *self.passed_over)]
        return list(dict.fromkeys([name for image in self.images for name in (image.name, image.file)] + left_out))


@dataclass(frozen=True, slots=True)
class _Item:
    name: str
    file: FoundFile
    source: FileSource
    key: str | None
    known: Checked | None


def pixel_digest(image: NDArray[np.float32]) -> str:
    """SHA-256 (hex) of an image as read: its shape, type and values.

    >>> pixel_digest(np.zeros((8, 8), np.float32))[:12]
    '3497fe65c4bc'
    """
    hasher = hashlib.sha256(f"{image.shape} <f4 ".encode())
    hasher.update(np.ascontiguousarray(image, dtype="<f4").data)
    return hasher.hexdigest()


def scan_folder(folder: Path, stage: str, workers: int, progress: Progress, cache: Path | None) -> ScannedFolder:
    """Check every file below `folder`.

    Args:
        folder: An existing folder.
        stage: What progress calls this pass.
        workers: Threads that decode.
        progress: Where to tell how far it is; counts files.
        cache: Folder that keeps digests between audits, or None.
    """
    return scan_files(list_folder(folder), stage, workers, progress, cache)


def scan_files(listing: Listing, stage: str, workers: int, progress: Progress, cache: Path | None) -> ScannedFolder:
    """The same for files listed by other means: in an archive, on a server. See `readers.stored`."""
    images: list[ScannedImage] = []
    rejected: list[Rejected] = []
    with digest_cache(cache) as kept:

        def items() -> Iterator[_Item | Rejected]:
            for file in progress.track(listing.files, stage, len(listing.files)):
                for found in _items(file):
                    if isinstance(found, Rejected):
                        yield found
                        continue
                    name, source = found
                    key = cache_key(file.path, name.removeprefix(file.name)) if cache is not None else None
                    yield _Item(name, file, source, key, kept.get(key))

        for item, outcome in ordered_map(_check, items(), workers):
            if isinstance(outcome, Rejected):
                rejected.append(outcome)
            elif isinstance(item, _Item):
                images.append(outcome)
                if item.known is None:
                    kept.put(item.key, outcome.checked)
    return ScannedFolder(tuple(images), tuple(rejected), listing.passed_over)


def _items(file: FoundFile) -> list[tuple[str, FileSource] | Rejected]:
    """Each image in the file with its name; headers only."""
    if file.kind is Kind.RASTER:
        return [(file.name, RasterSource(file.path))]
    if file.kind is Kind.DICOM:
        return [(file.name, DicomSource(file.path))]
    try:
        return [(file.name + addition, source) for addition, source in array_items(file.path)]
    except UnreadableImage as error:
        return [Rejected(file.name, error.reason, error.detail)]


def _check(item: _Item | Rejected) -> tuple[_Item | Rejected, ScannedImage | Rejected]:
    """The item, and what decoding it gave; the pixels are let go."""
    if isinstance(item, Rejected):
        return item, item
    checked = item.known
    if checked is None:
        try:
            image = item.source.read()
        except UnreadableImage as error:
            return item, Rejected(item.name, error.reason, error.detail)
        checked = Checked(pixel_digest(image), image.shape[0], image.shape[1])
    header = header_columns(item.file.path) if isinstance(item.source, DicomSource) else {}
    return item, ScannedImage(item.name, item.file.name, item.source, checked, header)
