"""The set-level measures beside their floors: planted copies move them, an honest generator stays at the floor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binom

from synthaudit.context.closeness import authenticity_share, dcr_share, nndr_mean, percentile_rule_share
from synthaudit.context.fitted import c_t_score, fld_gap_score
from synthaudit.context.three_sets import SetMeasure, ThreeSets
from synthaudit.errors import NotEnoughData

Compute = Callable[[ThreeSets, np.random.Generator], SetMeasure]
Simulate = Callable[..., ThreeSets]
MEASURES: dict[str, Compute] = {
    "dcr_share": dcr_share,
    "authenticity": authenticity_share,
    "nndr": nndr_mean,
    "c_t": c_t_score,
    "fld_gap": fld_gap_score,
    "percentile_rule": percentile_rule_share,
}
RISES = {"dcr_share", "percentile_rule"}


def measured(name: str, sets: ThreeSets, seed: int = 0) -> SetMeasure:
    return MEASURES[name](sets, np.random.default_rng(seed))


@pytest.mark.parametrize("name", MEASURES)
def test_a_photocopier_leaves_the_floor_in_the_direction_that_copying_goes(name: str, simulate: Simulate) -> None:
    found = measured(name, simulate(seed=1, most_images=1, copies=60))
    if name in RISES:
        assert found.low > found.floor
        assert found.value > found.floor
    else:
        assert found.high < found.floor
        assert found.value < found.floor


@pytest.mark.parametrize("name", MEASURES)
@pytest.mark.parametrize("most_images", [1, 4])
def test_an_honest_generator_stays_at_the_floor(name: str, most_images: int, simulate: Simulate) -> None:
    found = measured(name, simulate(seed=2, most_images=most_images))
    assert found.low <= found.floor <= found.high
    assert found.low <= found.value <= found.high


def alarms(name: str, nulls: int, simulate: Simulate, **scene: int) -> int:
    found = [measured(name, simulate(seed=seed, **scene), seed) for seed in range(nulls)]
    return sum(not one.low <= one.floor <= one.high for one in found)


@pytest.mark.parametrize("most_images", [pytest.param(1, marks=pytest.mark.slow), 4])
def test_the_share_closer_to_training_images_covers_one_half(most_images: int, simulate: Simulate) -> None:
    """100 leak-free audits with sides of unequal size: the interval misses 1/2 in one of twenty."""
    missed = alarms("dcr_share", 100, simulate, train=36, holdout=24, synthetic=60, most_images=most_images)
    assert missed <= binom.ppf(0.999, 100, 0.05)


@pytest.mark.slow
@pytest.mark.parametrize("name", MEASURES)
@pytest.mark.parametrize("most_images", [1, 4])
def test_the_interval_holds_the_floor_in_leak_free_audits(name: str, most_images: int, simulate: Simulate) -> None:
    """At 95 % nominal, 90 % is asked for: the floors that are drawn from parts of the holdout are noisy themselves."""
    missed = alarms(name, 100, simulate, train=60, holdout=60, synthetic=150, most_images=most_images)
    assert missed <= binom.ppf(0.999, 100, 0.10)


@pytest.mark.slow
def test_the_share_is_one_half_on_average(simulate: Simulate) -> None:
    """Though the training side has three times the patients, and every patient another number of images."""
    shares = [
        measured("dcr_share", simulate(seed=seed, train=60, holdout=20, most_images=4), seed) for seed in range(200)
    ]
    values = np.array([one.value for one in shares])
    assert abs(values.mean() - 0.5) < 3 * values.std() / np.sqrt(200)


def test_c_t_is_zero_on_average_without_a_leak(simulate: Simulate, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cells that have seen the held-out images, and not the synthetic ones, put C_T half a unit too high."""
    monkeypatch.setattr("synthaudit.context.fitted.interval_about_floor", lambda *_: (0.0, 0.0))
    scenes = (simulate(seed=seed, train=500, holdout=500, synthetic=500, d=64) for seed in range(10))
    assert abs(np.mean([measured("c_t", sets).value for sets in scenes])) < 0.25


