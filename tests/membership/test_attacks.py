"""The attacks on samples: the naive form beside the fast, and what none of them may know."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import gaussian_kde
from sklearn.linear_model import LogisticRegression

from synthaudit.errors import NotEnoughData
from synthaudit.membership import odds
from synthaudit.membership.attacks import ATTACKS, image_scores
from synthaudit.membership.density import COMPONENTS, Directions, domias_kde
from synthaudit.membership.distances import domias_knn, gan_leaks, gan_leaks_calibrated, monte_carlo
from synthaudit.membership.odds import logistic_weights
from synthaudit.membership.sample_sets import SampleSets
from synthaudit.statistics.roc import auc

if TYPE_CHECKING:
    from tests.membership.conftest import Population

EACH = pytest.mark.parametrize("name", ATTACKS)


@pytest.fixture(scope="module")
def several(drawn: type[Population]) -> SampleSets:
    """Patients with up to four images each."""
    return drawn.drawn(1, members=40, others=40, images=4).sets


def apart(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float64]:
    """(n, m) Euclidean distances, one by one."""
    difference = a[:, None].astype(np.float64) - b[None]
    return np.asarray(np.sqrt((difference**2).sum(axis=2)))


def of_strangers(sets: SampleSets) -> NDArray[np.float64]:
    """(n, 3) distances to the nearest images of other patients, nearest first."""
    whole = apart(sets.real, sets.real)
    whole[sets.patient[:, None] == sets.patient] = np.inf
    return np.sort(whole, axis=1)[:, :3]


def test_distances_are_those_of_the_naive_loop(several: SampleSets) -> None:
    to_synthetic = np.sort(apart(several.real, several.synthetic), axis=1)[:, :3]
    to_others = of_strangers(several)
    np.testing.assert_allclose(gan_leaks(several), -to_synthetic[:, 0], atol=1e-4)
    np.testing.assert_allclose(gan_leaks_calibrated(several), to_others[:, 0] - to_synthetic[:, 0], atol=1e-4)
    np.testing.assert_allclose(domias_knn(several), np.log(to_others[:, 2] / to_synthetic[:, 2]), atol=1e-4)
    radius = np.median(to_synthetic[:, 0])
    inside = (apart(several.real, several.synthetic) <= radius + 1e-6).mean(axis=1)
    np.testing.assert_allclose(monte_carlo(several), inside, atol=1e-9)


def test_a_reference_takes_the_place_of_other_patients(drawn: type[Population]) -> None:
    sets = drawn.drawn(2, reference=50).sets
    assert sets.reference is not None
    nearest = np.sort(apart(sets.real, sets.reference), axis=1)
    np.testing.assert_allclose(gan_leaks_calibrated(sets), nearest[:, 0] + gan_leaks(sets), atol=1e-4)


def test_kernel_densities_are_scipys_without_the_patients_own_images(several: SampleSets) -> None:
    """SciPy's kernels have the covariance of their data; with whitened data of unit covariance they are ours."""
    directions = Directions.of(several.real, COMPONENTS)
    real, made = directions.of_rows(several.real), directions.of_rows(several.synthetic)
    np.testing.assert_allclose(np.cov(real.T, bias=True), np.eye(real.shape[1]), atol=1e-6)
    width = min(len(real), len(made)) ** (-1 / (real.shape[1] + 4))

    def log_density(at: NDArray[np.float64], data: NDArray[np.float64]) -> float:
        kernel = gaussian_kde(data.T)
        kernel.covariance = width**2 * np.eye(data.shape[1])
        kernel.cho_cov = width * np.eye(data.shape[1])
        kernel.log_det = 2 * np.log(np.diag(kernel.cho_cov * np.sqrt(2 * np.pi))).sum()
        return float(kernel.logpdf(at[:, None])[0])

    fast = domias_kde(several)
    for row in range(0, len(real), 17):
        others = real[several.patient != several.patient[row]]
        assert fast[row] == pytest.approx(log_density(real[row], made) - log_density(real[row], others), abs=1e-8)


def test_the_classifier_is_scikit_learns() -> None:
    rng = np.random.default_rng(3)
    features = np.column_stack([rng.normal(size=(90, 4)), np.ones(90)])
    labels = features[:, 0] + rng.normal(size=90) > 0.4
    weights = {True: 0.5 / labels.mean(), False: 0.5 / (1 - labels.mean())}
    theirs = LogisticRegression(C=1.0, class_weight=weights, tol=1e-9)
    theirs.fit(features[:, :4], labels)
    found = logistic_weights(features, labels)
    np.testing.assert_allclose(found, [*theirs.coef_[0], theirs.intercept_[0]], atol=1e-4)


def test_the_classifier_has_not_seen_the_patient_it_judges(
    several: SampleSets, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[NDArray[np.float64]] = []

    def watched(features: NDArray[np.float64], labels: NDArray[np.bool_]) -> NDArray[np.float64]:
        seen.append(features[~labels])
        return logistic_weights(features, labels)

    monkeypatch.setattr(odds, "logistic_weights", watched)
    odds.classifier_odds(several)
    sizes = np.bincount(several.fold)
    assert [len(rows) for rows in seen] == (len(several.real) - sizes).tolist()
    assert len({rows.tobytes() for rows in seen}) == 5
    with pytest.raises(NotEnoughData, match=r"^a classifier that has not seen a patient needs at least 2 folds, got"):
        odds.classifier_odds(replace(several, fold=np.zeros(len(several.real), dtype=np.intp)))


@EACH
def test_rows_in_any_order_and_on_any_threads_give_the_same(name: str, several: SampleSets) -> None:
    order = np.random.default_rng(4).permutation(len(several.real))
    mixed = SampleSets(
        several.real[order], several.patient[order], several.synthetic[::-1].copy(), several.fold[order], workers=2
    )
    np.testing.assert_allclose(ATTACKS[name](mixed), ATTACKS[name](several)[order], atol=1e-6)


@EACH
def test_members_whose_images_were_copied_stand_out(name: str, drawn: type[Population]) -> None:
    """All members copied; a linear classifier, and a count within a radius, see less than the nearest neighbor."""
    found = drawn.drawn(5, copied=60)
    scores = ATTACKS[name](found.sets)
    least = {"classifier_odds": 0.5, "monte_carlo": 0.7, "domias_knn": 0.6, "domias_kde": 0.7}.get(name, 0.9)
    assert auc(scores[found.is_member], scores[~found.is_member]) > least


def test_encoders_are_combined_before_any_decision(drawn: type[Population]) -> None:
    """A blind encoder beside one that sees: the mean of ranks, whoever comes first."""
    seeing, blind = drawn.drawn(6, copied=60), drawn.drawn(7).sets
    one, both = image_scores([seeing.sets]), image_scores([seeing.sets, blind])
    assert one.shape == both.shape == (120, len(ATTACKS))
    np.testing.assert_array_equal(both, image_scores([blind, seeing.sets]))
    first, second = ([auc(s[seeing.is_member, 0], s[~seeing.is_member, 0])] for s in (one, both))
    assert 0.65 < second[0] < first[0]


def test_too_little_is_refused(several: SampleSets) -> None:
    with pytest.raises(NotEnoughData, match=r"^attacks on samples need at least 10 patients, 10 synthetic images and"):
        replace(several, synthetic=several.synthetic[:9])
    with pytest.raises(NotEnoughData, match=r"10 reference images, got 80, 80 and 9$"):
        replace(several, reference=several.real[:9])
    with pytest.raises(NotEnoughData, match=r"got 1, 80 and none$"):
        replace(several, patient=np.zeros(len(several.real), dtype=np.intp))
