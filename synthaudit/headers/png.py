"""What a PNG file says beside its pixels: text, EXIF, color profile, chunks of unknown kinds, bytes after its end."""

from __future__ import annotations

import zlib
from typing import BinaryIO

from synthaudit.headers.blocks import color_profile, named_text, unknown_block, xmp_packet
from synthaudit.headers.exif import exif_block
from synthaudit.headers.record import FileHeader, Topic
from synthaudit.headers.sealing import Notes, Sealer

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_MEANT_FOR_DISPLAY = frozenset(
    {b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"cICP", b"pHYs", b"sBIT", b"bKGD"}
    | {b"hIST", b"sPLT", b"acTL", b"fcTL", b"fdAT", b"tIME", b"oFFs", b"sTER", b"mDCV", b"cLLI"}
)
_MOST_INFLATED = 2**22
_XMP = "XML:com.adobe.xmp"


def png_header(stream: BinaryIO, sealer: Sealer, stem: str, *, whole: bool) -> FileHeader:
    """What the file in `stream` says; `whole` looks behind its end, too."""
    notes = Notes(sealer, "PNG", stem)
    stream.seek(len(SIGNATURE))
    while True:
        head = stream.read(8)
        if len(head) < 8:
            notes.damaged = True
            break
        length, kind = int.from_bytes(head[:4]), head[4:]
        if kind in _MEANT_FOR_DISPLAY:
            stream.seek(length + 4, 1)
        else:
            data = stream.read(length + 4)[:length]
            if len(data) < length:
                notes.damaged = True
                break
            _chunk(kind, data, notes)
        if kind == b"IEND":
            if whole:
                notes.content("after IEND", "bytes at the end", Topic.HIDDEN, stream.read(),
                              objection="bytes behind the picture are to be removed")  # fmt: skip
            break
    return notes.header()


def _chunk(kind: bytes, data: bytes, notes: Notes) -> None:
    try:
        if kind == b"tEXt":
            key, _, text = data.partition(b"\0")
            named_text("PNG tEXt", _decoded(key), _decoded(text), notes)
        elif kind == b"zTXt":
            key, _, rest = data.partition(b"\0")
            named_text("PNG zTXt", _decoded(key), _decoded(_inflated(rest[1:])), notes)
        elif kind == b"iTXt":
            _international(data, notes)
        elif kind == b"eXIf":
            exif_block("PNG eXIf", data, notes)
        elif kind == b"iCCP":
            color_profile("PNG iCCP", _inflated(data.partition(b"\0")[2][1:]), notes)
        else:
            unknown_block("PNG", kind.decode("latin-1"), data, notes)
    except Exception:  # a broken chunk
        notes.damaged = True
        notes.content(f"PNG {kind!r}", "a broken chunk", Topic.HIDDEN, data, objection="it cannot be read")


def _international(data: bytes, notes: Notes) -> None:
    key, _, rest = data.partition(b"\0")
    packed, rest = rest[:1] == b"\1", rest[2:]
    _, _, rest = rest.partition(b"\0")  # language
    _, _, text = rest.partition(b"\0")  # keyword in that language
    content = _inflated(text) if packed else text
    if _decoded(key) == _XMP:
        xmp_packet("PNG XMP", content, notes)
    else:
        named_text("PNG iTXt", _decoded(key), content.decode("utf-8", "replace"), notes)


def _decoded(data: bytes) -> str:
    return data.decode("latin-1")


def _inflated(data: bytes) -> bytes:
    """Unpacked, as far as a reasonable text goes: a few packed bytes can become gigabytes."""
    return zlib.decompressobj().decompress(data, _MOST_INFLATED)
