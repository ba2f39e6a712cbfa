"""Quantities of many samples at once: those of each sample alone."""

from __future__ import annotations

import numpy as np
import pytest

from synthaudit.errors import NotEnoughData
from synthaudit.realism.vector_quantities import Gaussians, Manifold, Similarities, principal_components
from synthaudit.statistics.frechet_moments import frechet_infinity
from synthaudit.statistics.manifold import overlap
from synthaudit.statistics.relabeling import Masks
from synthaudit.statistics.vendi import vendi_score

NAMES = ("precision", "density", "recall", "coverage", "novelty")


def masks_of(n: int, size: int, draws: int, seed: int = 0) -> Masks:
    rng = np.random.default_rng(seed)
    return np.stack([rng.permuted(np.arange(n) < size) for _ in range(draws)])


@pytest.mark.parametrize("size", [12, 60, 119])
def test_the_overlap_of_each_sample_is_its_own(size: int) -> None:
    """A tenth of the pool, too: fewer neighbors are listed than that takes."""
    rng = np.random.default_rng(1)
    reference, pool = rng.normal(size=(50, 6)), rng.normal(size=(120, 6))
    manifold, masks = Manifold(reference, np.arange(50), pool), masks_of(120, size, 7)
    for mask, *found in zip(masks, *(getattr(manifold, name)(masks) for name in NAMES), strict=True):
        expected = overlap(reference, pool[mask])
        np.testing.assert_allclose(found, [getattr(expected, name) for name in NAMES], atol=1e-12)


def test_images_of_one_patient_do_not_shrink_the_balls() -> None:
    """Ten near-equal slices of each of twelve patients: a ball reaches to other patients, or nobody new is inside."""
    rng = np.random.default_rng(2)
    people, fresh = rng.normal(size=(12, 3)), rng.normal(size=(40, 3))
    slices = np.repeat(people, 10, axis=0) + 1e-3 * rng.normal(size=(120, 3))
    everyone = np.ones((1, 40), dtype=bool)
    by_patient = Manifold(slices, np.repeat(np.arange(12), 10), fresh).precision(everyone)
    by_image = Manifold(slices, np.arange(120), fresh).precision(everyone)
    assert by_image[0] == 0.0
    assert by_patient[0] > 0.5


def test_copies_lie_on_the_surface_whatever_rounding_says() -> None:
    """A copy of the fifth neighbor is exactly as far away as that: not inside."""
    reference = np.random.default_rng(3).normal(size=(40, 30))
    found = Manifold(reference, np.arange(40), np.concatenate([reference, reference[:20]]))
    expected = overlap(reference, reference)
    masks = (np.arange(60) < 40)[None]
    assert found.density(masks)[0] == pytest.approx(expected.density, abs=1e-12)


def test_variety_of_each_sample_is_its_own() -> None:
    pool, masks = np.random.default_rng(4).normal(size=(30, 5)), masks_of(30, 10, 5)
    expected = [vendi_score(pool[mask]) for mask in masks]
    np.testing.assert_allclose(Similarities(pool).vendi(masks), expected)


def test_the_extrapolated_distance_is_that_of_the_function() -> None:
    rng = np.random.default_rng(5)
    reference, pool = rng.normal(size=(50, 4)), rng.normal(size=(40, 4))
    masks = masks_of(40, 20, 1)
    gaussians = Gaussians(reference, pool, np.random.default_rng(9))
    expected = frechet_infinity(gaussians.reference, pool[masks[0]], np.random.default_rng(9))
    assert gaussians.infinity(masks)[0] == pytest.approx(expected)
    np.testing.assert_allclose(gaussians.log_frechet(masks), np.log(np.sqrt(gaussians.frechet(masks))))


def test_the_components_are_those_of_the_images() -> None:
    rng = np.random.default_rng(6)
    real = rng.normal(size=(200, 3)) @ np.diag([5.0, 1.0, 0.1]) + 7.0
    mean, directions = principal_components(real, 2)
    np.testing.assert_allclose(mean, 7.0, atol=1.2)
    assert abs(directions[0, 0]) > 0.99
    assert abs(directions[1, 1]) > 0.99
    with pytest.raises(
        NotEnoughData, match=r"^4 principal components need images that spread along as many directions$"
    ):
        principal_components(real, 4)
