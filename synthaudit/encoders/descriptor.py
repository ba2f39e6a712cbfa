"""The embedded default: what an image's edges, waves and grain look like, without a download and without training.

Three looks at a 64-pixel gray canvas, each of unit length and then weighted: histograms of gradient orientation on two
grids (where edges run), signed square roots of low DCT coefficients (the layout of light and dark) and the log energy
of three frequency bands (texture). Local contrast is divided out first, with a floor, so that exposure and gamma matter
little and noise in a black background is not blown up to the size of anatomy.

It is fixed, so it is split-blind by construction: nothing in it was fitted on anyone's images. It serves to *find*
candidates among which registration decides; on its own it is no evidence that two images show one person.

Reference: gradient histograms after Dalal and Triggs 2005, doi 10.1109/CVPR.2005.177. Sizes and weights were chosen on
one half of the patients of four public image sets, by how often the source of a transformed copy was among the eight
nearest; the benchmark prints the other half.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from itertools import pairwise
from typing import ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray

from synthaudit.errors import UsageError

VERSION = "descriptor/2"
ORIENTATIONS = 8
CONTRAST_SIGMA_PX = 4.0
DCT_SIDE = 14
WEIGHTS = (1.0, 0.7, 1.0, 0.3)
"""Fine gradients, coarse gradients, DCT, texture."""

FLAT = 1e-6
"""Range of gray values below which an image shows nothing."""

Image = NDArray[np.float32]


def flatten_contrast(image: Image, sigma_px: float) -> Image:
    """The image less its local mean, over its local standard deviation plus the image's typical one.

    Args:
        image: (h, w) float32.
        sigma_px: Width of "local".
    """
    import cv2

    detail = image - cv2.GaussianBlur(image, (0, 0), sigma_px)
    power = cv2.GaussianBlur(detail * detail, (0, 0), 1.5 * sigma_px)
    return np.asarray(detail / np.sqrt(power + power.mean() + 1e-6), dtype=np.float32)


@lru_cache
def _pooling(side: int, cells: int) -> Image:
    """(cells, side) triangular weights that share each pixel between its two nearest cells."""
    center = (np.arange(cells) + 0.5) * side / cells
    distance = np.abs(np.arange(side)[None] + 0.5 - center[:, None]) / (side / cells)
    weight = np.maximum(0.0, 1.0 - distance)
    return np.asarray(weight / weight.sum(axis=1, keepdims=True), dtype=np.float32)


@lru_cache
def _dct_weights() -> Image:
    """(k, k) weights that lift the higher frequencies, where natural images have less power; 0 for the mean."""
    order = np.add.outer(np.arange(DCT_SIDE), np.arange(DCT_SIDE)).astype(np.float32)
    weight = np.sqrt(1.0 + order)
    weight[0, 0] = 0.0
    return np.asarray(weight, dtype=np.float32)


def _orientation_histogram(image: Image, cells: int) -> Image:
    """(orientations, cells * cells) gradient energy by direction and place, contrast-normalized by place."""
    import cv2

    angle = np.arange(ORIENTATIONS) * (2 * np.pi / ORIENTATIONS)
    dx = cv2.Sobel(image, cv2.CV_32F, 1, 0, ksize=3)
    dy = cv2.Sobel(image, cv2.CV_32F, 0, 1, ksize=3)
    along = np.cos(angle, dtype=np.float32)[:, None, None] * dx + np.sin(angle, dtype=np.float32)[:, None, None] * dy
    np.maximum(along, 0.0, out=along)
    along *= along
    pool = _pooling(image.shape[0], cells)
    histogram = np.sqrt(pool @ along @ pool.T).reshape(ORIENTATIONS, -1)
    energy = (histogram * histogram).sum(axis=0)
    histogram /= np.sqrt(energy + 0.5 * energy.mean() + 1e-9)
    return np.asarray(histogram - histogram.mean(axis=1, keepdims=True), dtype=np.float32)


def _texture(image: Image) -> Image:
    """(3, 16) log energy of three octaves on a 4 x 4 grid, less each octave's mean."""
    import cv2

    smoothed = [image, *(cv2.GaussianBlur(image, (0, 0), sigma) for sigma in (1.0, 2.0, 4.0))]
    pool = _pooling(image.shape[0], 4)
    bands = [np.log(pool @ ((a - b) ** 2) @ pool.T + 1e-5) for a, b in pairwise(smoothed)]
    energy = np.stack(bands).reshape(3, -1)
    return np.asarray(energy - energy.mean(axis=1, keepdims=True), dtype=np.float32)


def describe(image: Image) -> Image:
    """(957,) float32 descriptor of unit length of one (64, 64) gray canvas in [0, 1].

    The last coordinate is 1 for a flat image and 0 for any other: what shows nothing resembles only its like.
    """
    import cv2

    flat = flatten_contrast(image, CONTRAST_SIGMA_PX)
    half = cv2.resize(image, (32, 32), interpolation=cv2.INTER_AREA)
    waves = cv2.dct(flatten_contrast(half, CONTRAST_SIGMA_PX))[:DCT_SIDE, :DCT_SIDE] * _dct_weights()
    parts = (
        _orientation_histogram(cv2.GaussianBlur(flat, (0, 0), 0.7), 8),
        _orientation_histogram(cv2.resize(flat, (32, 32), interpolation=cv2.INTER_AREA), 5),
        np.sign(waves) * np.sqrt(np.abs(waves)),
        _texture(image),
    )
    vector = np.zeros(sum(part.size for part in parts) + 1, dtype=np.float32)
    if float(np.ptp(image)) > FLAT:
        scaled = [w * part.ravel() / (np.linalg.norm(part) + 1e-9) for w, part in zip(WEIGHTS, parts, strict=True)]
        vector[:-1] = np.concatenate(scaled)
    else:
        vector[-1] = 1.0
    return np.asarray(vector / np.linalg.norm(vector), dtype=np.float32)


class Descriptor:
    """The encoder `descriptor`."""

    name: ClassVar[str] = "descriptor"
    dim: ClassVar[int] = 957
    input_size: ClassVar[int] = 64
    channels: ClassVar[Literal[1]] = 1
    fast: ClassVar[bool] = True
    fingerprint: ClassVar[str] = hashlib.sha256(VERSION.encode()).hexdigest()

    @classmethod
    def from_spec(cls, argument: str, *, device: str, offline: bool) -> Self:  # noqa: ARG003  (one door for all)
        """The descriptor; it takes no argument, runs on the CPU and needs no download."""
        if argument:
            raise UsageError(f"encoder descriptor takes no argument, got {argument!r}; write --encoder descriptor")
        return cls()

    def encode(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, 957) float32 for (n, 64, 64) canvases; rows of unit length."""
        if not len(images):
            return np.empty((0, self.dim), dtype=np.float32)
        return np.stack([describe(np.ascontiguousarray(image)) for image in images])
