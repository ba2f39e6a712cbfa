"""Can two groups of patients be told apart? Found when planted, blind to the label until the fit."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from synthaudit.errors import NotEnoughData
from synthaudit.statistics.separability import Separability, reduced, separability

Floats = NDArray[np.float64]


def two_groups(shift: float, seed: int = 0, n: int = 60, d: int = 100) -> tuple[Floats, NDArray[np.bool_]]:
    rng = np.random.default_rng(seed)
    labels = np.arange(n) < n // 2
    features = rng.normal(size=(n, d)) * np.linspace(3.0, 0.1, d)
    features[labels, :3] += shift
    return features, labels


def seeded(features: Floats, labels: NDArray[np.bool_], seed: int = 0) -> Separability:
    return separability(features, labels, np.random.default_rng(seed), permutations=99, bootstraps=100)


def test_a_planted_difference_is_found() -> None:
    found = seeded(*two_groups(shift=6.0))
    assert found.p_value == 0.01
    assert found.auc > 0.9
    assert found.low > 0.7
    assert found.n_patients == 60


def test_no_difference_is_no_difference() -> None:
    found = seeded(*two_groups(shift=0.0))
    assert found.p_value > 0.05
    assert found.low < 0.5 < found.high


def test_bounds() -> None:
    for shift in (0.0, 1.0, 20.0):
        found = seeded(*two_groups(shift))
        assert 0 <= found.low <= found.auc <= found.high <= 1
        assert 0.01 <= found.p_value <= 1


def test_features_that_never_vary_tell_nothing() -> None:
    found = seeded(np.ones((40, 7)), np.arange(40) < 20)
    assert (found.auc, found.p_value) == (0.5, 1.0)


def test_exchanging_the_groups_changes_the_score_only_by_chance() -> None:
    features, labels = two_groups(shift=3.0)
    assert seeded(features, ~labels).auc == pytest.approx(seeded(features, labels).auc, abs=1e-9)


@pytest.mark.parametrize("n", [40, 200])
def test_components_are_white_and_no_more_than_a_tenth_of_the_patients(n: int) -> None:
    features, _ = two_groups(0.0, n=n, d=300)
    x = reduced(features)
    assert x.shape == (n, min(32, n // 10))
    np.testing.assert_allclose(x.T @ x / n, np.eye(x.shape[1]), atol=1e-9)


@pytest.mark.parametrize("members", [9, 31])
def test_too_few_patients_are_refused(members: int) -> None:
    with pytest.raises(
        NotEnoughData,
        match=r"^comparing training and holdout patients needs at least 10 on each side, got 9$",
    ):
        seeded(np.zeros((40, 3)), np.arange(40) < members)
