"""How easy is an image, whoever was trained on? The baseline that every attack is read against.

An image with little in it has a low loss under any generator. Where training images happen to be plainer, every attack
on the loss "works", on a generator fitted elsewhere too. So the same question is put without a generator.

Reference: Watson, Guo, Cormode, Sablayrolles 2022, arXiv:2111.08440 (difficulty calibration).
"""

from __future__ import annotations

import zlib

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

from synthaudit.generators.protocol import Images
from synthaudit.statistics.separability import reduced

WINDOW = 5
"""Side of the window of the local variance, in pixels."""

THUMBNAIL = 32
"""Side of the images whose principal components are taken."""

FOLDS = 5
RIDGE = 1e-3

Floats = NDArray[np.float64]


def difficulty_features(x: Images) -> Floats:
    """(n, 3) how difficult each image is, standardized over all images: compressed size, local variance, remoteness.

    Nothing here knows who was trained on: the components are those of all images together.

    Args:
        x: (n, h, w) images.
    """
    low, high = float(x.min()), float(x.max())
    bytes_of = np.round((x - low) / max(high - low, 1e-12) * 255).astype(np.uint8)
    size = np.array([len(zlib.compress(np.diff(image, axis=1).tobytes(), 6)) for image in bytes_of], dtype=np.float64)
    images = x.astype(np.float64)
    mean = uniform_filter(images, (0, WINDOW, WINDOW))
    variance = np.maximum(uniform_filter(images**2, (0, WINDOW, WINDOW)) - mean**2, 0)
    busy = np.log(variance.reshape(len(x), -1).mean(axis=1) + 1e-8)
    remote = np.log(np.linalg.norm(reduced(_thumbnails(images)), axis=1) + 1e-8)
    columns = np.stack([size, busy, remote], axis=1)
    spread = columns.std(axis=0)
    return np.asarray((columns - columns.mean(axis=0)) / np.where(spread > 0, spread, 1.0))


def difficulty_exposure(features: Floats) -> Floats:
    """(n,) minus the mean difficulty: an attacker without the generator guesses that easy images were trained on."""
    return np.asarray(-features.mean(axis=1))


def beyond_difficulty(exposure: Floats, features: Floats, fold: NDArray[np.intp]) -> Floats:
    """(n,) what is left of an exposure after what difficulty explains, by a regression that has not seen the patient.

    Linear in the features, their squares and products; fitted to the other folds, trained on or not.

    Args:
        exposure: (n,) scores.
        features: (n, 3) from `difficulty_features`.
        fold: (n,) each image's fold; all images of a patient are in one.
    """
    pairs = [features[:, i] * features[:, j] for i in range(features.shape[1]) for j in range(i, features.shape[1])]
    design = np.column_stack([np.ones(len(features)), features, *pairs])
    left = np.array(exposure, dtype=np.float64)
    for held in np.unique(fold):
        fit = fold != held
        gram = design[fit].T @ design[fit] + RIDGE * fit.sum() * np.eye(design.shape[1])
        left[~fit] -= design[~fit] @ np.linalg.solve(gram, design[fit].T @ exposure[fit])
    return left


def _thumbnails(images: Floats) -> Floats:
    """(n, k) block means of the images, at most `THUMBNAIL` blocks on a side."""
    step = max(1, images.shape[-1] // THUMBNAIL)
    height, width = (side // step * step for side in images.shape[1:])
    blocks = images[:, :height, :width].reshape(len(images), height // step, step, width // step, step)
    return np.asarray(blocks.mean(axis=(2, 4)).reshape(len(images), -1))
