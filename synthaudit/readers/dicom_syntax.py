"""Stored values of one frame, in whatever transfer syntax: one decoder for each, always the same.

Decoders disagree in the last bits, and about color in JPEG in more than these. So each syntax has a decoder, or a chain
of them where the first may be missing; which is used is a part of an audit's provenance. All have permissive licenses:
pylibjpeg-libjpeg would decode most, but is GPL-3.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthaudit.errors import UnreadableImage
from synthaudit.readers.dicom_codestream import FrameSize, check_stream
from synthaudit.readers.limits import check_size

_JPEG_EXTENDED = "1.2.840.10008.1.2.4.51"
_JPEG_CHAIN = ("imagecodecs", "SimpleITK")
DECODERS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "1.2.840.10008.1.2": ("pydicom",),
        "1.2.840.10008.1.2.1": ("pydicom",),
        "1.2.840.10008.1.2.1.99": ("pydicom",),
        "1.2.840.10008.1.2.2": ("pydicom",),
        "1.2.840.10008.1.2.5": ("pylibjpeg",),
        "1.2.840.10008.1.2.4.50": ("pillow",),
        _JPEG_EXTENDED: _JPEG_CHAIN,
        "1.2.840.10008.1.2.4.57": _JPEG_CHAIN,
        "1.2.840.10008.1.2.4.70": _JPEG_CHAIN,
        "1.2.840.10008.1.2.4.80": ("pyjpegls",),
        "1.2.840.10008.1.2.4.81": ("pyjpegls",),
        "1.2.840.10008.1.2.4.90": ("pylibjpeg",),
        "1.2.840.10008.1.2.4.91": ("pylibjpeg",),
        "1.2.840.10008.1.2.4.201": ("pylibjpeg",),
        "1.2.840.10008.1.2.4.202": ("pylibjpeg",),
        "1.2.840.10008.1.2.4.203": ("pylibjpeg",),
    }
)
"""Transfer syntax -> its decoders, the first that is installed and does not fail."""
_OURS = {"imagecodecs": "synthaudit.readers.dicom_imagecodecs", "SimpleITK": "synthaudit.readers.dicom_simpleitk"}
_PACKAGES = {
    ("1.2.840.10008.1.2.5", "pylibjpeg"): "pylibjpeg-rle",
    ("", "pylibjpeg"): "pylibjpeg-openjpeg",
}
_VIDEO = ("1.2.840.10008.1.2.4.10", "1.2.840.10008.1.2.7")


def decoders() -> dict[str, str]:
    """Name of each transfer syntax -> package and version that decodes it here, or "none installed".

    JPEG Extended of 8 bits is decoded by pillow, as JPEG Baseline is; the entry is that of 12 bits.
    """
    from pydicom.uid import UID

    found = {}
    for syntax, chain in DECODERS.items():
        usable = next((plugin for plugin in chain if _usable(syntax, plugin)), None)
        package = _PACKAGES.get((syntax, usable or "")) or _PACKAGES.get(("", usable or "")) or usable or ""
        found[UID(syntax).name] = f"{package} {_version(package)}" if usable else "none installed"
    return found


def stored_values(dataset: Any, frame: int | None) -> NDArray[Any]:
    """(h, w) or (h, w, 3) stored values of one frame; bits that belong to no pixel (old overlays) are cleared.

    Color is RGB by pixel, a palette's values are its indices.

    Args:
        dataset: With its pixels; its file meta information names the transfer syntax.
        frame: Counted from 0; None where there is one.

    Raises:
        UnreadableImage: "transfer-syntax", "corrupt", "truncated", "too-small" or "too-large"; and decoders raise
            whatever they like on broken data.
    """
    syntax = dataset.file_meta.TransferSyntaxUID
    height, width = int(dataset.Rows), int(dataset.Columns)
    check_size(height, width)
    chain = DECODERS.get(str(syntax))
    if chain is None:
        raise undecodable(syntax)
    if chain == ("pydicom",):
        return _decoded(dataset, frame, syntax, "")
    stated = _check_frame(dataset, frame, height, width)
    if str(syntax) == _JPEG_EXTENDED and stated is not None and stated.bits <= 8:
        chain = ("pillow",)
    usable = [plugin for plugin in chain if _usable(str(syntax), plugin)]
    if not usable:
        raise undecodable(syntax)
    for plugin in usable[:-1]:
        try:
            return _decoded(dataset, frame, syntax, plugin)
        except Exception:  # the next one may know this variant
            continue
    return _decoded(dataset, frame, syntax, usable[-1])


def undecodable(syntax: Any) -> UnreadableImage:
    """Names the syntax and what to do."""
    name = syntax.name if syntax.name != str(syntax) else "a private or unknown transfer syntax"
    if str(syntax).startswith(_VIDEO):
        advice = "save the frames of the video as images"
    elif str(syntax) in DECODERS:
        advice = "pip install 'synthaudit[dicom]', or decompress the files first (dcmdjpeg, gdcmconv)"
    else:
        advice = "decompress the files first (dcmdjpeg, gdcmconv)"
    return UnreadableImage("transfer-syntax", f"{name} cannot be decoded here; {advice}")


def _check_frame(dataset: Any, frame: int | None, height: int, width: int) -> FrameSize | None:
    from pydicom.encaps import get_frame

    if "PixelData" not in dataset or not dataset.PixelData:
        raise UnreadableImage("truncated", "compressed pixels are needed, found none; copy the file again")
    frames = int(dataset.get("NumberOfFrames") or 1)
    offsets = (
        (bytes(dataset.ExtendedOffsetTable), bytes(dataset.ExtendedOffsetTableLengths))
        if dataset.get("ExtendedOffsetTable") and dataset.get("ExtendedOffsetTableLengths")
        else None
    )
    stream = get_frame(dataset.PixelData, frame or 0, number_of_frames=frames, extended_offsets=offsets)
    return check_stream(stream, height, width)


def _decoded(dataset: Any, frame: int | None, syntax: Any, plugin: str) -> NDArray[Any]:
    """Stored values by that decoder; the unused high bits cleared, or filled with the sign."""
    from pydicom.pixels.utils import as_pixel_options

    stored, high = int(dataset.BitsStored), int(dataset.get("HighBit") or 0) + 1
    # Bits may end above the lowest: pydicom takes them to end there, so the lower ones are shifted out afterwards.
    shift = high - stored if stored < high <= int(dataset.BitsAllocated) and not plugin else 0
    options = as_pixel_options(dataset, **({"bits_stored": high} if shift else {}))
    try:
        array, _ = _decoder(str(syntax)).as_array(
            dataset, index=frame, decoding_plugin=plugin, allow_excess_frames=False, **options
        )
    except BaseException as error:
        # A decoder written in Rust panics on broken data with what is no Exception, and would take the audit with it.
        if type(error).__name__ == "PanicException":
            raise UnreadableImage("corrupt", "the decoder gave up on the data; export the file again") from None
        raise
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (3, 4)):
        raise UnreadableImage("corrupt", "one frame is needed, found another number of values; export the file again")
    values: NDArray[Any] = np.right_shift(array, shift) if shift else array
    return values if values.ndim == 2 else values[:, :, :3]


@lru_cache(maxsize=len(DECODERS))
def _decoder(syntax: str) -> Any:
    """An instance of our own of the decoder that pydicom has for that syntax, with our plug-ins."""
    from pydicom.pixels.decoders.base import Decoder
    from pydicom.uid import UID

    decoder = Decoder(UID(syntax))
    for plugin in {*DECODERS[syntax], *(("pillow",) if syntax == _JPEG_EXTENDED else ())} - {"pydicom"}:
        if plugin in _OURS:
            decoder.add_plugin(plugin, (_OURS[plugin], "decode_frame"))
        else:
            decoder.add_plugin(plugin, (f"pydicom.pixels.decoders.{plugin}", "_decode_frame"))
    return decoder


def _usable(syntax: str, plugin: str) -> bool:
    return plugin == "pydicom" or plugin in _decoder(syntax).available_plugins


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "?"
