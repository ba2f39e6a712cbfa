"""How alike two registered images are, in the detail that tells people apart.

Anatomy alone makes strangers alike: at 96 pixels, chest films of different people correlate at .93. So both images are
reduced to a band of fine detail, the detail's local strength is divided out, and what is left is correlated. Three
bands, each once after the affine registration and once after a smooth elastic one, give six *channels*: the finest sees
through blends and low-rank copies, the coarsest through noise, the elastic ones through warps. No channel decides on
its own: `synthaudit.matching.strangers` puts each on the scale of pairs of strangers and takes the largest.

Frames make strangers alike, too: the ring of a dermatoscope, the edge of a collimator. So each correlation is taken
over the whole and over the middle of the canvas, and the smaller one counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Band:
    """A difference of Gaussians, and how wide its local strength is measured; in pixels of the working canvas."""

    fine_px: float
    coarse_px: float
    window_px: float


BANDS = (Band(1.0, 4.0, 6.0), Band(2.0, 6.0, 8.0), Band(3.0, 9.0, 12.0))
STRENGTH_FLOOR = 0.3
"""Share of the image's mean strength added to the local one: flat background stays flat."""

CHANNELS = ("fine", "medium", "coarse", "fine, elastic", "medium, elastic", "coarse, elastic")

LEAST_OVERLAP = 0.5
"""Share of the canvas that both images must cover: two corners can always be made to agree."""

MIDDLE = 0.36
"""Radius of the disk that is the middle, as a share of the side: two fifths of the area."""

LEAST_CONTRAST = 1e-3
"""Standard deviation of the gray values below which an image is blank: its detail is rounding, which always agrees."""

LARGEST_CORRELATION = 0.999

LEAST_FLOW_PX = 64
FLOW_SMOOTHING_PX = 6.0
FLOW_LIMIT = 0.05
"""Largest elastic displacement, as a share of the side."""


def detail(image: Image, band: Band) -> Image:
    """(h, w) detail of that band with its local strength divided out."""
    import cv2

    passed = cv2.GaussianBlur(image, (0, 0), band.fine_px) - cv2.GaussianBlur(image, (0, 0), band.coarse_px)
    power = cv2.GaussianBlur(passed * passed, (0, 0), band.window_px)
    return np.asarray(passed / np.sqrt(power + STRENGTH_FLOOR * power.mean() + 1e-12), dtype=np.float32)


def fisher_z(correlation: NDArray[np.float64]) -> NDArray[np.float64]:
    """Correlations on the scale where their scatter does not shrink toward 1; those beyond .999 count as .999.

    On small pictures strangers correlate at .95: on the plain scale nothing could be far above them.

    Reference:
        Fisher (1915), Biometrika 10, 507.
    """
    return np.arctanh(np.clip(correlation, -LARGEST_CORRELATION, LARGEST_CORRELATION))


def correlation(a: Image, b: Image, valid: Image) -> float:
    """Uncentered correlation in [-1, 1] of two details where `valid` is 1; 0.0 if either is empty there."""
    a, b = a * valid, b * valid
    scale = float(np.sqrt(float((a * a).sum(dtype=np.float64)) * float((b * b).sum(dtype=np.float64))))
    return float((a * b).sum(dtype=np.float64)) / scale if scale > 1e-9 else 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """What is compared of one image; made once for a query, however many real images it is compared with.

    Attributes:
        image: (s, s) float32.
        details: One (s, s) picture a band.
        flow: (s', s') uint8 picture in which the optical flow looks for the same detail, at about half the side.
    """

    image: Image
    details: tuple[Image, ...]
    flow: NDArray[np.uint8]


def look(image: Image) -> Look:
    """Everything that is compared of an image."""
    return Look(image, tuple(detail(image, band) for band in BANDS), _flow_picture(image))


@cache
def _middle(size: int) -> Image:
    """(size, size) float32, 1 within the middle."""
    from_center = np.abs(np.arange(size) - (size - 1) / 2) ** 2
    inside = from_center[:, None] + from_center[None, :] <= (MIDDLE * size) ** 2
    return np.asarray(inside, dtype=np.float32)


def _flow_picture(image: Image) -> NDArray[np.uint8]:
    """The same detail at half the side (displacements are smooth, half the side is enough and costs a quarter)."""
    import cv2

    side = max(LEAST_FLOW_PX, image.shape[0] // 2)
    small = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA) if side < image.shape[0] else image
    scale = small.shape[0] / image.shape[0]
    broad = detail(np.asarray(small, dtype=np.float32), Band(1.0 * scale, 12.0 * scale, 16.0 * scale))
    return np.asarray(np.clip(128.0 + 50.0 * broad, 0, 255), dtype=np.uint8)


def elastic(fixed: Look, moving: Image) -> Image:
    """`moving` warped onto `fixed` by a smooth displacement of at most 5 % of the side.

    Dense inverse search (Kroeger et al. 2016, arXiv 1603.03590), then smoothed so that it can bend anatomy but not
    repaint it: strangers gain from it too, and the scale of strangers accounts for that.
    """
    import cv2

    size, small = fixed.image.shape[0], fixed.flow.shape[0]
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    flow = search.calc(fixed.flow, _flow_picture(moving), None)
    sigma = FLOW_SMOOTHING_PX * small / 256
    smooth = cv2.resize(cv2.GaussianBlur(flow, (0, 0), sigma), (size, size)) * (size / small)
    limit = FLOW_LIMIT * size
    rows, columns = np.mgrid[:size, :size].astype(np.float32)
    shift = np.clip(smooth, -limit, limit)
    warped = cv2.remap(
        moving, columns + shift[..., 0], rows + shift[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(warped, dtype=np.float32)


def channels(fixed: Look, moving: Image, valid: Image) -> tuple[NDArray[np.float64], Image]:
    """Similarity of a registered pair in each channel, and `moving` after the elastic step.

    Args:
        fixed: Of side s: the synthetic image.
        moving: (s, s) float32, the real image after affine registration.
        valid: (s, s) float32, 1 where `moving` lies inside the real image's canvas.

    Returns:
        (6,) correlations in [-1, 1], in the order of CHANNELS; higher means more alike. Of the whole and the middle the
        smaller one; zeros where less than half of the canvas is shared, or one of the two is blank. And the (s, s)
        picture compared in the elastic channels.
    """
    blank = min(float(fixed.image.std()), float(moving.std())) < LEAST_CONTRAST
    if blank or float(valid.mean()) < LEAST_OVERLAP:
        return np.zeros(len(CHANNELS)), moving
    bent = elastic(fixed, moving)
    parts = (valid, valid * _middle(valid.shape[0]))
    pairs = [
        (a, detail(candidate, band))
        for candidate in (moving, bent)
        for a, band in zip(fixed.details, BANDS, strict=True)
    ]
    return np.array([min(correlation(a, b, part) for part in parts) for a, b in pairs]), bent
