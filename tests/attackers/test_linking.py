"""Linking through the synthetic images: nothing without them, much with copies, and no label looked at."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from synthaudit.attackers.linking import linked, nearest_people
from synthaudit.attackers.views import natural_views
from synthaudit.cohort import Cohort, Role
from synthaudit.index.exact import top_k

from .worlds import Vectors, holdings, people, unit, world


def test_people_shown_twice_count_once_by_the_nearest() -> None:
    rng = np.random.default_rng(0)
    real, made = unit(rng.normal(size=(4, 5))), unit(rng.normal(size=(6, 5)))
    near = top_k(real, made, 6)
    found = nearest_people(near, np.array([0, 0, 1, 1, 2, 2])).toarray()
    squared = ((real[:, None].astype(np.float64) - made[None]) ** 2).sum(axis=2)
    assert np.allclose(found, (1 / squared).reshape(4, 3, 2).max(axis=2), rtol=1e-4)


def rates(seed: int, **how: object) -> tuple[float, float, float]:
    held = world(seed, n=(60, 60), images=((2, 3), (2, 3)), n_made=90, **how)  # type: ignore[arg-type]
    (views,) = natural_views(held)
    found = linked(held, views, np.random.default_rng(seed))
    side = held.is_train[views.patient]
    return float(found.through[side].mean()), float(found.through[~side].mean()), float(found.directly.mean())


def test_copies_link_and_strangers_do_not() -> None:
    copies = np.mean([rates(seed, kind="copier") for seed in range(3)], axis=0)
    strangers = np.mean([rates(seed) for seed in range(3)], axis=0)
    assert copies[0] - copies[1] > 0.15
    assert abs(strangers[0] - strangers[1]) < 0.12
    # What the copies link is what could be linked by comparing the records themselves.
    assert copies[0] == pytest.approx(copies[2], abs=0.12)
    assert strangers[0] > 0.15  # two images of one person are alike anyway


def test_where_all_are_near_one_synthetic_image_the_pick_is_a_guess() -> None:
    held = world(0, images=((2, 2), (2, 2)))
    one = replace(held.synthetic, patients=("made",) * len(held.made))
    (views,) = natural_views(held)
    flat = replace(held, real=unit(np.ones(held.real.shape)), made=unit(np.ones(held.made.shape)), synthetic=one)
    found = linked(flat, views, np.random.default_rng(0))
    assert found.through == pytest.approx(0.1)
    assert found.directly == pytest.approx(0.1)


def test_who_was_trained_on_changes_nothing() -> None:
    one, other = world(3), world(3, swap=True)
    (mine,), (theirs,) = natural_views(one), natural_views(other)
    found = linked(one, mine, np.random.default_rng(0))
    again = linked(other, theirs, np.random.default_rng(0))
    assert found.through.tolist() == again.through.tolist()
    assert found.directly.tolist() == again.directly.tolist()


def test_what_tells_two_views_apart_does_not_hide_the_person() -> None:
    """Far apart as two views may lie, who is on them is found across, directly and through copies of both."""
    rng = np.random.default_rng(5)
    offset = 4.0 * rng.normal(size=12)
    sides: list[Cohort] = []
    vectors: list[Vectors] = []
    for start, role in enumerate((Role.TRAIN, Role.HOLDOUT)):
        some = people(50, (2, 2), rng)
        second = np.arange(100) % 2 == 1
        one = some.cohort(role, start * 3_000)
        sides.append(replace(one, attributes={"modality": tuple(np.where(second, "T1", "FLAIR").tolist())}))
        vectors.append(unit(some.rows.astype(np.float64) * 4 + second[:, None] * offset))
    made = people(100, (1, 1), rng)
    held = holdings(sides, vectors, made.cohort(Role.SYNTHETIC, attributes=False), vectors[0])
    (views,) = natural_views(held)
    found = linked(held, views, np.random.default_rng(0))
    side = held.is_train[views.patient]
    # With the views as they are, .40, .35 and .20.
    assert found.directly.mean() > 0.5
    assert found.through[side].mean() > 0.55
    assert found.through[~side].mean() < 0.35
