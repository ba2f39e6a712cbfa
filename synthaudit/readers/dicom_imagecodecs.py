"""JPEG of 12 bits and lossless JPEG by imagecodecs, as a decoding plug-in of pydicom.

Frames are given as they are stored: what color means, and the sign of the bits, is pydicom's to say.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import numpy as np

DECODER_DEPENDENCIES: dict[str, tuple[str, ...]] = {
    "1.2.840.10008.1.2.4.51": ("imagecodecs",),
    "1.2.840.10008.1.2.4.57": ("imagecodecs",),
    "1.2.840.10008.1.2.4.70": ("imagecodecs",),
}
_JPEG_EXTENDED = "1.2.840.10008.1.2.4.51"


def is_available(uid: str) -> bool:
    """Whether frames in this transfer syntax can be decoded here."""
    return uid in DECODER_DEPENDENCIES and find_spec("imagecodecs") is not None


def decode_frame(encoded: bytes, runner: Any) -> bytearray:
    """The samples of one frame, color by pixel, in the least of 8 and 16 bits that holds them.

    Args:
        encoded: The frame's code stream.
        runner: pydicom's account of the frame; told how the samples are laid out.

    Raises:
        NotImplementedError: Color of more than 8 bits in a lossy JPEG, which DICOM does not have.
    """
    import imagecodecs

    if str(runner.transfer_syntax) == _JPEG_EXTENDED:
        if runner.samples_per_pixel != 1:
            raise NotImplementedError("color in JPEG of 12 bits is not decoded here")
        samples = imagecodecs.jpeg8_decode(encoded)
    else:
        samples = imagecodecs.jpegsof3_decode(encoded)
    runner.set_option("bits_allocated", 8 * samples.itemsize)
    if samples.ndim == 3:
        runner.set_option("planar_configuration", 0)
    return bytearray(np.ascontiguousarray(samples).tobytes())
