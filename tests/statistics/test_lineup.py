"""Line-ups in closed form, beside line-ups that were dealt."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthaudit.errors import NotEnoughData
from synthaudit.statistics.lineup import lineup_success


def dealt(better: int, ties: int, others: int, size: int, rng: np.random.Generator) -> float:
    """Success in 20,000 line-ups: 2 scores higher than the right one, 1 as high, 0 lower."""
    wrong = np.array([2] * better + [1] * ties + [0] * (others - better - ties))
    chosen = wrong[np.argsort(rng.random((20_000, others)), axis=1)[:, : size - 1]]
    return float(np.where((chosen == 2).any(axis=1), 0.0, 1.0 / (1.0 + (chosen == 1).sum(axis=1))).mean())


@pytest.mark.parametrize(
    ("better", "ties", "others", "size"), [(0, 0, 12, 4), (3, 2, 12, 4), (1, 8, 20, 10), (9, 3, 12, 4)]
)
def test_as_dealt(better: int, ties: int, others: int, size: int) -> None:
    exact = lineup_success(np.array([better]), np.array([ties]), others, size)[0]
    assert exact == pytest.approx(dealt(better, ties, others, size, np.random.default_rng(0)), abs=0.012)


@settings(max_examples=20)
@given(st.integers(2, 8), st.integers(0, 30), st.integers(0, 30), st.integers(0, 30))
def test_bounds_and_order(size: int, better: int, ties: int, worse: int) -> None:
    others = max(better + ties + worse, size - 1)
    found = lineup_success(np.array([better, better]), np.array([ties, 0]), others, size)
    assert 0.0 <= found[0] <= found[1] + 1e-9 <= 1.0 + 2e-9


def test_guessing_is_right_once_in_size() -> None:
    """Among equals, and on average over all places in the order."""
    assert lineup_success(np.array([0]), np.array([40]), 40, 10)[0] == pytest.approx(0.1)
    places = np.arange(41)
    assert lineup_success(places, np.zeros(41, dtype=int), 40, 10).mean() == pytest.approx(0.1)


def test_too_few_candidates_are_refused() -> None:
    with pytest.raises(NotEnoughData, match=r"^a line-up of 10 needs at least 9 other candidates, got 8$"):
        lineup_success(np.array([0]), np.array([0]), 8)
