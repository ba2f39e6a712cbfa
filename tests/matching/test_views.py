"""Views: what is done to a query is what its matrix says."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthaudit.matching.registration import warp
from synthaudit.matching.views import BESIDE_WINDOWS, FEW, MANY, View
from synthaudit.phantoms.chest import ChestPopulation

CHEST = ChestPopulation(seed=4, size=64).image(0)
VIEWS = st.builds(
    View, st.booleans(), st.floats(-20, 20), st.floats(0.7, 1.4), st.floats(-0.1, 0.1), st.floats(-0.1, 0.1)
)


@given(VIEWS)
def test_a_view_undone_by_its_matrix_is_the_image(view: View) -> None:
    """The matrix maps the mirrored canvas onto the view, and back."""
    seen = view.apply(CHEST)
    assert seen.shape == CHEST.shape
    assert seen.dtype == np.float32
    assert CHEST.min() <= seen.min()
    assert seen.max() <= CHEST.max()
    back, inside = warp(seen, view.matrix(64))
    mirrored = CHEST[:, ::-1] if view.flip else CHEST
    core = np.zeros_like(CHEST, dtype=bool)
    core[22:42, 22:42] = True
    core &= inside > 0
    assert np.abs(back - mirrored)[core].mean() < 0.05


def test_nothing_is_done_by_the_first_view() -> None:
    for views in (MANY, BESIDE_WINDOWS, FEW):
        assert views[0] == View()
        np.testing.assert_array_equal(views[0].apply(CHEST), CHEST)
        assert len(set(views)) == len(views)
        assert {view.flip for view in views} == {False, True}


def test_directions_are_what_they_are_called() -> None:
    dot = np.zeros((65, 65), dtype=np.float32)
    dot[32, 42] = 1.0  # to the right of the center
    for view, at in [
        (View(dx=10 / 65), (32, 52)),
        (View(dy=10 / 65), (42, 42)),
        (View(flip=True), (32, 22)),
        (View(rotation_deg=90.0), (22, 32)),  # counter-clockwise: up
        (View(zoom=1.5), (32, 47)),
    ]:
        row, column = np.unravel_index(view.apply(dot).argmax(), dot.shape)
        assert (row, column) == pytest.approx(at, abs=1), view


def test_color_is_kept() -> None:
    color = np.stack([CHEST, CHEST * 0.5, CHEST * 0.1], axis=2)
    view = View(flip=True, rotation_deg=5.0)
    np.testing.assert_allclose(view.apply(color)[..., 1], view.apply(CHEST) * 0.5, atol=1e-6)
