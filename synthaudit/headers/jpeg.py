"""What a JPEG file says beside its pixels: comments, EXIF, profiles, thumbnails, its quantization tables, a tail."""

from __future__ import annotations

import re
from typing import BinaryIO

from synthaudit.headers.blocks import color_profile, plain_text, unknown_block, xmp_packet
from synthaudit.headers.exif import exif_block
from synthaudit.headers.jpeg_tables import is_standard
from synthaudit.headers.record import FileHeader, Topic, Weight
from synthaudit.headers.sealing import Notes, Sealer

_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]", re.DOTALL)
_START, _END, _SCAN, _TABLES, _COMMENT, _RESTART = 0xD8, 0xD9, 0xDA, 0xDB, 0xFE, range(0xD0, 0xD8)
_TAIL = "bytes behind the picture are to be removed"


def jpeg_header(stream: BinaryIO, sealer: Sealer, stem: str, *, whole: bool) -> FileHeader:
    """What the file in `stream` says; `whole` looks behind its end, too."""
    notes = Notes(sealer, "JPEG", stem)
    data = stream.read()
    tables: list[bytes] = []
    profile: list[bytes] = []
    place = 2
    while place + 4 <= len(data):
        if data[place] != 0xFF:
            notes.damaged = True
            break
        kind = data[place + 1]
        if kind == 0xFF or kind in _RESTART or kind == 0x01:
            place += 1 if kind == 0xFF else 2
            continue
        if kind == _END:
            break
        length = int.from_bytes(data[place + 2 : place + 4])
        segment = data[place + 4 : place + 2 + length]
        place += 2 + length
        if kind == _SCAN:
            if not whole:
                break
            found = _MARKER.search(data, place)
            if found is None:
                notes.damaged = True
                break
            place = found.start()
        elif kind == _TABLES:
            tables.append(segment)
        else:
            _segment(kind, segment, profile, notes)
    if whole and data[place : place + 2] == b"\xff\xd9":
        notes.content("after EOI", "bytes at the end", Topic.HIDDEN, data[place + 2 :], objection=_TAIL)
    if profile:
        color_profile("JPEG APP2", b"".join(profile), notes)
    if tables and not is_standard(b"".join(tables)):
        notes.content("JPEG DQT", "JPEG quantization tables", Topic.DEVICE, b"".join(tables), weight=Weight.SPECIFIC)
    return notes.header()


def _segment(kind: int, segment: bytes, profile: list[bytes], notes: Notes) -> None:
    if kind == _COMMENT:
        plain_text("JPEG COM", "JPEG comment", Topic.TEXT, segment.decode("utf-8", "replace").strip("\0 "), notes)
    elif kind == 0xE0:
        if segment[:5] == b"JFIF\0" and len(segment) > 14 and segment[12] * segment[13]:
            notes.content("JPEG APP0", "JFIF thumbnail", Topic.OBJECT, segment[14:], objection="it is a small picture")
        elif segment[:5] == b"JFXX\0":
            notes.content("JPEG APP0", "JFIF thumbnail", Topic.OBJECT, segment[5:], objection="it is a small picture")
    elif kind == 0xE1 and segment[:6] == b"Exif\0\0":
        exif_block("JPEG EXIF", segment, notes)
    elif kind == 0xE1 and segment[:4] == b"http":
        xmp_packet("JPEG XMP", segment.partition(b"\0")[2], notes)
    elif kind == 0xE2 and segment[:12] == b"ICC_PROFILE\0":
        profile.append(segment[14:])
    elif kind == 0xEE and segment[:5] == b"Adobe":
        return
    elif 0xE0 <= kind <= 0xEF and segment:
        unknown_block("JPEG", f"APP{kind - 0xE0}", segment, notes)
