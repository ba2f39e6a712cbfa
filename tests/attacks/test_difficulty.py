"""Difficulty: what is easy without any generator, and what is left of an exposure once that is taken out."""

from __future__ import annotations

import numpy as np

from synthaudit.attacks.difficulty import beyond_difficulty, difficulty_exposure, difficulty_features
from synthaudit.phantoms.chest import ChestPopulation
from synthaudit.statistics.roc import auc


def test_plain_images_are_easy() -> None:
    rng = np.random.default_rng(0)
    plain = np.full((30, 16, 16), 0.5) + 0.01 * rng.standard_normal((30, 16, 16))
    busy = 0.5 + 0.2 * rng.standard_normal((30, 16, 16))
    features = difficulty_features(np.concatenate([plain, busy]).astype(np.float32))
    assert features.shape == (60, 3)
    np.testing.assert_allclose(features.mean(axis=0), 0, atol=1e-9)
    easy = difficulty_exposure(features)
    assert auc(easy[:30], easy[30:]) == 1


def test_nobody_is_known_by_their_row() -> None:
    population = ChestPopulation(seed=1, size=32)
    images = np.stack([population.image(patient) for patient in range(40)])
    order = np.random.default_rng(0).permutation(40)
    np.testing.assert_allclose(difficulty_features(images)[order], difficulty_features(images[order]), atol=1e-6)
    assert np.isfinite(difficulty_features(np.zeros((5, 16, 16), dtype=np.float32))).all()


def test_what_difficulty_explains_is_taken_out_and_nothing_else() -> None:
    """A score that is difficulty and nothing else has nothing left; one that is membership besides keeps that."""
    rng = np.random.default_rng(3)
    n = 600
    member = np.arange(n) < n // 2
    features = rng.standard_normal((n, 3)) - 0.5 * member[:, None]  # training images happen to be easier
    fold = rng.permutation(np.arange(n) % 5)
    mere = -features @ [1.0, 0.5, 0.2] + 0.3 * features[:, 0] ** 2 + rng.standard_normal(n)
    assert auc(mere[member], mere[~member]) > 0.65
    left = beyond_difficulty(mere, features, fold)
    assert abs(auc(left[member], left[~member]) - 0.5) < 0.06
    knowing = beyond_difficulty(mere + 2.0 * member, features, fold)
    assert auc(knowing[member], knowing[~member]) > 0.85
