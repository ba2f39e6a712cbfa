"""Fine detail of images for comparing parts of them, kept small in memory."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from synthaudit.matching.regions_search import Reader
from synthaudit.matching.similarity import Band

Image = NDArray[np.float32]

BANDS = (Band(0.7, 2.0, 6.0), Band(1.5, 4.0, 8.0))
"""Finer than for whole images: a region has fewer details, so more of them must count."""
STRENGTH_FLOOR = 0.02
"""Share of the image's mean strength added to the local one: soft tissue counts as much as bones and edges."""
_SCALE = 32.0
_STORE_BYTES = 256 * 2**20


def _texture(image: Image, band: Band) -> Image:
    """(h, w) detail of that band with its local strength divided out, down to a small share of the typical one."""
    import cv2

    passed = cv2.GaussianBlur(image, (0, 0), band.fine_px) - cv2.GaussianBlur(image, (0, 0), band.coarse_px)
    width = 2 * round(1.5 * band.window_px) + 1
    power = cv2.blur(passed * passed, (width, width))
    return np.asarray(passed / np.sqrt(power + STRENGTH_FLOOR * power.mean() + 1e-12), dtype=np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Details:
    """Detail of an image in both bands; (2, size, size) float32, and the medium band at half size."""

    full: Image
    half: Image

    @classmethod
    def of(cls, image: Image) -> Details:
        """From a square gray canvas."""
        import cv2

        full = np.stack([_texture(image, band) for band in BANDS])
        half = image.shape[0] // 2
        return cls(full, np.asarray(cv2.resize(full[1], (half, half), interpolation=cv2.INTER_AREA), dtype=np.float32))

    def mirrored(self) -> Details:
        """The same with left and right exchanged."""
        return Details(np.ascontiguousarray(self.full[:, :, ::-1]), np.ascontiguousarray(self.half[:, ::-1]))


@dataclass(eq=False)
class DetailStore:
    """Details of pool rows, those last used kept in 8 bits."""

    read: Reader
    _kept: OrderedDict[int, NDArray[np.int8]] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def get(self, row: int) -> Details:
        """Details of the image; the same whether kept or made anew."""
        import cv2

        with self._lock:
            packed = self._kept.get(row)
            if packed is not None:
                self._kept.move_to_end(row)
        if packed is None:
            packed = np.clip(np.rint(Details.of(self.read(row)).full * _SCALE), -127, 127).astype(np.int8)
            with self._lock:
                self._kept[row] = packed
                while len(self._kept) * packed.nbytes > _STORE_BYTES and len(self._kept) > 1:
                    self._kept.popitem(last=False)
        full = packed.astype(np.float32) * np.float32(1 / _SCALE)
        half = full.shape[1] // 2
        return Details(full, np.asarray(cv2.resize(full[1], (half, half), interpolation=cv2.INTER_AREA), np.float32))
