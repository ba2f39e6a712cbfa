"""The one rule by which patients are named, for the audit and for its rehearsals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from synthaudit.statistics.conformal import conformal_p
from synthaudit.statistics.exposure import select_exposed
from synthaudit.statistics.fdr import benjamini_hochberg, holm
from synthaudit.statistics.tail import fit_tail

Floats = NDArray[np.float64]
SCORES = st.lists(st.integers(-4, 9), min_size=1, max_size=40).map(lambda values: np.array(values, dtype=np.float64))


@given(SCORES, SCORES, st.sampled_from([0.05, 0.1, 0.3]))
def test_it_is_the_sum_of_its_parts(train: Floats, holdout: Floats, q: float) -> None:
    selection = select_exposed(train, holdout, q=q, alpha=q)
    p = conformal_p(train, holdout)
    np.testing.assert_array_equal(selection.p_values, p)
    np.testing.assert_array_equal(selection.named, benjamini_hochberg(p) <= q)
    np.testing.assert_array_equal(selection.confirmed, holm(p) <= q)
    assert not (selection.confirmed & ~selection.named).any(), "who is confirmed is named"


@given(SCORES, SCORES)
def test_only_the_highest_are_named(train: Floats, holdout: Floats) -> None:
    named = select_exposed(train, holdout, q=0.3, alpha=0.1).named
    if named.any() and not named.all():
        assert train[named].min() > train[~named].max()


def test_alpha_of_zero_confirms_nobody() -> None:
    rng = np.random.default_rng(0)
    assert not select_exposed(np.full(50, 9.0), rng.normal(size=500), q=0.1, alpha=0.0).confirmed.any()


@pytest.mark.parametrize("leaks", [1, 3])
def test_the_tail_names_whom_counting_cannot(leaks: int) -> None:
    rng = np.random.default_rng(1)
    train, holdout = rng.normal(size=600), rng.normal(size=600)
    train[:leaks] = 12.0
    tail = fit_tail(holdout, rng, draws=1)
    np.testing.assert_array_equal(
        np.flatnonzero(select_exposed(train, holdout, q=0.05, alpha=0.01, tail=tail).named), np.arange(leaks)
    )
    assert not select_exposed(train, holdout, q=0.05, alpha=0.01).named.any()
