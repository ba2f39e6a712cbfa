"""The one-run bound: published values, seldom above the truth, at the ceiling where there is no privacy."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from synthaudit.errors import NotEnoughData, UsageError
from synthaudit.statistics.one_run import (
    epsilon_lower_bound,
    epsilon_max,
    guesses_of,
    one_run_audit,
    one_run_p_value,
)

RUNS = 1_000
bound = cache(epsilon_lower_bound)


@pytest.mark.parametrize(
    ("right", "guesses", "canaries", "delta", "published"),
    [
        (75, 100, 1_000, 1e-4, 0.673),  # arXiv:2305.08846v1, appendix D, page 46
        (1_439, 1_510, 100_000, 1e-5, 2.675),  # section 7, page 28; printed truncated, not rounded
        (100, 100, 1_000, 1e-5, 3.47),
    ],
)
def test_published_values(right: int, guesses: int, canaries: int, delta: float, published: float) -> None:
    digits = len(str(published).split(".")[1])
    assert abs(epsilon_lower_bound(right, guesses, canaries, delta) - published) < 10**-digits


def naive(right: int, guesses: int, canaries: int, epsilon: float, delta: float) -> float:
    """The paper's sentence, term by term."""
    hit = 1 / (1 + math.exp(-epsilon))
    law = [math.comb(guesses, k) * hit**k * (1 - hit) ** (guesses - k) for k in range(guesses + 1)]
    slopes = [sum(law[right - i : right]) / i for i in range(1, right + 1)]
    return min(1.0, sum(law[right:]) + 2 * canaries * delta * max(slopes, default=0.0))


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_it_is_the_sum_of_the_paper(data: st.DataObject) -> None:
    canaries = data.draw(st.integers(1, 60))
    guesses = data.draw(st.integers(1, canaries))
    right = data.draw(st.integers(0, guesses))
    epsilon, delta = data.draw(st.floats(0, 5)), data.draw(st.sampled_from([0.0, 1e-6, 1e-3, 0.1]))
    mine = one_run_p_value(right, guesses, canaries, epsilon, delta)
    assert mine == pytest.approx(naive(right, guesses, canaries, epsilon, delta), abs=1e-9)


@given(st.integers(1, 200), st.data())
@settings(max_examples=40, deadline=None)
def test_more_right_guesses_never_lower_the_bound_and_delta_never_raises_it(guesses: int, data: st.DataObject) -> None:
    right = data.draw(st.integers(0, guesses))
    low = bound(right, guesses, guesses)
    assert 0 <= low <= bound(min(right + 1, guesses), guesses, guesses)
    assert bound(right, guesses, guesses, 1e-3) <= low + 1e-9
    assert low <= epsilon_max(guesses) + 1e-9
    if low > 0:
        assert (
            one_run_p_value(right, guesses, guesses, low * 0.999)
            <= 0.05
            < one_run_p_value(right, guesses, guesses, low * 1.001 + 1e-6)
        )


def test_the_ceiling_has_a_closed_form_without_delta() -> None:
    for guesses in (5, 100, 10_000):
        hit = 0.05 ** (1 / guesses)
        assert epsilon_max(guesses) == pytest.approx(math.log(hit / (1 - hit)))
    assert epsilon_max(4) == 0.0, "four right guesses happen by chance once in sixteen times"


@pytest.mark.parametrize("epsilon", [0.0, 0.5, 1.0, 2.0, 4.0])
@pytest.mark.parametrize("guesses", [40, 200])
def test_the_bound_exceeds_the_truth_in_at_most_one_of_twenty_runs(epsilon: float, guesses: int) -> None:
    """Randomized response: each canary's coin is told, and is true with exp(epsilon) / (1 + exp(epsilon))."""
    rng = np.random.default_rng([guesses, round(10 * epsilon)])
    canaries, share = 200, math.exp(epsilon) / (1 + math.exp(epsilon))
    above = 0
    for _ in range(RUNS):
        coins = rng.random(canaries) < 0.5
        told = np.where(rng.random(canaries) < share, coins, ~coins) + 0.1 * rng.random(canaries)
        said = guesses_of(told, guesses // 2, guesses // 2)
        right = int((said == np.where(coins, 1, -1)).sum())
        above += bound(right, guesses, canaries) > epsilon
    assert above <= binom.ppf(0.999, RUNS, 0.05)
    if (guesses, epsilon) == (40, 1.0):
        assert above > 0, "silence would be no calibration"


def test_delta_is_paid_for() -> None:
    """With probability delta for each canary its coin is told openly, else by randomized response."""
    rng = np.random.default_rng(5)
    canaries, guesses, epsilon, delta = 200, 40, 1.0, 2e-3
    share = math.exp(epsilon) / (1 + math.exp(epsilon))
    above = 0
    for _ in range(RUNS):
        coins = rng.random(canaries) < 0.5
        told = np.where(rng.random(canaries) < share, coins, ~coins).astype(np.float64)
        openly = rng.random(canaries) < delta
        told = np.where(openly, np.where(coins, 2.0, -1.0), told) + 0.1 * rng.random(canaries)
        right = int((guesses_of(told, guesses // 2, guesses // 2) == np.where(coins, 1, -1)).sum())
        above += bound(right, guesses, canaries, delta) > epsilon
    assert above <= binom.ppf(0.999, RUNS, 0.05)


def test_without_privacy_the_bound_is_the_ceiling() -> None:
    rng = np.random.default_rng(3)
    coins = rng.random(400) < 0.5
    found = one_run_audit(coins + 0.1 * rng.random(400), coins, 100, 100, delta=1e-5)
    assert found.right == 200
    assert found.epsilon_low == found.ceiling == pytest.approx(epsilon_max(200, 400, 1e-5))
    assert found.refutes(4.0)
    assert not found.refutes(5.0)
    assert not found.could_refute(5.0)
    noise = one_run_audit(rng.random(400), coins, 100, 100)
    assert noise.epsilon_low < 0.5
    assert noise.p_value(0.0) > 0.01


def test_wrong_use_is_named() -> None:
    with pytest.raises(UsageError, match="must not decrease from 0, got 3, 2 and 5"):
        one_run_p_value(3, 2, 5, 1.0)
    with pytest.raises(UsageError, match="delta must lie in \\[0, 1\\), got 1"):
        one_run_p_value(1, 2, 5, 1.0, 1)
    with pytest.raises(UsageError, match="epsilon must be 0 or more and finite, got -1"):
        one_run_p_value(1, 2, 5, -1)
    with pytest.raises(UsageError, match="level must lie between 0 and 1, got 1"):
        epsilon_lower_bound(1, 2, 5, level=1)
    with pytest.raises(NotEnoughData, match="a bound on epsilon needs at least 1 guess, got 0"):
        epsilon_lower_bound(0, 0, 5)
    with pytest.raises(UsageError, match="got 2 in and 2 out for 3 canaries"):
        guesses_of(np.zeros(3), 2, 2)
    with pytest.raises(UsageError, match="scores must be finite, got 1 that are not"):
        guesses_of(np.array([0.0, np.nan, 1.0]), 1, 1)
    with pytest.raises(UsageError, match="each canary must have a score and a coin"):
        one_run_audit(np.zeros(3), np.zeros(4, dtype=bool), 1, 1)
