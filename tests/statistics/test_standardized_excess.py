"""An excess over like patients: equal to the bare one in one stratum, and blind to how many images there are."""

from __future__ import annotations

import numpy as np
import pytest

from synthaudit.errors import NotEnoughData
from synthaudit.statistics.newcombe import newcombe_difference
from synthaudit.statistics.standardized_excess import standardized_excess


def test_in_one_stratum_it_is_newcombe_s() -> None:
    hit = np.repeat([True, False, True, False], [56, 14, 48, 32])
    is_train = np.repeat([True, False], [70, 80])
    found = standardized_excess(hit, is_train, np.zeros(150, dtype=np.intp))
    assert (found.difference, found.low, found.high) == pytest.approx(newcombe_difference(56, 70, 48, 80))
    assert (found.train, found.holdout, found.effective_holdout) == pytest.approx((0.8, 0.6, 80))


def test_the_holdout_is_weighted_like_the_training_patients() -> None:
    """Hit in 1 of 10 with one image and 1 of 2 with many, on both sides: no excess, whatever the numbers."""
    counts = {(0, True): (2, 20), (1, True): (40, 80), (0, False): (9, 90), (1, False): (5, 10)}
    hit, side, stratum = [], [], []
    for (level, train), (hits, n) in counts.items():
        hit += [True] * hits + [False] * (n - hits)
        side += [train] * n
        stratum += [level] * n
    found = standardized_excess(np.array(hit), np.array(side), np.array(stratum, dtype=np.intp))
    assert found.difference == pytest.approx(0.0)
    assert found.effective_holdout == pytest.approx(1 / (0.2**2 / 90 + 0.8**2 / 10))
    bare = standardized_excess(np.array(hit), np.array(side), np.zeros(len(hit), dtype=np.intp))
    assert bare.low > 0.1


def test_a_stratum_of_one_side_is_left_out_and_two_sides_are_needed() -> None:
    hit, side = np.array([True, False, True]), np.array([True, False, True])
    found = standardized_excess(hit, side, np.array([0, 0, 1], dtype=np.intp))
    assert (found.n_train, found.n_holdout) == (1, 1)
    with pytest.raises(NotEnoughData, match=r"^an excess needs training and held-out patients with as many images"):
        standardized_excess(hit, side, np.array([0, 1, 0], dtype=np.intp))
