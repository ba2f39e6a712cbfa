"""DICOM: pixels by fixed rules for each modality, and the header's columns.

The file's own window is not used: it is a choice of whoever looked at the image, and two copies of one image may carry
two. CT has a fixed window in Hounsfield units, MR and nuclear images a window by percentiles, all else the whole range
of the bits stored. More than 8 bits are kept.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthaudit.errors import UnreadableImage
from synthaudit.readers.intensity import finished, to_unit
from synthaudit.readers.limits import block_mean, check_size, giants_in_turn, reduction_factor
from synthaudit.readers.quiet import library_warnings_silenced
from synthaudit.readers.rejection import unreadable
from synthaudit.readers.stored import StoredFile, head, opened

EXTENSIONS = frozenset({".dcm", ".dicom", ".dic", ".ima"})

CT_WINDOW_HU = (-1024.0, 3071.0)
"""The 12 bits of a CT scanner: air to dense bone."""
PERCENTILES = (0.5, 99.5)
"""Of an image whose values have no unit (MR), or no upper end (PET, scintigraphy)."""
PERCENTILE_MODALITIES = frozenset({"MR", "PT", "NM"})

_JPEG_EXTENDED = "1.2.840.10008.1.2.4.51"
_PLUGINS = {
    "1.2.840.10008.1.2.5": "pylibjpeg",
    "1.2.840.10008.1.2.4.50": "pillow",
    _JPEG_EXTENDED: "pillow",
    "1.2.840.10008.1.2.4.90": "pylibjpeg",
    "1.2.840.10008.1.2.4.91": "pylibjpeg",
    "1.2.840.10008.1.2.4.201": "pylibjpeg",
    "1.2.840.10008.1.2.4.202": "pylibjpeg",
    "1.2.840.10008.1.2.4.203": "pylibjpeg",
}
"""Transfer syntax -> the decoder that is always used: decoders disagree in the last bits."""
_JPEG_LS = ("1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81")


@dataclass(frozen=True, slots=True)
class DicomSource:
    """One image of a DICOM file.

    Attributes:
        path: The file.
        frame: Which frame, counted from 0; None where the file has one.
    """

    path: StoredFile = field(repr=False)
    frame: int | None = None

    def read(self) -> NDArray[np.float32]:
        """(h, w) or (h, w, 3) float32 in [0, 1], 0 black; reduced by a whole factor where a side is above 4096 pixels.

        Raises:
            UnreadableImage: "no-pixels", "multi-frame", "transfer-syntax" (the message names the syntax and what to
                install), "wrong-content", "truncated", "corrupt", "too-small", "too-large", "empty-file",
                "not-finite" or "cannot-open".
        """
        try:
            with library_warnings_silenced:
                return decoded(dataset_of(self.path), self.frame)
        except Exception as error:  # decoders raise whatever they like on broken files
            raise unreadable(error) from None


def has_preamble(file: StoredFile) -> bool:
    """Whether the file has the DICOM mark behind its first 128 bytes; False where it cannot be opened."""
    return head(file, 132)[128:] == b"DICM"


def images_in(dataset: Any) -> list[tuple[str, int | None]]:
    """Every image of a data set, as (what to add to the file's name, frame); ("", None) alone where it has one frame.

    Raises:
        UnreadableImage: "no-pixels", or what else its header says already.
    """
    _check_is_image(dataset)
    return [("", None)]


def decoded(dataset: Any, frame: int | None = None) -> NDArray[np.float32]:
    """One image of a pydicom data set, however it was come by: as `DicomSource.read` gives it.

    `dataset.file_meta.TransferSyntaxUID` says how its pixels are encoded; it must be there.

    Args:
        dataset: With its pixels.
        frame: Counted from 0; None where there is one.

    Raises:
        UnreadableImage: As `DicomSource.read`.
    """
    try:
        with library_warnings_silenced:
            return finished(_decoded(dataset, frame))
    except Exception as error:  # decoders raise whatever they like on broken files
        raise unreadable(error) from None


def dataset_of(file: StoredFile) -> Any:
    """The pydicom data set in a file, pixels included, with or without the preamble.

    Raises:
        UnreadableImage: "empty-file" or "wrong-content"; or what pydicom raises on a broken file.
    """
    from pydicom import dcmread
    from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

    start = head(file, 132)
    if not start:
        opened(file).close()  # says why, where it cannot be opened
        raise UnreadableImage("empty-file", "a DICOM object is needed, got zero bytes; copy the file again")
    with opened(file) as stream:
        if start[128:] == b"DICM":
            return dcmread(stream)
    # Old exports leave the preamble out. Without it anything parses, so what matters must be there.
    try:
        with opened(file) as stream:
            dataset = dcmread(stream, force=True)
        is_image = "SOPClassUID" in dataset and "Rows" in dataset
    except Exception:
        is_image = False
    if not is_image:
        raise UnreadableImage("wrong-content", "a DICOM object is needed, found something else; export it again")
    if "TransferSyntaxUID" not in dataset.file_meta:
        implicit, little = dataset.original_encoding
        explicit = ExplicitVRLittleEndian if little else ExplicitVRBigEndian
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else explicit
    return dataset


def _check_is_image(dataset: Any) -> None:
    if not any(name in dataset for name in ("PixelData", "FloatPixelData", "DoubleFloatPixelData")):
        raise UnreadableImage("no-pixels", "an image is needed, found a DICOM object without pixels; remove it")
    if int(dataset.get("NumberOfFrames") or 1) > 1:
        raise UnreadableImage("multi-frame", "one frame a file is needed, got several; save each frame as its own file")


def _decoded(dataset: Any, frame: int | None) -> NDArray[np.float32]:
    if frame is None:
        _check_is_image(dataset)
    height, width = int(dataset.Rows), int(dataset.Columns)
    check_size(height, width)
    with giants_in_turn(height, width):
        stored = _in_color(_pixels(dataset, frame), dataset)
        factor = reduction_factor(height, width)
        values = block_mean(lambda top, bottom: stored[top:bottom], height, width, factor)
    if stored.dtype.kind == "f":
        return _with_polarity(to_unit(values, stored.dtype), dataset)
    if values.ndim == 3:
        # A palette gives the whole depth of its entries, whatever the bits of the index.
        is_palette = dataset.PhotometricInterpretation == "PALETTE COLOR"
        bits = 8 * stored.itemsize if is_palette else int(dataset.BitsStored)
        return values.astype(np.float32) / np.float32(2**bits - 1)
    return _with_polarity(_gray_unit(values, dataset), dataset)


def _pixels(dataset: Any, frame: int | None) -> NDArray[Any]:
    """Stored values as the codec gives them, (h, w) or (h, w, 3)."""
    from pydicom.pixels.decoders.base import get_decoder
    from pydicom.pixels.utils import pixel_array

    syntax = dataset.file_meta.TransferSyntaxUID
    try:
        decoder = get_decoder(syntax)
    except NotImplementedError:
        raise _undecodable(syntax) from None
    if not decoder.is_available:
        raise _undecodable(syntax)
    plugin = _PLUGINS.get(str(syntax), "")
    try:
        array: NDArray[Any] = pixel_array(
            dataset, index=frame, decoding_plugin=plugin if plugin in decoder.available_plugins else ""
        )
    except Exception:
        if syntax == _JPEG_EXTENDED and int(dataset.BitsStored) > 8:
            raise _undecodable(syntax) from None
        raise
    return array


def _undecodable(syntax: Any) -> UnreadableImage:
    """Names the syntax and what to install. pylibjpeg-libjpeg would decode more, but its license is GPL-3."""
    package = "pyjpegls" if str(syntax) in _JPEG_LS else "python-gdcm"
    name = syntax.name if syntax.name != str(syntax) else "a private transfer syntax"
    return UnreadableImage(
        "transfer-syntax",
        f"{name} cannot be decoded here; pip install {package}, or decompress the files first (dcmdjpeg, gdcmconv)",
    )


def _in_color(stored: NDArray[Any], dataset: Any) -> NDArray[Any]:
    """Stored values with the tables of the file applied that are no plain slope: palette, modality LUT."""
    from pydicom.pixels.processing import apply_color_lut, apply_modality_lut

    if dataset.PhotometricInterpretation == "PALETTE COLOR":
        array: NDArray[Any] = apply_color_lut(stored, dataset)
        return array[:, :, :3]
    if dataset.get("ModalityLUTSequence"):
        stored = apply_modality_lut(stored, dataset)
    return stored


def _number(dataset: Any, keyword: str, otherwise: float) -> float:
    try:
        return float(dataset.get(keyword, otherwise))
    except (TypeError, ValueError):
        return otherwise


def _gray_unit(values: NDArray[Any], dataset: Any) -> NDArray[np.float32]:
    """Stored gray values in [0, 1] by the window of the modality, before MONOCHROME1 is inverted."""
    slope, intercept = _number(dataset, "RescaleSlope", 1.0) or 1.0, _number(dataset, "RescaleIntercept", 0.0)
    modality = str(dataset.get("Modality", ""))
    rescaled = values.astype(np.float64) * slope + intercept
    if modality == "CT" and "RescaleIntercept" in dataset:
        low, high = CT_WINDOW_HU
    elif modality in PERCENTILE_MODALITIES:
        low, high = (float(p) for p in np.percentile(rescaled[_not_padding(values, dataset)], PERCENTILES))
        if high <= low:
            low, high = float(rescaled.min()), float(rescaled.max())
    else:
        bits = int(dataset.BitsStored)
        least = -(2 ** (bits - 1)) if dataset.PixelRepresentation == 1 else 0
        if dataset.get("ModalityLUTSequence"):
            least, bits = 0, max(8, int(np.ceil(np.log2(float(values.max()) + 1))))
        low, high = sorted(end * slope + intercept for end in (least, least + 2**bits - 1))
    span = high - low
    unit = (rescaled - low) / span if span > 0 else np.zeros_like(rescaled)
    return np.clip(unit, 0, 1).astype(np.float32)


def _not_padding(values: NDArray[Any], dataset: Any) -> NDArray[np.bool_]:
    """Where there is image: padding outside the field of view would shift percentiles. All True if all is padding."""
    padding = _number(dataset, "PixelPaddingValue", np.nan)
    inside: NDArray[np.bool_] = values != padding
    return inside if inside.any() else np.ones(values.shape, np.bool_)


def _with_polarity(unit: NDArray[np.float32], dataset: Any) -> NDArray[np.float32]:
    """0 black: pydicom's presentation functions leave MONOCHROME1 (0 white) as it is."""
    return 1 - unit if dataset.PhotometricInterpretation == "MONOCHROME1" else unit
