"""The effective rank counts directions: laws, and the formula of the paper written out."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthaudit.errors import NotEnoughData
from synthaudit.statistics.effective_rank import effective_rank

SEEDS = st.integers(0, 10_000)


@pytest.mark.parametrize("d", [1, 3, 7])
def test_equal_spread_in_every_direction_counts_them_all(d: int) -> None:
    cross = np.concatenate([np.eye(d), -np.eye(d)])
    assert effective_rank(cross + 5.0) == pytest.approx(d)


def test_white_noise_fills_the_space() -> None:
    rng = np.random.default_rng(0)
    assert effective_rank(rng.standard_normal((4_000, 12))) == pytest.approx(12, abs=0.05)


@given(SEEDS, st.integers(2, 30), st.integers(1, 9))
def test_one_line_is_one_direction(seed: int, n: int, d: int) -> None:
    rng = np.random.default_rng(seed)
    line = np.outer(rng.standard_normal(n), rng.standard_normal(d)) + rng.standard_normal(d)
    assert effective_rank(line) == pytest.approx(1, abs=1e-6)


def test_one_point_is_one_direction_and_rounding_is_none() -> None:
    assert effective_rank(np.full((50, 300), 0.1, dtype=np.float32)) == 1.0
    unit = np.full((50, 300), 1 / math.sqrt(300), dtype=np.float32)
    assert effective_rank(unit) == 1.0


@given(SEEDS, st.integers(2, 25), st.integers(1, 8))
def test_rotating_moving_scaling_and_reordering_change_nothing(seed: int, n: int, d: int) -> None:
    rng = np.random.default_rng(seed)
    vectors = rng.standard_normal((n, d)) * rng.exponential(size=d)
    turn, _ = np.linalg.qr(rng.standard_normal((d, d)))
    moved = 3.5 * (rng.permutation(vectors) @ turn) + rng.standard_normal(d)
    found = effective_rank(vectors)
    assert effective_rank(moved) == pytest.approx(found, rel=1e-6)
    assert 1 - 1e-9 <= found <= max(1, min(n - 1, d)) + 1e-6


@given(SEEDS)
def test_it_is_the_formula_of_the_paper(seed: int) -> None:
    rng = np.random.default_rng(seed)
    vectors = rng.standard_normal((9, 4)) * [4.0, 2.0, 1.0, 0.1]
    centered = vectors - vectors.mean(axis=0)
    singular = [math.sqrt(max(power, 0.0)) for power in np.linalg.eigvalsh(centered.T @ centered)]
    shares = [one / sum(singular) for one in singular]
    entropy = -sum(share * math.log(share) for share in shares if share > 0)
    assert effective_rank(vectors) == pytest.approx(math.exp(entropy), rel=1e-6)


def test_one_vector_has_no_rank() -> None:
    with pytest.raises(NotEnoughData, match=r"^an effective rank needs at least 2 vectors, got 1$"):
        effective_rank(np.ones((1, 5)))
