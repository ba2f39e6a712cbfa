"""Intervals of set-level measures, by drawing the patients of each side again."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 300

Weights = NDArray[np.int64]
Difference = Callable[[Weights, Weights], float]
"""(p,) and (q,) times that each training and each held-out patient was drawn -> measure less floor; nan if empty."""


def interval_about_floor(
    floor: float,
    difference: Difference,
    n_train: int,
    n_holdout: int,
    rng: np.random.Generator,
    *,
    resamples: int = RESAMPLES,
    level: float = 0.95,
) -> tuple[float, float]:
    """Interval of a measure that is read beside its floor: it carries the uncertainty of both.

    An interval of the measure alone would miss the floor too often where nothing is wrong, since the floor is an
    estimate, too. So the difference is resampled, and set on the floor: the interval holds the floor where chance
    explains the difference.

    Args:
        floor: The floor as measured.
        difference: Measure less floor, for how often each patient was drawn.
        n_train, n_holdout: Patients on each side.
    """
    drawn = np.empty(resamples)
    for i in range(resamples):
        drawn[i] = difference(_drawn_again(n_train, rng), _drawn_again(n_holdout, rng))
    tail = (1.0 - level) / 2.0
    low, high = np.nanquantile(drawn, [tail, 1.0 - tail])
    return floor + float(low), floor + float(high)


def ratio(numerators: NDArray[np.float64], counts: NDArray[np.float64], weights: Weights) -> float:
    """Mean over the images of the patients drawn: sums by patient over numbers by patient; nan if there is none."""
    total = float(weights @ counts)
    return float(weights @ numerators) / total if total else float("nan")


def by_patient(values: NDArray[np.floating], patient: NDArray[np.integer], n_patients: int) -> NDArray[np.float64]:
    """(p,) sum of the values of each patient's images."""
    return np.bincount(patient, weights=values, minlength=n_patients).astype(np.float64)


def _drawn_again(n: int, rng: np.random.Generator) -> Weights:
    return np.bincount(rng.integers(n, size=n), minlength=n)
