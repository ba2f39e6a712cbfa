"""Intervals of AUCs: the naive resampling beside the fast one, coverage, and the best of several."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom, norm

from synthaudit.statistics.auc_bootstrap import auc_interval, best_auc_interval, resampled_aucs
from synthaudit.statistics.roc import auc


def test_resamples_are_those_of_the_naive_loop() -> None:
    rng = np.random.default_rng(0)
    members, others = rng.integers(0, 6, (17, 2)).astype(float), rng.integers(0, 6, (11, 2)).astype(float)
    drawn = resampled_aucs(members, others, np.random.default_rng(1), resamples=20)
    again = np.random.default_rng(1)
    for row in drawn:
        theirs, mine = again.integers(11, size=11), again.integers(17, size=17)
        naive = [auc(members[mine, k], others[theirs, k]) for k in (0, 1)]
        np.testing.assert_allclose(row, naive, atol=1e-12)


@pytest.mark.slow
def test_intervals_hold_the_truth_as_often_as_promised() -> None:
    """Normal scores; the true AUC is known. A bootstrap's 95 % may be a little less with 60 patients a side."""
    rng = np.random.default_rng(2)
    for shift in (0.0, 1.0):
        truth, held = norm.cdf(shift / np.sqrt(2)), 0
        for _ in range(300):
            a, b = rng.normal(shift, 1, (60, 1)), rng.normal(size=(60, 1))
            low, high = auc_interval(a[:, 0], b[:, 0], resampled_aucs(a, b, rng, resamples=100)[:, 0])
            held += low <= truth <= high
        assert held >= binom.ppf(0.001, 300, 0.93), shift


@pytest.mark.slow
def test_the_best_of_several_is_no_better_than_it_is() -> None:
    """Seven attacks that all guess: the interval of the best holds one half, though the best is well above."""
    rng = np.random.default_rng(3)
    held, best = 0, []
    for _ in range(150):
        a, b = rng.normal(size=(60, 7)), rng.normal(size=(60, 7))
        value, low, high = best_auc_interval(a, b, resampled_aucs(a, b, rng, resamples=100))
        assert low <= value <= high
        held += low <= 0.5 <= high
        best.append(value)
    assert np.mean(best) > 0.55
    assert held >= binom.ppf(0.001, 150, 0.93)


def test_sides_that_do_not_overlap_still_have_an_interval() -> None:
    a, b = np.arange(30.0)[:, None] + 100, np.arange(20.0)[:, None]
    drawn = resampled_aucs(a, b, np.random.default_rng(4), resamples=50)
    assert (drawn == 1.0).all()
    low, high = auc_interval(a[:, 0], b[:, 0], drawn[:, 0])
    assert low == pytest.approx(0.025 ** (1 / 20)), "as many independent pairs as the smaller side has"
    assert high == 1.0
    assert best_auc_interval(a, b, drawn) == (1.0, low, high)
