"""Dar's rule: a copy is what comes closer than 95 % of the training images come to the holdout.

It sets its threshold on pairs of *different* people and so names some people in every audit. With as many synthetic as
held-out images it names one training image in twenty where nothing was copied, and more with every image made.

Reference:
    Dar et al. 2025, Unconditional latent diffusion models memorize patient imaging data,
    doi 10.1038/s41551-025-01468-8.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from synthaudit.errors import NotEnoughData

PERCENT = 95.0
"""Of the similarities between training images and their nearest held-out image (Dar et al.)."""
LEAST_IMAGES = 20
"""Fewer have no 95 % percentile to speak of."""


def percentile_threshold(train_to_holdout: NDArray[np.floating]) -> float:
    """Similarity above which the rule sees a copy.

    Args:
        train_to_holdout: (t,) similarity of each training image to its nearest held-out image.

    Raises:
        NotEnoughData: Fewer than 20 training images.
    """
    if train_to_holdout.size < LEAST_IMAGES:
        raise NotEnoughData(
            f"the percentile rule needs at least {LEAST_IMAGES} training images, got {train_to_holdout.size}"
        )
    return float(np.percentile(train_to_holdout, PERCENT))


def memorized_patients(
    train_to_synthetic: NDArray[np.floating], patient: NDArray[np.intp], threshold: float
) -> NDArray[np.bool_]:
    """(p,) bool: patients of whom some training image has a synthetic image above the threshold.

    Args:
        train_to_synthetic: (t,) similarity of each training image to its nearest synthetic image.
        patient: (t,) number of each image's patient, from 0.
    """
    named = np.zeros(int(patient.max(initial=-1)) + 1, dtype=bool)
    named[patient[train_to_synthetic > threshold]] = True
    return named
