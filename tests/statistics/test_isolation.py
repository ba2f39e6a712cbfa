"""Who is singled out: the fast count beside the naive one, and the size of a test."""

from __future__ import annotations

import numpy as np
import pytest

from synthaudit.statistics.isolation import Fits, Isolation, singled_out
from synthaudit.statistics.matched_blocks import MatchedBlocks


def naive(pairs: set[tuple[int, int]], population: set[int]) -> set[int]:
    """Patients whom some description fits, and nobody else in the population."""
    predicates = {predicate for predicate, _ in pairs}
    fitted = [{p for q, p in pairs if q == predicate and p in population} for predicate in predicates]
    return {next(iter(one)) for one in fitted if len(one) == 1}


@pytest.mark.parametrize("seed", range(5))
def test_the_fast_count_is_the_naive_one(seed: int) -> None:
    rng = np.random.default_rng(seed)
    pairs = {(int(q), int(p)) for q, p in rng.integers(0, 12, size=(25, 2))}
    ordered = np.array(sorted(pairs))
    isolation = Isolation(ordered[:, 0], ordered[:, 1], 12)
    populations = rng.random((12, 7)) < 0.5
    found = isolation.singled_out(populations)
    for column in range(7):
        members = set(np.flatnonzero(populations[:, column]).tolist())
        assert set(np.flatnonzero(found[:, column]).tolist()) == naive(pairs, members)


def test_images_that_are_not_looked_at_fit_nothing() -> None:
    fits = Fits(np.array([0, 0, 1]), np.array([0, 1, 2]), 2)
    patient = np.array([0, 0, 1])
    predicate, who = fits.patients(patient, np.array([True, True, False]))
    assert (predicate.tolist(), who.tolist()) == ([0], [0])
    nothing, _ = fits.patients(patient, np.zeros(3, dtype=bool))
    assert not Isolation(nothing, nothing, 2).singled_out(np.ones((2, 1), dtype=bool)).any()


def _null(seed: int, *, draws: int, relabelings: int) -> tuple[float, float, float]:
    """Descriptions that know nobody; more people, and more images of each, on one side."""
    rng = np.random.default_rng(seed)
    sides = (40, 25) if seed % 2 else (25, 40)
    is_train = np.arange(65) < sides[0]
    images = np.where(is_train == bool(seed % 3), rng.integers(1, 5, 65), 1)
    patient = np.repeat(np.arange(65), images)
    place = rng.random(65)[patient] * 0.7 + rng.random(len(patient)) * 0.3
    predicate, image = np.nonzero(np.abs(rng.random(20)[:, None] - place) < 0.01)
    blocks = MatchedBlocks.of(images, is_train, rng)
    found = singled_out(
        Fits(predicate, image, 20), patient, is_train, blocks, draws=draws, relabelings=relabelings, rng=rng
    )
    assert found.n == 25
    return found.p_value, found.train, found.holdout


def test_more_people_and_images_on_one_side_raise_no_alarm() -> None:
    found = np.array([_null(seed, draws=4, relabelings=39) for seed in range(80)])
    assert (found[:, 0] <= 0.05).mean() <= 0.135  # 3.5 standard errors above the level
    assert found[:, 1].mean() == pytest.approx(found[:, 2].mean(), abs=0.03)
    assert found[:, 1].mean() > 0.05


@pytest.mark.slow
def test_the_level_is_nominal() -> None:
    p = np.array([_null(seed, draws=6, relabelings=99)[0] for seed in range(700)])
    for level in (0.05, 0.1, 0.2):
        assert (p <= level).mean() == pytest.approx(level, abs=3.5 * np.sqrt(level * (1 - level) / len(p)) + 0.01)


def test_many_images_on_one_side_are_no_more_chances() -> None:
    """Every image is described with one chance; people with four images would be singled out much more often."""
    rng = np.random.default_rng(0)
    is_train = np.arange(200) < 100
    patient = np.repeat(np.arange(200), np.where(is_train, 4, 1))
    image = np.flatnonzero(rng.random(len(patient)) < 0.3)
    fits = Fits(np.arange(len(image)), image, len(image))
    blocks = MatchedBlocks.of(np.where(is_train, 4, 1), is_train, rng)
    found = singled_out(fits, patient, is_train, blocks, draws=1, relabelings=99, rng=rng)
    assert found.train == pytest.approx(0.3, abs=0.12)
    assert found.holdout == pytest.approx(0.3, abs=0.12)


def test_a_description_of_each_training_patient_singles_them_out() -> None:
    patient = np.arange(30)
    is_train = np.arange(30) < 15
    blocks = MatchedBlocks.of(np.ones(30, dtype=np.intp), is_train, np.random.default_rng(0))
    fits = Fits(np.arange(10), np.arange(10), 10)
    found = singled_out(fits, patient, is_train, blocks, draws=1, relabelings=999, rng=np.random.default_rng(1))
    assert found.train == pytest.approx(10 / 15)
    assert found.holdout == 0.0
    assert found.by_patient[:10].tolist() == [1.0] * 10
    assert found.p_value <= 0.01
