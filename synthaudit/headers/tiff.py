"""What a TIFF file says beside its pixels: text tags, EXIF and GPS, private tags, bytes that no tag points at."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO

from synthaudit.headers.blocks import color_profile, is_a_program, plain_text, xmp_packet
from synthaudit.headers.exif import TAGS, tagged
from synthaudit.headers.record import FileHeader, Topic, Weight
from synthaudit.headers.sealing import Notes, Sealer

_BYTES_OF = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_EXIF, _GPS, _SUB, _XMP, _ICC, _SOFTWARE = 0x8769, 0x8825, 0x014A, 0x02BC, 0x8773, 0x0131
_OF_A_DIRECTORY = (_EXIF, _SUB)
_PRIVATE_FROM = 0x8000
_KNOWN_PRIVATE = frozenset(
    {_EXIF, _GPS, _ICC, 0x8298, 0x83BB, 0x8649, 0xA005}
    | {0x80A4, 0x80E3, 0x80E4, 0x80E5, 0x80E6, 0x8480, 0x8482, 0x84E3, 0x85D8, 0x87AF, 0x87B0, 0x87B1, 0xA480, 0xA481}
    | set(range(0x8290, 0x8300)) | set(range(0x8820, 0x8840)) | set(range(0x9000, 0x9300)) | set(range(0xA000, 0xA500))
    | set(range(0x9C9B, 0x9CA0)) | set(range(0xC610, 0xC800))
)  # fmt: skip
_STRIPS = {0x0111: 0x0117, 0x0144: 0x0145}
_SHAPE_NOTE = '{"shape"'
_MOST_DIRECTORIES = 32
_PLACES = range(0x0001, 0x0020)

Entry = tuple[int, int, int, bytes, int]
"""Tag, type, count, its bytes, where these end."""


def tiff_header(stream: BinaryIO, sealer: Sealer, stem: str, *, whole: bool) -> FileHeader:
    """What the file in `stream` says; `whole` looks for bytes at its end that nothing points at."""
    notes = Notes(sealer, "TIFF", stem)
    data = stream.read()
    order = "<" if data[:2] == b"II" else ">"
    big = data[2:4] in (b"+\0", b"\0+")
    start = struct.unpack(f"{order}Q", data[8:16])[0] if big else struct.unpack(f"{order}I", data[4:8])[0]
    ends = [16]
    places = [(start, False)]
    seen: set[int] = set()
    while places and len(seen) < _MOST_DIRECTORIES:
        place, is_gps = places.pop(0)
        if place in seen or not 0 < place < len(data):
            continue
        seen.add(place)
        entries, following, end = _directory(data, place, order, big=big)
        ends.append(end)
        if following:
            places.append((following, False))
        numbers = {tag: _numbers(value, kind, order) for tag, kind, _, value, _ in entries if len(value) < 2**22}
        ends += [entry[4] for entry in entries] + list(_ends_of_pixels(numbers))
        for entry in entries:
            if entry[0] in _OF_A_DIRECTORY:
                places += [(one, False) for one in numbers.get(entry[0], ())]
            elif entry[0] == _GPS:
                places += [(one, True) for one in numbers.get(entry[0], ())]
        _note(entries, notes, is_gps=is_gps)
    if whole and seen:
        notes.content("end of file", "bytes at the end", Topic.HIDDEN, data[max(ends) :],
                      objection="bytes that nothing points at are to be removed")  # fmt: skip
    return notes.header()


def _directory(data: bytes, place: int, order: str, *, big: bool) -> tuple[list[Entry], int, int]:
    """The entries of one directory, where the next one is, and where this one ends."""
    counted, size, wide = (8, 20, "Q") if big else (2, 12, "I")
    n = struct.unpack(f"{order}{'Q' if big else 'H'}", data[place : place + counted])[0]
    entries: list[Entry] = []
    first = place + counted
    for i in range(min(n, 4096)):
        raw = data[first + size * i :][:size]
        if len(raw) < size:
            return entries, 0, len(data)
        tag, kind, count = struct.unpack(f"{order}HH{wide}", raw[: 12 if big else 8])
        length = _BYTES_OF.get(kind, 1) * count
        inline = raw[12:] if big else raw[8:]
        if length <= len(inline):
            entries.append((tag, kind, count, inline[:length], 0))
        else:
            at = struct.unpack(f"{order}{wide}", inline)[0]
            entries.append((tag, kind, count, data[at : at + length], min(at + length, len(data))))
    end = first + size * n
    link = data[end : end + (8 if big else 4)]
    following = struct.unpack(f"{order}{wide}", link)[0] if len(link) == (8 if big else 4) else 0
    return entries, following, end + len(link)


def _numbers(value: bytes, kind: int, order: str) -> tuple[int, ...]:
    sign = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}.get(kind)
    if sign is None:
        return ()
    n = len(value) // struct.calcsize(sign)
    return struct.unpack(f"{order}{n}{sign}", value[: n * struct.calcsize(sign)])


def _ends_of_pixels(numbers: dict[int, tuple[int, ...]]) -> Iterator[int]:
    for offsets, lengths in _STRIPS.items():
        yield from (a + b for a, b in zip(numbers.get(offsets, ()), numbers.get(lengths, ()), strict=False))
    yield from (a + b for a, b in zip(numbers.get(0x0201, ()), numbers.get(0x0202, ()), strict=False))


def _note(entries: list[Entry], notes: Notes, *, is_gps: bool) -> None:
    if is_gps:
        told = [(tag, value) for tag, _, _, value, _ in entries if tag in _PLACES]
        if told:
            notes.text("TIFF GPS", "GPS", Topic.PLACE, repr(told), weight=Weight.UNIQUE,
                       objection="a picture that no camera took has none")  # fmt: skip
        return
    for tag, kind, _, value, _ in entries:
        where = f"TIFF {tag:04X}"
        if tag == _XMP:
            xmp_packet(where, value, notes)
        elif tag == _ICC:
            color_profile(where, value, notes)
        elif tag in TAGS:
            _tagged(where, tag, kind, value, notes)
        elif tag == _SOFTWARE:
            text = value.decode("utf-8", "replace").strip("\0 ")
            notes.text(where, "Software", Topic.TEXT, text, objection="" if len(text) < 80 else "it is long for a name")
        elif tag >= _PRIVATE_FROM and tag not in _KNOWN_PRIVATE:
            notes.content(where, "TIFF private tag", Topic.PRIVATE, value, objection="nobody can say what is in it")


def _tagged(where: str, tag: int, kind: int, value: bytes, notes: Notes) -> None:
    text = value.decode("utf-8", "replace").strip("\0 ")
    if text.startswith(_SHAPE_NOTE) or is_a_program(text):  # tifffile and ImageJ note the shape there
        return
    if kind == 2 and TAGS[tag][1] is Topic.TEXT:
        plain_text(where, TAGS[tag][0], Topic.TEXT, text, notes)
    else:
        tagged(where, tag, text if kind == 2 else value, notes)
