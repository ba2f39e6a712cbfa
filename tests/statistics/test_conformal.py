"""Conformal p-values count held-out scores; `k_min` says when counting can name anyone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from synthaudit.errors import NotEnoughData
from synthaudit.statistics.conformal import conformal_p, k_min
from synthaudit.statistics.fdr import benjamini_hochberg

Floats = NDArray[np.float64]
SCORES = st.lists(st.integers(-4, 4) | st.just(-np.inf), min_size=1, max_size=25).map(
    lambda values: np.array(values, dtype=np.float64)
)


def naive(scores: Floats, holdout: Floats) -> list[float]:
    return [(1 + sum(bool(h >= score) for h in holdout)) / (len(holdout) + 1) for score in scores]


@given(SCORES, SCORES)
def test_it_counts_ties_as_at_least_as_high(scores: Floats, holdout: Floats) -> None:
    np.testing.assert_allclose(conformal_p(scores, holdout), naive(scores, holdout), rtol=1e-15)


@given(SCORES, SCORES, st.randoms(use_true_random=False))
def test_bounds_order_and_monotony(scores: Floats, holdout: Floats, random: object) -> None:
    p = conformal_p(scores, holdout)
    assert (p >= 1 / (holdout.size + 1)).all()
    assert (p <= 1).all()
    order = np.random.default_rng(hash(random) % 2**32).permutation(scores.size)
    np.testing.assert_array_equal(conformal_p(scores[order], holdout[::-1]), p[order])
    np.testing.assert_array_equal(conformal_p(3 * scores + 2, 3 * holdout + 2), p)  # a rank: no unit, no scale
    by_score = np.argsort(scores, kind="stable")
    assert (np.diff(p[by_score]) <= 0).all()


def test_no_evidence_is_no_evidence() -> None:
    """-inf, the score of a patient to whom nothing points, is never better than any holdout score."""
    np.testing.assert_array_equal(conformal_p(np.array([-np.inf, 1.0]), np.array([-np.inf, 0.0, 2.0])), [1.0, 0.5])


def test_an_empty_holdout_is_refused() -> None:
    with pytest.raises(NotEnoughData, match=r"^conformal p-values need at least 1 holdout patient, got 0$"):
        conformal_p(np.zeros(3), np.empty(0))


@given(st.integers(1, 300), st.integers(1, 300), st.sampled_from([0.01, 0.05, 0.1, 0.2]))
def test_k_min_is_where_naming_starts(tested: int, holdout: int, alpha: float) -> None:
    """k patients above every holdout patient and all others below: named exactly if k reaches `k_min`."""
    least = k_min(tested, holdout, alpha)
    for leaking in {1, least - 1, least, least + 1, tested} & set(range(1, tested + 1)):
        scores = np.where(np.arange(tested) < leaking, 2.0, -1.0)
        named = benjamini_hochberg(conformal_p(scores, np.zeros(holdout))) <= alpha + 1e-12
        assert named.sum() == (leaking if leaking >= least else 0), (leaking, least)
