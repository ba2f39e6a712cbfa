"""Two images brought into register: mirrored if need be, then shifted, turned, scaled and slightly sheared.

Starts from the view under which the pair was found and refines it by maximizing the enhanced correlation coefficient
(Evangelidis and Psarakis 2008, doi 10.1109/TPAMI.2008.113): first on small canvases where the basin is wide and a step
costs little, then on a larger one where ribs and vessels count.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthaudit.encoders.descriptor import flatten_contrast

Image = NDArray[np.float32]
Matrix = NDArray[np.float32]

PLACED_PX, ROUGH_PX, COARSE_PX = 32, 48, 96
REACH_PX = 3
"""How far one picture is slid over the other, to each side: 9 % of it, more than the views' step."""
ROUGH_STEPS, COARSE_STEPS, FINE_STEPS = 12, 15, 12
SCALE_RANGE = (0.6, 1.6)
LARGEST_SHEAR = 1.25
"""Ratio of the two singular values: beyond it the fit has run away."""


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """One image, ready to be registered. All (n, n) float32."""

    full: Image
    half: Image
    coarse: Image
    rough: Image
    small: Image

    @property
    def nbytes(self) -> int:
        """Memory it takes."""
        return int(sum(each.nbytes for each in (self.full, self.half, self.coarse, self.rough, self.small)))


def prepare(image: Image) -> Prepared:
    """The pictures that registration works on, from a square gray canvas."""
    import cv2

    side = min(COARSE_PX, image.shape[0])
    passed = cv2.GaussianBlur(image, (0, 0), 1.5) - cv2.GaussianBlur(image, (0, 0), 6.0)
    half = max(side, image.shape[0] // 2)
    rough = _flattened(image, min(ROUGH_PX, image.shape[0]))
    return Prepared(
        full=image,
        half=np.asarray(cv2.resize(passed, (half, half), interpolation=cv2.INTER_AREA), dtype=np.float32),
        coarse=_flattened(image, side),
        rough=rough,
        small=np.asarray(cv2.resize(rough, (PLACED_PX, PLACED_PX), interpolation=cv2.INTER_AREA), dtype=np.float32),
    )


def _flattened(image: Image, side: int) -> Image:
    """(side, side) picture of even contrast, smooth enough to be followed downhill."""
    import cv2

    small = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)
    even = flatten_contrast(small, 6.0 * side / COARSE_PX)
    return np.asarray(cv2.GaussianBlur(even, (0, 0), max(0.7, side / COARSE_PX)), dtype=np.float32)


def rescale(matrix: Matrix, from_px: int, to_px: int) -> Matrix:
    """The same map for canvases of another side (pixel centers at integers)."""
    ratio = to_px / from_px
    offset = (ratio - 1) / 2
    linear = matrix[:, :2].astype(np.float64)
    shift = ratio * matrix[:, 2].astype(np.float64) + offset - linear @ np.array([offset, offset])
    return np.concatenate([linear, shift[:, None]], axis=1).astype(np.float32)


def plausible(matrix: Matrix) -> bool:
    """Whether the map could be a view of the same picture rather than a fit that ran away."""
    large, small = np.linalg.svd(matrix[:, :2].astype(np.float64), compute_uv=False)
    return bool(SCALE_RANGE[0] < small and large < SCALE_RANGE[1] and large / small < LARGEST_SHEAR)


def _refine(fixed: Image, moving: Image, start: Matrix, steps: int) -> tuple[float, Matrix]:
    """Correlation coefficient in [-1, 1] and map after `steps`; -1.0 and the start where the fit fails."""
    import cv2

    stop = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, steps, 1e-4)
    try:
        value, matrix = cv2.findTransformECC(fixed, moving, start.copy(), cv2.MOTION_AFFINE, stop, None, 1)
    except cv2.error:  # singular or no overlap: these two do not register
        return -1.0, start
    return (float(value), np.asarray(matrix, dtype=np.float32)) if plausible(matrix) else (-1.0, start)


