"""How much a classifier takes a real image for a synthetic one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from synthaudit.errors import NotEnoughData
from synthaudit.membership.density import Directions
from synthaudit.membership.sample_sets import SampleSets

COMPONENTS = 32
RIDGE = 1.0
"""Of every weight, in units of one image's information."""
NEWTON_STEPS = 12


def classifier_odds(sets: SampleSets) -> NDArray[np.float64]:
    """Log odds that an image is synthetic rather than real, by a model that has not seen its patient. (n,).

    Logistic regression on the leading directions of the real images and their squares, fitted to the synthetic images
    against the real ones of the other folds' patients, training and held-out alike. Where synthetic images crowd around
    an image that was trained on, the model takes it for one of them.

    Raises:
        NotEnoughData: All patients are in one fold.

    Reference:
        Classifiers as density ratios: Sugiyama, Suzuki, Kanamori 2012, doi 10.1017/CBO9781139035613.
    """
    folds = np.unique(sets.fold)
    if len(folds) < 2:
        raise NotEnoughData(f"a classifier that has not seen a patient needs at least 2 folds, got {len(folds)}")
    directions = Directions.of(sets.real, min(COMPONENTS, max(1, len(sets.real) // 10)))
    real, synthetic = (_features(directions.of_rows(rows)) for rows in (sets.real, sets.synthetic))
    odds = np.empty(len(real))
    for one in folds:
        others = real[sets.fold != one]
        weights = logistic_weights(
            np.concatenate([synthetic, others]), np.arange(len(synthetic) + len(others)) < len(synthetic)
        )
        odds[sets.fold == one] = real[sets.fold == one] @ weights
    return odds


def _features(directions: NDArray[np.float64]) -> NDArray[np.float64]:
    """Directions, their squares (bounded, lest one far image decide all), and a constant."""
    bounded = np.clip(directions, -4.0, 4.0)
    return np.concatenate([bounded, bounded**2 - 1.0, np.ones((len(directions), 1))], axis=1)


def logistic_weights(features: NDArray[np.float64], labels: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(k,) weights of a logistic regression with a ridge on all but the last, the constant; both classes weigh alike.

    Args:
        features: (n, k), the last column 1.
        labels: (n,) bool, some of each.
    """
    share = float(labels.mean())
    weigh = np.where(labels, 0.5 / share, 0.5 / (1.0 - share))
    ridge = np.full(features.shape[1], RIDGE)
    ridge[-1] = 1e-9
    weights = np.zeros(features.shape[1])
    for _ in range(NEWTON_STEPS):
        probability = 1.0 / (1.0 + np.exp(-np.clip(features @ weights, -30.0, 30.0)))
        slope = features.T @ (weigh * (labels - probability)) - ridge * weights
        bend = (features * (weigh * probability * (1.0 - probability))[:, None]).T @ features + np.diag(ridge)
        step = np.linalg.solve(bend, slope)
        weights = weights + step
        if np.abs(step).max() < 1e-8:
            break
    return weights
