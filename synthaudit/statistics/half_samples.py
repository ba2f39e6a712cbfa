"""How much would a figure change with other training and other test patients? From fits on pairs of random halves."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm
from scipy.stats import t as student


def interval_of_mean(values: NDArray[np.float64], level: float = 0.95) -> tuple[float, float, float]:
    """(value, low, high) of the mean over fits on disjoint random parts of the training data.

    Two sources of chance, added as variances. *Test*: the spread of the mean when the test patients are drawn again.
    *Training*: what "over seeds" usually means is too small, since all parts come from one training set. But what a
    figure owes to the patients it was trained on moves two disjoint parts of one set in opposite directions, and what
    it owes to the luck of a fit moves them independently. So the variance of half their difference, less that of half
    their sum, is the variance that other training patients would bring, whatever share of the set a part is; the
    variance of half their sum is luck, and is divided by the number of pairs.

    Args:
        values: (pairs, 2, 1 + b); of each pair of parts, tested on the test patients as they are, and drawn again.

    Reference:
        McCarthy 1969, doi 10.2307/1402116 (half-samples); Nadeau and Bengio 2003, doi 10.1023/A:1024068626366 (why the
        spread over random splits alone is too small).
    """
    pairs = len(values)
    first, second = values[:, 0, 0], values[:, 1, 0]
    luck = float(np.var((first + second) / 2, ddof=1))
    training = max(float(np.var((first - second) / 2, ddof=1)) - luck, 0.0) + luck / pairs
    value = float(values[:, :, 0].mean())
    test = float(np.nanstd(np.nanmean(values[:, :, 1:], axis=(0, 1)), ddof=1))
    # So few pairs tell a variance roughly, hence the wider quantile for what they tell.
    quantiles = student.ppf(0.5 + level / 2, pairs - 1), norm.ppf(0.5 + level / 2)
    half = float(np.hypot(quantiles[0] * np.sqrt(training), quantiles[1] * test))
    return value, value - half, value + half
