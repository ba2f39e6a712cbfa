"""Many tests at once: who may be named, and at what error rate."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def benjamini_hochberg(p_values: NDArray[np.float64]) -> NDArray[np.float64]:
    """q-values: naming all with q <= t keeps the expected share of wrongly named at or below t.

    Valid for independent and positively dependent p-values (Benjamini and Yekutieli 2001), conformal ones among them.

    Reference:
        Benjamini and Hochberg 1995, doi 10.1111/j.2517-6161.1995.tb02031.x.

    >>> benjamini_hochberg(np.array([0.01, 0.04, 0.03]))
    array([0.03, 0.04, 0.04])
    """
    m = p_values.size
    order = np.argsort(p_values, kind="stable")
    scaled = p_values[order] * m / np.arange(1, m + 1)
    q_sorted = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    q = np.empty(m)
    q[order] = q_sorted
    return q


def holm(p_values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Adjusted p-values: naming all with a value <= alpha names *anyone* wrongly with probability at most alpha.

    Valid under any dependence. The number of rejections at alpha is therefore a (1 - alpha) lower bound for the number
    of patients who are truly exposed.

    Reference:
        Holm 1979, Scandinavian Journal of Statistics 6, 65-70.

    >>> holm(np.array([0.01, 0.04, 0.03]))
    array([0.03, 0.06, 0.06])
    """
    m = p_values.size
    order = np.argsort(p_values, kind="stable")
    scaled = p_values[order] * np.arange(m, 0, -1)
    adjusted = np.empty(m)
    adjusted[order] = np.minimum(np.maximum.accumulate(scaled), 1.0)
    return adjusted


def target_decoy_q(margins: NDArray[np.float64]) -> NDArray[np.float64]:
    """q-values from a competition in which wrong winners fall on either side with equal chance.

    Each margin is (best score among targets) - (best among as many decoys). A match by chance is as often negative as
    positive, so the negatives count the false positives: `(1 + #{W <= -t}) / #{W >= t}`.

    Args:
        margins: (n,) signed margins; higher means more exposed.

    Returns:
        (n,) q-values in [0, 1]; 1.0 for margins that are not positive. With q = 0.1 nothing can be named from fewer
        than ten margins above every decoy: the `1 +` sees to that.

    Reference:
        Elias and Gygi 2007, doi 10.1038/nmeth1019; He et al. 2015, arXiv 1501.00537, for the `1 +`.

    >>> target_decoy_q(np.array([5.0, 4.0, 3.0, -1.0]))
    array([0.33333333, 0.33333333, 0.33333333, 1.        ])
    """
    q = np.ones(margins.size)
    positive = np.flatnonzero(margins > 0)
    if positive.size == 0:
        return q
    thresholds = margins[positive]
    targets = np.sort(thresholds)
    decoys = np.sort(-margins[margins < 0])
    above = targets.size - np.searchsorted(targets, thresholds, side="left")
    below = decoys.size - np.searchsorted(decoys, thresholds, side="left")
    estimate = np.minimum((1.0 + below) / above, 1.0)
    # The q-value is the least estimate at which this margin would still be named.
    order = np.argsort(thresholds, kind="stable")
    q[positive[order]] = np.minimum.accumulate(estimate[order])
    return q
