"""Gray-level features: as counted by hand, and finite for flat images."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import kurtosis, skew

from synthaudit.errors import UsageError
from synthaudit.statistics.gray_level_features import (
    CO_OCCURRENCE,
    FEATURES,
    FIRST_ORDER,
    LEVELS,
    co_occurrence,
    co_occurrence_features,
    first_order_features,
    gray_level_features,
    quantized,
)


def test_neighbors_are_counted_in_four_directions_and_both_ways() -> None:
    """The example of Haralick et al. 1973, figure 3: a 4 x 4 picture of four gray levels."""
    picture = np.array([[0, 0, 1, 1], [0, 0, 1, 1], [0, 2, 2, 2], [2, 2, 3, 3]])
    across = np.array([[4, 2, 1, 0], [2, 4, 0, 0], [1, 0, 6, 1], [0, 0, 1, 2]])
    down = np.array([[6, 0, 2, 0], [0, 4, 2, 0], [2, 2, 2, 2], [0, 0, 2, 0]])
    falling = np.array([[2, 1, 3, 0], [1, 2, 1, 0], [3, 1, 0, 2], [0, 0, 2, 0]])
    rising = np.array([[4, 1, 0, 0], [1, 2, 2, 0], [0, 2, 4, 1], [0, 0, 1, 0]])
    counts = across + down + falling + rising
    np.testing.assert_allclose(co_occurrence(picture)[:4, :4], counts / counts.sum())


def test_first_order_features_are_those_of_scipy() -> None:
    image = np.random.default_rng(0).gamma(2.0, 0.1, size=(20, 30)).clip(0, 1)
    found = dict(zip(FIRST_ORDER, first_order_features(image), strict=True))
    values = image.ravel()
    assert found["skewness"] == pytest.approx(skew(values))
    assert found["kurtosis"] == pytest.approx(kurtosis(values, fisher=False))
    assert found["p10"] == pytest.approx(np.percentile(values, 10))
    assert found["interquartile_range"] == pytest.approx(np.subtract(*np.percentile(values, [75, 25])))
    shares = np.bincount(quantized(values), minlength=LEVELS) / values.size
    assert found["uniformity"] == pytest.approx((shares**2).sum())
    assert found["entropy"] == pytest.approx(-sum(p * np.log2(p) for p in shares if p))


def test_texture_tells_a_board_from_stripes() -> None:
    board = np.indices((16, 16)).sum(axis=0) % 2 * 0.9
    stripes = np.indices((16, 16))[0] // 8 * 0.9
    found = [
        dict(zip(CO_OCCURRENCE, co_occurrence_features(co_occurrence(quantized(one))), strict=True))
        for one in (board, stripes)
    ]
    assert found[0]["contrast"] > 5 * found[1]["contrast"]
    assert found[0]["correlation"] < 0.1
    assert found[1]["correlation"] > 0.8


def test_a_flat_image_has_finite_features() -> None:
    found = gray_level_features(np.full((8, 8), 0.5))
    assert found.shape == (len(FEATURES),) == (30,)
    assert np.isfinite(found).all()


def test_turning_the_image_changes_nothing() -> None:
    image = np.random.default_rng(1).random((16, 16))
    np.testing.assert_allclose(gray_level_features(image), gray_level_features(np.rot90(image)), rtol=1e-9)


def test_other_shapes_are_refused() -> None:
    with pytest.raises(UsageError, match=r"^image must be \(h, w\) with sides of at least 4 pixels, got \(3, 8\)$"):
        gray_level_features(np.zeros((3, 8)))
