"""JPEG of 12 bits and lossless JPEG by SimpleITK (GDCM), as a decoding plug-in of pydicom.

SimpleITK reads files only, so each frame is written as an object of its own that holds the pixels and nothing else of
the patient, in a folder only the user can open, and removed at once.
"""

from __future__ import annotations

import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

DECODER_DEPENDENCIES: dict[str, tuple[str, ...]] = {
    "1.2.840.10008.1.2.4.51": ("SimpleITK",),
    "1.2.840.10008.1.2.4.57": ("SimpleITK",),
    "1.2.840.10008.1.2.4.70": ("SimpleITK",),
}


def is_available(uid: str) -> bool:
    """Whether frames in this transfer syntax can be decoded here."""
    return uid in DECODER_DEPENDENCIES and find_spec("SimpleITK") is not None


def decode_frame(encoded: bytes, runner: Any) -> bytearray:
    """The samples of one frame, color by pixel, in the least of 8 and 16 bits that holds them.

    Args:
        encoded: The frame's code stream.
        runner: pydicom's account of the frame; told how the samples are laid out.
    """
    import SimpleITK

    with tempfile.TemporaryDirectory(prefix="synthaudit-") as folder:
        file = Path(folder, "frame.dcm")
        _frame(encoded, runner).save_as(file, enforce_file_format=True)
        samples = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(file)))[0]
    samples = samples.astype(np.uint8 if samples.itemsize == 1 else np.uint16)
    runner.set_option("bits_allocated", 8 * samples.itemsize)
    if samples.ndim == 3:
        runner.set_option("planar_configuration", 0)
    return bytearray(np.ascontiguousarray(samples).tobytes())


def _frame(encoded: bytes, runner: Any) -> Any:
    """An object of one frame with nothing of the patient in it."""
    from pydicom import Dataset
    from pydicom.dataset import FileMetaDataset
    from pydicom.encaps import encapsulate
    from pydicom.uid import SecondaryCaptureImageStorage, generate_uid

    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = runner.transfer_syntax
    made.SOPClassUID, made.SOPInstanceUID = SecondaryCaptureImageStorage, generate_uid()
    made.Rows, made.Columns = runner.rows, runner.columns
    made.SamplesPerPixel = runner.samples_per_pixel
    made.PhotometricInterpretation = "MONOCHROME2" if runner.samples_per_pixel == 1 else "RGB"
    if runner.samples_per_pixel > 1:
        made.PlanarConfiguration = 0
    made.BitsAllocated, made.BitsStored = runner.bits_allocated, runner.bits_stored
    made.HighBit, made.PixelRepresentation = runner.bits_stored - 1, 0
    made.PixelData = encapsulate([encoded])
    return made
