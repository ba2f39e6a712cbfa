"""PNG, JPEG, TIFF and BMP: gray and color, 8 and 16 bits, palettes and transparency.

Pixels under transparency count: they are in the file, so whoever has it can see them. Pillow's classes are called by
content, not `Image.open`: its guard against large images cannot be lifted for one call, and `limits` does its work.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from synthaudit.errors import UnreadableImage
from synthaudit.readers.intensity import finished, to_unit
from synthaudit.readers.limits import GIANT_PIXELS, block_mean, check_size, giants_in_turn, reduction_factor
from synthaudit.readers.quiet import library_warnings_silenced
from synthaudit.readers.rejection import unreadable
from synthaudit.readers.stored import StoredFile, opened

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageFile import ImageFile

EXTENSIONS = frozenset({".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".tif", ".tiff", ".bmp"})

_BITS_PER_SAMPLE, _PHOTOMETRIC, _WHITE_IS_ZERO = 258, 262, 0
_ORIENTATION = 0x0112
_TURNS = {2: (0, True), 3: (2, False), 4: (2, True), 5: (3, True), 6: (3, False), 7: (1, True), 8: (1, False)}
"""EXIF orientation -> (quarter turns against the clock, then mirrored left to right)."""


@dataclass(frozen=True, slots=True)
class RasterSource:
    """One PNG, JPEG, TIFF or BMP file."""

    path: StoredFile = field(repr=False)

    def read(self) -> NDArray[np.float32]:
        """(h, w) or (h, w, 3) float32 in [0, 1]; reduced by a whole factor where a side is above 4096 pixels.

        Raises:
            UnreadableImage: "empty-file", "wrong-content", "truncated", "corrupt", "too-small", "too-large",
                "multi-frame", "not-finite", "unsupported-format" or "cannot-open".
        """
        try:
            with library_warnings_silenced, opened(self.path) as stream:
                return finished(_decoded(stream))
        except Exception as error:  # decoders raise whatever they like on broken files
            raise unreadable(error) from None


def _decoded(stream: BinaryIO) -> NDArray[np.float32]:
    head = stream.read(32)
    stream.seek(0)
    if not head:
        raise UnreadableImage("empty-file", "an image is needed, got zero bytes; copy the file again")
    try:
        image = _opened(stream, head)
    except SyntaxError:
        if not _is_tiff(head):
            raise
        return _unusual_tiff(stream)
    width, height = image.size
    check_size(height, width)
    if image.format != "JPEG" and getattr(image, "n_frames", 1) > 1:
        raise UnreadableImage("multi-frame", "one picture a file is needed, got several; save each as its own file")
    with giants_in_turn(height, width):
        factor = reduction_factor(height, width)
        if factor > 1 and image.format == "JPEG":
            # The codec can leave out resolution as it decodes: an eighth of the side needs a 64th of the memory.
            image.draft(image.mode, (-(-width // factor), -(-height // factor)))
        image.load()
        if _is_deep_color(image, head) and height * width <= GIANT_PIXELS:
            return _deep_color(stream)
        return _with_orientation(_unit(image), image)


def _is_tiff(head: bytes) -> bool:
    return head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def _opened(stream: BinaryIO, head: bytes) -> ImageFile:
    from PIL import BmpImagePlugin, JpegImagePlugin, PngImagePlugin, TiffImagePlugin

    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return PngImagePlugin.PngImageFile(stream)
    if head.startswith(b"\xff\xd8\xff"):
        return JpegImagePlugin.JpegImageFile(stream)
    if _is_tiff(head):
        return TiffImagePlugin.TiffImageFile(stream)
    if head.startswith(b"BM"):
        return BmpImagePlugin.BmpImageFile(stream)
    raise UnreadableImage("wrong-content", "PNG, JPEG, TIFF or BMP is needed, found none of them; export it again")


def _is_deep_color(image: ImageFile, head: bytes) -> bool:
    """Whether the file has more than 8 bits in each of several channels, of which Pillow keeps 8 only."""
    if image.format == "PNG":
        return head[24] == 16 and head[25] in (2, 4, 6)
    if image.format == "TIFF":
        bits = getattr(image, "tag_v2", {}).get(_BITS_PER_SAMPLE, (1,))
        return len(bits) >= 3 and max(bits) > 8
    return False


def _deep_color(stream: BinaryIO) -> NDArray[np.float32]:
    import cv2

    stream.seek(0)
    pixels = cv2.imdecode(np.frombuffer(stream.read(), np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None:
        raise UnreadableImage("corrupt", "color of 16 bits could not be decoded; save it as uncompressed TIFF")
    if pixels.ndim == 3:
        pixels = pixels[:, :, 2::-1]
    return to_unit(pixels, pixels.dtype)


def _unusual_tiff(stream: BinaryIO) -> NDArray[np.float32]:
    """TIFF in a layout that Pillow does not know, such as 64-bit floats."""
    import tifffile

    stream.seek(0)
    with tifffile.TiffFile(stream) as file:
        page: Any = file.pages[0]
        height, width = int(page.imagelength), int(page.imagewidth)
        check_size(height, width)
        if len(file.pages) > 1:
            raise UnreadableImage("multi-frame", "one picture a file is needed, got several; save each as its own file")
        with giants_in_turn(height, width):
            try:
                pixels: NDArray[Any] = page.asarray()
            except ValueError:
                raise UnreadableImage(
                    "unsupported-format", "this TIFF compression is not read here; save it uncompressed"
                ) from None
    if pixels.shape[:2] != (height, width) or pixels.ndim > 3 or (pixels.ndim == 3 and pixels.shape[2] not in (3, 4)):
        raise UnreadableImage("unsupported-format", "gray or RGB is needed, got other channels; convert it to PNG")
    pixels = pixels if pixels.ndim == 2 else pixels[:, :, :3]
    unit = to_unit(
        block_mean(lambda top, bottom: pixels[top:bottom], height, width, reduction_factor(height, width)), pixels.dtype
    )
    return 1 - unit if int(page.photometric) == _WHITE_IS_ZERO else unit


def _plain(image: Image) -> NDArray[Any]:
    """(h, w) or (h, w, 3) values of an image in any of Pillow's modes."""
    mode = image.mode
    if mode == "1":
        image = image.convert("L")
    elif mode in ("P", "PA"):
        # By way of RGBA: transparency in a palette makes a direct conversion warn.
        image = image.convert("RGBA")
    elif mode in ("CMYK", "YCbCr", "HSV", "RGBa", "La"):
        image = image.convert("LA" if mode == "La" else "RGBA" if mode == "RGBa" else "RGB")
    elif mode == "LAB":
        raise UnreadableImage("unsupported-format", "gray or RGB is needed, got CIE Lab; convert it to RGB")
    pixels = np.asarray(image)
    if pixels.ndim == 3:
        return pixels[:, :, 0] if pixels.shape[2] == 2 else pixels[:, :, :3]
    return pixels


def _unit(image: ImageFile) -> NDArray[np.float32]:
    """The decoded image in [0, 1], reduced by bands where it is giant."""
    width, height = image.size
    stored: list[np.dtype[Any]] = []

    def band(top: int, bottom: int) -> NDArray[Any]:
        pixels = _plain(image.crop((0, top, width, bottom)))
        stored.append(pixels.dtype)
        return pixels

    pixels = block_mean(band, height, width, reduction_factor(height, width))
    unit = to_unit(pixels, stored[0])
    tags = getattr(image, "tag_v2", {})
    # Pillow inverts white-is-zero where it has 8 bits, not where it has 16.
    inverted = image.format == "TIFF" and tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO and stored[0].itemsize > 1
    return 1 - unit if inverted else unit


def _with_orientation(pixels: NDArray[np.float32], image: ImageFile) -> NDArray[np.float32]:
    """The image the way a viewer shows it; Pillow has done it for TIFF already."""
    if image.format == "TIFF":
        return pixels
    try:
        orientation = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # broken EXIF does not make the pixels unreadable
        return pixels
    turns, mirrored = _TURNS.get(orientation, (0, False))
    pixels = np.rot90(pixels, turns)
    return pixels[:, ::-1] if mirrored else pixels
