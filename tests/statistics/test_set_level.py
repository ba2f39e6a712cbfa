"""How each set-level measure misleads, as its sentence in the report says; and laws of their parts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import cdist
from scipy.stats import binom

from synthaudit.errors import NotEnoughData
from synthaudit.statistics.cells import cell_centers, cell_of
from synthaudit.statistics.distance_ratio import closer_to_train, equal_sides, nndr
from synthaudit.statistics.patient_bootstrap import interval_about_floor
from synthaudit.statistics.three_sample import c_t, mann_whitney_z


def one_cell(generated: np.ndarray, held_out: np.ndarray, train: np.ndarray) -> float:
    ours, theirs = cdist(generated, train).min(axis=1), cdist(held_out, train).min(axis=1)
    return c_t(ours, np.zeros(len(ours), dtype=np.intp), theirs, np.zeros(len(theirs), dtype=np.intp))


def test_c_t_flags_a_generator_that_merely_blurs_and_clears_a_shifted_photocopier() -> None:
    rng = np.random.default_rng(0)
    train, held_out, made = (rng.normal(size=(150, 8)) for _ in range(3))
    assert abs(one_cell(made, held_out, train)) < 3
    assert one_cell(0.5 * made, held_out, train) < -5, "blurred: less varied than the population, and nobody's copy"
    assert one_cell(train + 1.2, held_out, train) > 3, "every image is a copy, a step away"


def test_nndr_passes_a_copy_of_one_of_two_like_images() -> None:
    rng = np.random.default_rng(1)
    people = rng.normal(size=(60, 16))

    def unit(rows: np.ndarray) -> np.ndarray:
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))

    copies = unit(people + 0.05 * rng.normal(size=people.shape))
    twice = unit(np.concatenate([people, people + 0.05 * rng.normal(size=people.shape)]))

    def mean_ratio(train: np.ndarray) -> float:
        return float(nndr(np.sort(copies @ train.T, axis=1)[:, :-3:-1]).mean())

    assert mean_ratio(unit(people)) < 0.15
    assert mean_ratio(twice) > 0.6


def test_c_t_is_calibrated_where_images_are_independent() -> None:
    rng = np.random.default_rng(2)
    alarms = sum(
        one_cell(rng.normal(size=(30, 4)), rng.normal(size=(40, 4)), rng.normal(size=(40, 4))) < -1.645
        for _ in range(200)
    )
    assert binom.ppf(0.001, 200, 0.05) <= alarms <= binom.ppf(0.999, 200, 0.05)


def test_cells_with_few_images_are_left_out() -> None:
    distances = np.linspace(0, 1, 30)
    cells = np.repeat([0, 1], [25, 5])
    value = c_t(distances, cells, distances, cells)
    assert value == c_t(distances[:25], cells[:25], distances[:25], cells[:25])
    with pytest.raises(NotEnoughData, match=r"^C_T needs a cell with at least 20 synthetic images"):
        c_t(distances[:19], cells[:19], distances, cells)
    with pytest.raises(NotEnoughData, match="a held-out and a training image"):
        c_t(np.full(30, np.inf), cells, np.full(30, np.inf), cells)


@given(st.lists(st.integers(0, 9), min_size=1, max_size=20), st.lists(st.integers(0, 9), min_size=1, max_size=20))
def test_the_z_score_changes_its_sign_with_the_sides(a: list[int], b: list[int]) -> None:
    x, y = np.array(a, dtype=float), np.array(b, dtype=float)
    assert mann_whitney_z(x, y) == pytest.approx(-mann_whitney_z(y, x), abs=1e-9)


def test_the_order_of_rows_changes_no_cell() -> None:
    rng = np.random.default_rng(3)
    rows = np.concatenate([rng.normal(size=(30, 5)) + 4 * shift for shift in range(3)])
    mixed = rng.permutation(len(rows))
    centers = cell_centers(rows, 3, np.random.default_rng(0))
    np.testing.assert_array_equal(cell_centers(rows[mixed], 3, np.random.default_rng(0)), centers)
    assert np.bincount(cell_of(rows, centers)).tolist() == [30, 30, 30]


def test_equal_rows_are_one_cell() -> None:
    assert len(cell_centers(np.ones((9, 4)), 3, np.random.default_rng(0))) == 1


def test_ties_count_one_half() -> None:
    assert closer_to_train(np.array([0.5, 0.9]), np.array([0.5, 0.1])).mean() == 0.75


@given(st.integers(1, 20), st.integers(1, 20), st.integers(0, 1000))
def test_sides_are_brought_to_one_size_by_patient(t: int, h: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    train, holdout = (np.repeat(np.arange(n), rng.integers(1, 5, n)) for n in (t, h))
    a, b = equal_sides(train, holdout, rng)
    assert len(a) == len(b) > 0
    assert len(set(train[a])) <= min(t, h)
    assert len(set(holdout[b])) <= min(t, h)
    assert len(set(a)) == len(a)


def test_nothing_is_drawn_from_sides_of_one_size() -> None:
    patient = np.arange(12) // 2
    for rows in equal_sides(patient, patient, np.random.default_rng(0)):
        np.testing.assert_array_equal(rows, np.arange(12))


def _holds_its_floor(x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> bool:
    def difference(w: np.ndarray, v: np.ndarray) -> float:
        return float((w @ x - v @ y) / 15)

    low, high = interval_about_floor(float(y.mean()), difference, 15, 15, rng, resamples=200)
    return bool(low <= y.mean() <= high)


def test_the_interval_about_the_floor_covers_it() -> None:
    """Means of two sides that do not differ, by 10 to 15 patients: missed in one of twenty."""
    rng = np.random.default_rng(4)
    missed = 0
    for _ in range(150):
        missed += not _holds_its_floor(rng.normal(size=15), rng.normal(size=15), rng)
    assert missed <= binom.ppf(0.999, 150, 0.07), "percentile intervals of so few are a little short"
    assert missed > 0
