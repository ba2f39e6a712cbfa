"""Intervals of AUCs by drawing the patients of each side again: of one attack, and of the best of several."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from synthaudit.statistics.proportion import clopper_pearson
from synthaudit.statistics.roc import auc

RESAMPLES = 400
_FLAT = 1e-12


def resampled_aucs(
    members: NDArray[np.float64],
    nonmembers: NDArray[np.float64],
    rng: np.random.Generator,
    *,
    resamples: int = RESAMPLES,
) -> NDArray[np.float64]:
    """(resamples, k) AUC of each of k scores, the patients of each side drawn with replacement, for all scores alike.

    Args:
        members, nonmembers: (m, k) and (n, k), one row a patient.

    Reference:
        Efron 1979, doi 10.1214/aos/1176344552.
    """
    m, n = len(members), len(nonmembers)
    order = np.argsort(nonmembers, axis=0, kind="stable")
    ordered = np.take_along_axis(nonmembers, order, axis=0)
    below, up_to = (
        np.column_stack([np.searchsorted(o, c, side=side) for o, c in zip(ordered.T, members.T, strict=True)])
        for side in ("left", "right")
    )
    drawn = np.empty((resamples, members.shape[1]))
    for i in range(resamples):
        theirs = np.bincount(rng.integers(n, size=n), minlength=n)
        mine = np.bincount(rng.integers(m, size=m), minlength=m)
        for k in range(members.shape[1]):
            passed = np.concatenate([[0], np.cumsum(theirs[order[:, k]])])
            drawn[i, k] = mine @ (passed[below[:, k]] + passed[up_to[:, k]]) / (2.0 * m * n)
    return drawn


def auc_interval(
    members: NDArray[np.float64], nonmembers: NDArray[np.float64], drawn: NDArray[np.float64], level: float = 0.95
) -> tuple[float, float]:
    """Interval of one score's AUC from its resamples (b,).

    Where the sides do not overlap at all every resample is the same, which would be an interval without width. There it
    is the exact one of as many independent pairs as the smaller side has patients, each of them won (or lost).

    Reference:
        Clopper and Pearson 1934, doi 10.1093/biomet/26.4.404.
    """
    seen = auc(members, nonmembers)
    if seen in (0.0, 1.0):
        pairs = min(members.size, nonmembers.size)
        return clopper_pearson(round(seen * pairs), pairs, level)
    tail = (1.0 - level) / 2.0
    low, high = np.quantile(drawn, [tail, 1.0 - tail])
    return float(min(low, seen)), float(max(high, seen))


def best_auc_interval(
    members: NDArray[np.float64], nonmembers: NDArray[np.float64], drawn: NDArray[np.float64], level: float = 0.95
) -> tuple[float, float, float]:
    """The highest of several AUCs, and an interval that holds the highest *true* one in spite of the choice.

    The highest of several estimates is too high on average, and its own interval as well. So all intervals are widened
    together until every one of them holds its AUC with the stated confidence; the highest of their lower ends is then
    below the highest true AUC, and the highest of their upper ends above it.

    Args:
        members, nonmembers: (m, k) and (n, k), one row a patient.
        drawn: (b, k) from `resampled_aucs`.

    Reference:
        Studentized maximum over a bootstrap: Romano and Wolf 2005, doi 10.1198/016214504000000539.
    """
    seen = np.array([auc(a, b) for a, b in zip(members.T, nonmembers.T, strict=True)])
    spread = drawn.std(axis=0, ddof=1)
    usable = spread > _FLAT
    wide = 0.0
    if usable.any():
        off = np.abs(drawn[:, usable] - seen[usable]) / spread[usable]
        wide = float(np.quantile(off.max(axis=1), level))
    low, high = np.maximum(seen - wide * spread, 0.0), np.minimum(seen + wide * spread, 1.0)
    for k in np.flatnonzero(~usable):
        low[k], high[k] = auc_interval(members[:, k], nonmembers[:, k], drawn[:, k], level)
    return float(seen.max()), float(low.max()), float(high.max())
