"""The difference of two independent shares, with an interval that holds where one of them is near 0 or 1."""

from __future__ import annotations

import math

from scipy.stats import norm

from synthaudit.errors import NotEnoughData


def wilson(successes: float, trials: float, level: float = 0.95) -> tuple[float, float]:
    """Score interval of a binomial share; a mean coverage near `level`, not a guaranteed one (`clopper_pearson` is).

    Raises:
        NotEnoughData: No trials.

    Reference:
        Wilson 1927, doi 10.1080/01621459.1927.10502953.

    >>> low, high = wilson(9, 10)
    >>> round(low, 3), round(high, 3)
    (0.596, 0.982)
    """
    if trials <= 0:
        raise NotEnoughData(f"a share needs at least 1 trial, got {trials}")
    z = float(norm.ppf(0.5 + level / 2))
    share, spread = successes / trials, z * z / trials
    center = (share + spread / 2) / (1 + spread)
    half = math.sqrt(share * (1 - share) * spread + spread * spread / 4) / (1 + spread)
    # The ends belong to the shares 0 and 1 exactly; rounding must not move them.
    return 0.0 if successes <= 0 else center - half, 1.0 if successes >= trials else center + half


def newcombe_difference(
    successes: float, trials: float, control_successes: float, control_trials: float, level: float = 0.95
) -> tuple[float, float, float]:
    """(difference, low, high) of a share less that of an independent control, in [-1, 1].

    The trials must be independent: count patients, not their images.

    Raises:
        NotEnoughData: No trials on one side.

    Reference:
        Newcombe 1998 (method 10), doi 10.1002/(SICI)1097-0258(19980430)17:8<873::AID-SIM779>3.0.CO;2-I.

    >>> [round(x, 4) for x in newcombe_difference(56, 70, 48, 80)]
    [0.2, 0.0524, 0.3339]
    """
    low, high = wilson(successes, trials, level)
    control_low, control_high = wilson(control_successes, control_trials, level)
    share, control = successes / trials, control_successes / control_trials
    difference = share - control
    down = math.hypot(share - low, control_high - control)
    up = math.hypot(high - share, control - control_low)
    return difference, max(difference - down, -1.0), min(difference + up, 1.0)
