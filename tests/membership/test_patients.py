"""From vectors to the one p-value: nominal without a leak, whatever the number of images; and copies are found."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.stats import binom

from synthaudit.membership.attacks import ATTACKS, image_scores
from synthaudit.membership.patients import Attacked

if TYPE_CHECKING:
    from tests.membership.conftest import Population

LAST = len(ATTACKS)
"""Column of the ensemble."""


def attacked(population: Population, *, draws: int = 99, seed: int = 0) -> Attacked:
    rng = np.random.default_rng(seed)
    return Attacked.of(image_scores([population.sets]), population.asked(), draws=draws, rng=rng)


def alarms(drawn: type[Population], nulls: int, **sizes: int) -> tuple[dict[float, int], list[float]]:
    """How many of so many audits without a leak have p at most each level; and the AUCs of all attacks, averaged."""
    p, areas = [], []
    for seed in range(nulls):
        found = attacked(drawn.drawn(1_000 + seed, **sizes), seed=seed)
        p.append(found.test.p_value)
        areas.append([found.auc(i)[0] for i in (0, LAST)])
    return {level: sum(one <= level for one in p) for level in (0.05, 0.1, 0.3)}, np.mean(areas, axis=0).tolist()


@pytest.mark.parametrize(
    ("nulls", "images"),
    [(40, 1), pytest.param(240, 1, marks=pytest.mark.slow), pytest.param(240, 6, marks=pytest.mark.slow)],
)
def test_without_a_leak_the_alarm_rate_is_the_nominal_one(nulls: int, images: int, drawn: type[Population]) -> None:
    """Members have up to six images each, and the others up to three."""
    counted, areas = alarms(drawn, nulls, members=40, others=40, images=images, made=60)
    for level, count in counted.items():
        assert binom.ppf(0.001, nulls, level) <= count <= binom.ppf(0.999, nulls, level), level
    assert np.abs(np.array(areas) - 0.5).max() < 3.5 * 0.065 / np.sqrt(nulls)


def test_three_in_ten_copied_is_three_in_ten_named(drawn: type[Population]) -> None:
    """Planted truth: 36 of 120 members copied nearly exactly. The AUC is that of 30 % on top, and so is the TPR."""
    found = attacked(drawn.drawn(8, members=120, others=120, copied=36, noise=0.01), draws=999)
    assert found.test.p_value == 0.001
    value, low, high = found.auc(0)
    assert low < 0.5 + 0.3 / 2 < high
    assert value == pytest.approx(0.65, abs=0.06)
    rate = found.tpr(0, 0.01)
    assert rate.low <= 0.3 <= rate.high
    assert rate.value == pytest.approx(0.3, abs=0.04)
    assert found.tpr(0, 0.01).chance <= 0.01
    best, low, high = found.best_auc()
    assert 0.5 < low < best < high


def test_only_the_ensemble_and_the_test_know_the_labels(drawn: type[Population]) -> None:
    population = drawn.drawn(9, images=4, copied=30)
    asked = population.asked()
    before = image_scores([population.sets])
    dealt = replace(asked, is_member=np.random.default_rng(1).permutation(asked.is_member))
    one, other = (Attacked.of(before, this, draws=99, rng=np.random.default_rng(0)) for this in (asked, dealt))
    np.testing.assert_array_equal(one.ranks[:, :LAST], other.ranks[:, :LAST])
    assert (one.ranks[:, LAST] != other.ranks[:, LAST]).any()


def test_exchanged_labels_exchange_the_areas(drawn: type[Population]) -> None:
    population = drawn.drawn(10, copied=30)
    one, other = attacked(population), attacked(replace(population, is_member=~population.is_member))
    for i in range(LAST):
        assert one.auc(i)[0] == pytest.approx(1 - other.auc(i)[0], abs=1e-12)
    assert other.auc(LAST)[0] > 0.5, "the combination learns that the others are farther off"


@pytest.mark.slow
def test_attacks_are_fast_and_small_at_the_size_of_the_demo(drawn: type[Population]) -> None:
    """2,048 training and 512 held-out patients, 640 synthetic images: seconds (2.6 measured, one thread)."""
    import time

    started = time.process_time()
    population = drawn.drawn(11, members=2_048, others=512, made=640, dim=64)
    assert attacked(population, draws=999).ranks.shape == (2_560, LAST + 1)
    assert time.process_time() - started < 10
