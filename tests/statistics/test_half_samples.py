"""The interval of a mean over pairs of disjoint fits: test and training chance, each as it is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthaudit.statistics.half_samples import interval_of_mean
from synthaudit.statistics.roc import auc
from synthaudit.statistics.weighted_rates import patient_draws, weighted_auc, weighted_share


@pytest.mark.parametrize("part", [0.5, 0.2])
def test_a_mean_has_the_interval_of_a_mean(part: float) -> None:
    """A fit that is the mean of its training values, tested without error: the interval must cover the true mean."""
    rng = np.random.default_rng(0)
    covered, halves = [], []
    n = round(60 * part)
    for _ in range(500):
        data = rng.normal(size=60)
        values = np.empty((8, 2, 3))
        for pair in values:
            order = rng.permutation(60)
            pair[0], pair[1] = data[order[:n]].mean(), data[order[60 - n :]].mean()
        _, low, high = interval_of_mean(values)
        covered.append(low <= 0 <= high)
        halves.append((high - low) / 2)
    assert 0.89 <= np.mean(covered) <= 0.985
    assert np.mean(halves) == pytest.approx(2.36 / np.sqrt(60), rel=0.25)


def test_the_test_patients_have_their_share() -> None:
    rng = np.random.default_rng(1)
    values = np.full((8, 2, 500), 0.7)
    values[:, :, 1:] += 0.1 * rng.normal(size=499)
    value, low, high = interval_of_mean(values)
    assert value == pytest.approx(0.7)
    assert (high - low) / 2 == pytest.approx(1.96 * 0.1, rel=0.1)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**31))
def test_weighted_areas_are_those_of_repeated_images(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores, positive = rng.integers(0, 5, 12).astype(float), np.arange(12) < 5
    weights = patient_draws(np.array([0, 0, 1, 2, 3, 3, 4, 4, 4, 5, 6, 7]), rng, resamples=4)
    for found, weight in zip(weighted_auc(scores, positive, weights), weights, strict=True):
        again = np.repeat(np.arange(12), weight.astype(int))
        a, b = scores[again[positive[again]]], scores[again[~positive[again]]]
        if a.size and b.size:
            assert found == pytest.approx(auc(a, b))
        else:
            assert np.isnan(found)


def test_patients_are_drawn_with_all_their_images() -> None:
    weights = patient_draws(np.array([4, 4, 9, 2, 9]), np.random.default_rng(2), resamples=50)
    assert (weights[0] == 1).all()
    assert (weights[:, 0] == weights[:, 1]).all()
    assert (weights[:, 2] == weights[:, 4]).all()
    assert (weights[:, [0, 2, 3]].sum(axis=1) == 3).all()
    found = weighted_share(
        np.array([True, False, True, True, False]), np.array([True, True, False, True, True]), weights
    )
    assert found[0] == pytest.approx(0.5)
