"""Who stands out: drawn up from both sides, and blind to them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from synthaudit.attackers.outliers import GROUPS, group_size, isolation_distance, outlier_groups

from .worlds import world


def test_groups_hold_whom_they_say() -> None:
    held = world(0, n=(150, 150))
    groups = outlier_groups(held)
    assert set(groups) == set(GROUPS)
    given = held.per_image([one.attributes["age"] for one in held.pool.cohorts])
    ages = np.array([int(age) for age in given])[held.first_image]
    extreme = groups["extreme_ages"]
    assert 30 <= extreme.sum() < 50
    assert ages[~extreme].min() > ages[extreme].min()
    assert ages[~extreme].max() < ages[extreme].max()
    labels = np.array(held.given("label")[0])
    cavity = np.bincount(held.patient, weights=labels == "cavity", minlength=300) > 0
    assert cavity.sum() < 0.05 * 300
    assert (groups["rare_findings"] == cavity).all()
    far = groups["lowest_density"]
    assert far.sum() == group_size(300) == 30
    distance = isolation_distance(held)
    assert distance[far].min() >= distance[~far].max()


def test_who_was_trained_on_changes_no_group() -> None:
    one, other = outlier_groups(world(1)), outlier_groups(world(1, swap=True))
    for name in GROUPS:
        assert one[name].tolist() == other[name].tolist()


def test_where_nothing_is_known_nobody_stands_out() -> None:
    held = world(2)
    bare = tuple(replace(one, attributes={}) for one in held.pool.cohorts)
    groups = outlier_groups(replace(held, pool=replace(held.pool, cohorts=bare)))
    assert not groups["rare_findings"].any()
    assert not groups["extreme_ages"].any()
    assert groups["lowest_density"].sum() == group_size(100) == 10
