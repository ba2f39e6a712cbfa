"""Shares with exact intervals."""

from __future__ import annotations

import math

from scipy.stats import beta

from synthaudit.errors import NotEnoughData


def clopper_pearson(successes: int, trials: int, level: float = 0.95) -> tuple[float, float]:
    """Exact two-sided interval of a binomial share; never narrower than promised, whatever n.

    Raises:
        NotEnoughData: No trials.

    Reference:
        Clopper and Pearson 1934, doi 10.1093/biomet/26.4.404.

    >>> low, high = clopper_pearson(9, 10)
    >>> round(low, 3), round(high, 3)
    (0.555, 0.997)
    """
    if trials <= 0:
        raise NotEnoughData(f"a share needs at least 1 trial, got {trials}")
    tail = (1.0 - level) / 2.0
    low = float(beta.ppf(tail, successes, trials - successes + 1)) if successes > 0 else 0.0
    high = float(beta.ppf(1.0 - tail, successes + 1, trials - successes)) if successes < trials else 1.0
    return low, high


def copies_to_be_found(sensitivity: float, probability: float) -> float:
    """The fewest independent copies of which at least one is found with this probability; inf if none is ever found.

    >>> copies_to_be_found(0.5, 0.9), copies_to_be_found(0.0, 0.9)
    (4.0, inf)
    """
    if sensitivity <= 0.0:
        return math.inf
    if sensitivity >= probability:
        return 1.0
    return float(math.ceil(round(math.log1p(-probability) / math.log1p(-sensitivity), 9)))
