"""What generators do to a copy: pure functions of an image, a strength and random numbers.

All take and give (s, s) or (s, s, 3) float32 in [0, 1], and leave the image they are given alone.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from synthaudit.matching.views import View

Image = NDArray[np.float32]
FIELD_PX = 48
"""Side of the grid on which elastic displacements are drawn; they are smooth on an eighth of the side."""
FEATHER = 1 / 64
"""Width of a transplant's soft edge, as a share of the side."""


def _sign(rng: np.random.Generator) -> float:
    return 1.0 if rng.random() < 0.5 else -1.0


def _by_channel(image: Image, change: Callable[[Image], Image]) -> Image:
    """`change` applied to a gray image, or to each channel of a colored one."""
    if image.ndim == 2:
        return change(image)
    return np.stack([change(np.ascontiguousarray(image[..., i])) for i in range(image.shape[2])], axis=2)


def _eight_bit(image: Image) -> NDArray[np.uint8]:
    return np.asarray(np.round(255.0 * np.clip(image, 0.0, 1.0)), dtype=np.uint8)


def noise(image: Image, rng: np.random.Generator, sigma: float) -> Image:
    """White noise of standard deviation `sigma`, in shares of the gray scale."""
    return np.clip(image + sigma * rng.standard_normal(image.shape, dtype=np.float32), 0.0, 1.0)


def blur(image: Image, rng: np.random.Generator, sigma: float) -> Image:  # noqa: ARG001  (one signature for all)
    """Gaussian blur of width `sigma`, as a share of the side."""
    import cv2

    return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma * image.shape[0]), dtype=np.float32)


def flip(image: Image, rng: np.random.Generator) -> Image:  # noqa: ARG001
    """Left and right exchanged."""
    return np.ascontiguousarray(image[:, ::-1])


def shift(image: Image, rng: np.random.Generator, share: float) -> Image:
    """Moved by `share` of the side along both axes."""
    return View(dx=share * _sign(rng), dy=share * _sign(rng)).apply(image)


def crop(image: Image, rng: np.random.Generator, share: float) -> Image:
    """A window of `share` of the side, anywhere, enlarged to the full canvas."""
    import cv2

    side = image.shape[0]
    window = max(1, round(share * side))
    top, left = (int(rng.integers(0, side - window + 1)) for _ in range(2))
    cut = np.ascontiguousarray(image[top : top + window, left : left + window])
    return np.asarray(cv2.resize(cut, (side, side), interpolation=cv2.INTER_LINEAR), dtype=np.float32)


def rotation(image: Image, rng: np.random.Generator, degrees: float) -> Image:
    """Turned about its center, either way."""
    return View(rotation_deg=degrees * _sign(rng)).apply(image)


def gamma(image: Image, rng: np.random.Generator, exponent: float) -> Image:
    """Darkened or brightened: gray values raised to `exponent` or to its inverse."""
    power = np.float32(exponent if rng.random() < 0.5 else 1 / exponent)
    return np.asarray(np.clip(image, 0.0, 1.0) ** power, dtype=np.float32)


def contrast(image: Image, rng: np.random.Generator, factor: float) -> Image:
    """Distances from the mean gray value multiplied or divided by `factor`; what leaves the scale is cut off."""
    gain = np.float32(factor if rng.random() < 0.5 else 1 / factor)
    mean = np.float32(image.mean(dtype=np.float64))
    return np.asarray(np.clip(mean + gain * (image - mean), 0.0, 1.0), dtype=np.float32)


def jpeg(image: Image, rng: np.random.Generator, quality: int) -> Image:  # noqa: ARG001
    """Written as a JPEG file of that quality (of 100), and read again."""
    import cv2

    stored = _eight_bit(image) if image.ndim == 2 else np.ascontiguousarray(_eight_bit(image)[..., ::-1])
    _, content = cv2.imencode(".jpg", stored, [cv2.IMWRITE_JPEG_QUALITY, quality])
    read = np.asarray(cv2.imdecode(content, cv2.IMREAD_GRAYSCALE if image.ndim == 2 else cv2.IMREAD_COLOR))
    back = read if image.ndim == 2 else read[..., ::-1]
    return np.ascontiguousarray(back, dtype=np.float32) / np.float32(255.0)


