"""Overlap of two sets: equal to the naive count, whatever the blocks, and strict where distances tie."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from synthaudit.errors import NotEnoughData, UsageError
from synthaudit.statistics.manifold import Overlap, neighbor_radii, overlap, squared_distances

Floats = NDArray[np.float64]


def naive(real: Floats, made: Floats, k: int) -> Overlap:
    """Every distance at once."""
    real_radii, made_radii = (np.sort(cdist(one, one), axis=1)[:, k] for one in (real, made))
    across = cdist(real, made)
    in_real, in_made = across < real_radii[:, None], across < made_radii
    return Overlap(
        precision=float(in_real.any(axis=0).mean()),
        recall=float(in_made.any(axis=1).mean()),
        density=float(in_real.sum(axis=0).mean() / k),
        coverage=float(in_real.any(axis=1).mean()),
        novelty=float(1 - in_made.any(axis=0).mean()),
    )


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), d=st.integers(1, 40), offset=st.sampled_from([0.0, 1.0, 1e4]))
def test_it_is_the_naive_count_for_any_block(seed: int, d: int, offset: float) -> None:
    rng = np.random.default_rng(seed)
    real, made = rng.normal(size=(37, d)) + offset, 0.8 * rng.normal(size=(29, d)) + offset
    expected = naive(real, made, 5)
    for block_bytes in (1, 1_000, 10**9):
        found = overlap(real, made, 5, block_bytes=block_bytes)
        np.testing.assert_allclose(
            [found.precision, found.recall, found.density, found.coverage, found.novelty],
            [expected.precision, expected.recall, expected.density, expected.coverage, expected.novelty],
            atol=1e-12,
        )


def test_rounding_decides_nothing() -> None:
    """Two clusters a thousand apart, each a thousandth wide: in float32 all pairs within one have one distance."""
    rng = np.random.default_rng(0)
    place = 1_000.0 * rng.integers(2, size=(2, 120, 1))
    real, made = place + 1e-3 * rng.normal(size=(2, 120, 3))
    found, expected = overlap(real, made), naive(real, made, 5)
    assert 0.5 < expected.precision < 1
    for name in ("precision", "recall", "density", "coverage", "novelty"):
        assert getattr(found, name) == pytest.approx(getattr(expected, name), abs=1e-12)


def test_the_surface_of_a_ball_is_outside() -> None:
    line = np.arange(10.0)[:, None]
    np.testing.assert_array_equal(neighbor_radii(line, 2)[[0, 5]], [2.0, 1.0])
    assert overlap(line, line + 0.0, 1).precision == 1.0  # each is in its own ball
    assert overlap(line * 2, line * 2 + 1, 1).precision == 1.0
    assert overlap(line * 2, line * 2 + 100, 1).precision == 0.0
    shifted = np.array([[-2.0], [-2.0], [-2.0]])  # exactly as far from 0 as 0's nearest neighbor
    assert overlap(line * 2, shifted, 1).precision == 0.0


def test_images_of_the_same_patient_are_no_neighbors() -> None:
    rows = np.array([[0.0], [0.1], [0.2], [5.0], [9.0]])
    patient = np.array([7, 7, 7, 8, 9])
    np.testing.assert_allclose(neighbor_radii(rows, 1, patient), [5.0, 4.9, 4.8, 4.0, 4.0])
    with pytest.raises(NotEnoughData, match=r"^a ball needs 3 neighbors of other patients"):
        neighbor_radii(rows, 3, patient)


def test_a_photocopier_has_the_best_of_all() -> None:
    real = np.random.default_rng(2).normal(size=(60, 8))
    found = overlap(real, real)
    assert (found.precision, found.recall, found.coverage, found.novelty) == (1.0, 1.0, 1.0, 0.0)


def test_modes_left_out_lower_recall_and_not_precision() -> None:
    rng = np.random.default_rng(3)
    centers = 20 * np.eye(8)
    real = np.concatenate([centers[i] + rng.normal(size=(20, 8)) for i in range(8)])
    made = np.concatenate([centers[i] + rng.normal(size=(80, 8)) for i in range(2)])
    found = overlap(real, made)
    assert found.precision > 0.9
    assert found.recall < 0.35
    assert found.coverage < 0.3


def test_what_cannot_be_measured_is_refused() -> None:
    rows = np.zeros((5, 2))
    with pytest.raises(NotEnoughData, match=r"^a ball needs 5 neighbors"):
        overlap(rows, rows)
    with pytest.raises(UsageError, match=r"^the two sets must have rows of one width, got 2 and 3$"):
        overlap(np.eye(8, 2), np.eye(8, 3), 2)


def test_squared_distances_are_never_below_zero() -> None:
    rows = np.full((3, 4), 1e6) + np.arange(3)[:, None] * 1e-9
    assert (squared_distances(rows, rows) >= 0).all()
