"""Spectra: noise is flat, blur falls off, and a grid stands out at its own frequency."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, zoom

from synthaudit.errors import UsageError
from synthaudit.statistics.power_spectrum import BANDS, LATTICE, band_centers, band_decibels, grid_decibels, power


def spectra(images: list[np.ndarray]) -> np.ndarray:
    return np.asarray(np.mean([band_decibels(power(one)) for one in images], axis=0))


def grids(images: list[np.ndarray]) -> np.ndarray:
    return np.asarray(np.mean([grid_decibels(power(one)) for one in images], axis=0))


def noise(n: int, side: int = 64) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [0.5 + 0.1 * rng.normal(size=(side, side)) for _ in range(n)]


def test_noise_has_its_variance_at_every_frequency() -> None:
    found = spectra(noise(20))
    np.testing.assert_allclose(found[1:], 10 * np.log10(0.01), atol=0.5)
    assert -23.5 < found[0] < -20, "the coarsest band loses a part with the mean"
    assert len(band_centers()) == BANDS


def test_brightness_changes_nothing() -> None:
    image = noise(1)[0]
    np.testing.assert_allclose(band_decibels(power(image + 0.2)), band_decibels(power(image)), atol=1e-9)


def test_blur_lowers_the_fine_bands_only() -> None:
    images = noise(20)
    lost = spectra([gaussian_filter(one, 1.0, mode="wrap") for one in images]) - spectra(images)
    assert abs(lost[0]) < 0.5
    assert (np.diff(lost[:10]) < 0).all()
    assert lost[-1] < -20


def test_what_eight_bits_cannot_show_counts_for_nothing() -> None:
    flat = np.full((32, 32), 0.5)
    faint = flat + 1e-5 * np.random.default_rng(1).normal(size=flat.shape)
    np.testing.assert_allclose(band_decibels(power(faint)), band_decibels(power(flat)), atol=0.01)


@pytest.mark.parametrize(("step", "place"), [(2, (2, 2)), (4, (1, 1))])
def test_a_grid_stands_out_at_its_own_frequency(step: int, place: tuple[int, int]) -> None:
    images = [gaussian_filter(one, 2.0) for one in noise(10)]
    i, j = np.indices((64, 64))
    grid = 0.01 * np.cos(2 * np.pi * i / step) * np.cos(2 * np.pi * j / step)
    excess = grids([one + grid for one in images]) - grids(images)
    assert excess[LATTICE.index(place)] > 10
    if step == 2:
        assert LATTICE[int(np.argmax(excess))] == place


def test_enlarging_by_repetition_leaves_gaps() -> None:
    coarse = [gaussian_filter(one, 1.0) for one in noise(10, 32)]
    repeated = grids([np.kron(one, np.ones((2, 2))) for one in coarse])
    smooth = grids([zoom(one, 2, order=3, mode="nearest", grid_mode=True) for one in coarse])
    assert np.abs(repeated - smooth).max() > 5


@pytest.mark.parametrize("shape", [(64, 32), (33, 33), (16, 16), (4, 64, 64)])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(UsageError, match=r"^image must be square with an even side of at least 32 pixels"):
        power(np.zeros(shape))
