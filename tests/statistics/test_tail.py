"""A fitted tail: counting below its threshold, a decreasing curve beyond, and a word when it cannot be fitted."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import genpareto

from synthaudit.errors import NotEnoughData
from synthaudit.statistics.conformal import conformal_p
from synthaudit.statistics.tail import ParetoTail, fit_tail, tail_p

HOLDOUT = np.random.default_rng(0).normal(size=1_000)
TAIL = fit_tail(HOLDOUT, np.random.default_rng(1), draws=19)


def test_the_fit_is_of_the_top_tenth() -> None:
    assert TAIL.threshold == pytest.approx(np.quantile(HOLDOUT, 0.9))
    assert TAIL.share == pytest.approx(0.1)
    assert TAIL.shape >= 0
    assert TAIL.scale > 0
    assert 1 / 20 <= TAIL.fit_p <= 1


@given(st.lists(st.floats(-5, 50), min_size=2, max_size=30).map(np.array))
def test_bounds_monotony_and_agreement_with_counting(scores: np.ndarray) -> None:
    p = tail_p(scores, HOLDOUT, TAIL)
    exact = conformal_p(scores, HOLDOUT)
    assert ((p > 0) & (p <= 1)).all()
    below = scores <= TAIL.threshold
    np.testing.assert_array_equal(p[below], exact[below])
    assert (p <= exact).all()
    assert (np.diff(p[np.argsort(scores, kind="stable")]) <= 0).all()


def test_survival_equals_scipy() -> None:
    tail = ParetoTail(threshold=1.0, shape=0.3, scale=2.0, share=0.1, fit_p=1.0)
    scores = np.array([1.0, 2.0, 9.0])
    np.testing.assert_allclose(tail.survival(scores), 0.1 * genpareto.sf(scores, 0.3, loc=1.0, scale=2.0), rtol=1e-12)


def test_a_bounded_tail_is_replaced_by_a_heavier_one() -> None:
    """Uniform scores end at 1; the fit may not conclude that nothing lies beyond."""
    tail = fit_tail(np.random.default_rng(2).uniform(size=2_000), np.random.default_rng(0), draws=1)
    assert tail.shape == 0.0
    assert tail_p(np.array([1.2]), HOLDOUT, tail)[0] > 0


def test_a_tail_that_does_not_fit_is_noticed() -> None:
    """Exceedances in two lumps are no generalized Pareto distribution."""
    rng = np.random.default_rng(3)
    scores = np.concatenate([rng.uniform(0, 1, 900), rng.normal(2, 0.01, 50), rng.normal(9, 0.01, 50)])
    assert fit_tail(scores, rng, draws=19).fit_p == 0.05


def test_a_tail_that_fits_is_kept() -> None:
    fits = [fit_tail(np.random.default_rng(s).exponential(size=1_000), np.random.default_rng(s), 19) for s in range(3)]
    assert min(fit.fit_p for fit in fits) > 0.05


@pytest.mark.parametrize(("scores", "found"), [(HOLDOUT[:480], 48), (np.zeros(1_000), 0), (np.empty(0), 0)])
def test_too_few_exceedances_are_refused(scores: np.ndarray, found: int) -> None:
    text = (
        f"a fitted tail needs at least 50 scores above the 90 % quantile, got {found}; "
        "add holdout patients (about 500 are enough)"
    )
    with pytest.raises(NotEnoughData, match=f"^{re.escape(text)}$"):
        fit_tail(scores, np.random.default_rng(0))


def test_patients_without_evidence_leave_no_tail_to_fit() -> None:
    scores = HOLDOUT.copy()
    scores[0] = -np.inf
    with pytest.raises(NotEnoughData, match="got 0"):
        fit_tail(scores, np.random.default_rng(0))
