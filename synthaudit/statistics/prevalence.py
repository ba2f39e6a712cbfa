"""How common is something that an imperfect test looks for?"""

from __future__ import annotations

from dataclasses import dataclass

from scipy.stats import norm

from synthaudit.errors import NotEnoughData
from synthaudit.statistics.proportion import clopper_pearson

LEAST_POSITIVES, LEAST_NEGATIVES = 10, 20
"""Known positives and negatives below which sensitivity and specificity are too vague to divide by."""
LEAST_YOUDEN = 0.1
"""What the lower ends of sensitivity and specificity must exceed 1 by: a test that tells nothing corrects nothing."""


@dataclass(frozen=True, slots=True)
class Prevalence:
    """A corrected share with its interval at the level asked for; all in [0, 1]."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Tally:
    """So many hits in so many trials."""

    hits: int
    trials: int

    def __post_init__(self) -> None:
        if not 0 <= self.hits <= self.trials:
            raise ValueError(f"hits must lie between 0 and the {self.trials} trials, got {self.hits}")

    @property
    def share(self) -> float:
        """Hits among trials."""
        return self.hits / self.trials


def true_prevalence(found: Tally, sensitivity: Tally, specificity: Tally, level: float = 0.95) -> Prevalence:
    """The share that is there, from the share that was found by a test of estimated sensitivity and specificity.

    The estimate is (found + specificity - 1) / (sensitivity + specificity - 1), cut to [0, 1]. The interval carries the
    uncertainty of all three counts: each is shrunk toward one half, and a normal interval on the corrected share is
    moved by the bias that the shrinking leaves. It is widened, where necessary, to hold the estimate.

    Args:
        found: Positives among those tested.
        sensitivity: Positives among known positives; independent of those tested.
        specificity: Negatives among known negatives; independent of both.
        level: Confidence of the interval, in (0, 1).

    Raises:
        NotEnoughData: Nobody was tested, fewer than 10 known positives or 20 known negatives, or a test that the data
            cannot tell from a coin.

    Reference:
        Rogan and Gladen 1978, doi 10.1093/oxfordjournals.aje.a112510.
        Lang and Reiczigel 2014, doi 10.1016/j.prevetmed.2013.09.015.

    >>> one = true_prevalence(Tally(12, 100), Tally(18, 20), Tally(98, 100))
    >>> round(one.value, 3), round(one.low, 3), round(one.high, 3)
    (0.114, 0.042, 0.202)
    """
    _check(found, sensitivity, specificity)
    raw = (found.share + specificity.share - 1) / (sensitivity.share + specificity.share - 1)
    value = min(1.0, max(0.0, raw))
    z = float(norm.isf((1 - level) / 2))
    p, n = (found.hits + z * z / 2) / (found.trials + z * z), found.trials + z * z
    se, sp = ((one.hits + 1) / (one.trials + 2) for one in (sensitivity, specificity))
    se_noise, sp_noise = se * (1 - se) / (sensitivity.trials + 2), sp * (1 - sp) / (specificity.trials + 2)
    center = (p + sp - 1) / (se + sp - 1)
    shift = 2 * z * z * (center * se_noise - (1 - center) * sp_noise)
    variance = p * (1 - p) / n + center**2 * se_noise + (1 - center) ** 2 * sp_noise
    half = z * variance**0.5 / (se + sp - 1)
    low, high = (min(1.0, max(0.0, center + shift + end)) for end in (-half, half))
    return Prevalence(value, min(low, value), max(high, value))


def _check(found: Tally, sensitivity: Tally, specificity: Tally) -> None:
    for what, one, least in (
        ("tested", found, 1),
        ("known to be positive", sensitivity, LEAST_POSITIVES),
        ("known to be negative", specificity, LEAST_NEGATIVES),
    ):
        if one.trials < least:
            raise NotEnoughData(f"correcting a share needs at least {least} {what}, got {one.trials}")
    low = sum(clopper_pearson(one.hits, one.trials)[0] for one in (sensitivity, specificity))
    if low < 1 + LEAST_YOUDEN:
        raise NotEnoughData(
            f"correcting a share needs a sensitivity and a specificity whose lower 95 % limits add up to "
            f"{1 + LEAST_YOUDEN:g} at least, got {low:.2f}"
        )
