"""Registration recovers transforms that are known, and says them as a person would."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from synthaudit.matching.registration import (
    in_words,
    place,
    plausible,
    prepare,
    register_coarse,
    register_fine,
    register_rough,
    rescale,
    warp,
)
from synthaudit.matching.similarity import channels, look
from synthaudit.matching.views import View
from synthaudit.phantoms.chest import ChestPopulation

SIZE = 128
POPULATION = ChestPopulation(seed=6, size=SIZE)
CHEST = POPULATION.image(0)
Matrix = NDArray[np.float32]


def registered(fixed: NDArray[np.float32], moving: NDArray[np.float32], start: View) -> tuple[float, Matrix]:
    """Both steps, as the matcher takes them."""
    a, b = prepare(fixed), prepare(moving)
    value, coarse = register_coarse(a, b, register_rough(a, b, start.matrix(a.rough.shape[0]))[1])
    return value, register_fine(a, b, coarse)


def displacement(matrix: Matrix, truth: Matrix) -> float:
    """The largest distance, in pixels, between where two maps send the corners of the inner canvas."""
    corners = np.array([[x, y, 1.0] for x in (32, 96) for y in (32, 96)])
    return float(np.linalg.norm(corners @ (matrix - truth).T.astype(np.float64), axis=1).max())


@pytest.mark.parametrize(
    "view",
    [
        View(),
        View(dx=0.04, dy=-0.03),
        View(rotation_deg=4.0),
        View(rotation_deg=-5.0, dx=0.02),
        View(zoom=1.07),
        View(zoom=0.94, dy=0.03),
    ],
    ids=str,
)
def test_a_known_transform_is_recovered(view: View) -> None:
    """A copy that was turned by a view is brought back onto its source by that view's own matrix."""
    query = view.apply(CHEST)
    value, matrix = registered(CHEST, query, View())
    assert value > 0.9
    assert displacement(matrix, view.matrix(SIZE)) < 1.0
    back, inside = warp(query, matrix)
    similarity, _ = channels(look(CHEST), back, inside)
    assert similarity[0] > 0.85


def test_the_start_carries_what_is_out_of_reach() -> None:
    """From upright, a quarter of a right angle is too far; from the view under which the pair was found it is not."""
    view = View(rotation_deg=22.0, dx=0.05)
    query = view.apply(CHEST)
    _, near = registered(CHEST, query, View(rotation_deg=18.0, dx=0.03))
    assert displacement(near, view.matrix(SIZE)) < 1.0


def test_a_mirrored_copy_is_registered_once_it_is_mirrored_back() -> None:
    mirrored = np.ascontiguousarray(CHEST[:, ::-1])
    value, matrix = registered(np.ascontiguousarray(mirrored[:, ::-1]), CHEST, View())
    assert value > 0.99
    assert displacement(matrix, View().matrix(SIZE)) < 0.1


def test_strangers_register_less_well_than_copies() -> None:
    copy, _ = registered(CHEST, View(dx=0.02).apply(CHEST), View())
    strangers = [registered(CHEST, POPULATION.image(number), View())[0] for number in range(1, 6)]
    assert max(strangers) < copy


@pytest.mark.parametrize("level", [0.0, 0.5])
def test_a_blank_image_registers_with_nothing(level: float) -> None:
    blank = np.full((SIZE, SIZE), level, dtype=np.float32)
    for fixed, moving in ((CHEST, blank), (blank, CHEST), (blank, blank)):
        _, matrix = registered(fixed, moving, View())
        assert np.isfinite(matrix).all()
        similarity, _ = channels(look(fixed), *warp(moving, matrix))
        assert not similarity.any()


@given(st.floats(-15, 15), st.floats(0.7, 1.4), st.floats(-9, 9), st.sampled_from([32, 96, 128, 256]))
def test_rescaling_there_and_back_changes_nothing(degrees: float, zoom: float, shift: float, to_px: int) -> None:
    matrix = View(rotation_deg=degrees, zoom=zoom, dx=shift / 100).matrix(SIZE)
    np.testing.assert_allclose(rescale(rescale(matrix, SIZE, to_px), to_px, SIZE), matrix, atol=1e-3)


@given(st.floats(-15, 15), st.floats(0.7, 1.4), st.floats(-0.1, 0.1), st.sampled_from([32, 96, 256]))
def test_a_view_is_the_same_on_every_canvas(degrees: float, zoom: float, dx: float, to_px: int) -> None:
    """Rescaling the matrix of a view gives the matrix of that view at the other size: pixel centers are respected."""
    view = View(rotation_deg=degrees, zoom=zoom, dx=dx)
    np.testing.assert_allclose(rescale(view.matrix(SIZE), SIZE, to_px), view.matrix(to_px), atol=2e-3)


def test_fits_that_ran_away_are_not_plausible() -> None:
    assert plausible(View(rotation_deg=30.0, zoom=1.3).matrix(SIZE))
    for a, b, c, d in ((2.0, 0, 0, 2.0), (0.4, 0, 0, 0.4), (1.3, 0, 0, 0.9), (1, 0.9, 0, 1), (0, 0, 0, 0)):
        assert not plausible(np.array([[a, b, 0.0], [c, d, 0.0]], dtype=np.float32))


@pytest.mark.parametrize(
    ("flip", "view", "words"),
    [
        (False, View(), "in place"),
        (True, View(), "mirrored"),
        (False, View(rotation_deg=4.0), "turned by 4 degrees"),
        (True, View(rotation_deg=-7.0), "mirrored, turned by 7 degrees"),
        (False, View(zoom=1.1), "reduced by 9%"),
        (False, View(zoom=0.9), "enlarged by 11%"),
        (False, View(dx=0.03, dy=-0.04), "shifted by 5% of the side"),
        (False, View(dx=0.005), "in place"),
    ],
)
def test_the_map_in_words(flip: bool, view: View, words: str) -> None:
    """The map leads from the synthetic image into the real one: a map that zooms in saw the real image reduced."""
    assert in_words(flip, view.matrix(SIZE), SIZE) == words


def test_a_picture_is_slid_to_where_it_fits() -> None:
    """Two pixels of 32 to the right and one up, which is beyond the reach of a fit that follows the slope."""
    fixed = prepare(CHEST).small
    moving = View(dx=-2 / 32, dy=1 / 32).apply(CHEST)
    still = View().matrix(32)
    value, slid = place(fixed, prepare(moving).small, still)
    assert value > 0.95
    np.testing.assert_allclose(slid, still + np.array([[0, 0, -2], [0, 0, 1]]), atol=1e-6)
    stranger = prepare(POPULATION.image(3)).small
    assert place(fixed, stranger, still)[0] < value - 0.1


def test_nothing_fits_a_blank_picture() -> None:
    blank = np.zeros((32, 32), dtype=np.float32)
    still = View().matrix(32)
    for pair in ((blank, prepare(CHEST).small), (prepare(CHEST).small, blank)):
        value, slid = place(pair[0], pair[1], still)
        assert value == -1.0
        np.testing.assert_array_equal(slid, still)
