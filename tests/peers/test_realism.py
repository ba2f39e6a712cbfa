"""Realism equals its peers: prdc, torch-fidelity, clean-fid, scikit-learn, vendi-score, pytorch-msssim, scikit-image.

FRD's program (frd-score) needs PyRadiomics, whose release does not build on this Python, and an OpenCV of its own; its
test runs where both are there.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from synthaudit.realism.vector_quantities import Gaussians, Kernels, Manifold, Similarities
from synthaudit.statistics.frechet import frechet_distance
from synthaudit.statistics.frechet_moments import GaussianReference
from synthaudit.statistics.gray_level_features import (
    CO_OCCURRENCE,
    LEVELS,
    co_occurrence,
    co_occurrence_features,
    quantized,
)
from synthaudit.statistics.kernel_distance import cmmd, cubic_kernel, kernel_inception_distance, kid_of_subsets
from synthaudit.statistics.manifold import overlap
from synthaudit.statistics.multi_scale_similarity import multi_scale_similarity
from synthaudit.statistics.vendi import vendi_score

Floats = NDArray[np.float64]


def two_sets(n: int = 90, m: int = 70, d: int = 12) -> tuple[Floats, Floats]:
    rng = np.random.default_rng(4)
    return rng.normal(size=(n, d)), 0.9 * rng.normal(size=(m, d)) + 0.1


@pytest.mark.parametrize("d", [2, 12, 200])
def test_precision_recall_density_coverage_are_those_of_prdc(d: int) -> None:
    from prdc import compute_prdc

    real, made = two_sets(d=d)
    with contextlib.redirect_stdout(io.StringIO()):
        expected = compute_prdc(real, made, nearest_k=5)
    found = overlap(real, made)
    for name, value in expected.items():
        assert getattr(found, name) == pytest.approx(value, abs=1e-6)


def test_the_probe_computes_what_prdc_does() -> None:
    """With one image a patient, and as many synthetic images as held-out ones."""
    from prdc import compute_prdc

    real, made = two_sets(90, 40)
    manifold = Manifold(real, np.arange(90), np.concatenate([made, made[::-1] + 5.0]))
    with contextlib.redirect_stdout(io.StringIO()):
        expected = compute_prdc(real, made, nearest_k=5)
    masks = (np.arange(80) < 40)[None]
    for name, value in expected.items():
        assert getattr(manifold, name)(masks)[0] == pytest.approx(value, abs=1e-6)


def test_the_frechet_distance_is_that_of_torch_fidelity_and_clean_fid() -> None:
    import torch
    from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric

    real, made = two_sets()
    statistics = [fid_features_to_statistics(torch.from_numpy(one)) for one in (real, made)]
    expected = fid_statistics_to_metric(*statistics, verbose=False)["frechet_inception_distance"]
    assert frechet_distance(real, made) == pytest.approx(expected, rel=1e-6)
    assert GaussianReference.of(real).distance(made) == pytest.approx(expected, rel=1e-6)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its own imports, and of scipy's matrix root
        from cleanfid.fid import frechet_distance as clean

        expected = clean(real.mean(axis=0), np.cov(real, rowvar=False), made.mean(axis=0), np.cov(made, rowvar=False))
    assert GaussianReference.of(real).distance(made) == pytest.approx(expected, rel=1e-6)


def test_kid_is_that_of_torch_fidelity_clean_fid_and_scikit_learn() -> None:
    import torch
    from sklearn.metrics.pairwise import polynomial_kernel
    from torch_fidelity.metric_kid import kernel_mmd, kid_features_to_metric

    real, made = two_sets(70, 70)
    settings = {"kid_kernel": "poly", "kid_kernel_poly_degree": 3, "kid_kernel_poly_gamma": None}
    expected = kernel_mmd(real, made, kid_kernel_poly_coef0=1, **settings)
    assert kernel_inception_distance(real, made) == pytest.approx(expected, rel=1e-9)
    np.testing.assert_allclose(cubic_kernel(real, made), polynomial_kernel(real, made, degree=3, coef0=1))
    found = kid_features_to_metric(
        torch.from_numpy(real),
        torch.from_numpy(made),
        kid_subsets=200,
        kid_subset_size=30,
        kid_kernel_poly_coef0=1,
        rng_seed=0,
        verbose=False,
        **settings,
    )
    mean, deviation = kid_of_subsets(real, made, np.random.default_rng(0), subsets=200, size=30)
    assert mean == pytest.approx(found["kernel_inception_distance_mean"], abs=4 * deviation / np.sqrt(200))
    assert deviation == pytest.approx(found["kernel_inception_distance_std"], rel=0.25)


def test_cmmd_is_the_biased_discrepancy_of_torch_fidelity() -> None:
    """Its Gaussian kernel and biased estimate, with the width and the scale of Jayasumana et al. 2024."""
    from torch_fidelity.metric_kid import kernel_rbf, mmd2

    real, made = (one / np.linalg.norm(one, axis=1, keepdims=True) for one in two_sets(70, 70))
    kernels = [kernel_rbf(a, b, kid_kernel_rbf_sigma=10.0) for a, b in ((real, real), (real, made), (made, made))]
    assert cmmd(real, made) == pytest.approx(1000 * mmd2(*kernels, mmd_est="biased"), rel=1e-9)


def test_what_relabeling_asks_is_what_the_functions_give() -> None:
    """The kernel distances and Frechet distances of a sample within a pool, each beside its function."""
    rng = np.random.default_rng(5)
    unit = [one / np.linalg.norm(one, axis=1, keepdims=True) for one in two_sets(60, 50, 8)]
    mask = rng.permuted(np.arange(50) < 25)
    sample, stretch = unit[1][mask], np.sqrt(8)
    kernels = Kernels(unit[0], unit[1])
    expected = kernel_inception_distance(stretch * unit[0], stretch * sample)
    assert kernels.kid(mask[None])[0] == pytest.approx(expected, rel=1e-9)
    assert kernels.cmmd(mask[None])[0] == pytest.approx(cmmd(unit[0], sample), rel=1e-9)
    distance = Gaussians(unit[0], unit[1], rng).frechet(mask[None])[0]
    assert distance == pytest.approx(frechet_distance(unit[0], sample), rel=1e-6)
    assert Similarities(unit[1]).vendi(mask[None])[0] == pytest.approx(vendi_score(sample))


def test_the_vendi_score_is_that_of_its_authors() -> None:
    from vendi_score.vendi import score_dual

    rows, _ = two_sets()
    assert vendi_score(rows) == pytest.approx(score_dual(rows), rel=1e-6)


@pytest.mark.parametrize("side", [176, 201])
def test_multi_scale_similarity_is_that_of_pytorch_msssim(side: int) -> None:
    import torch
    from pytorch_msssim import ms_ssim
    from scipy.ndimage import gaussian_filter

    rng = np.random.default_rng(6)
    x, y = (gaussian_filter(rng.random((side, side)), 3) * 4 - 1.5 for _ in range(2))
    x, y = np.clip(x, 0, 1), np.clip(0.5 * x + 0.5 * y, 0, 1)
    pair = [torch.from_numpy(one)[None, None] for one in (x, y)]
    expected = float(ms_ssim(*pair, data_range=1.0))
    assert 0.1 < expected < 0.9
    # Its window is float32. Odd sides are halved with an edge of zeros there, and without the last row here.
    assert multi_scale_similarity(x, y) == pytest.approx(expected, abs=1e-4 if side % 16 == 0 else 0.02)


def test_texture_is_that_of_scikit_image() -> None:
    import skimage.feature

    graycomatrix: Any = skimage.feature.graycomatrix
    graycoprops: Any = skimage.feature.graycoprops
    image = np.random.default_rng(7).beta(2, 3, size=(40, 30))
    angles = [0, np.pi / 4, np.pi / 2, 3 * np.pi / 4]
    counts = graycomatrix(quantized(image).astype(np.uint8), [1], angles, levels=LEVELS, symmetric=True)
    merged = counts.sum(axis=3, keepdims=True) / counts.sum()
    np.testing.assert_allclose(co_occurrence(quantized(image)), merged[:, :, 0, 0])
    found = dict(zip(CO_OCCURRENCE, co_occurrence_features(merged[:, :, 0, 0]), strict=True))
    names = {
        "contrast": "contrast",
        "dissimilarity": "dissimilarity",
        "inverse_difference_moment": "homogeneity",
        "angular_second_moment": "ASM",
        "correlation": "correlation",
    }
    for ours, theirs in names.items():
        assert found[ours] == pytest.approx(float(graycoprops(merged, theirs)[0, 0]), rel=1e-9)


def test_the_radiomics_distance_is_that_of_frd_score() -> None:
    """Of the same features: their standardization by the real images, and the logarithm of the squared distance."""
    frd = pytest.importorskip("frd_score.frd", reason="frd-score is not installed")
    real, made = two_sets()
    scaled = [frd.z_score_normalize(one, base_distribution=real) for one in (real, made)]
    moments = [part for one in scaled for part in (one.mean(axis=0), np.cov(one, rowvar=False))]
    squared = frd.calculate_frechet_distance(*moments)
    mean, spread = real.mean(axis=0), real.std(axis=0)
    ours = Gaussians((real - mean) / spread, (made - mean) / spread, np.random.default_rng(0))
    found = ours.log_frechet(np.ones((1, len(made)), dtype=bool))[0]
    assert 2 * found == pytest.approx(np.log(squared), rel=1e-6)
