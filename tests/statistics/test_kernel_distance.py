"""Kernel distances: their formulas, 0 on average where nothing differs, and what their settings mean."""

from __future__ import annotations

import numpy as np
import pytest

from synthaudit.errors import NotEnoughData, UsageError
from synthaudit.statistics.kernel_distance import (
    cmmd,
    gaussian_kernel,
    kernel_inception_distance,
    kid_of_subsets,
    unbiased_mmd,
)


def test_kid_is_its_formula() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(7, 3)), rng.normal(size=(5, 3)) + 1

    def k(a: np.ndarray, b: np.ndarray) -> float:
        return float((a @ b / 3 + 1) ** 3)

    within_x = np.mean([k(x[i], x[j]) for i in range(7) for j in range(7) if i != j])
    within_y = np.mean([k(y[i], y[j]) for i in range(5) for j in range(5) if i != j])
    across = np.mean([k(a, b) for a in x for b in y])
    assert kernel_inception_distance(x, y) == pytest.approx(within_x + within_y - 2 * across)


def test_kid_of_two_samples_of_one_population_is_zero_on_average() -> None:
    rng = np.random.default_rng(1)
    found = [kernel_inception_distance(rng.normal(size=(12, 4)), rng.normal(size=(15, 4))) for _ in range(400)]
    assert abs(np.mean(found)) < 3 * np.std(found) / 20
    assert min(found) < 0 < max(found)


def test_kid_grows_with_the_shift() -> None:
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(60, 4)), rng.normal(size=(60, 4))
    shifted = [kernel_inception_distance(x, y + shift) for shift in (0.0, 0.5, 1.0, 2.0)]
    assert shifted == sorted(shifted)


def test_subsets_have_the_mean_of_the_whole() -> None:
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(80, 4)), rng.normal(size=(70, 4)) + 0.3
    mean, deviation = kid_of_subsets(x, y, np.random.default_rng(0), subsets=200, size=30)
    assert mean == pytest.approx(kernel_inception_distance(x, y), abs=3 * deviation / np.sqrt(200))
    with pytest.raises(NotEnoughData, match=r"^KID of subsets of 1000 needs as many rows in each set, got 80 and 70$"):
        kid_of_subsets(x, y, rng)


def test_cmmd_compares_each_row_with_itself_too() -> None:
    x, y = np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])
    assert cmmd(x, x) == pytest.approx(0.0)
    assert cmmd(x, y) == pytest.approx(1000 * 2 * (1 - np.exp(-2 / 200)))
    np.testing.assert_allclose(gaussian_kernel(x, y, sigma=1.0), [[np.exp(-1.0)]])


def test_what_cannot_be_measured_is_refused() -> None:
    one = np.eye(1, 3)
    with pytest.raises(NotEnoughData, match=r"^a kernel distance needs at least 2 rows in each set, got 1 and 1$"):
        kernel_inception_distance(one, one)
    with pytest.raises(UsageError, match=r"^the two sets must have rows of one width, got 3 and 4$"):
        cmmd(one, np.eye(1, 4))
    with pytest.raises(NotEnoughData, match=r"^CMMD needs rows in both sets, got 0 and 1$"):
        cmmd(one[:0], one)
    with pytest.raises(NotEnoughData):
        unbiased_mmd(np.ones((1, 1)), np.ones((1, 2)), np.ones((2, 2)))
