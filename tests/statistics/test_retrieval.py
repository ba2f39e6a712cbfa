"""Precision at 1 and MAP@R: by the naive way, and by patients."""

from __future__ import annotations

import numpy as np
import pytest

from synthaudit.errors import NotEnoughData
from synthaudit.statistics.retrieval import patient_mean, retrieved


def test_it_is_the_naive_average() -> None:
    rng = np.random.default_rng(0)
    label = rng.integers(5, size=40)
    similarity = rng.integers(0, 6, size=(40, 40)).astype(float)  # with many ties
    eligible = ~np.eye(40, dtype=bool) & (rng.random((40, 40)) < 0.9)
    relevant = eligible & (label[:, None] == label)
    queries = relevant.any(axis=1)
    found = retrieved(similarity[queries], relevant[queries], eligible[queries])
    for i, q in enumerate(np.flatnonzero(queries)):
        gallery = [j for j in range(40) if eligible[q, j]]
        gallery.sort(key=lambda j: (-similarity[q, j], relevant[q, j]))
        r = int(relevant[q].sum())
        hits = [bool(relevant[q, j]) for j in gallery[:r]]
        expected = sum(sum(hits[: k + 1]) / (k + 1) for k in range(r) if hits[k]) / r
        assert found.average_precision_at_r[i] == pytest.approx(expected)
        assert found.precision_at_1[i] == float(relevant[q, gallery[0]])
        assert found.chance[i] == pytest.approx(r / len(gallery))


def test_a_random_order_finds_as_many_as_chance() -> None:
    rng = np.random.default_rng(1)
    relevant = np.zeros((4_000, 50), dtype=bool)
    relevant[:, :5] = True
    found = retrieved(rng.random(relevant.shape), relevant, np.ones_like(relevant))
    assert found.precision_at_1.mean() == pytest.approx(0.1, abs=0.02)


def test_a_query_of_nobody_is_refused() -> None:
    with pytest.raises(NotEnoughData):
        retrieved(np.ones((1, 3)), np.zeros((1, 3), dtype=bool), np.ones((1, 3), dtype=bool))


def test_every_patient_counts_once() -> None:
    value, low, high = patient_mean(
        np.array([1.0, 1.0, 1.0, 0.0]), np.array([7, 7, 7, 3]), np.random.default_rng(0), bootstraps=200
    )
    assert value == 0.5
    assert low <= 0.5 <= high


def test_all_found_is_no_certainty() -> None:
    value, low, high = patient_mean(np.ones(40), np.repeat(np.arange(20), 2), np.random.default_rng(0))
    assert (value, high) == (1.0, 1.0)
    assert low == pytest.approx(0.8316, abs=1e-3)