def place(fixed: Image, moving: Image, start: Matrix) -> tuple[float, Matrix]:
    """Correlation of two small pictures where they fit best when one is slid over the other, and the map for it.

    Registration's first steps follow the slope; a fit that is a few pixels off may have none. Sliding looks everywhere
    near, for a tenth of the time.

    Args:
        fixed, moving: (n, n) `Prepared.small`; `fixed` already mirrored.
        start: (2, 3) map at that size from `fixed` into `moving`.

    Returns:
        Value in [-1, 1]; -1.0 and the start where one of them is blank.
    """
    import cv2

    n = fixed.shape[0]
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    laid = cv2.warpAffine(moving, start, (n, n), flags=how, borderMode=cv2.BORDER_REPLICATE)
    middle = fixed[REACH_PX : n - REACH_PX, REACH_PX : n - REACH_PX]
    if min(middle.std(), laid.std()) < 1e-6:  # a correlation with a blank picture is no number
        return -1.0, start
    _, value, _, (x, y) = cv2.minMaxLoc(cv2.matchTemplate(laid, middle, cv2.TM_CCOEFF_NORMED))
    slid = start.copy()
    slid[:, 2] += start[:, :2] @ np.array([x - REACH_PX, y - REACH_PX], dtype=np.float32)
    return float(value), slid


def register_rough(fixed: Prepared, moving: Prepared, start: Matrix) -> tuple[float, Matrix]:
    """Correlation on the rough canvas, and the map at that size from `fixed` (already mirrored) into `moving`.

    `start` is the map to begin with, at that size.
    """
    return _refine(fixed.rough, moving.rough, start, ROUGH_STEPS)


def register_coarse(fixed: Prepared, moving: Prepared, rough: Matrix) -> tuple[float, Matrix]:
    """Correlation on the coarse canvas, and the map at that size."""
    size = fixed.coarse.shape[0]
    return _refine(fixed.coarse, moving.coarse, rescale(rough, fixed.rough.shape[0], size), COARSE_STEPS)


def register_fine(fixed: Prepared, moving: Prepared, coarse: Matrix) -> Matrix:
    """The map at full size, refined at half size; the coarse one where refinement fails."""
    size, half = fixed.full.shape[0], fixed.half.shape[0]
    value, matrix = _refine(fixed.half, moving.half, rescale(coarse, fixed.coarse.shape[0], half), FINE_STEPS)
    return rescale(matrix, half, size) if value > 0 else rescale(coarse, fixed.coarse.shape[0], size)


def warp(moving: Image, matrix: Matrix) -> tuple[Image, Image]:
    """`moving` seen through the map, and a mask: 1 where it lies inside the canvas."""
    import cv2

    size = moving.shape[0]
    inside = cv2.warpAffine(np.ones_like(moving), matrix, (size, size), flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP)
    warped = cv2.warpAffine(
        moving,
        matrix,
        (size, size),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(warped, dtype=np.float32), np.asarray(inside, dtype=np.float32)


def in_words(flip: bool, matrix: Matrix, size: int) -> str:
    """The map as a person would say it: "mirrored, turned by 4 degrees, enlarged by 8 %"."""
    linear = matrix[:, :2].astype(np.float64)
    scale = float(np.sqrt(abs(np.linalg.det(linear))))
    angle = float(np.degrees(np.arctan2(linear[1, 0] - linear[0, 1], linear[0, 0] + linear[1, 1])))
    center = np.array([size / 2 - 0.5, size / 2 - 0.5])
    shift = float(np.linalg.norm(linear @ center + matrix[:, 2] - center)) / size
    words = ["mirrored"] if flip else []
    if abs(angle) >= 0.5:
        words.append(f"turned by {abs(angle):.0f} degrees")
    if abs(scale - 1) >= 0.01:
        words.append(f"{'enlarged' if scale < 1 else 'reduced'} by {abs(1 / scale - 1):.0%}")
    if shift >= 0.01:
        words.append(f"shifted by {shift:.0%} of the side")
    return ", ".join(words) or "in place"