@pytest.mark.parametrize("name", MEASURES)
def test_the_same_seed_gives_the_same_numbers_whatever_the_workers(name: str, simulate: Simulate) -> None:
    sets = simulate(seed=3, train=20, holdout=15, synthetic=30, most_images=2, copies=5)
    assert measured(name, sets) == measured(name, replace(sets, workers=2))


@pytest.mark.parametrize("name", ["authenticity", "nndr"])
def test_the_order_of_images_changes_no_average(name: str, simulate: Simulate) -> None:
    sets = simulate(seed=4, most_images=3, copies=5)
    rng = np.random.default_rng(0)
    t, h, s = (rng.permutation(len(one)) for one in (sets.train, sets.holdout, sets.synthetic))
    mixed = ThreeSets(sets.train[t], sets.holdout[h], sets.synthetic[s], sets.train_patient[t], sets.holdout_patient[h])
    before, after = measured(name, sets), measured(name, mixed)
    assert after.value == pytest.approx(before.value, abs=1e-12)
    assert after.floor == pytest.approx(before.floor, abs=1e-12)


def test_what_is_fitted_does_not_know_the_sides(simulate: Simulate) -> None:
    sets = simulate(seed=5, most_images=2)
    swapped = ThreeSets(sets.holdout, sets.train, sets.synthetic, sets.holdout_patient, sets.train_patient)
    np.testing.assert_array_equal(sets.pooled(np.random.default_rng(0)), swapped.pooled(np.random.default_rng(0)))


def test_large_cohorts_are_fitted_on_a_part_that_does_not_know_the_sides(
    simulate: Simulate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("synthaudit.context.three_sets.LARGEST_FIT", 30)
    sets = simulate(seed=5, most_images=2)
    swapped = ThreeSets(sets.holdout, sets.train, sets.synthetic, sets.holdout_patient, sets.train_patient)
    rows = sets.pooled(np.random.default_rng(0))
    assert len(rows) == 30
    np.testing.assert_array_equal(rows, swapped.pooled(np.random.default_rng(0)))


def test_parts_of_the_holdout_share_no_patient(simulate: Simulate) -> None:
    sets = simulate(seed=6, holdout=12, most_images=5)
    for share, least in ((0.5, 1), (0.05, 1), (0.99, 5)):
        a, b = sets.halves(np.random.default_rng(1), share, least)
        assert sorted([*a, *b]) == list(range(len(sets.holdout)))
        assert not set(sets.holdout_patient[a]) & set(sets.holdout_patient[b])
        assert len(set(sets.holdout_patient[b])) >= 2
        assert len(a) > 0


@pytest.mark.parametrize(
    ("scene", "got"),
    [
        ({"train": 9}, "9, 40 and 80"),
        ({"holdout": 9}, "40, 9 and 80"),
        ({"synthetic": 19}, "40, 40 and 19"),
    ],
)
def test_too_little_is_refused(scene: dict[str, int], got: str, simulate: Simulate) -> None:
    with pytest.raises(
        NotEnoughData,
        match=f"^set-level measures need at least 10 patients on each side and 20 synthetic images, got {got}$",
    ):
        simulate(seed=0, **scene)


def test_a_rule_without_enough_training_images_is_not_measured(simulate: Simulate) -> None:
    with pytest.raises(NotEnoughData, match=r"needs at least 20 training images, got 12"):
        measured("percentile_rule", simulate(seed=0, train=12))


def test_vectors_that_never_vary_have_no_likelihood() -> None:
    same = np.tile(np.eye(1, 8, dtype=np.float32), (20, 1))
    sets = ThreeSets(same, same, same, np.arange(20), np.arange(20))
    with pytest.raises(NotEnoughData, match="vectors that vary"):
        measured("fld_gap", sets)
