"""The linear classifier learns what is there, and guesses the commonest class where nothing is."""

from __future__ import annotations

import numpy as np
import pytest

from synthaudit.errors import NotEnoughData
from synthaudit.statistics.ridge_classifier import RIDGES, RidgeBasis


def test_classes_that_lie_apart_are_learned() -> None:
    rng = np.random.default_rng(0)
    classes = rng.integers(0, 3, size=150)
    rows = np.eye(3, 40)[classes] * 3 + rng.normal(size=(150, 40))
    model = RidgeBasis.of(rows[:100]).classifier(classes[:100], 3)
    assert (model.guesses(rows[100:]) == classes[100:]).mean() > 0.85


def test_of_nothing_to_be_learned_the_commonest_class_is_guessed() -> None:
    rng = np.random.default_rng(1)
    classes = (rng.random(100) < 0.2).astype(np.intp)
    model = RidgeBasis.of(rng.normal(size=(100, 300))).classifier(classes, 2)
    assert model.guesses(rng.normal(size=(200, 300))).mean() < 0.1


def test_leaving_out_in_closed_form_is_leaving_out() -> None:
    """The ridge that is chosen is the one with which each example is told best by the others, one by one."""
    rng = np.random.default_rng(3)
    classes = rng.integers(0, 2, 24)
    rows = rng.normal(size=(24, 6)) + classes[:, None] * 0.5
    unit = float(((rows - rows.mean(axis=0)) ** 2).sum() / 24)

    def missed(ridge: float) -> float:
        total = 0.0
        for out in range(24):
            rest = np.arange(24) != out
            x, y = rows[rest] - rows[rest].mean(axis=0), classes[rest] - classes[rest].mean()
            weights = np.linalg.solve(x.T @ x + ridge * unit * np.eye(6), x.T @ y)
            told = (rows[out] - rows[rest].mean(axis=0)) @ weights + classes[rest].mean()
            total += 2 * float(told - classes[out]) ** 2
        return total

    best = min(RIDGES, key=missed)
    x, y = rows - rows.mean(axis=0), classes - classes.mean()
    expected = np.linalg.solve(x.T @ x + best * unit * np.eye(6), x.T @ y)
    assert RidgeBasis.of(rows).classifier(classes, 2).weights[:, 1] == pytest.approx(expected)


def test_the_order_of_examples_says_nothing() -> None:
    rng = np.random.default_rng(2)
    rows, classes = rng.normal(size=(30, 5)), rng.integers(0, 2, 30)
    order = rng.permutation(30)
    one, other = RidgeBasis.of(rows).classifier(classes, 2), RidgeBasis.of(rows[order]).classifier(classes[order], 2)
    assert np.allclose(one.weights, other.weights)


def test_one_example_is_refused() -> None:
    with pytest.raises(NotEnoughData, match="at least 2 examples, got 1"):
        RidgeBasis.of(np.zeros((1, 3)))
