"""Shares with exact intervals, against scipy and against the binomial itself."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, binomtest

from synthaudit.errors import NotEnoughData
from synthaudit.statistics.proportion import clopper_pearson, copies_to_be_found

COUNTS = st.integers(1, 200).flatmap(lambda trials: st.tuples(st.integers(0, trials), st.just(trials)))


@given(COUNTS, st.sampled_from([0.5, 0.9, 0.95, 0.99]))
def test_it_equals_scipy(counts: tuple[int, int], level: float) -> None:
    peer = binomtest(*counts).proportion_ci(level, method="exact")
    assert clopper_pearson(*counts, level) == pytest.approx((peer.low, peer.high), abs=1e-9)


@given(COUNTS)
def test_it_holds_the_estimate_mirrors_and_narrows(counts: tuple[int, int]) -> None:
    hits, trials = counts
    low, high = clopper_pearson(hits, trials)
    assert 0 <= low <= hits / trials <= high <= 1
    assert clopper_pearson(trials - hits, trials) == pytest.approx((1 - high, 1 - low), abs=1e-9)
    wide_low, wide_high = clopper_pearson(hits, trials, 0.99)
    assert wide_low <= low
    assert high <= wide_high


@pytest.mark.parametrize("share", [0.0, 0.02, 0.3, 0.5, 0.95, 1.0])
def test_it_covers_as_often_as_promised(share: float) -> None:
    trials = 20
    covered = sum(
        float(binom.pmf(hits, trials, share))
        for hits in range(trials + 1)
        if clopper_pearson(hits, trials)[0] <= share <= clopper_pearson(hits, trials)[1]
    )
    assert covered >= 0.95


@pytest.mark.parametrize("trials", [0, -1])
def test_no_trials_no_share(trials: int) -> None:
    with pytest.raises(NotEnoughData, match=f"^a share needs at least 1 trial, got {trials}$"):
        clopper_pearson(0, trials)


@given(st.floats(0.001, 1.0), st.sampled_from([0.5, 0.9, 0.99]))
def test_so_many_copies_are_enough_and_one_fewer_is_not(sensitivity: float, probability: float) -> None:
    n = copies_to_be_found(sensitivity, probability)
    assert n >= 1
    assert n == int(n)
    assert 1 - (1 - sensitivity) ** n >= probability - 1e-6
    assert n == 1 or 1 - (1 - sensitivity) ** (n - 1) < probability + 1e-6


def test_what_is_never_found_is_found_in_no_number() -> None:
    assert copies_to_be_found(0.0, 0.9) == math.inf
    assert copies_to_be_found(1.0, 0.9) == 1
    assert copies_to_be_found(1.0, 1.0) == 1
