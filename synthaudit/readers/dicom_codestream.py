"""What a compressed frame says of itself in its first bytes, before any memory is taken for it.

A code stream carries a size of its own. A decoder takes memory for that size, whatever the header of the object says,
so a stream of a hundred bytes could ask for a hundred gigabytes.
"""

from __future__ import annotations

import struct
import zlib
from typing import BinaryIO, NamedTuple

from synthaudit.errors import UnreadableImage
from synthaudit.readers.limits import GIANT_PIXELS

GIANT_PIXELS_PER_BYTE = 2000
"""No picture of a body of 64 million pixels and more is compressed further than this."""
_J2K_START = b"\xff\x4f\xff\x51"
_NO_FRAME_HEADER = frozenset({0xC4, 0xC8, 0xCC})
_MOST_COMPONENTS = 4
MAX_INFLATED_BYTES = 2**29
"""Of an object whose data set is deflated as a whole; a thousandth of it would do to ask for that much."""
_DEFLATED = b"1.2.840.10008.1.2.1.99"


class FrameSize(NamedTuple):
    """What the stream says: pixels and bits of a sample."""

    height: int
    width: int
    bits: int


def stated_size(stream: bytes) -> FrameSize | None:
    """The size in the header of a JPEG, JPEG-LS or JPEG 2000 code stream; None where there is none to be found."""
    if stream[:2] == b"\xff\xd8":
        return _jpeg(stream)
    start = stream.find(_J2K_START, 0, 4096)
    return _jpeg_2000(stream[start:]) if start >= 0 else None


def check_stream(stream: bytes, height: int, width: int) -> FrameSize | None:
    """The size that the code stream states, if it is what the object's header says.

    Raises:
        UnreadableImage: "corrupt" where the two disagree, "truncated" where so few bytes cannot be so large an image.
    """
    if height * width >= GIANT_PIXELS and height * width > GIANT_PIXELS_PER_BYTE * len(stream):
        raise UnreadableImage("truncated", "the header states more pixels than the data can hold; copy the file again")
    stated = stated_size(stream)
    if stated is not None and (stated.height, stated.width) != (height, width):
        raise UnreadableImage(
            "corrupt", "one size is needed, found another in the compressed data than in the header; export it again"
        )
    return stated


def _jpeg(stream: bytes) -> FrameSize | None:
    at = 2
    while at + 9 <= len(stream):
        if stream[at] != 0xFF:
            return None
        marker = stream[at + 1]
        if marker == 0xFF:  # fill bytes
            at += 1
            continue
        if (0xC0 <= marker <= 0xCF and marker not in _NO_FRAME_HEADER) or marker == 0xF7:
            bits, height, width = struct.unpack_from(">BHH", stream, at + 4)
            return FrameSize(height, width, bits)
        at += 2 + int.from_bytes(stream[at + 2 : at + 4], "big")
    return None


def _jpeg_2000(stream: bytes) -> FrameSize | None:
    if len(stream) < 43:
        return None
    right, bottom, left, top = struct.unpack_from(">IIII", stream, 8)
    tile_width, tile_height = struct.unpack_from(">II", stream, 24)
    components = int.from_bytes(stream[40:42], "big")
    if not 1 <= components <= _MOST_COMPONENTS or min(tile_width, tile_height) < 1 or right <= left or bottom <= top:
        raise UnreadableImage("corrupt", "the header of the JPEG 2000 data is broken; export the file again")
    return FrameSize(bottom - top, right - left, (stream[42] & 0x7F) + 1)


def check_inflated(start: bytes, stream: BinaryIO) -> None:
    """Refuse a deflated object that would unpack to more than there is memory for; the stream is at its start again.

    Args:
        start: The first 4 KiB of the file.
        stream: The file.

    Raises:
        UnreadableImage: "too-large", or "corrupt" where the packed part cannot be found.
    """
    if _DEFLATED not in start[132:1024]:
        return
    if start[132:140] != b"\x02\x00\x00\x00UL\x04\x00":
        raise UnreadableImage("corrupt", "the header of the packed file is broken; export the file again")
    stream.seek(144 + int.from_bytes(start[140:144], "little"))
    unpacker, size = zlib.decompressobj(-zlib.MAX_WBITS), 0
    while packed := stream.read(2**16):
        while packed and size <= MAX_INFLATED_BYTES:
            size += len(unpacker.decompress(packed, 2**20))
            packed = unpacker.unconsumed_tail
        if size > MAX_INFLATED_BYTES:
            raise UnreadableImage(
                "too-large", f"at most {MAX_INFLATED_BYTES:,} bytes can be unpacked; save the file uncompressed"
            )
    stream.seek(0)
