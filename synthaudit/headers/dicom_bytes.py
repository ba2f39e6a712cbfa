"""Bytes of a DICOM file that no viewer shows: bits above the pixels, more pixels than the image has, a tail."""

from __future__ import annotations

import struct
from typing import Any, BinaryIO

import numpy as np

from synthaudit.headers.record import Topic
from synthaudit.headers.sealing import Notes

_TRAILING_PADDING = 0xFFFCFFFC
_LONG = (b"OB", b"OW", b"OF", b"OD", b"OL", b"OV", b"UN", b"UT", b"SQ")
_DEFLATED = "1.2.840.10008.1.2.1.99"
_UNDEFINED = 0xFFFFFFFF
_BEHIND = "bytes behind the pixels are to be removed"
_ABOVE = "bits above those of the pixels are to be zero"


def look_behind(dataset: Any, stream: BinaryIO, start: int, notes: Notes) -> None:
    """Note what stands in and behind the pixels that is no pixel.

    Args:
        dataset: Read up to its pixels.
        stream: Of the same file.
        start: Where its header ends.
        notes: Where to say it.
    """
    syntax = str(getattr(dataset.file_meta, "TransferSyntaxUID", ""))
    if syntax == _DEFLATED:
        return
    implicit, little = dataset.original_encoding
    order = "<" if little else ">"
    stream.seek(start)
    while True:
        head = stream.read(8)
        if len(head) < 8:
            notes.content("end of file", "bytes at the end", Topic.HIDDEN, head, objection=_BEHIND)
            return
        group, element = struct.unpack(f"{order}HH", head[:4])
        length = _length(head, stream, order, implicit=bool(implicit))
        tag = group << 16 | element
        if length is None or group < 0x7FE0:
            _tail(notes, head + stream.read())
            return
        if length == _UNDEFINED:
            if not _skip_fragments(stream, order):
                notes.damaged = True
                return
            continue
        value = stream.read(length)
        if len(value) < length:
            notes.damaged = True
            return
        if tag == 0x7FE00010:
            _pixels(dataset, value, order, notes)
        elif tag == _TRAILING_PADDING:
            notes.content("(FFFC,FFFC)", "DataSetTrailingPadding", Topic.HIDDEN, value, objection=_BEHIND)
        elif group % 2 or group >= 0xFFFA:
            notes.content(f"({group:04X},{element:04X})", f"group {group:04X}", Topic.HIDDEN, value, objection=_BEHIND)


def _length(head: bytes, stream: BinaryIO, order: str, *, implicit: bool) -> int | None:
    """Length of the value that follows; None where this is no element."""
    if implicit:
        return int(struct.unpack(f"{order}I", head[4:])[0])
    vr = head[4:6]
    if not (vr.isalpha() and vr.isupper()):
        return None
    if vr not in _LONG:
        return int(struct.unpack(f"{order}H", head[6:])[0])
    more = stream.read(4)
    return int(struct.unpack(f"{order}I", more)[0]) if len(more) == 4 else None


def _skip_fragments(stream: BinaryIO, order: str) -> bool:
    """Move behind encapsulated pixels; False where they break off."""
    while True:
        head = stream.read(8)
        if len(head) < 8:
            return False
        group, element, length = struct.unpack(f"{order}HHI", head)
        if (group, element) == (0xFFFE, 0xE0DD):
            return True
        if (group, element) != (0xFFFE, 0xE000):
            return False
        stream.seek(length, 1)


def _tail(notes: Notes, tail: bytes) -> None:
    notes.content("end of file", "bytes at the end", Topic.HIDDEN, tail, objection=_BEHIND)


def _pixels(dataset: Any, value: bytes, order: str, notes: Notes) -> None:
    allocated, stored = int(dataset.get("BitsAllocated") or 0), int(dataset.get("BitsStored") or 0)
    frames = int(dataset.get("NumberOfFrames") or 1)
    samples = int(dataset.Rows) * int(dataset.Columns) * int(dataset.get("SamplesPerPixel") or 1) * frames
    photometric = str(dataset.get("PhotometricInterpretation", ""))
    needed = -(-samples * allocated // 8)
    if photometric not in ("YBR_FULL_422",) and len(value) > needed + needed % 2:
        notes.content("(7FE0,0010)", "bytes after the last pixel", Topic.HIDDEN, value[needed:], objection=_BEHIND)
    if allocated == 16 and 0 < stored < 16 and int(dataset.get("HighBit") or 0) == stored - 1:
        words = np.frombuffer(value[: needed - needed % 2], f"{order}u2")
        above = words >> stored
        signed = int(dataset.get("PixelRepresentation") or 0) == 1
        ones = (1 << (16 - stored)) - 1
        # Signed values may fill the bits above with their sign.
        odd = (above != 0) & (above != ones) if signed else above != 0
        if odd.any():
            notes.content(
                "(7FE0,0010)", "bits above the pixels", Topic.HIDDEN, above.astype("<u2").tobytes(), objection=_ABOVE
            )
