"""MS-SSIM: 1 for equal images, less for others, and scales as the size allows."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from synthaudit.errors import UsageError
from synthaudit.statistics.multi_scale_similarity import multi_scale_similarity, number_of_scales


def smooth(seed: int, side: int = 48) -> np.ndarray:
    image = gaussian_filter(np.random.default_rng(seed).random((side, side)), 2)
    return np.asarray((image - image.min()) / np.ptp(image))


def test_equal_images_have_one_and_others_less() -> None:
    x, y = smooth(0), smooth(1)
    assert multi_scale_similarity(x, x) == pytest.approx(1.0)
    assert multi_scale_similarity(x, y) == pytest.approx(multi_scale_similarity(y, x))
    noisy = np.clip(x + 0.05 * np.random.default_rng(2).normal(size=x.shape), 0, 1)
    assert multi_scale_similarity(x, y) < multi_scale_similarity(x, noisy) < 1.0


def test_opposite_images_have_none() -> None:
    x = smooth(0)
    assert multi_scale_similarity(x, 1 - x) == 0.0


def test_scales_end_where_the_window_no_longer_fits() -> None:
    assert [number_of_scales(side) for side in (11, 22, 44, 88, 175, 176, 1000)] == [1, 2, 3, 4, 4, 5, 5]
    with pytest.raises(UsageError, match=r"^images must have sides of at least 11 pixels, got 10$"):
        number_of_scales(10)
    with pytest.raises(UsageError, match=r"^the two images must have one shape"):
        multi_scale_similarity(smooth(0, 48), smooth(0, 32))
