"""A sample of the images decoded: can they be read, how large and how deep are they, how long does it take."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from synthaudit.errors import UnreadableImage
from synthaudit.parallel import ordered_map
from synthaudit.progress import Progress
from synthaudit.readers.dicom import DicomSource, dataset_of
from synthaudit.readers.items import Item
from synthaudit.readers.quiet import library_warnings_silenced
from synthaudit.readers.raster import RasterSource
from synthaudit.readers.rejection import Rejected
from synthaudit.readers.stored import opened

UNKNOWN = "not stated"
PRIVATE_SYNTAX = "private or unknown"


@dataclass(frozen=True, slots=True)
class CloseLook:
    """What decoding some of the images showed.

    Attributes:
        looked_at: How many were decoded, or tried.
        sides: (width, height) of each that could be read.
        colors: "gray" or "color" -> how many.
        depths: "8 bits" and the like -> how many, as stored.
        syntaxes: DICOM transfer syntax by name -> how many.
        rejected: Those that cannot be read, and why.
        seconds: What it took on the wall.
    """

    looked_at: int
    sides: tuple[tuple[int, int], ...]
    colors: Mapping[str, int]
    depths: Mapping[str, int]
    syntaxes: Mapping[str, int]
    rejected: tuple[Rejected, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class _Seen:
    side: tuple[int, int] | None
    color: str
    depth: str
    syntax: str
    rejected: Rejected | None


def spread(items: Sequence[Item], most: int | None) -> list[Item]:
    """At most so many of the items, evenly over their order; all of them if None."""
    if most is None or len(items) <= most:
        return list(items)
    return [items[int(i)] for i in np.unique(np.linspace(0, len(items) - 1, most).round())]


def close_look(items: Sequence[Item], workers: int, progress: Progress) -> CloseLook:
    """Decode these images, and let go of their pixels."""
    clock = time.perf_counter()
    tracked = progress.track(items, "a closer look", len(items))
    seen = [one for _, one in ordered_map(lambda item: (item, _look(item)), tracked, workers)]
    return CloseLook(
        len(seen),
        tuple(one.side for one in seen if one.side is not None),
        Counter(one.color for one in seen if one.color),
        Counter(one.depth for one in seen if one.depth),
        Counter(one.syntax for one in seen if one.syntax),
        tuple(one.rejected for one in seen if one.rejected is not None),
        time.perf_counter() - clock,
    )


def _look(item: Item) -> _Seen:
    depth, syntax = _stored_as(item)
    try:
        image = item.source.read()
    except UnreadableImage as error:
        return _Seen(None, "", depth, syntax, Rejected(item.name, error.reason, error.detail))
    return _Seen((image.shape[1], image.shape[0]), "gray" if image.ndim == 2 else "color", depth, syntax, None)


def _stored_as(item: Item) -> tuple[str, str]:
    """Bits as stored, and transfer syntax; "" where the format does not say, or the header is broken."""
    try:
        with library_warnings_silenced:
            if isinstance(item.source, DicomSource):
                header = dataset_of(item.source.path, ("SOPClassUID", "BitsStored", "PixelRepresentation"))
                syntax = header.file_meta.TransferSyntaxUID
                known = syntax.name != str(syntax)  # what pydicom does not know it calls by its number
                return _dicom_depth(header), str(syntax.name) if known else PRIVATE_SYNTAX
            if isinstance(item.source, RasterSource):
                return _raster_depth(item.source), ""
    except Exception:  # decoding says what is wrong with the file
        return "", ""
    return "", ""


def _dicom_depth(header: Any) -> str:
    bits = header.get("BitsStored")
    signed = ", signed" if header.get("PixelRepresentation") == 1 else ""
    return f"{bits} bits{signed}" if bits else UNKNOWN


def _raster_depth(source: RasterSource) -> str:
    from PIL import Image

    with opened(source.path) as stream, Image.open(stream) as image:
        mode = image.mode
    if mode == "1":
        return "1 bit"
    if mode.startswith("I;16"):
        return "16 bits"
    return {"I": "32 bits", "F": "32-bit floats"}.get(mode, "8 bits")
