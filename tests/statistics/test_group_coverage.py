"""Coverage at one size: the closed form is the mean over subsets, and its variance is the one it has."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from synthaudit.statistics.group_coverage import covered
from synthaudit.statistics.manifold import neighbor_radii, squared_distances


def test_the_closed_form_is_the_mean_over_all_subsets() -> None:
    rng = np.random.default_rng(0)
    inside = rng.random((5, 7)) < 0.25
    naive = np.mean([inside[:, list(rows)].any(axis=1) for rows in combinations(range(7), 3)], axis=0)
    found = covered(inside, 3, 0.2)
    assert found.chance == pytest.approx(naive)
    assert found.density == pytest.approx(inside.sum(axis=1) / (7 * 0.2))
    for left in range(7):
        rest = np.delete(np.arange(7), left)
        without = np.mean([inside[:, list(rows)].any(axis=1) for rows in combinations(rest, 3)], axis=0)
        assert found.chance - found.gain[:, left] == pytest.approx(without)


def test_the_influences_tell_how_much_it_varies() -> None:
    """Over 300 sets of 80 images: the standard error is within a fifth of the spread seen."""
    rng = np.random.default_rng(1)
    real = rng.normal(size=(60, 2))
    radii = neighbor_radii(real, 5)
    values, errors = [], []
    for _ in range(300):
        made = rng.normal(size=(80, 2))
        found = covered(squared_distances(real, made) <= radii[:, None] ** 2, 20, 5 / 60)
        weights = np.full(60, 1 / 60)
        values.append(weights @ found.chance)
        errors.append(np.sqrt(np.sum(found.influence(weights) ** 2)))
    assert np.mean(errors) == pytest.approx(np.std(values), rel=0.2)


def test_density_is_one_for_one_law() -> None:
    rng = np.random.default_rng(2)
    real, made = rng.normal(size=(400, 2)), rng.normal(size=(800, 2))
    radii = neighbor_radii(real, 5)
    found = covered(squared_distances(real, made) <= radii[:, None] ** 2, 50, 5 / 400)
    assert found.density.mean() == pytest.approx(1.0, abs=0.1)
