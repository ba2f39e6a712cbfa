"""Comparing two samples: exact under the null, for quantities that look at everything at once, too."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binomtest, t

from synthaudit.errors import NotEnoughData, UsageError
from synthaudit.statistics.relabeling import Compared, Masks, Quantity, compared

Floats = NDArray[np.float64]


def mean_of(values: Floats) -> Quantity:
    return lambda masks: np.asarray(masks @ values / masks.sum(axis=1))


def spread_of(values: Floats) -> Quantity:
    """The largest gap between neighbors in the sample: as nonlinear as can be."""

    def quantity(masks: Masks) -> Floats:
        return np.array([np.diff(np.sort(values[mask])).max() for mask in masks])

    return quantity


def asked(quantity: Quantity, n: int, seed: int = 0, relabelings: int = 199, groups: int = 20) -> Compared:
    return compared(quantity, n, np.random.default_rng(seed), relabelings=relabelings, groups=groups)


def test_value_and_floor_are_those_of_the_two_samples() -> None:
    found = asked(mean_of(np.arange(40.0)), 20)
    assert (found.value, found.floor, found.n) == (9.5, 29.5, 20)
    assert found.p_higher == 1.0
    assert found.p_lower == 1 / 200
    assert found.p_either == pytest.approx(2 / 200)
    assert found.high < found.floor


def test_the_interval_of_a_mean_is_the_usual_one() -> None:
    """That of a difference of means."""
    values = np.random.default_rng(1).normal(size=400)
    found = asked(mean_of(values), 200, groups=200, relabelings=0)
    usual = t.ppf(0.975, 199) * np.sqrt(values[:200].var(ddof=1) / 200 + values[200:].var(ddof=1) / 200)
    assert (found.high - found.low) / 2 == pytest.approx(usual, rel=1e-9)
    assert found.p_either is None


def test_ties_count_as_chance() -> None:
    found = asked(mean_of(np.ones(40)), 20)
    assert found.p_higher == found.p_lower == found.p_either == 1.0
    assert found.low == found.high == 1.0


def test_a_share_of_none_is_no_certainty() -> None:
    """0 of 20 on both sides: the interval reaches as far as Agresti and Coull's, though nothing varies."""
    found = compared(mean_of(np.zeros(40)), 20, np.random.default_rng(0), relabelings=0, share=True)
    assert found.value == 0.0
    assert 0.1 < found.high < 0.3


def test_the_same_seed_gives_the_same() -> None:
    values = np.random.default_rng(2).normal(size=40)
    assert asked(mean_of(values), 20, seed=5) == asked(mean_of(values), 20, seed=5)


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(
        NotEnoughData, match=r"^a comparison of samples needs at least 12 images of different patients, got 11$"
    ):
        asked(mean_of(np.zeros(22)), 11)
    with pytest.raises(UsageError, match=r"^groups must be at least 2, got 1$"):
        asked(mean_of(np.zeros(40)), 20, groups=1)


@pytest.mark.slow
@pytest.mark.parametrize("kind", [mean_of, spread_of])
def test_the_alarm_rate_is_the_nominal_one(kind: Callable[[Floats], Quantity]) -> None:
    """1,000 pairs of samples of one population (log-normal): 5 % are called different, 2.5 % either way."""
    rng = np.random.default_rng(3)
    found = [asked(kind(rng.lognormal(size=60)), 30, seed=i, relabelings=39, groups=2) for i in range(1_000)]
    for name in ("p_higher", "p_lower"):
        alarms = sum(getattr(one, name) <= 0.05 for one in found)
        assert binomtest(alarms, 1_000, 0.05).pvalue > 0.01
