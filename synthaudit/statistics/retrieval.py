"""Are the images most like a query of the same person? Precision at 1 and mean average precision at R."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthaudit.errors import NotEnoughData
from synthaudit.statistics.proportion import clopper_pearson

BOOTSTRAPS = 500


@dataclass(frozen=True, slots=True, eq=False)
class Retrieved:
    """How each query fared, (q,) each; `chance` is what a random order would give on average."""

    precision_at_1: NDArray[np.float64]
    average_precision_at_r: NDArray[np.float64]
    chance: NDArray[np.float64]


def retrieved(similarity: NDArray[np.floating], relevant: NDArray[np.bool_], eligible: NDArray[np.bool_]) -> Retrieved:
    """Precision at 1 and average precision at R of each query; higher means more easily found.

    R is the number of relevant images of the query. Only the first R places count, each correct one with the precision
    down to it, so that it is 1 only where the R images of the person lead the list. A tie goes to the other person.

    Args:
        similarity: (q, g) of queries to the gallery; higher is more alike.
        relevant: (q, g) whether it shows the same person.
        eligible: (q, g) whether it is in this query's gallery at all; what is relevant is.

    Raises:
        NotEnoughData: A query without a relevant image.

    Reference:
        Musgrave, Belongie, Lim 2020, A metric learning reality check, arXiv 2003.08505 (MAP@R).

    >>> found = retrieved(np.array([[0.9, 0.8, 0.7]]), np.array([[True, False, True]]), np.ones((1, 3), dtype=bool))
    >>> float(found.precision_at_1[0]), float(found.average_precision_at_r[0])
    (1.0, 0.5)
    """
    counts = relevant.sum(axis=1)
    if len(similarity) == 0 or (counts == 0).any():
        raise NotEnoughData("retrieval needs queries with at least 1 relevant image each, got one without")
    first, average = np.empty(len(similarity)), np.empty(len(similarity))
    for i, r in enumerate(counts):
        inside = np.flatnonzero(eligible[i])
        mine = relevant[i, inside]
        order = np.lexsort((mine, -similarity[i, inside]))[:r]
        hits = mine[order].astype(np.float64)
        precision = np.cumsum(hits) / np.arange(1, r + 1)
        first[i], average[i] = hits[0], float((precision * hits).sum() / r)
    return Retrieved(first, average, counts / eligible.sum(axis=1))


def patient_mean(
    values: NDArray[np.float64], patient: NDArray[np.intp], rng: np.random.Generator, *, bootstraps: int = BOOTSTRAPS
) -> tuple[float, float, float]:
    """(mean, low, high) over patients of the mean of each one's values in [0, 1]; 95 % patient bootstrap.

    The gallery is not drawn again: the interval is for these images to search in.

    Args:
        values, patient: (q,) value of each query, and whose it is.
    """
    _, place, counts = np.unique(patient, return_inverse=True, return_counts=True)
    means = np.bincount(place, values) / counts
    value = float(means.mean())
    if np.ptp(means) == 0 and value in (0.0, 1.0):
        return (value, *clopper_pearson(round(value * len(means)), len(means)))
    drawn = rng.integers(len(means), size=(bootstraps, len(means)))
    low, high = np.quantile(means[drawn].mean(axis=1), [0.025, 0.975])
    return value, float(min(low, value)), float(max(high, value))
