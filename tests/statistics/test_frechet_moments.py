"""Frechet distances to one reference: those of the other implementation, and without the excess of small samples."""

from __future__ import annotations

import numpy as np
import pytest

from synthaudit.errors import NotEnoughData
from synthaudit.statistics.frechet import frechet_distance
from synthaudit.statistics.frechet_moments import GaussianReference, check_enough, frechet_infinity


@pytest.mark.parametrize("n", [5, 40])
def test_it_is_the_frechet_distance(n: int) -> None:
    rng = np.random.default_rng(0)
    reference, rows = rng.normal(size=(50, 8)), rng.normal(size=(n, 8)) @ rng.normal(size=(8, 8)) + 1
    found = GaussianReference.of(reference).distance(rows)
    assert found == pytest.approx(frechet_distance(reference, rows), rel=1e-6)
    assert GaussianReference.of(rows).distance(reference) == pytest.approx(found, rel=1e-6)


def test_it_is_zero_for_the_reference_itself() -> None:
    rows = np.random.default_rng(1).normal(size=(30, 5))
    assert GaussianReference.of(rows).distance(rows) == pytest.approx(0.0, abs=1e-9)


def test_one_dimension_is_enough() -> None:
    assert GaussianReference.of(np.array([[0.0], [2.0]])).distance(np.array([[3.0], [5.0]])) == pytest.approx(9.0)


def test_the_extrapolation_removes_what_few_images_add() -> None:
    """64 images of 16 dimensions, of the same Gaussian as the reference: the truth is 0."""
    rng = np.random.default_rng(2)
    reference = GaussianReference.of(rng.normal(size=(20_000, 16)))
    rows = [rng.normal(size=(64, 16)) for _ in range(40)]
    plain = np.mean([reference.distance(one) for one in rows])
    extrapolated = np.mean([frechet_infinity(reference, one, rng) for one in rows])
    assert plain > 0.9
    assert abs(extrapolated) < 0.25 * plain


def test_fewer_than_two_images_for_each_dimension_are_refused() -> None:
    reference = GaussianReference.of(np.random.default_rng(3).normal(size=(50, 16)))
    needed = (
        r"^a Frechet distance in 16 dimensions needs at least 32 images of different patients on each side, got 31$"
    )
    with pytest.raises(NotEnoughData, match=needed):
        frechet_infinity(reference, np.zeros((31, 16)), np.random.default_rng(0))
    check_enough(32, 16)
    with pytest.raises(NotEnoughData, match=r"^a Frechet distance needs at least 2 rows"):
        GaussianReference.of(np.zeros((1, 3)))
