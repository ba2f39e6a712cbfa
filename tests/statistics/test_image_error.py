"""MAE, PSNR and SSIM: the figures of the SynthRAD2023 formulas, a naive twin, and laws."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from synthaudit.errors import NotEnoughData, UsageError
from synthaudit.statistics.image_error import (
    CT_RANGE_HU,
    DISPLAY_RANGE,
    WINDOW,
    mean_absolute_error,
    peak_signal_to_noise,
    structural_similarity,
)

Floats = NDArray[np.float32]

# The challenge's formulas (its image_metrics.py, last version) were run with scikit-image 0.26 on `scan`, once in the
# float32 it reads files into and once in float64: shape, masked, MAE, PSNR, SSIM of either.
PUBLISHED = [
    ((48, 40), False, 128.1024985, (30.0804110046, 30.0804109914), (0.8987337079, 0.8987337195)),
    ((48, 40), True, 135.8270184, (28.3467875208, 28.3467875068), (0.9062579451, 0.9062579538)),
    ((14, 20, 24), False, 125.9556568, (31.3068203367, 31.3068203355), (0.9727558078, 0.9727558068)),
    ((14, 20, 24), True, 130.4499107, (28.5614590780, 28.5614590769), (0.9800841195, 0.9800841155)),
]


def scan(shape: tuple[int, ...]) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """A CT-like image with values beyond the range, a poor copy of it, and where the patient is."""
    rng = np.random.default_rng(len(shape) - 2)
    grid = np.stack(np.meshgrid(*[np.linspace(-1, 1, n) for n in shape], indexing="ij"))
    radius = np.sqrt((grid**2).sum(0))
    real = np.where(radius < 0.8, 40 + 900 * np.sin(4 * grid[0]) * np.cos(3 * grid[-1]), -1000)
    real = real + 3000 * (radius < 0.2) + rng.normal(0, 60, shape)
    made = real + 150 * np.cos(5 * grid[-1]) + rng.normal(0, 120, shape)
    return real.astype(np.float32), made.astype(np.float32), radius < 0.85


@pytest.mark.parametrize(("shape", "masked", "mae", "psnr", "ssim"), PUBLISHED)
def test_they_are_the_challenge_s(
    shape: tuple[int, ...], masked: bool, mae: float, psnr: tuple[float, float], ssim: tuple[float, float]
) -> None:
    real, made, inside = scan(shape)
    assert real.max() > CT_RANGE_HU[1]
    mask = inside if masked else None
    assert mean_absolute_error(real, made, mask) == pytest.approx(mae, rel=1e-6)
    peak = peak_signal_to_noise(real, made, CT_RANGE_HU, mask)
    similar = structural_similarity(real, made, CT_RANGE_HU, mask)
    for wide, narrow, mine in ((psnr[1], psnr[0], peak), (ssim[1], ssim[0], similar)):
        assert mine == pytest.approx(wide, rel=1e-9)
        assert mine == pytest.approx(narrow, rel=1e-6)


def test_the_map_is_that_of_every_window() -> None:
    real, made, inside = scan((20, 18))
    x, y = (np.where(inside, np.clip(one.astype(float), *CT_RANGE_HU) + 1024, 0) for one in (real, made))
    peak = 4024.0
    values = []
    for i, j in itertools.product(range(3, 17), range(3, 15)):
        if inside[i, j]:
            a, b = (one[i - 3 : i + 4, j - 3 : j + 4].ravel() for one in (x, y))
            (var_a, both), (_, var_b) = np.cov(a, b)
            light = (2 * a.mean() * b.mean() + (0.01 * peak) ** 2) / (
                a.mean() ** 2 + b.mean() ** 2 + (0.01 * peak) ** 2
            )
            values.append(light * (2 * both + (0.03 * peak) ** 2) / (var_a + var_b + (0.03 * peak) ** 2))
    assert structural_similarity(real, made, CT_RANGE_HU, inside) == pytest.approx(np.mean(values), rel=1e-10)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.001, 0.3))
def test_equal_is_best_and_more_noise_is_worse(seed: int, noise: float) -> None:
    rng = np.random.default_rng(seed)
    real = rng.uniform(0.3, 0.7, (12, 12)).astype(np.float32)
    grain = rng.standard_normal((12, 12)).clip(-1, 1)
    near, far = (np.asarray(real + noise * grain * scale, dtype=np.float32) for scale in (0.5, 1.0))
    assert mean_absolute_error(real, real) == 0
    assert peak_signal_to_noise(real, real, DISPLAY_RANGE) == np.inf
    assert structural_similarity(real, real, DISPLAY_RANGE) == pytest.approx(1)
    assert mean_absolute_error(real, near) < mean_absolute_error(real, far)
    assert peak_signal_to_noise(real, near, DISPLAY_RANGE) > peak_signal_to_noise(real, far, DISPLAY_RANGE)
    assert -1 <= structural_similarity(real, far, DISPLAY_RANGE) < 1
    assert structural_similarity(real, far, DISPLAY_RANGE) == structural_similarity(far, real, DISPLAY_RANGE)


def test_what_lies_outside_the_mask_changes_nothing() -> None:
    real, made, inside = scan((24, 24))
    other = np.where(inside, made, made[::-1] + 500)
    for measured in (
        mean_absolute_error,
        lambda a, b, m: peak_signal_to_noise(a, b, CT_RANGE_HU, m),
        lambda a, b, m: structural_similarity(a, b, CT_RANGE_HU, m),
    ):
        assert measured(real, made, inside) == measured(real, other, inside)


def test_only_psnr_and_ssim_clip() -> None:
    real = np.full((8, 8), 3000, dtype=np.float32)
    assert mean_absolute_error(real, real + 500) == 500
    assert peak_signal_to_noise(real, real + 500, CT_RANGE_HU) == np.inf
    assert structural_similarity(real, real + 500, CT_RANGE_HU) == pytest.approx(1)


def test_what_cannot_be_compared_is_refused() -> None:
    image = np.zeros((8, 9), dtype=np.float32)
    with pytest.raises(UsageError, match=r"images and mask must have one shape, .*, got \(8, 8\), \(8, 9\)"):
        mean_absolute_error(image, image[:, 1:])
    with pytest.raises(UsageError, match=r"images and mask must have one shape"):
        mean_absolute_error(image, image, np.ones((9, 8), dtype=bool))
    with pytest.raises(NotEnoughData, match="the mask must hold at least one pixel, found none"):
        mean_absolute_error(image, image, np.zeros((8, 9), dtype=bool))
    with pytest.raises(UsageError, match="value_range must be a lower and a higher number, got 1 and 1"):
        peak_signal_to_noise(image, image, (1, 1))
    with pytest.raises(UsageError, match=rf"images must have sides of at least {WINDOW} pixels, got \(6, 9\)"):
        structural_similarity(image[:6], image[:6], DISPLAY_RANGE)
    rim = np.ones((8, 9), dtype=bool)
    rim[3:5, 3:6] = False
    with pytest.raises(NotEnoughData, match="the mask must reach beyond the border"):
        structural_similarity(image, image, DISPLAY_RANGE, rim)
