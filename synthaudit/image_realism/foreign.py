"""Things that belong in no image, put into real ones on purpose: what this audit would have noticed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from synthaudit.pixels import to_gray

Image = NDArray[np.float32]
RADIUS = 0.09
"""Of what is put in, as a share of the side."""
BRIGHTER = 0.5
"""How much brighter a disc is, as a share of the range of gray values."""
GRAIN = 0.15
"""Height of a checkerboard, likewise."""


def planted(image: Image, kind: str, rng: np.random.Generator) -> tuple[Image, tuple[float, float]]:
    """The image with something foreign in it, and where: (x, y) as shares of width and height.

    Args:
        image: (h, w) or (h, w, 3) float32 in [0, 1]; a colored one keeps its colors.
        kind: One of `FOREIGN`.
        rng: Decides where, within the middle of the image.
    """
    gray = to_gray(image)
    height, width = gray.shape
    x, y = (float(at) for at in rng.uniform(0.3, 0.7, 2))
    low, high = (float(q) for q in np.quantile(gray, [0.05, 0.95]))
    made = FOREIGN[kind](gray.copy(), (round(x * width), round(y * height)), max(high - low, 0.05), rng)
    change = made - gray
    whole = image + (change if image.ndim == 2 else change[..., None])
    return np.asarray(np.clip(whole, 0.0, 1.0), dtype=np.float32), (x, y)


def _disc(shape: tuple[int, ...], at: tuple[int, int]) -> Image:
    """1 inside a disc of the usual radius, 0 outside, with a soft edge."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    apart = np.hypot(y - at[1], x - at[0]) / (RADIUS * min(shape))
    return np.asarray(np.clip(4.0 * (1.1 - apart), 0.0, 1.0), dtype=np.float32)


def _blob(gray: Image, at: tuple[int, int], span: float, rng: np.random.Generator) -> Image:  # noqa: ARG001
    return gray + BRIGHTER * span * _disc(gray.shape, at)


def _checkerboard(gray: Image, at: tuple[int, int], span: float, rng: np.random.Generator) -> Image:  # noqa: ARG001
    # Fields of 1/64 of the side, so that they outlive being brought to a smaller canvas.
    field = max(1, round(min(gray.shape) / 64))
    y, x = np.mgrid[: gray.shape[0], : gray.shape[1]] // field
    return np.asarray(gray + GRAIN * span * _disc(gray.shape, at) * (2.0 * ((x + y) % 2) - 1.0), dtype=np.float32)


def _erased(gray: Image, at: tuple[int, int], span: float, rng: np.random.Generator) -> Image:  # noqa: ARG001
    import cv2

    side = min(gray.shape)
    smooth = cv2.GaussianBlur(gray, (0, 0), 0.05 * side)
    mask = cv2.GaussianBlur(cv2.dilate(_disc(gray.shape, at), np.ones((3, 3), np.uint8)), (0, 0), 0.005 * side)
    return np.asarray((1.0 - mask) * gray + mask * smooth, dtype=np.float32)


def _doubled(gray: Image, at: tuple[int, int], span: float, rng: np.random.Generator) -> Image:  # noqa: ARG001
    """A part of the same image from a quarter to a half of the side away, as when a structure is drawn twice."""
    side = min(gray.shape)
    angle, far = rng.uniform(0, 2 * np.pi), rng.uniform(0.25, 0.5) * side
    shifted = np.roll(gray, (round(far * np.sin(angle)), round(far * np.cos(angle))), axis=(0, 1))
    mask = _disc(gray.shape, at)
    return np.asarray((1.0 - mask) * gray + mask * shifted, dtype=np.float32)


def _text(gray: Image, at: tuple[int, int], span: float, rng: np.random.Generator) -> Image:  # noqa: ARG001
    import cv2

    side = min(gray.shape)
    letters = np.zeros(gray.shape, dtype=np.uint8)
    scale, thick = side / 300, max(1, side // 110)
    (width, height), _ = cv2.getTextSize("R 42", cv2.FONT_HERSHEY_SIMPLEX, scale, thick)
    corner = (at[0] - width // 2, at[1] + height // 2)
    letters = np.asarray(cv2.putText(letters, "R 42", corner, cv2.FONT_HERSHEY_SIMPLEX, scale, 255, thick, cv2.LINE_AA))
    return np.asarray(np.maximum(gray, letters.astype(np.float32) / 255 * float(gray.max())), dtype=np.float32)


FOREIGN: dict[str, Callable[[Image, tuple[int, int], float, np.random.Generator], Image]] = {
    "blob": _blob,
    "doubled": _doubled,
    "checkerboard": _checkerboard,
    "erased": _erased,
    "text": _text,
}
"""A bright disc, a structure drawn twice, a checkerboard, detail wiped out, letters."""
