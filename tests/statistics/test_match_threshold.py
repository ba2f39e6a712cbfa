"""A threshold for few false matches: the naive one, and patients judged without their own pairs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthaudit.errors import NotEnoughData
from synthaudit.statistics.match_threshold import match_threshold


@given(st.integers(0, 10_000), st.integers(2, 9), st.integers(5, 12), st.sampled_from([0.05, 0.1, 0.3]))
def test_it_is_the_naive_one(seed: int, h: int, s: int, fmr: float) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, 30, size=(s, h)) + 50.0 * (rng.random(h) < 0.2)  # some people are like everybody
    if int(fmr * s * (h - 1) + 1e-9) < 1:
        with pytest.raises(NotEnoughData):
            match_threshold(scores, fmr)
        return
    found = match_threshold(scores, fmr)
    assert found.value == np.sort(scores.ravel())[::-1][int(fmr * s * h + 1e-9)]
    for one in range(h):
        others = np.delete(scores, one, axis=1).ravel()
        assert found.without[one] == np.sort(others)[::-1][int(fmr * others.size + 1e-9)]
        assert (others > found.without[one]).mean() <= fmr


def test_so_few_pairs_that_none_may_match_are_refused() -> None:
    with pytest.raises(NotEnoughData) as refused:
        match_threshold(np.zeros((40, 20)), 0.001)
    assert str(refused.value) == (
        "a threshold at 0.1 % false matches needs at least 2 held-out patients, and beside each 1,000 pairs of a "
        "synthetic image and another one, got 20 and 760"
    )
