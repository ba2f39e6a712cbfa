"""How well scores tell classes apart, for many weightings of the images at once: patients drawn again and again."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def patient_draws(patient: NDArray[np.intp], rng: np.random.Generator, *, resamples: int) -> NDArray[np.float64]:
    """(1 + resamples, n) how often each image is drawn with its patient; the first row is the sample itself.

    Reference:
        Efron 1979, doi 10.1214/aos/1176344552.
    """
    people, number = np.unique(patient, return_inverse=True)
    drawn = rng.integers(len(people), size=(resamples, len(people)))
    times = np.stack([np.bincount(one, minlength=len(people)) for one in drawn]) if resamples else drawn
    return np.concatenate([np.ones((1, len(patient))), times[:, number].astype(np.float64)])


def weighted_auc(
    scores: NDArray[np.float64], positive: NDArray[np.bool_], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(b,) chance that a positive scores above a negative, ties counted half; nan where a side is not drawn.

    Args:
        scores, positive: (n,).
        weights: (b, n) of each image, not negative.

    >>> weighted_auc(np.array([2.0, 3.0, 1.0, 2.0]), np.array([True, True, False, False]), np.ones((1, 4)))
    array([0.875])
    """
    order = np.argsort(scores[~positive], kind="stable")
    negatives = scores[~positive][order]
    passed = np.concatenate([np.zeros((len(weights), 1)), np.cumsum(weights[:, ~positive][:, order], axis=1)], axis=1)
    below, up_to = (passed[:, np.searchsorted(negatives, scores[positive], side=side)] for side in ("left", "right"))
    mine = weights[:, positive]
    pairs = mine.sum(axis=1) * passed[:, -1]
    won = (mine * (below + up_to)).sum(axis=1) / 2
    return np.asarray(np.divide(won, pairs, out=np.full(len(weights), np.nan), where=pairs > 0))


def weighted_share(
    hits: NDArray[np.bool_], among: NDArray[np.bool_], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(b,) share of hits among some of the images; nan where none of them is drawn.

    Args:
        hits, among: (n,). weights: (b, n).
    """
    total = weights @ among.astype(np.float64)
    found = weights @ (hits & among).astype(np.float64)
    return np.asarray(np.divide(found, total, out=np.full(len(weights), np.nan), where=total > 0))
