"""Is an image restored better than it should be? After a disturbance, or after nothing but the way to the latents.

FCRE looks at the middle frequencies only: low ones every generator restores, high ones none does, whoever the patient.
The bands are ours: the paper's are set for its images. A latent space fitted to the training images restores them
better, whatever is learned inside it, so `encoding` stands apart.

Reference: Zhao, Tokuoka, Iwasawa, Oda 2025, arXiv:2506.14919 (FCRE).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from synthaudit.attacks.attack import Attack, Exposures
from synthaudit.generators.protocol import Capability, Encodes, Images, Reconstructs

STRENGTHS = (0.3, 0.45, 0.6)
"""Of the disturbance; the scores are averaged over them."""

COARSE, FINE = 1 / 12, 1.0
"""The middle band lies between two Gaussian blurs: this share of the image's width, and this many pixels."""

WINDOW, TRUNCATED = 1.5, 3.5
"""SSIM's Gaussian window, in pixels, and its reach in deviations: 11 pixels wide (doi:10.1109/TIP.2003.819861)."""

Floats = NDArray[np.float64]


def reconstruction_exposures(generator: Reconstructs, x: Images, seed: int, levels: int) -> Exposures:
    """Minus the squared error of the restored image, and the SSIM of its middle frequencies (FCRE)."""
    del levels
    error, likeness = np.zeros(len(x)), np.zeros(len(x))
    middle = middle_band(x)
    for strength in STRENGTHS:
        restored = generator.reconstruct(x, strength, seed)
        error += squared_error(restored, x) / len(STRENGTHS)
        likeness += structural_similarity(middle_band(restored), middle) / len(STRENGTHS)
    return {"reconstruction": -error, "fcre": likeness}


def encoding_exposures(generator: Encodes, x: Images, seed: int, levels: int) -> Exposures:
    """Minus the squared error of the image after encoding and decoding."""
    del seed, levels
    return {"encoding": -squared_error(generator.decode(generator.encode(x)), x)}


def squared_error(made: Images, x: Images) -> Floats:
    """(n,) mean squared difference of (n, h, w) images."""
    return np.asarray(((made.astype(np.float64) - x) ** 2).reshape(len(x), -1).mean(axis=1))


def middle_band(x: Images) -> Floats:
    """(n, h, w) images without their coarsest and their finest structure."""
    coarse = COARSE * x.shape[-1]
    images = x.astype(np.float64)
    fine, blurred = (gaussian_filter(images, (0, width, width), mode="nearest") for width in (FINE, coarse))
    return np.asarray(fine - blurred)


def structural_similarity(a: Floats, b: Floats, value_range: float = 1.0) -> Floats:
    """(n,) SSIM of (n, h, w) images, averaged over the pixels.

    Reference: Wang, Bovik, Sheikh, Simoncelli 2004, doi:10.1109/TIP.2003.819861.
    """

    def local(images: Floats) -> Floats:
        return np.asarray(gaussian_filter(images, (0, WINDOW, WINDOW), truncate=TRUNCATED))

    mean_a, mean_b = local(a), local(b)
    variance_a, variance_b = local(a * a) - mean_a**2, local(b * b) - mean_b**2
    covariance = local(a * b) - mean_a * mean_b
    c1, c2 = (0.01 * value_range) ** 2, (0.03 * value_range) ** 2
    top = (2 * mean_a * mean_b + c1) * (2 * covariance + c2)
    ssim = top / ((mean_a**2 + mean_b**2 + c1) * (variance_a + variance_b + c2))
    return np.asarray(ssim.reshape(len(a), -1).mean(axis=1))


RECONSTRUCTION = Attack(
    ("reconstruction", "fcre"),
    "how well a disturbed image is restored, and how well its middle frequencies are (FCRE)",
    frozenset({Capability.RECONSTRUCT}),
    reconstruction_exposures,
)
ENCODING = Attack(
    ("encoding",), "how well the latent space holds the image", frozenset({Capability.ENCODE}), encoding_exposures
)
