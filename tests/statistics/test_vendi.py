"""The Vendi score counts different images."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthaudit.errors import NotEnoughData
from synthaudit.statistics.vendi import vendi_score


@settings(max_examples=25, deadline=None)
@given(n=st.integers(1, 12), d=st.integers(1, 12), seed=st.integers(0, 1000))
def test_it_lies_between_one_and_the_number_of_images(n: int, d: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(n, d))
    score = vendi_score(rows)
    assert 1.0 - 1e-9 <= score <= min(n, d) + 1e-9
    assert vendi_score(3.0 * rows[rng.permutation(n)]) == pytest.approx(score)


@pytest.mark.parametrize(("different", "times"), [(1, 6), (3, 2), (5, 4)])
def test_repeats_count_once(different: int, times: int) -> None:
    assert vendi_score(np.repeat(np.eye(different), times, axis=0)) == pytest.approx(different)


def test_no_image_has_no_score() -> None:
    with pytest.raises(NotEnoughData, match=r"^a Vendi score needs at least 1 row, got none$"):
        vendi_score(np.zeros((0, 3)))
