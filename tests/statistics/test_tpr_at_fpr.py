"""True positive rates at low false positive rates: bounds, a peer, what guessing reaches, what n does not support."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import binom, norm
from sklearn.metrics import roc_curve as peer_curve

from synthaudit.errors import NotEnoughData
from synthaudit.statistics.tpr_at_fpr import least_nonmembers, tpr_at_fpr

Floats = NDArray[np.float64]
SEEDS = st.integers(0, 10_000)


@given(SEEDS, st.integers(10, 60), st.integers(1, 40))
def test_rates_lie_within_their_intervals_whatever_the_order(seed: int, n: int, m: int) -> None:
    rng = np.random.default_rng(seed)
    members, nonmembers = rng.integers(0, 9, m).astype(float), rng.integers(0, 9, n).astype(float)
    found = tpr_at_fpr(members, nonmembers, 0.1)
    assert 0 <= found.low <= found.value <= found.high <= 1
    assert 0 < found.fpr_low < found.chance <= 0.1
    assert found.fpr_high > found.chance
    assert tpr_at_fpr(members[::-1], rng.permutation(nonmembers), 0.1) == found
    assert tpr_at_fpr(3 * members - 5, 3 * nonmembers - 5, 0.1) == found


def test_it_is_scikit_learns_curve_one_false_positive_earlier() -> None:
    """The tested patient counts among the held-out ones (conformal), so one false positive fewer is allowed."""
    rng = np.random.default_rng(0)
    members, nonmembers = rng.normal(1.5, 1, 300), rng.normal(size=499)
    fpr, tpr, _ = peer_curve(np.repeat([1, 0], [300, 499]), np.concatenate([members, nonmembers]))
    for rate in (0.01, 0.05, 0.2):
        allowed = round(rate * 500) - 1
        assert tpr_at_fpr(members, nonmembers, rate).value == tpr[fpr <= allowed / 499 + 1e-12].max()


def test_guessing_reaches_the_rate_and_no_more() -> None:
    """Over 1,200 holdouts: named are as many members as non-members may be, although the threshold is their own."""
    rng = np.random.default_rng(1)
    for n, rate in ((100, 0.01), (150, 0.01), (499, 0.01), (57, 0.1)):
        found = [tpr_at_fpr(rng.normal(size=40), rng.normal(size=n), rate) for _ in range(300)]
        error = np.std([one.value for one in found]) / np.sqrt(300)
        assert abs(np.mean([one.value for one in found]) - found[0].chance) < 3.5 * error
        assert found[0].chance <= rate


def test_ties_name_nobody_wrongly() -> None:
    """An attack that scores everyone alike, or half of them, names no one at low rates."""
    assert tpr_at_fpr(np.zeros(50), np.zeros(200), 0.01).value == 0.0
    half = np.repeat([0.0, 1.0], 100)
    assert tpr_at_fpr(half, half, 0.01).value == 0.0


def test_the_interval_holds_the_rate_of_this_threshold_as_often_as_promised() -> None:
    """Planted truth: normal scores, members 2 higher. A threshold once drawn has a true rate."""
    rng = np.random.default_rng(2)
    held = in_range = 0
    for _ in range(300):
        nonmembers = rng.normal(size=300)
        found = tpr_at_fpr(rng.normal(2, 1, 80), nonmembers, 0.01)
        threshold = np.sort(nonmembers)[-3]  # 0.01 of 301, rounded down
        held += found.low <= norm.sf(threshold - 2) <= found.high
        in_range += found.fpr_low <= norm.sf(threshold) <= found.fpr_high
    assert held >= binom.ppf(0.001, 300, 0.95)
    assert abs(in_range - 285) <= 285 - binom.ppf(0.001, 300, 0.95)


@pytest.mark.parametrize(("rate", "least"), [(0.01, 100), (0.001, 1_000), (0.1, 10)])
def test_too_few_to_support_the_rate_are_refused(rate: float, least: int) -> None:
    assert least_nonmembers(rate) == least
    tpr_at_fpr(np.zeros(5), np.arange(float(least)), rate)
    with pytest.raises(NotEnoughData, match=rf"needs at least {least} held-out patients .* got {least - 1} and 5$"):
        tpr_at_fpr(np.zeros(5), np.arange(float(least - 1)), rate)
    with pytest.raises(NotEnoughData, match=r"got 2000 and 0$"):
        tpr_at_fpr(np.empty(0), np.zeros(2_000), rate)
