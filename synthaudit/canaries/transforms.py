"""What generators do to a copy, each at a stated strength."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthaudit.matching.views import View

Image = NDArray[np.float32]
PLANTED_PX = 512
"""Planted copies are made at no more than this side: larger ones would be reduced for comparison anyway."""


@dataclass(frozen=True, slots=True)
class Transform:
    """One way a copy differs from its source.

    Attributes:
        name: As in `sensitivity[name]`.
        says: For the report, with the strength and its unit.
        apply: (s, s) or (s, s, 3) float32 in [0, 1] and random numbers -> the copy, same shape, in [0, 1].
    """

    name: str
    says: str
    apply: Callable[[Image, np.random.Generator], Image]


def _sign(rng: np.random.Generator) -> float:
    return 1.0 if rng.random() < 0.5 else -1.0


def plain(image: Image, rng: np.random.Generator) -> Image:  # noqa: ARG001  (one signature for all)
    """The image as it is."""
    return image


def noise(image: Image, rng: np.random.Generator, sigma: float = 0.05) -> Image:
    """White noise of standard deviation `sigma`, in shares of the gray scale."""
    return np.clip(image + sigma * rng.standard_normal(image.shape, dtype=np.float32), 0.0, 1.0)


def blur(image: Image, rng: np.random.Generator, sigma: float = 1 / 128) -> Image:  # noqa: ARG001
    """Gaussian blur of width `sigma`, as a share of the side."""
    import cv2

    return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma * image.shape[0]), dtype=np.float32)


def flip(image: Image, rng: np.random.Generator) -> Image:  # noqa: ARG001
    """Left and right exchanged."""
    return np.ascontiguousarray(image[:, ::-1])


def shift(image: Image, rng: np.random.Generator, share: float = 0.05) -> Image:
    """Moved by `share` of the side along both axes."""
    return View(dx=share * _sign(rng), dy=share * _sign(rng)).apply(image)


def crop(image: Image, rng: np.random.Generator, share: float = 0.88) -> Image:
    """A window of `share` of the side, anywhere, enlarged to the full canvas."""
    import cv2

    side = image.shape[0]
    window = max(1, round(share * side))
    top, left = (int(rng.integers(0, side - window + 1)) for _ in range(2))
    cut = np.ascontiguousarray(image[top : top + window, left : left + window])
    return np.asarray(cv2.resize(cut, (side, side), interpolation=cv2.INTER_LINEAR), dtype=np.float32)


def rotation(image: Image, rng: np.random.Generator, degrees: float = 6.0) -> Image:
    """Turned about its center, either way."""
    return View(rotation_deg=degrees * _sign(rng)).apply(image)


def gamma(image: Image, rng: np.random.Generator, exponent: float = 1.5) -> Image:
    """Darkened or brightened: gray values raised to `exponent` or to its inverse."""
    power = np.float32(exponent if rng.random() < 0.5 else 1 / exponent)
    return np.asarray(np.clip(image, 0.0, 1.0) ** power, dtype=np.float32)


TRANSFORMS: tuple[Transform, ...] = (
    Transform("plain", "unchanged", plain),
    Transform("noise", "noise of 5 % of the gray scale", noise),
    Transform("blur", "blur of 0.8 % of the side", blur),
    Transform("flip", "mirrored", flip),
    Transform("shift", "shifted by 5 % of the side, both ways", shift),
    Transform("crop", "cropped to 88 % and enlarged", crop),
    Transform("rotation", "turned by 6 degrees", rotation),
    Transform("gamma", "gamma of 1.5 or 1/1.5", gamma),
)
