"""How many times the share in one sample is that in another, where either may be small."""

from __future__ import annotations

import math
from collections.abc import Callable

from scipy.optimize import brentq
from scipy.stats import chi2, fisher_exact, norm

from synthaudit.errors import NotEnoughData
from synthaudit.statistics.clustered_share import Share

_CLOSE = 1e-9
_FOUR_IN_FIVE = 0.8416
"""Standard normal quantile of four fifths."""


def share_ratio_interval(share: Share, base: Share, level: float = 0.95) -> tuple[float, float]:
    """Score interval of share / base; in [0, inf].

    It is found where the constrained likelihood no longer refutes the ratio, so it holds for a share of 0 too, where
    intervals on the logarithm break down. Mean coverage near `level`, not a guaranteed one.

    Raises:
        NotEnoughData: No trials on one side.

    Reference:
        Koopman 1984, doi 10.2307/2531405; Miettinen and Nurminen 1985, doi 10.1002/sim.4780040211.

    >>> low, high = share_ratio_interval(Share(36 / 40, 40), Share(16 / 80, 80))
    >>> round(low, 2), round(high, 2)
    (2.94, 7.15)
    """
    _check(share, base)
    bar = float(chi2.ppf(level, 1))

    def beyond(log_ratio: float) -> float:
        return _score(share, base, math.exp(log_ratio)) - bar

    if share.value <= 0 and base.value <= 0:
        return 0.0, math.inf
    start = math.log(max(share.value, 0.5 / share.trials) / max(base.value, 0.5 / base.trials))
    low = 0.0 if share.value <= 0 else math.exp(_crossing(beyond, start, -1.0))
    high = math.inf if base.value <= 0 else math.exp(_crossing(beyond, start, 1.0))
    return min(low, _ratio(share, base)), max(high, _ratio(share, base))


def equal_shares_p(share: Share, base: Share) -> float:
    """p-value of both samples having one share, two-sided; on the safe side whatever the numbers.

    Fisher's exact test, on trials rounded down where clusters make them fractional: it never alarms more often than
    its level says, and among few trials a good deal less often.

    Reference:
        Fisher 1935, doi 10.2307/2342435.

    >>> round(equal_shares_p(Share(0.2, 40), Share(0.5, 40)), 4)
    0.0095
    """
    _check(share, base)
    table = []
    for one in (share, base):
        trials = max(1, math.floor(one.trials + _CLOSE))
        hits = min(trials, round(one.value * trials))
        table.append([hits, trials - hits])
    return float(fisher_exact(table).pvalue)


def _ratio(share: Share, base: Share) -> float:
    return share.value / base.value if base.value > 0 else math.inf


def _check(share: Share, base: Share) -> None:
    if share.trials <= 0 or base.trials <= 0:
        raise NotEnoughData(f"a ratio of shares needs trials on both sides, got {share.trials:g} and {base.trials:g}")


def _score(share: Share, base: Share, ratio: float) -> float:
    """Chi-square of the ratio: how far the shares lie from the likeliest two that stand in it."""
    n, m = share.trials, base.trials
    a, b, c = (n + m) * ratio, share.hits + m + ratio * (n + base.hits), share.hits + base.hits
    fitted = (b - math.sqrt(max(b * b - 4 * a * c, 0.0))) / (2 * a)
    fitted_share = ratio * fitted
    variance = fitted_share * (1 - fitted_share) / n + ratio**2 * fitted * (1 - fitted) / m
    gap = share.value - ratio * base.value
    if abs(gap) < 1e-15:
        return 0.0
    return math.inf if variance <= 0 else gap * gap / variance


def _crossing(beyond: Callable[[float], float], start: float, way: float) -> float:
    """Where the score passes the bar, going one way from the estimate; that far out if it never does."""
    step = 0.25
    inside = start
    while step < 64 and beyond(start + way * step) <= 0:
        inside, step = start + way * step, step * 2
    outside = start + way * step
    if beyond(outside) <= 0:
        return outside
    if beyond(inside) >= 0:
        return inside
    return float(brentq(beyond, inside, outside, xtol=1e-10))


def detectable_ratio(base: Share, trials: float, alpha: float) -> float:
    """The highest ratio below 1 that is told from 1 four times in five, at a two-sided level; 0 if none is.

    By a normal approximation: a statement of what was visible, to stand beside a test that found nothing.

    Args:
        base: Share that the ratio refers to.
        trials: Of the other sample.
        alpha: Level of a single test.

    >>> round(detectable_ratio(Share(0.5, 200), 200, 0.05), 2)
    0.73
    """
    bar = float(norm.isf(alpha / 2))

    def seen(ratio: float) -> bool:
        share = ratio * base.value
        pooled = (share * trials + base.hits) / (trials + base.trials)
        null = math.sqrt(pooled * (1 - pooled) * (1 / trials + 1 / base.trials))
        there = math.sqrt(share * (1 - share) / trials + base.value * (1 - base.value) / base.trials)
        return base.value - share >= bar * null + _FOUR_IN_FIVE * there

    if base.value >= 1 or not seen(0.0):
        return 0.0
    low, high = 0.0, 1.0
    while high - low > 1e-4:
        middle = (low + high) / 2
        low, high = (middle, high) if seen(middle) else (low, middle)
    return low
