"""Set-level measures equal their published formulas: against peers where PyPI has them, else against naive twins.

`prdc` (Naeem et al. 2020) gives nearest-neighbor distances. What the other authors wrote is not on PyPI (FLD, C_T) or
brings a whole tabular stack (DCR); those formulas are written out here, with scipy and scikit-learn.
"""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial.distance import cdist
from scipy.stats import mannwhitneyu

from synthaudit.context.closeness import authenticity_share, dcr_share, nndr_mean, percentile_rule_share
from synthaudit.context.three_sets import ThreeSets
from synthaudit.index.nearness import nearness
from synthaudit.statistics.likelihood_gap import fit_mixture, fld_gap, standardized
from synthaudit.statistics.nearness import distance
from synthaudit.statistics.three_sample import c_t

Floats = NDArray[np.float64]


def unit(rng: np.random.Generator, n: int, d: int = 10) -> NDArray[np.float32]:
    rows = rng.normal(size=(n, d))
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


@pytest.fixture
def sets() -> ThreeSets:
    rng = np.random.default_rng(7)
    return ThreeSets(unit(rng, 60), unit(rng, 60), unit(rng, 90), np.arange(60) // 2, np.arange(60) // 2)


def test_distances_to_the_nearest_are_those_of_prdc(sets: ThreeSets) -> None:
    from prdc.prdc import compute_nearest_neighbour_distances, compute_pairwise_distance

    near = nearness(sets.train, sets.holdout, sets.synthetic)
    among = compute_nearest_neighbour_distances(sets.train, nearest_k=1)
    np.testing.assert_allclose(distance(near.train_to_train), among, atol=1e-5)
    across = compute_pairwise_distance(sets.synthetic, sets.train)
    np.testing.assert_allclose(distance(near.synthetic_to_train), np.sort(across, axis=1)[:, :2], atol=1e-5)
    np.testing.assert_array_equal(near.nearest_train, across.argmin(axis=1))


def test_authenticity_is_what_the_distances_of_prdc_give(sets: ThreeSets) -> None:
    """Alaa et al. 2022: authentic is further from the nearest training image than that is from its own nearest."""
    from prdc.prdc import compute_nearest_neighbour_distances, compute_pairwise_distance

    among = compute_nearest_neighbour_distances(sets.train, nearest_k=1)
    found = authenticity_share(sets, np.random.default_rng(0))
    for images, share in ((sets.synthetic, found.value), (sets.holdout, found.floor)):
        across = compute_pairwise_distance(images, sets.train)
        assert share == np.mean(across.min(axis=1) > among[across.argmin(axis=1)])


def test_nndr_is_the_ratio_of_the_two_nearest(sets: ThreeSets) -> None:
    found = nndr_mean(sets, np.random.default_rng(0))
    for images, mean in ((sets.synthetic, found.value), (sets.holdout, found.floor)):
        first, second = np.sort(cdist(images, sets.train), axis=1)[:, :2].T
        assert mean == pytest.approx(np.mean(first / second), abs=1e-5)


def test_the_share_closer_to_training_images_is_counted(sets: ThreeSets) -> None:
    """Sides of one size need no drawing, so the published share comes out as it is."""
    to_train, to_holdout = (cdist(sets.synthetic, side).min(axis=1) for side in (sets.train, sets.holdout))
    assert dcr_share(sets, np.random.default_rng(0)).value == pytest.approx(np.mean(to_train < to_holdout))


def test_the_percentile_rule_is_that_of_its_authors(sets: ThreeSets) -> None:
    """Dar et al. 2025 count training images; with one image a patient, patients are the same."""
    one_each = ThreeSets(sets.train, sets.holdout, sets.synthetic, np.arange(60), np.arange(60))
    threshold = np.percentile(cdist(sets.train, sets.holdout).min(axis=1), 5)
    share = np.mean(cdist(sets.train, sets.synthetic).min(axis=1) < threshold)
    assert percentile_rule_share(one_each, np.random.default_rng(0)).value == pytest.approx(share)


def naive_c_t(
    train: Floats, held_out: Floats, generated: Floats, cells: tuple[NDArray[np.int32], ...], tau: float
) -> float:
    """Meehan et al. 2020, equations for Z_U and C_T, cell by cell."""
    t_cell, p_cell, q_cell = cells
    total = weight = 0.0
    for cell in np.unique(t_cell):
        p, q, base = held_out[p_cell == cell], generated[q_cell == cell], train[t_cell == cell]
        if len(q) / len(generated) < tau or not len(p):
            continue
        n, m = len(p), len(q)
        u = mannwhitneyu(cdist(q, base).min(axis=1), cdist(p, base).min(axis=1)).statistic
        z = (u - m * n / 2) / np.sqrt(m * n * (m + n + 1) / 12)
        total += len(p) / len(held_out) * z
        weight += len(p) / len(held_out)
    return float(total / weight)


@pytest.mark.parametrize("copied", [0, 100])
def test_c_t_is_its_formula(copied: int) -> None:
    from sklearn.cluster import KMeans

    rng = np.random.default_rng(3)
    train, held_out, generated = (rng.normal(size=(n, 6)) for n in (150, 120, 140))
    generated[:copied] = train[:copied] + 0.01 * rng.normal(size=(copied, 6))
    means = KMeans(4, n_init=3, random_state=0).fit(train)
    cells = tuple(means.predict(one) for one in (train, held_out, generated))
    expected = naive_c_t(train, held_out, generated, cells, tau=20 / 140)

    def own(rows: Floats, cell: NDArray[np.int32]) -> Floats:
        return np.array([cdist(row[None], train[cells[0] == c]).min() for row, c in zip(rows, cell, strict=True)])

    found = c_t(own(generated, cells[2]), cells[2].astype(np.intp), own(held_out, cells[1]), cells[1].astype(np.intp))
    assert found == pytest.approx(expected, abs=1e-12)
    assert (found < -3) == bool(copied)


def fitted_naively(centers: Floats, train: Floats) -> Floats:
    """The fit of Jiralerspong et al. 2023: the loss as published, its slope by complex steps, Adam as in its paper."""
    d = train.shape[1]
    squared = cdist(train, centers, "sqeuclidean")
    to_mean = 0.81 * np.sum((train - train.mean(axis=0)) ** 2, axis=1)

    def loss(theta: NDArray[np.complex128]) -> complex:
        around = np.exp(-0.5 * squared / np.exp(theta[:-1])) / (2 * np.pi * np.exp(theta[:-1])) ** (d / 2)
        origin = np.exp(-0.5 * to_mean / np.exp(theta[-1])) / (2 * np.pi * np.exp(theta[-1])) ** (d / 2)
        return complex(-np.log(around.mean(axis=1) + origin).mean() / d)

    theta = np.append(np.log((squared.min(axis=0) + 1e-3) / d), 0.0)
    m, v = np.zeros_like(theta), np.zeros_like(theta)
    for step in range(1, 51):
        slope = np.array([loss(theta + 1e-30j * one).imag / 1e-30 for one in np.eye(len(theta))])
        m, v = 0.9 * m + 0.1 * slope, 0.999 * v + 0.001 * slope**2
        theta = theta - 0.5 * (m / (1 - 0.9**step)) / (np.sqrt(v / (1 - 0.999**step)) + 1e-8)
    return theta[:-1]


def test_the_likelihood_gap_is_that_of_its_authors() -> None:
    rng = np.random.default_rng(5)
    reference, *three = (rng.normal(size=(n, 8)) for n in (200, 50, 40, 20))
    train, held_out, generated = standardized(reference, *three)
    generated[:5] = train[:5] + 0.01 * rng.normal(size=(5, 8))
    mixture = fit_mixture(generated, train)
    theta = fitted_naively(generated, train)
    np.testing.assert_allclose(mixture.log_variances, theta, atol=1e-9)

    def naive(rows: Floats) -> Floats:
        density = (
            np.exp(-0.5 * cdist(rows, generated, "sqeuclidean") / np.exp(theta)) / (2 * np.pi * np.exp(theta)) ** 4
        )
        return np.asarray(-np.log(density.mean(axis=1)) / 8)

    expected = 100 * (naive(train).mean() - naive(held_out).mean())
    found = fld_gap(mixture.negative_log_likelihoods(train), mixture.negative_log_likelihoods(held_out))
    assert found == pytest.approx(expected, abs=1e-9)