def low_rank(image: Image, rng: np.random.Generator, rank: int) -> Image:  # noqa: ARG001
    """The closest image of that rank (truncated singular value decomposition), channel by channel, in 8 bits.

    A stand-in for what autoencoders keep of an image. Rounded to 8 bits, because its last digits depend on the machine.
    """
    from scipy.linalg import eigh

    def closest(gray: Image) -> Image:
        side = gray.shape[0]
        exact = gray.astype(np.float64)
        if rank >= side:
            return gray
        _, axes = eigh(exact.T @ exact, subset_by_index=(side - rank, side - 1))
        return np.asarray(exact @ axes @ axes.T, dtype=np.float32)

    return _eight_bit(_by_channel(image, closest)).astype(np.float32) / np.float32(255.0)


def elastic(image: Image, rng: np.random.Generator, share: float) -> Image:
    """Bent by a smooth random displacement whose length is `share` of the side (root mean square; up to 3 times that).

    Gaussian noise smoothed on an eighth of the side, its mean taken out: a mean would be a shift.
    """
    import cv2

    side = image.shape[0]
    drawn = rng.standard_normal((2, FIELD_PX, FIELD_PX)).astype(np.float32)
    smooth = [cv2.GaussianBlur(axis, (0, 0), FIELD_PX / 8, borderType=cv2.BORDER_REFLECT) for axis in drawn]
    dx, dy = (cv2.resize(axis - axis.mean(), (side, side), interpolation=cv2.INTER_CUBIC) for axis in smooth)
    scale = share * side / max(float(np.sqrt((dx * dx + dy * dy).mean())), 1e-12)
    rows, columns = np.mgrid[:side, :side].astype(np.float32)
    x, y = (columns + scale * dx).astype(np.float32), (rows + scale * dy).astype(np.float32)
    bent = cv2.remap(image, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(bent, dtype=np.float32)


def blend(image: Image, partner: Image, rng: np.random.Generator, share: float) -> Image:  # noqa: ARG001
    """Both images at once: `share` of the partner's gray values, the rest of the copied patient's."""
    return np.asarray((1 - np.float32(share)) * image + np.float32(share) * partner, dtype=np.float32)


def region(image: Image, partner: Image, rng: np.random.Generator, area: float) -> Image:
    """The partner's image with a square of the copied patient's at the same place: `area` of the whole, soft-edged."""
    import cv2

    side = image.shape[0]
    edge = min(side, max(1, round(float(np.sqrt(area)) * side)))
    top, left = (int(rng.integers(0, side - edge + 1)) for _ in range(2))
    mask = np.zeros((side, side), dtype=np.float32)
    mask[top : top + edge, left : left + edge] = 1.0
    mask = cv2.GaussianBlur(mask, (0, 0), FEATHER * side, borderType=cv2.BORDER_REPLICATE)
    mask = mask if image.ndim == 2 else mask[..., None]
    return np.asarray(np.clip(mask * image + (1 - mask) * partner, 0.0, 1.0), dtype=np.float32)


def combination(image: Image, rng: np.random.Generator, times: float) -> Image:
    """Several mild changes at once: turned, cropped, re-lit, blurred and noisy; `times` 1 is the mildest said of each.

    Turned by 2 degrees, cropped to 96 %, gamma 1.2, blur of 0.2 % of the side, noise of 2 % of the gray scale.
    """
    turned = rotation(image, rng, 2.0 * times)
    cut = crop(turned, rng, 1 - 0.04 * times)
    lit = gamma(cut, rng, 1 + 0.2 * times)
    return noise(blur(lit, rng, 0.002 * times), rng, 0.02 * times)
