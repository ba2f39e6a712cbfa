"""How strongly two things go together in one sample, compared with another: the ratio of two odds ratios."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

HALF = 0.5
"""Added to every cell, so that an empty one leaves a finite odds ratio."""


@dataclass(frozen=True, slots=True)
class RatioOfOddsRatios:
    """On the scale of its logarithm, where it is nearly normal.

    Attributes:
        log_value: 0 where both samples agree; above, the two go together more often in the first.
        error: Standard error.
    """

    log_value: float
    error: float

    @property
    def value(self) -> float:
        """The ratio itself; 1 where both samples agree."""
        return math.exp(self.log_value)

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Normal on the logarithm."""
        half = float(norm.ppf(0.5 + level / 2)) * self.error
        return math.exp(self.log_value - half), math.exp(self.log_value + half)

    @property
    def p_value(self) -> float:
        """Of both samples agreeing, two-sided."""
        return float(2 * norm.sf(abs(self.log_value) / self.error))


def log_odds_ratio(table: NDArray[np.float64]) -> tuple[float, float]:
    """Logarithm of the odds ratio of a 2 x 2 table of counts, and its variance; one half is added to every cell.

    Reference:
        Haldane 1956, doi 10.1111/j.1469-1809.1955.tb01285.x; Woolf 1955, doi 10.1111/j.1469-1809.1955.tb01348.x.

    >>> log, variance = log_odds_ratio(np.array([[19.5, 9.5], [9.5, 19.5]]))
    >>> round(log, 3), round(variance, 3)
    (1.386, 0.3)
    """
    cells = np.asarray(table, dtype=np.float64) + HALF
    log = math.log(cells[0, 0] * cells[1, 1] / (cells[0, 1] * cells[1, 0]))
    return log, float((1 / cells).sum())


def ratio_of_odds_ratios(table: NDArray[np.float64], base: NDArray[np.float64]) -> RatioOfOddsRatios:
    """The odds ratio of a 2 x 2 table over that of an independent one.

    It does not depend on how common either thing is, so a sample that holds more women, or more of a finding, agrees
    with one that does not. Counts may be fractional.

    Reference:
        Altman and Bland 2003, doi 10.1136/bmj.326.7382.219 (interaction as a difference of logarithms).
    """
    log, variance = log_odds_ratio(table)
    base_log, base_variance = log_odds_ratio(base)
    return RatioOfOddsRatios(log - base_log, math.sqrt(variance + base_variance))
