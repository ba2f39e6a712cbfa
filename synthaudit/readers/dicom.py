"""DICOM images, of one frame or many, by rules that are fixed for each modality (`dicom_intensity`).

What the file shows on top of the picture (overlays, its own window, annotations) is left aside: two copies of one
picture may carry two of them.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthaudit.errors import UnreadableImage
from synthaudit.readers.dicom_codestream import check_inflated
from synthaudit.readers.dicom_frames import frame_count, slope_of
from synthaudit.readers.dicom_intensity import (
    Tally,
    Window,
    fixed_window,
    gray_unit,
    has_percentile_window,
    percentile_window,
    tally,
)
from synthaudit.readers.dicom_syntax import stored_values
from synthaudit.readers.intensity import finished, to_unit
from synthaudit.readers.limits import block_mean, check_size, giants_in_turn, reduction_factor
from synthaudit.readers.quiet import library_warnings_silenced
from synthaudit.readers.rejection import unreadable
from synthaudit.readers.stored import StoredFile, head, opened

EXTENSIONS = frozenset({".dcm", ".dicom", ".dic", ".ima"})
NO_PICTURES = {
    "1.2.840.10008.5.1.4.1.1.66.4": "a segmentation",
    "1.2.840.10008.5.1.4.1.1.66.7": "a label map",
    "1.2.840.10008.5.1.4.1.1.481.2": "a dose",
}
"""Classes whose pixels are computed about a patient, and are no picture of one."""
_PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
_last = threading.local()


@dataclass(frozen=True, slots=True)
class DicomSource:
    """One image of a DICOM file.

    Attributes:
        path: The file.
        frame: Which frame, counted from 0; None where the file has one.
        window: Rescaled values that become 0 and 1; None for what the modality and the image itself give.
    """

    path: StoredFile = field(repr=False)
    frame: int | None = None
    window: Window | None = None

    def read(self) -> NDArray[np.float32]:
        """(h, w) or (h, w, 3) float32 in [0, 1], 0 black; reduced by a whole factor where a side is above 4096 pixels.

        Raises:
            UnreadableImage: "no-pixels", "no-picture", "multi-frame", "transfer-syntax" (the message names the syntax
                and what to do), "wrong-content", "truncated", "corrupt", "too-small", "too-large", "empty-file",
                "not-finite" or "cannot-open".
        """
        try:
            with library_warnings_silenced:
                return finished(_decoded(self._dataset(), self.frame, self.window))
        except Exception as error:  # decoders raise whatever they like on broken files
            raise unreadable(error) from None

    def tally(self) -> Tally:
        """Which rescaled values there are, and how often: what the window of a whole volume is found from.

        Raises:
            UnreadableImage: As `read`.
        """
        try:
            with library_warnings_silenced:
                dataset = self._dataset()
                with giants_in_turn(int(dataset.Rows), int(dataset.Columns)):
                    values = _with_modality_table(stored_values(dataset, self.frame), dataset)
                    return tally(values, dataset, slope_of(dataset, self.frame))
        except Exception as error:
            raise unreadable(error) from None

    def _dataset(self) -> Any:
        if self.frame is None:
            return dataset_of(self.path)
        path = self.path
        state = (path.stat().st_mtime_ns, path.stat().st_size) if isinstance(path, Path) else path.state()
        # Each thread keeps the last file of many frames that it read, for itself: a data set changes by being read.
        if getattr(_last, "key", None) != (path, state):
            _last.key = _last.dataset = None
            _last.dataset = dataset_of(path)
            _last.key = (path, state)
        return _last.dataset


def has_preamble(file: StoredFile) -> bool:
    """Whether the file has the DICOM mark behind its first 128 bytes; False where it cannot be opened."""
    return head(file, 132)[128:] == b"DICM"


def dataset_of(file: StoredFile, tags: tuple[str, ...] = ()) -> Any:
    """The pydicom data set in a file, with or without the preamble.

    Args:
        file: The file.
        tags: What to read of it; all, pixels included, if empty.

    Raises:
        UnreadableImage: "empty-file" or "wrong-content"; or what pydicom raises on a broken file.
    """
    from pydicom import dcmread
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

    start = head(file, 4096)
    if not start:
        opened(file).close()  # says why, where it cannot be opened
        raise UnreadableImage("empty-file", "a DICOM object is needed, got zero bytes; copy the file again")
    only: dict[str, Any] = {"stop_before_pixels": True, "specific_tags": list(tags)} if tags else {}
    whole = start[128:132] == b"DICM"
    with opened(file) as stream:
        check_inflated(start, stream)
        try:
            dataset = dcmread(stream, force=not whole, **only)
            # Without the preamble anything parses, so what makes it an object must be there.
            is_object = whole or "SOPClassUID" in dataset
        except Exception as error:
            if whole or isinstance(error, UnreadableImage):
                raise
            is_object = False
    if not is_object:
        raise UnreadableImage("wrong-content", "a DICOM object is needed, found something else; export it again")
    if not getattr(dataset, "file_meta", None):
        dataset.file_meta = FileMetaDataset()
    if "TransferSyntaxUID" not in dataset.file_meta:
        implicit, little = dataset.original_encoding
        explicit = ExplicitVRLittleEndian if little else ExplicitVRBigEndian
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else explicit
    return dataset


def images_in(dataset: Any) -> list[tuple[str, int | None]]:
    """Every image of a data set, as (what to add to the file's name, frame); ("", None) alone where it has one frame.

    Raises:
        UnreadableImage: "no-pixels", "no-picture", "too-small", "too-large", or "truncated" where the pixels cannot be
            as many frames as the header states.
    """
    try:
        with library_warnings_silenced:
            _check_is_image(dataset)
            check_size(int(dataset.Rows), int(dataset.Columns))
            count = frame_count(dataset)
            if count == 1:
                return [("", None)]
            if count > _most_frames(dataset):
                raise UnreadableImage("truncated", "the header states more frames than there are; copy the file again")
    except Exception as error:
        raise unreadable(error) from None
    return [(f"#{frame}", frame) for frame in range(count)]


def decoded(dataset: Any, frame: int | None = None, window: Window | None = None) -> NDArray[np.float32]:
    """One image of a pydicom data set, however it was come by: as `DicomSource.read` gives it.

    `dataset.file_meta.TransferSyntaxUID` says how its pixels are encoded; it must be there.

    Args:
        dataset: With its pixels.
        frame: Counted from 0; None where there is one.
        window: As in `DicomSource`.

    Raises:
        UnreadableImage: As `DicomSource.read`.
    """
    try:
        with library_warnings_silenced:
            return finished(_decoded(dataset, frame, window))
    except Exception as error:  # decoders raise whatever they like on broken files
        raise unreadable(error) from None


def _check_is_image(dataset: Any) -> None:
    if not any(name in dataset for name in _PIXELS):
        raise UnreadableImage("no-pixels", "an image is needed, found a DICOM object without pixels; remove it")
    kind = NO_PICTURES.get(str(dataset.get("SOPClassUID", "")))
    if kind is not None:
        raise UnreadableImage("no-picture", f"a picture of a patient is needed, found {kind}; remove it")
    if not all(dataset.get(name) for name in ("Rows", "Columns")):
        raise UnreadableImage(
            "corrupt", "rows and columns are needed, found pixels without them; export the file again"
        )


def _most_frames(dataset: Any) -> int:
    """How many frames the pixels can be at most."""
    from pydicom.encaps import parse_fragments

    if dataset.file_meta.TransferSyntaxUID.is_encapsulated:
        return int(parse_fragments(dataset.PixelData)[0])
    length = max(len(dataset[name].value or b"") for name in _PIXELS if name in dataset)
    bits = int(dataset.Rows) * int(dataset.Columns) * int(dataset.SamplesPerPixel) * int(dataset.BitsAllocated)
    return 8 * length // bits


def _decoded(dataset: Any, frame: int | None, window: Window | None) -> NDArray[np.float32]:
    _check_is_image(dataset)
    if frame is None and frame_count(dataset) > 1:
        raise UnreadableImage("multi-frame", "one frame is needed, got several; say which")
    height, width = int(dataset.Rows), int(dataset.Columns)
    check_size(height, width)
    with giants_in_turn(height, width):
        stored = _in_color(stored_values(dataset, frame), dataset)
        factor = reduction_factor(height, width)
        values = block_mean(lambda top, bottom: stored[top:bottom], height, width, factor)
    if stored.dtype.kind == "f":
        return _with_polarity(to_unit(values, stored.dtype), dataset)
    if values.ndim == 3:
        # A palette gives the whole depth of its entries, whatever the bits of the index.
        is_palette = dataset.PhotometricInterpretation == "PALETTE COLOR"
        bits = 8 * stored.itemsize if is_palette else int(dataset.BitsStored)
        return values.astype(np.float32) / np.float32(2**bits - 1)
    slope = slope_of(dataset, frame)
    if window is None and has_percentile_window(dataset):
        window = percentile_window(tally(values, dataset, slope))
    window = window or fixed_window(dataset, slope, float(values.max()))
    return _with_polarity(gray_unit(values, slope, window), dataset)


def _in_color(stored: NDArray[Any], dataset: Any) -> NDArray[Any]:
    """Stored values with the tables of the file applied that are no plain slope: palette, modality LUT."""
    from pydicom.pixels.processing import apply_color_lut

    if dataset.PhotometricInterpretation == "PALETTE COLOR":
        array: NDArray[Any] = apply_color_lut(stored, dataset)
        return array[:, :, :3]
    return _with_modality_table(stored, dataset)


def _with_modality_table(stored: NDArray[Any], dataset: Any) -> NDArray[Any]:
    from pydicom.pixels.processing import apply_modality_lut

    return apply_modality_lut(stored, dataset) if dataset.get("ModalityLUTSequence") else stored


def _with_polarity(unit: NDArray[np.float32], dataset: Any) -> NDArray[np.float32]:
    """0 black: pydicom's presentation functions leave MONOCHROME1 (0 white) as it is."""
    return 1 - unit if dataset.PhotometricInterpretation == "MONOCHROME1" else unit
