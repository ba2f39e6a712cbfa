"""One pass over a folder: every image decoded once, to know that it can be read and what its pixels' digest is."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from synthaudit.errors import UnreadableImage
from synthaudit.parallel import ordered_map
from synthaudit.progress import Progress
from synthaudit.readers.digest_cache import Checked, DigestCache, cache_key, digest_cache
from synthaudit.readers.folder import Listing, list_folder
from synthaudit.readers.item_volumes import with_volume_windows, with_volumes
from synthaudit.readers.items import FileSource, Item, items_in
from synthaudit.readers.rejection import Rejected


@dataclass(frozen=True, slots=True)
class ScannedImage:
    """An image that can be read.

    Attributes:
        name: Path relative to the folder, `#i` added for the i-th of a stack.
        file: The same without the addition.
        source: Reads the pixels.
        checked: Digest and size of the pixels as read.
        header: The columns that a DICOM header gives; empty for other files.
        volume: Id of the volume that it is a slice of by its file, among those of the folder; "" for none.
        position: Where it lies in the volume, in mm or as a number; NaN where that is not known.
    """

    name: str
    file: str
    source: FileSource
    checked: Checked
    header: Mapping[str, str] = field(repr=False)
    volume: str = field(default="", repr=False)
    position: float = field(default=math.nan, compare=False)


@dataclass(frozen=True, slots=True)
class ScannedFolder:
    """The images of a folder in the order of their names, and what was left out."""

    images: tuple[ScannedImage, ...]
    rejected: tuple[Rejected, ...]
    """Files that should have been images and cannot be read."""
    passed_over: tuple[Rejected, ...]
    """Files of other kinds."""
    notes: tuple[Rejected, ...] = ()
    """What is odd about volumes that are used: one entry for each, with the name of its first image."""

    def names(self) -> list[str]:
        """All names that a row of a table may mean: also of files left out, as their row is not at fault."""
        left_out = [file.name for file in (*self.rejected, *self.passed_over)]
        return list(dict.fromkeys([name for image in self.images for name in (image.name, image.file)] + left_out))


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


def scan_files(
    listing: Listing, stage: str, workers: int, progress: Progress, cache: Path | None, *, keep_empty: bool = False
) -> ScannedFolder:
    """The same for files listed by other means: in an archive, on a server. See `readers.stored`.

    Slices of NIfTI volumes on which nothing is to be seen are left out, unless `keep_empty`: who needs whole volumes.
    """
    images: list[ScannedImage] = []
    rejected: list[Rejected] = []
    with digest_cache(cache) as kept:
        found, notes = with_volumes(items_in(listing.files, f"{stage} headers", progress, keep_empty=keep_empty))
        keyed = [_keyed(item, cache is not None) for item in found]
        windowed = with_volume_windows(keyed, kept, workers, progress, f"{stage} intensities")
        known = (_known(item, kept) for item in progress.track(windowed, stage, len(windowed)))
        for item, outcome in ordered_map(_check, known, workers):
            if isinstance(outcome, Rejected):
                rejected.append(outcome)
            elif isinstance(item, Item):
                images.append(outcome)
                if item.known is None:
                    kept.put(item.key, outcome.checked)
    return ScannedFolder(tuple(images), tuple(rejected), listing.passed_over, tuple(notes))


def _keyed(item: Item | Rejected, is_kept: bool) -> Item | Rejected:
    return replace(item, key=cache_key(item.file.path, item.addition)) if is_kept and isinstance(item, Item) else item


def _known(item: Item | Rejected, kept: DigestCache) -> Item | Rejected:
    """With what an earlier scan found of it, if its window is still the same."""
    if isinstance(item, Rejected) or item.key is None:
        return item
    window = getattr(item.source, "window", None)
    key = hashlib.sha256(f"{item.key} {window!r}".encode()).hexdigest() if window is not None else item.key
    return replace(item, key=key, known=kept.get(key))


def _check(item: Item | Rejected) -> tuple[Item | Rejected, ScannedImage | Rejected]:
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
    image_of = ScannedImage(item.name, item.file.name, item.source, checked, item.header, item.volume, item.position)
    return item, image_of
