"""Many tests at once, against scipy, against the definition, and against what the papers promise."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import false_discovery_control

from synthaudit.statistics.fdr import benjamini_hochberg, holm, target_decoy_q

Floats = NDArray[np.float64]
P_VALUES = st.lists(
    st.floats(0.0, 1.0, allow_subnormal=False) | st.sampled_from([0.01, 0.02, 0.5, 1.0]), min_size=1, max_size=30
).map(np.array)
MARGINS = st.lists(st.integers(-6, 6), max_size=40).map(lambda values: np.array(values, dtype=np.float64))
ADJUSTED = pytest.mark.parametrize("adjusted", [benjamini_hochberg, holm])


@given(P_VALUES)
def test_benjamini_hochberg_equals_scipy(p: Floats) -> None:
    np.testing.assert_allclose(benjamini_hochberg(p), false_discovery_control(p, method="bh"), rtol=1e-12)


@given(P_VALUES)
def test_holm_is_the_step_down_of_its_definition(p: Floats) -> None:
    """Reject from the smallest while p_(i) <= alpha / (m - i + 1); the adjusted value is the least such alpha."""
    adjusted = holm(p)
    for alpha in (0.001, 0.05, 0.3):
        rejected: set[int] = set()
        for i, index in enumerate(np.argsort(p, kind="stable")):
            if p[index] * (len(p) - i) > alpha:
                break
            rejected.add(int(index))
        assert set(np.flatnonzero(adjusted <= alpha)) == rejected


@ADJUSTED
@given(p=P_VALUES)
def test_bounds_order_and_monotony(adjusted: Callable[[Floats], Floats], p: Floats) -> None:
    q = adjusted(p)
    assert (q >= p - 1e-12).all()
    assert (q <= 1).all()
    order = np.argsort(p, kind="stable")
    assert (np.diff(q[order]) >= 0).all(), "a smaller p-value must not have a larger q-value"
    shuffled = np.random.default_rng(0).permutation(p.size)
    np.testing.assert_array_equal(np.sort(adjusted(p[shuffled])), np.sort(q))
    assert (adjusted(np.append(p, 1.0)) >= np.append(q, 1.0) - 1e-15).all(), "one more test never helps the others"


@given(P_VALUES)
def test_no_one_is_confirmed_who_is_not_named(p: Floats) -> None:
    assert (holm(p) >= benjamini_hochberg(p) - 1e-15).all()


@ADJUSTED
def test_nobody_tested_is_nobody_named(adjusted: Callable[[Floats], Floats]) -> None:
    assert adjusted(np.empty(0)).shape == (0,)


def naive_target_decoy(margins: Floats) -> Floats:
    q = np.ones(margins.size)
    positive = [t for t in margins if t > 0]
    for i, w in enumerate(margins):
        estimates = [(1 + (margins <= -t).sum()) / (margins >= t).sum() for t in positive if t <= w]
        q[i] = min([1.0, *estimates]) if w > 0 else 1.0
    return q


@given(MARGINS)
def test_target_decoy_equals_its_definition(margins: Floats) -> None:
    np.testing.assert_allclose(target_decoy_q(margins), naive_target_decoy(margins), rtol=1e-15)


@given(MARGINS, st.randoms(use_true_random=False))
def test_target_decoy_laws(margins: Floats, random: object) -> None:
    q = target_decoy_q(margins)
    assert ((q > 0) & (q <= 1)).all()
    assert (q[margins <= 0] == 1).all()
    order = np.random.default_rng(hash(random) % 2**32).permutation(margins.size)
    np.testing.assert_array_equal(target_decoy_q(margins[order]), q[order])
    by_margin = np.argsort(margins, kind="stable")
    assert (np.diff(q[by_margin]) <= 0).all(), "a larger margin must not have a larger q-value"
    more_decoys = target_decoy_q(np.append(margins, -100.0))
    assert (more_decoys[:-1] >= q).all(), "a decoy on top never helps anyone"


@pytest.mark.parametrize("winners", [1, 9, 10, 11, 40])
def test_fewer_than_one_over_q_are_never_named(winners: int) -> None:
    margins = np.concatenate([np.full(winners, 5.0), np.linspace(-1.0, 1.0, 51)])
    assert bool((target_decoy_q(margins)[:winners] <= 0.1).all()) == (winners >= 10)
