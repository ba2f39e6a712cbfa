"""Descriptions made of the synthetic images: what they fit, and that they know nothing of the real ones."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from synthaudit.attackers.predicates import (
    NARROW,
    WIDE,
    ball_fits,
    described,
    exact_values,
    rare_fits,
    record_fits,
)
from synthaudit.statistics.isolation import Fits

from .worlds import unit, world


def pairs(fits: Fits) -> set[tuple[int, int]]:
    return set(zip(fits.predicate.tolist(), fits.image.tolist(), strict=True))


def cloud(seed: int, n: int, d: int = 6) -> NDArray[np.float32]:
    return unit(np.random.default_rng(seed).normal(size=(n, d)))


@pytest.mark.parametrize("reach", [NARROW, WIDE])
def test_balls_as_the_naive_loop_has_them(reach: float) -> None:
    real, made = cloud(0, 60), cloud(1, 25)
    centers = np.unique(made, axis=0).astype(np.float64)
    expected = set()
    for i, center in enumerate(centers):
        apart = np.linalg.norm(centers - center, axis=1)
        radius = reach * np.sort(apart)[1]
        expected |= {(i, j) for j in range(60) if np.linalg.norm(real[j].astype(np.float64) - center) < radius}
    assert pairs(ball_fits(real, made, reach)) == expected
    assert expected


def test_balls_of_half_the_distance_do_not_overlap() -> None:
    fits = ball_fits(cloud(0, 400, 3), cloud(1, 40, 3), NARROW)
    assert len(set(fits.image.tolist())) == len(fits.image) > 20


def test_an_image_made_twice_is_one_and_the_edge_is_out() -> None:
    made = cloud(2, 12)
    twice = np.concatenate([made, made[:5]])
    copies = made[:3]
    assert pairs(ball_fits(copies, twice, WIDE)) == pairs(ball_fits(copies, made, WIDE))
    # A copy of the nearest synthetic image lies at the very edge of a ball that reaches as far, and is not in it.
    assert len(ball_fits(copies, made, 1.0).image) == 3


def test_one_synthetic_image_describes_nobody() -> None:
    same = np.repeat(cloud(3, 1), 12, axis=0)
    assert not len(ball_fits(same, same, WIDE).image)


def test_records_are_asked_for_all_that_they_hold() -> None:
    real = np.array([[0, 1, 2], [0, 1, -1], [0, 0, 2], [1, 1, 2]])
    made = np.array([[0, 1, 2], [0, 1, 2], [0, -1, 2], [-1, -1, -1]])
    fits = record_fits(real, made)
    assert fits.n_predicates == 2
    # The records in order: (0, -1, 2) fits the first and the third, (0, 1, 2) the first alone.
    assert pairs(fits) == {(0, 0), (0, 2), (1, 0)}


def test_what_is_rare_is_the_shortest_that_no_other_record_has() -> None:
    made = np.array([[0, 0, 7], [0, 1, 5], [1, 1, 5], [1, 1, 6]])
    real = np.array([[9, 9, 7], [0, 9, 5], [0, 9, 9], [9, 9, 6], [1, 9, 5]])
    fits = rare_fits(real, made)
    assert fits.n_predicates == 4
    # 0 in the second column; 0 with 5, which are rarer than 0 with 1; 1 with 5; 6.
    assert {image for predicate, image in pairs(fits) if predicate == 0} == set()
    assert {image for predicate, image in pairs(fits) if predicate == 3} == {3}
    assert {image for predicate, image in pairs(fits) if predicate == 1} == {1}
    assert {image for predicate, image in pairs(fits) if predicate == 2} == {4}


def test_records_that_are_alike_in_all_short_ways_give_no_rare_description() -> None:
    made = np.array([[a, b] for a in (0, 1) for b in (0, 1)] * 2)
    assert rare_fits(made, made).n_predicates == 4  # two values together are unique among different records
    made = np.array([[a, b, c, d] for a in (0, 1) for b in (0, 1) for c in (0, 1) for d in (0, 1)])
    assert rare_fits(made, made).n_predicates == 0


def test_ages_are_asked_for_by_the_year_and_numbers_of_files_are_not() -> None:
    holdings = world(0)
    names, real, made = described(holdings)
    assert names == ("age", "label", "sex", "site")
    assert real.shape == (len(holdings.rows), 4)
    assert made.shape == (80, 4)
    assert len(np.unique(real[:, 0])) > 30
    cohort = holdings.pool.cohorts[0]
    assert exact_values(cohort, "age") == cohort.attributes["age"]
    assert described(world(0, attributes=False))[0] == ()


def test_who_was_trained_on_changes_no_description() -> None:
    one, other = world(4), world(4, swap=True)
    for reach in (NARROW, WIDE):
        assert pairs(ball_fits(one.real, one.made, reach)) == pairs(ball_fits(other.real, other.made, reach))
    for kind in (record_fits, rare_fits):
        assert pairs(kind(*described(one)[1:])) == pairs(kind(*described(other)[1:]))
