"""Attacks that look at the nearest synthetic images. (n,) scores, higher means more exposed, before any decision."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from synthaudit.membership.sample_sets import NEIGHBORS, SampleSets

_PAIRS_AT_ONCE = 8_000_000
_ROUNDING = 1e-6
"""Of a cosine in float32: an image whose nearest one is at the radius itself counts that one."""


def gan_leaks(sets: SampleSets) -> NDArray[np.float64]:
    """The negative distance to the nearest synthetic image.

    Not corrected for how common an image is: a plain film is close to everything, trained on or not.

    Reference:
        Chen, Yu, Zhang, Fritz 2020, GAN-Leaks, arXiv 1909.03935 (full black box).
    """
    return -sets.to_synthetic[:, 0]


def gan_leaks_calibrated(sets: SampleSets) -> NDArray[np.float64]:
    """How much nearer the nearest synthetic image is than the nearest image of the background.

    The paper calibrates with a generator trained on other images; here the other images themselves stand in for what
    it would make.

    Reference:
        Chen, Yu, Zhang, Fritz 2020, GAN-Leaks, arXiv 1909.03935 (section on calibration).
    """
    return np.asarray(sets.to_background[:, 0] - sets.to_synthetic[:, 0])


def monte_carlo(sets: SampleSets) -> NDArray[np.float64]:
    """The share of the synthetic images within a radius; the radius is the median distance to the nearest one.

    By that heuristic about half of the images have none within, and tie.

    Reference:
        Hilprecht, Haerterich, Bernau 2019, Monte Carlo and reconstruction membership inference attacks against
        generative models, doi 10.2478/popets-2019-0067 (median heuristic).
    """
    radius = float(np.median(sets.to_synthetic[:, 0]))
    cosine = np.float32(1.0 - radius**2 / 2.0 - _ROUNDING)
    inside = np.empty(len(sets.real))
    step = max(1, _PAIRS_AT_ONCE // len(sets.synthetic))
    for start in range(0, len(sets.real), step):
        rows = slice(start, start + step)
        inside[rows] = (sets.real[rows] @ sets.synthetic.T >= cosine).sum(axis=1)
    return np.asarray(inside / len(sets.synthetic))


def domias_knn(sets: SampleSets) -> NDArray[np.float64]:
    """Log ratio of the density of synthetic images to that of the background, by the distance to the third neighbor.

    Its dimension and the numbers of images are the same for every image in question, so they are left out.

    Reference:
        van Breugel, Sun, Qian, van der Schaar 2023, Membership inference attacks against synthetic data through
        overfitting detection, arXiv 2302.12580; Loftsgaarden and Quesenberry 1965 for the density.
    """
    return np.asarray(np.log(sets.to_background[:, NEIGHBORS - 1]) - np.log(sets.to_synthetic[:, NEIGHBORS - 1]))
