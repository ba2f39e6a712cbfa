"""Linkage: the naive way, and what must not matter."""

from __future__ import annotations

import numpy as np

from synthaudit.matching.patients import strata
from synthaudit.reidentification.visits import visits
from synthaudit.statistics.patient_ranks import rank_in_stratum
from tests.reidentification.conftest import World


def test_it_is_the_naive_one(world: World) -> None:
    """Image by image: odds less half of each side's mean over its 20 most alike strangers, best and second visit."""
    verifier, _, linkage = world.linkage()
    pool = world.pool
    found, read = visits(pool, 5), strata(pool, np.ones(pool.n_patients, dtype=bool)).rows
    gallery = [int(np.flatnonzero(pool.patient == p)[0]) for p in range(pool.n_patients)]
    rng = np.random.default_rng(0)
    for s, p in zip(rng.integers(60, size=25), rng.integers(pool.n_patients, size=25), strict=True):
        made = world.made[s][None]
        to_all = verifier.made(made, np.array(gallery))[0]
        strangers = sorted((to_all[q] for q in range(pool.n_patients) if q != p), reverse=True)[:20]
        visit: dict[int, float] = {}
        for row in np.flatnonzero((pool.patient == p) & read):
            others = [g for g in gallery if pool.patient[g] != p]
            ordinary = np.sort(verifier.between(np.array([row]), np.array(others))[0])[::-1][:20].mean()
            odds = verifier.made(made, np.array([row]))[0, 0] - (ordinary + np.mean(strangers)) / 2
            visit[int(found.visit[row])] = max(odds, visit.get(int(found.visit[row]), -np.inf))
        best = sorted(visit.values(), reverse=True)
        column = int(np.flatnonzero(linkage.number == p)[0])
        assert abs(linkage.near[s, column] - best[0]) < 1e-4
        if len(best) > 1:
            assert abs(linkage.other[s, column] - best[1]) < 1e-4
        else:
            assert linkage.other[s, column] == -np.inf


def test_who_is_shown_stands_out(world: World) -> None:
    _, _, linkage = world.linkage()
    shown = (
        np.isin(np.array(world.pool.patient_ids)[linkage.number], [f"P{p * 389 % 1009:04d}" for p in range(10)])
        & linkage.is_train
    )
    assert shown.sum() == 10
    assert linkage.best[shown].mean() > linkage.best[~shown].max() - 3
    places = linkage.places(linkage.near, np.flatnonzero(shown))
    assert (places == 1).mean() >= 0.8


def test_patients_without_another_visit_are_in_the_middle_and_in_no_list(world: World) -> None:
    _, _, linkage = world.linkage()
    single = ~linkage.several
    assert single.any()
    ranks = linkage.ranks(linkage.best_other)
    assert (ranks[single] == 0.5).all()
    known = linkage.several
    np.testing.assert_array_equal(ranks[known], rank_in_stratum(linkage.best_other[known], linkage.stratum[known]))


def test_the_order_of_made_images_does_not_matter(world: World) -> None:
    _, _, linkage = world.linkage()
    turn = np.random.default_rng(5).permutation(len(world.made))
    _, _, again = World(world.train, world.holdout, world.pool, world.vectors, world.made[turn]).linkage()
    np.testing.assert_allclose(again.near, linkage.near[turn], atol=1e-5)
