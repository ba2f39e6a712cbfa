"""The linear classifier learns what is there, and guesses the commonest class where nothing is."""

from __future__ import annotations

import numpy as np
import pytest

from synthaudit.errors import NotEnoughData
from synthaudit.statistics.ridge_classifier import RidgeClassifier


def test_classes_that_lie_apart_are_learned() -> None:
    rng = np.random.default_rng(0)
    classes = rng.integers(0, 3, size=150)
    rows = np.eye(3, 40)[classes] * 3 + rng.normal(size=(150, 40))
    model = RidgeClassifier.of(rows[:100], classes[:100], 3)
    assert (model.guesses(rows[100:]) == classes[100:]).mean() > 0.85


def test_of_nothing_to_be_learned_the_commonest_class_is_guessed() -> None:
    rng = np.random.default_rng(1)
    classes = (rng.random(100) < 0.2).astype(np.intp)
    model = RidgeClassifier.of(rng.normal(size=(100, 300)), classes, 2)
    assert model.guesses(rng.normal(size=(200, 300))).mean() < 0.1


def test_the_order_of_examples_says_nothing() -> None:
    rng = np.random.default_rng(2)
    rows, classes = rng.normal(size=(30, 5)), rng.integers(0, 2, 30)
    order = rng.permutation(30)
    one, other = RidgeClassifier.of(rows, classes, 2), RidgeClassifier.of(rows[order], classes[order], 2)
    assert np.allclose(one.weights, other.weights)


def test_one_example_is_refused() -> None:
    with pytest.raises(NotEnoughData, match="at least 2 examples, got 1"):
        RidgeClassifier.of(np.zeros((1, 3)), np.array([0]), 2)
