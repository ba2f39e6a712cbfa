"""The Frechet distance is the textbook's, keeps its laws, and refuses what it cannot tell."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import sqrtm

from synthaudit.errors import NotEnoughData, UsageError
from synthaudit.statistics.frechet import frechet_distance


def test_it_is_the_formula_with_the_matrix_root() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(60, 5)) @ rng.normal(size=(5, 5)), 1 + rng.normal(size=(40, 5)) * [1, 2, 1, 0.5, 3]
    first, second = np.cov(x.T), np.cov(y.T)
    peer = ((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(first + second - 2 * sqrtm(first @ second).real)
    assert frechet_distance(x, y) == pytest.approx(peer, rel=1e-9)
    assert frechet_distance(y, x) == pytest.approx(peer, rel=1e-9)


def test_laws() -> None:
    x = np.random.default_rng(1).normal(size=(50, 4))
    assert frechet_distance(x, x[::-1]) == pytest.approx(0, abs=1e-9)
    assert frechet_distance(x, x + np.array([3, 0, 0, 4])) == pytest.approx(25)
    # Fewer rows than dimensions is no error: the covariance is only less well known.
    assert frechet_distance(x[:3], x) > 0


def test_too_little_is_refused() -> None:
    with pytest.raises(NotEnoughData, match="needs at least 2 rows in each set, got 1 and 5"):
        frechet_distance(np.zeros((1, 2)), np.zeros((5, 2)))
    with pytest.raises(UsageError, match="rows of one width, got 2 and 3"):
        frechet_distance(np.zeros((4, 2)), np.zeros((5, 3)))
