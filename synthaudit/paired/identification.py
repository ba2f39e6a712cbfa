"""Is an input found again among all inputs by its output alone?

A translated image shows the patient that it was made of. How surely, is measured without the generator and without its
weights, as anyone could who has the output and a gallery of images: by where the edges lie, which every contrast of one
anatomy has in the same places.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_gradient_magnitude

from synthaudit.errors import NotEnoughData

EDGE_WIDTH = 1 / 64
"""Standard deviation of the edges' smoothing, in image widths: a pixel at 64."""

LEAST_LENGTH = 1e-9
"""Below, an image has no edges of its own."""


def edges(images: NDArray[np.float32]) -> NDArray[np.float64]:
    """(n, h * w) how strong the edge is at each place, less the mean of the set; rows of length 1, or 0."""
    sigma = max(0.7, EDGE_WIDTH * images.shape[-1])
    strength = np.stack([gaussian_gradient_magnitude(image.astype(np.float64), sigma) for image in images])
    rows = (strength - strength.mean(axis=0)).reshape(len(images), -1)
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    # What is left of an image that equals the mean is rounding, and rounding must find nobody.
    return np.asarray(np.where(length > LEAST_LENGTH, rows / np.maximum(length, LEAST_LENGTH), 0.0))


def found_again(made: NDArray[np.float32], inputs: NDArray[np.float32]) -> NDArray[np.bool_]:
    """(n,) whether each made image's own input is, of all n inputs, the one most like it; a tie is not found.

    Args:
        made, inputs: (n, h, w), row for row, one of each patient.

    Raises:
        NotEnoughData: Fewer than 2 inputs: one alone is always found.
    """
    if len(inputs) < 2:
        raise NotEnoughData(f"finding an input again needs at least 2 patients with a pair, got {len(inputs)}")
    alike = edges(made) @ edges(inputs).T
    own = np.diag(alike).copy()
    np.fill_diagonal(alike, -np.inf)
    return np.asarray(own > alike.max(axis=1))
