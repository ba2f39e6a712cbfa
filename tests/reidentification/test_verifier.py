"""The verifier: it knows nobody whom it judges, knows no side, and is worth more than the plain distance."""

from __future__ import annotations

import numpy as np

from synthaudit.reidentification.quality import Quality
from synthaudit.reidentification.verifier import FOLDS, Verifier
from synthaudit.reidentification.visits import visits
from synthaudit.statistics.roc import auc
from tests.reidentification.conftest import World, unit


def test_it_is_the_same_with_the_sides_exchanged(world: World) -> None:
    there = world.swapped()
    one, other = (w.linkage() for w in (world, there))
    for key, model in one[0].models.items():
        twin = other[0].models[key]
        np.testing.assert_array_equal(model.directions, twin.directions)
        assert (model.distance, model.constant) == (twin.distance, twin.constant)
    np.testing.assert_array_equal(one[2].near, other[2].near)
    np.testing.assert_array_equal(one[2].is_train, ~other[2].is_train)


def test_a_pair_is_judged_by_a_model_without_its_patients(world: World) -> None:
    """Fold by fold, what a model learned does not change with the images of the folds that it is without."""
    found = visits(world.pool, 5)
    verifier = Verifier.fit(world.vectors, world.pool, found, np.random.default_rng(0))
    fold = verifier.fold
    rng = np.random.default_rng(1)
    for i, j in ((0, 0), (1, 3)):
        model = verifier.models[i, j]
        spoiled = world.vectors.copy()
        inside = np.isin(fold, (i, j))
        # The directions are those of all images, so they are kept: images trade places within the folds.
        spoiled[inside] = spoiled[rng.permutation(np.flatnonzero(inside))]
        again = Verifier.fit(spoiled, world.pool, found, np.random.default_rng(0))
        np.testing.assert_allclose(np.abs(model.directions), np.abs(again.models[i, j].directions), atol=1e-6)
        others = [key for key in verifier.models if not {i, j} <= set(key)]
        assert any(abs(verifier.models[k].distance - again.models[k].distance) > 1e-6 for k in others)


def test_real_pairs_and_made_ones_are_judged_alike(world: World) -> None:
    """An image given as if it were made has the odds that it has as a real one, of patients of its own fold."""
    verifier, _, _ = world.linkage()
    rows = np.flatnonzero(verifier.fold == 2)[:4]
    np.testing.assert_allclose(verifier.made(world.vectors[rows], rows), verifier.between(rows, rows), atol=1e-6)
    every = np.arange(len(world.pool))
    odds = verifier.between(every, every)
    np.testing.assert_allclose(odds, odds.T, atol=1e-5)
    assert len(verifier.models) == FOLDS * (FOLDS + 1) // 2


def test_it_learns_what_stays_with_a_person(worlds: type[World]) -> None:
    """What changes from visit to visit drowns what stays, in other directions: distance sees little, it sees more."""
    rng = np.random.default_rng(0)
    each = np.full(60, 2)
    world = worlds.of(1, (each, each), made=20)
    stays = rng.normal(size=(120, 6))[world.pool.patient]
    changes = 2.5 * rng.normal(size=(240, 12))
    vectors = unit(np.concatenate([stays, changes], axis=1))
    found = visits(world.pool, 5)
    verifier = Verifier.fit(vectors, world.pool, found, rng)
    every = np.arange(240)
    odds = verifier.between(every, every)
    same = (world.pool.patient[:, None] == world.pool.patient) & ~np.eye(240, dtype=bool)
    different = world.pool.patient[:, None] != world.pool.patient
    cosine = (vectors @ vectors.T).astype(np.float64)
    assert auc(cosine[same], cosine[different]) < 0.75
    assert auc(odds[same], odds[different]) > 0.85


def test_people_who_cannot_be_told_apart_are_not_claimed_to_be(worlds: type[World]) -> None:
    each = np.full(20, 2)
    world = worlds.of(2, (each, each), made=20, strength=0.0)
    verifier, background, _ = world.linkage()
    quality = Quality.of(verifier, background, world.pool, visits(world.pool, 5), np.random.default_rng(0))
    assert not quality.sees
    assert quality.auc.low < 0.5 < quality.auc.high
