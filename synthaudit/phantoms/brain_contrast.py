"""What a scanner makes of the tissue map: MR signal or Hounsfield units, with bias, blur and noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from synthaudit.phantoms.brain_tissue import Plane, Tissue
from synthaudit.phantoms.field import Floats, blurred

Contrast = Literal["t1", "t2", "flair", "t1c", "ct"]
CONTRASTS: Final[tuple[Contrast, ...]] = get_args(Contrast)
"""T1, T2, FLAIR, T1 after contrast medium, and CT."""

CT_WINDOW_HU = (-20.0, 100.0)
"""Shown black and white: the usual brain window, 120 wide about 40."""

_TISSUES = (
    # t1, t2, flair, t1c in [0, 1]; ct in HU. Orders and rough ratios as at 1.5 T and 120 kV; not measured on anybody.
    (Tissue.BACKGROUND, 0.00, 0.00, 0.00, 0.00, -1000),
    (Tissue.SCALP, 0.86, 0.52, 0.56, 0.88, -40),
    (Tissue.SKULL, 0.13, 0.09, 0.10, 0.15, 1000),
    (Tissue.CSF, 0.14, 0.94, 0.10, 0.15, 8),
    (Tissue.GRAY, 0.42, 0.56, 0.58, 0.44, 40),
    (Tissue.WHITE, 0.72, 0.33, 0.41, 0.73, 27),
    (Tissue.VENTRICLE, 0.12, 0.96, 0.08, 0.12, 5),
    (Tissue.DEEP_GRAY, 0.52, 0.45, 0.53, 0.54, 39),
    (Tissue.EDEMA, 0.46, 0.78, 0.86, 0.46, 17),
    (Tissue.TUMOR_CORE, 0.26, 0.86, 0.48, 0.28, 14),
    (Tissue.TUMOR_RIM, 0.43, 0.64, 0.72, 0.97, 42),
    (Tissue.WHITE_MATTER_LESION, 0.50, 0.72, 0.84, 0.50, 20),
    (Tissue.CYST, 0.13, 0.95, 0.11, 0.13, 6),
)
VALUES: Final[dict[Contrast, Floats]] = {
    contrast: np.array([row[1 + column] for row in sorted(_TISSUES)], dtype=np.float32)
    for column, contrast in enumerate(CONTRASTS)
}
"""Contrast -> value of each tissue, in the order of `Tissue`."""


@dataclass(frozen=True, slots=True)
class BrainScanner:
    """How a site's machines turn tissue into pixels.

    Attributes:
        weighting: Exponent on the MR signal; above 1 darkens gray matter against white on T1.
        noise: Standard deviation of the noise of each MR channel, in signal at full scale 1.
        noise_hu: Standard deviation of the noise of CT, in HU.
        blur: Standard deviation of the point spread, in half image widths.
        bias: Standard deviation of the receive field's unevenness, as a share.
        gain: Mean factor on the MR signal.
    """

    weighting: float
    noise: float
    noise_hu: float
    blur: float
    bias: float
    gain: float


BRAIN_SCANNERS = {
    "north": BrainScanner(weighting=1.00, noise=0.016, noise_hu=2.5, blur=0.007, bias=0.06, gain=0.94),
    "south": BrainScanner(weighting=1.18, noise=0.026, noise_hu=3.5, blur=0.005, bias=0.12, gain=1.00),
    "west": BrainScanner(weighting=0.88, noise=0.020, noise_hu=2.0, blur=0.012, bias=0.09, gain=0.88),
}
"""Site (`people.SITES`) -> its scanners."""


def signal(
    shares: Floats,
    contrast: Contrast,
    scanner: BrainScanner,
    plane: Plane,
    bias: NDArray[np.float32],
    rng: np.random.Generator,
) -> Floats:
    """(h, w) float32: MR signal in [0, 1], or CT in Hounsfield units within [-1024, 3071].

    Args:
        shares: (tissues, h, w) as `tissue_shares` gives them.
        contrast: Which.
        scanner: Of the site.
        plane: Where the pixels lie; the bias field is laid over it.
        bias: (9,) coefficients of this visit's field, each about 1 in size.
        rng: Of this image; draws the noise only.
    """
    values = np.tensordot(VALUES[contrast], shares, axes=1).astype(np.float32)
    values = blurred(values, max(scanner.blur / plane.pixel, 0.3))
    if contrast == "ct":
        noise = rng.standard_normal(values.shape, dtype=np.float32) * np.float32(scanner.noise_hu)
        return np.clip(values + noise, -1024, 3071)
    uneven = 1 + np.float32(scanner.bias) * _field(plane, bias)
    values = scanner.gain * np.maximum(values, 0) ** np.float32(scanner.weighting) * uneven
    real, imaginary = rng.standard_normal((2, *values.shape), dtype=np.float32) * np.float32(scanner.noise)
    # A magnitude image has Rician noise: never below zero, and a floor where there is no signal.
    return np.asarray(np.clip(np.hypot(values + real, imaginary), 0, 1), dtype=np.float32)


def shown(values: Floats, contrast: Contrast, window_hu: tuple[float, float]) -> Floats:
    """Signal as float32 in [0, 1] on the 256 levels that an 8-bit PNG keeps exactly; CT through its window."""
    if contrast == "ct":
        low, high = window_hu
        values = (values - np.float32(low)) / np.float32(high - low)
    return np.asarray(np.round(np.clip(values, 0, 1) * 255) / np.float32(255), dtype=np.float32)


def _field(plane: Plane, coefficients: NDArray[np.float32]) -> Floats:
    """A quadratic in the place, about 1 in size."""
    x, y, z = plane.x, plane.y, plane.z
    terms = (x, y, z, x * x - 0.3, y * y - 0.3, z * z - 0.1, x * y, y * z, x * z)
    return np.asarray(sum(c * term for c, term in zip(coefficients, terms, strict=True)), dtype=np.float32)
