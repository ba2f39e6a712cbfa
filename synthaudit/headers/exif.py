"""EXIF: when and where a camera took the picture, whose it is, and a small picture of the picture."""

from __future__ import annotations

import struct
from typing import Any

from synthaudit.headers.blocks import plain_text
from synthaudit.headers.record import Topic, Weight
from synthaudit.headers.sealing import Notes

_EXIF_IFD, _GPS_IFD, _INTEROP_IFD = 0x8769, 0x8825, 0xA005
TAGS: dict[int, tuple[str, Topic]] = {
    0x010E: ("ImageDescription", Topic.TEXT),
    0x010D: ("DocumentName", Topic.TEXT),
    0x011D: ("PageName", Topic.TEXT),
    0x013B: ("Artist", Topic.PERSON),
    0x013C: ("HostComputer", Topic.DEVICE),
    0x0151: ("TargetPrinter", Topic.DEVICE),
    0x8298: ("Copyright", Topic.PERSON),
    0x0132: ("DateTime", Topic.DATE),
    0x9003: ("DateTimeOriginal", Topic.DATE),
    0x9004: ("DateTimeDigitized", Topic.DATE),
    0x9290: ("SubsecTime", Topic.DATE),
    0x927C: ("MakerNote", Topic.PRIVATE),
    0x9286: ("UserComment", Topic.TEXT),
    0x9C9B: ("XPTitle", Topic.TEXT),
    0x9C9C: ("XPComment", Topic.TEXT),
    0x9C9D: ("XPAuthor", Topic.PERSON),
    0x9C9E: ("XPKeywords", Topic.TEXT),
    0x9C9F: ("XPSubject", Topic.TEXT),
    0xA420: ("ImageUniqueID", Topic.ID),
    0xA430: ("CameraOwnerName", Topic.PERSON),
    0xA431: ("BodySerialNumber", Topic.DEVICE),
    0xA435: ("LensSerialNumber", Topic.DEVICE),
    0xC62F: ("CameraSerialNumber", Topic.DEVICE),
    0x83BB: ("IPTC", Topic.TEXT),
    0x8649: ("Photoshop", Topic.TEXT),
    0xC6D2: ("Panasonic title", Topic.TEXT),
}
_WRITTEN = frozenset({"DateTime"})
"""May be the time at which a program wrote the file."""
_REMOVE = "a picture that no camera took has none"


def exif_block(where: str, block: bytes, notes: Notes) -> None:
    """Every entry of an EXIF block that may tell of people; what only says how to show the picture is passed over."""
    from PIL import Image

    block = block.removeprefix(b"Exif\0\0")
    exif = Image.Exif()
    try:
        exif.load(b"Exif\0\0" + block)
        tags: dict[int, Any] = dict(exif)
        tags |= dict(exif.get_ifd(_EXIF_IFD))
        places = dict(exif.get_ifd(_GPS_IFD))
    except Exception:  # broken EXIF
        notes.damaged = True
        notes.content(where, "EXIF", Topic.HIDDEN, block, objection="it cannot be read")
        return
    for tag, value in tags.items():
        tagged(f"{where} {tag:04X}", tag, value, notes)
    if any(tag != 0 for tag in places):
        notes.text(
            f"{where} GPS", "GPS", Topic.PLACE, repr(sorted(places.items())), weight=Weight.UNIQUE, objection=_REMOVE
        )
    thumbnail = _thumbnail(block)
    if thumbnail:
        notes.content(f"{where} thumbnail", "EXIF thumbnail", Topic.OBJECT, thumbnail, objection=_REMOVE)


def tagged(where: str, tag: int, value: Any, notes: Notes) -> None:
    """One entry, if it is of a kind that may tell of people."""
    if tag not in TAGS:
        return
    name, topic = TAGS[tag]
    if isinstance(value, bytes) and name in ("MakerNote", "IPTC", "Photoshop"):
        notes.content(where, name, topic, value, objection=_REMOVE)
        return
    text = _as_text(name, value)
    if topic is Topic.TEXT:
        plain_text(where, name, topic, text, notes)
    elif topic is Topic.DATE:
        real = any(sign in "123456789" for sign in text)
        notes.text(
            where, name, topic, text, objection=_REMOVE if real and name not in _WRITTEN else "", weight=Weight.COMMON
        )
    else:
        notes.text(where, name, topic, text, objection=_REMOVE)


def _as_text(name: str, value: Any) -> str:
    if isinstance(value, tuple | list) and all(isinstance(one, int) and 0 <= one < 256 for one in value):
        value = bytes(value)
    if isinstance(value, bytes):
        return value.decode("utf-16-le" if name.startswith("XP") else "utf-8", "replace").removeprefix("ASCII\0\0\0")
    return str(value)


def _thumbnail(block: bytes) -> bytes:
    """The small JPEG of the second directory; none where there is none, or the block breaks off."""
    order = "<" if block[:2] == b"II" else ">"
    try:
        first = struct.unpack(f"{order}I", block[4:8])[0]
        entries = struct.unpack(f"{order}H", block[first : first + 2])[0]
        second = struct.unpack(f"{order}I", block[first + 2 + 12 * entries :][:4])[0]
        if not second:
            return b""
        found: dict[int, int] = {}
        for i in range(struct.unpack(f"{order}H", block[second : second + 2])[0]):
            entry = block[second + 2 + 12 * i :][:12]
            found[struct.unpack(f"{order}H", entry[:2])[0]] = struct.unpack(f"{order}I", entry[8:])[0]
    except struct.error:
        return b""
    start, length = found.get(0x0201, 0), found.get(0x0202, 0)
    return block[start : start + length] if start else b""
