"""Every image that the files of a folder hold, by their headers; no pixels are decoded but those of NIfTI volumes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from synthaudit.errors import UnreadableImage
from synthaudit.progress import Progress
from synthaudit.readers.arrays import ArraySource, array_items
from synthaudit.readers.dicom import DicomSource, dataset_of, images_in
from synthaudit.readers.dicom_frames import Place, frame_count, place_of
from synthaudit.readers.dicom_header import columns_of, header_of, study_of
from synthaudit.readers.dicom_intensity import has_percentile_window
from synthaudit.readers.digest_cache import Checked
from synthaudit.readers.folder import FoundFile, Kind
from synthaudit.readers.nifti import NiftiSource, slices_in
from synthaudit.readers.quiet import library_warnings_silenced
from synthaudit.readers.raster import RasterSource
from synthaudit.readers.rejection import Rejected, unreadable

FileSource = RasterSource | ArraySource | DicomSource | NiftiSource


@dataclass(frozen=True, slots=True)
class Item:
    """One image that has not been decoded yet.

    Attributes:
        name: Path relative to the folder, and what tells it from others in the file.
        file: Where it is.
        source: Reads the pixels.
        header: The columns that a DICOM header gives.
        place: Where it lies by its header.
        visit: Date and id of its study, where the header says.
        is_open: Whether its window depends on all values of its volume.
        volume: Id of the volume it is a slice of; "" for none.
        position: Where it lies in that; NaN where that is not known.
        key: Under which results are kept; None for not at all.
        known: What an earlier scan found.
    """

    name: str
    file: FoundFile
    source: FileSource
    header: Mapping[str, str] = field(default_factory=dict, repr=False)
    place: Place = field(default=Place(), repr=False)
    visit: tuple[str, str] = field(default=("", ""), repr=False)
    is_open: bool = False
    volume: str = field(default="", repr=False)
    position: float = math.nan
    key: str | None = field(default=None, repr=False)
    known: Checked | None = field(default=None, repr=False)

    @property
    def addition(self) -> str:
        """What tells it from other images in its file; "" where there are none."""
        return self.name.removeprefix(self.file.name)


def items_in(
    files: Sequence[FoundFile], stage: str, progress: Progress, *, keep_empty: bool = False
) -> Iterator[Item | Rejected]:
    """Each image with its name, in the order of the files; or why a file holds none.

    Args:
        files: As listed.
        stage: What progress calls this pass, if any of the files has a header to read.
        progress: Where to tell how far it is.
        keep_empty: Whether slices of NIfTI volumes on which nothing is to be seen are images, too.
    """
    has_headers = any(file.kind in (Kind.DICOM, Kind.NIFTI) for file in files)
    for file in progress.track(files, stage, len(files)) if has_headers else files:
        try:
            yield from _items(file, keep_empty)
        except UnreadableImage as error:
            yield Rejected(file.name, error.reason, error.detail)


def _items(file: FoundFile, keep_empty: bool) -> Iterator[Item | Rejected]:
    if file.kind is Kind.RASTER:
        yield Item(file.name, file, RasterSource(file.path))
    elif file.kind is Kind.DICOM:
        yield from _dicom(file)
    elif file.kind is Kind.NIFTI:
        yield from _nifti(file, keep_empty)
    else:
        for addition, source in array_items(file.path):
            yield Item(file.name + addition, file, source)


def _dicom(file: FoundFile) -> list[Item]:
    try:
        header = header_of(file.path)
        with library_warnings_silenced:
            frames: list[tuple[str, int | None]] = [("", None)]
            if frame_count(header) > 1:
                frames = images_in(dataset_of(file.path))
            columns, visit, is_open = columns_of(header), study_of(header), has_percentile_window(header)
            return [
                Item(
                    name=file.name + addition,
                    file=file,
                    source=DicomSource(file.path, frame),
                    header=columns,
                    place=_place(header, frame),
                    visit=visit,
                    is_open=is_open,
                )
                for addition, frame in frames
            ]
    except Exception as error:  # a broken header leads to whatever its bytes do
        raise unreadable(error) from None


def _place(header: Any, frame: int | None) -> Place:
    """Where the frame lies; nowhere known where that part of the header is broken, which makes no pixel unreadable."""
    try:
        return place_of(header, frame)
    except Exception:
        return Place()


def _nifti(file: FoundFile, keep_empty: bool) -> Iterator[Item | Rejected]:
    for found in slices_in(file.path):
        name = file.name + found.addition
        if found.is_empty and not keep_empty:
            yield Rejected(name, "slice-empty", "nothing is to be seen on it")
            continue
        volume = "" if found.volume is None else f"{file.name}#v{found.volume}"
        position = found.position if volume else math.nan
        yield Item(name, file, found.source, volume=volume, position=position)
