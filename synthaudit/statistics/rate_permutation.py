"""Do attacks succeed more often on members? Exact by dealing labels, studentized for unequal noise."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from synthaudit.errors import NotEnoughData
from synthaudit.statistics.permutation import relabelings

LEAST_PATIENTS = 5


def rate_excess_p(
    success: NDArray[np.float64], is_member: NDArray[np.bool_], *, draws: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """(k,) one-sided p-value of each attack: is its mean success higher in members than chance explains?

    The statistic is Welch's: the difference of means over its standard error. Where patients are exchangeable, the test
    is exact. Where only the chance of success is the same, and one side's is known from more images and varies less,
    the plain difference of means would raise too many alarms; this one does not when there are many patients.

    Args:
        success: (p, k) share of the tries on each patient that succeeded, in [0, 1]; NaN where none was made.
        is_member: (p,) bool.
        draws: Relabelings; the least p-value is 1 / (draws + 1).

    Raises:
        NotEnoughData: Some attack was tried on fewer than 5 patients of a side.

    Reference:
        Janssen 1997, doi 10.1016/S0167-7152(97)00043-6; Phipson and Smyth 2010, doi 10.2202/1544-6115.1585, for `+ 1`.
    """
    p_values = np.empty(success.shape[1])
    tried_together, which = np.unique(np.isfinite(success), axis=1, return_inverse=True)
    for pattern, tried in enumerate(tried_together.T):
        attacks = np.flatnonzero(which.ravel() == pattern)
        labels, scores = is_member[tried], success[np.ix_(tried, attacks)]
        members = int(labels.sum())
        if min(members, labels.size - members) < LEAST_PATIENTS:
            raise NotEnoughData(
                f"comparing rates needs at least {LEAST_PATIENTS} patients on each side, got {members} for training "
                f"and {labels.size - members} for holdout"
            )
        seen = _welch(labels[None].astype(np.float64), scores)[0]
        one_stratum = np.zeros(labels.size, dtype=np.intp)
        at_least = np.zeros(len(attacks))
        for block in relabelings(labels, one_stratum, draws, rng):
            at_least += (_welch(block.astype(np.float64), scores) >= seen - 1e-9).sum(axis=0)
        p_values[attacks] = (1 + at_least) / (draws + 1)
    return p_values


def _welch(labels: NDArray[np.float64], scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """(b, k) difference of means over its standard error, for labels (b, n) of 0 and 1, and scores (n, k)."""
    m = labels.sum(axis=1, keepdims=True)
    h = labels.shape[1] - m
    total, squares = scores.sum(axis=0), (scores**2).sum(axis=0)
    inside, inside_squares = labels @ scores, labels @ scores**2
    mean_m, mean_h = inside / m, (total - inside) / h
    var_m = np.maximum(inside_squares / m - mean_m**2, 0.0) / (m - 1)
    var_h = np.maximum((squares - inside_squares) / h - mean_h**2, 0.0) / (h - 1)
    # Sides that do not vary at all differ by as many standard errors as one can count, or not at all.
    error = np.sqrt(np.maximum(var_m + var_h, 1e-12))
    return np.asarray((mean_m - mean_h) / error)
