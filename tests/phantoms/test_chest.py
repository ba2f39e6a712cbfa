"""Simulated patients: the same for the same numbers, distinguishable, and drawn as the population says."""

from __future__ import annotations

import pickle
from collections import Counter

import numpy as np
import pytest
from numpy.typing import NDArray

from synthaudit.cohort import Role
from synthaudit.errors import UsageError
from synthaudit.phantoms.chest import ATTRIBUTES, ChestPopulation
from synthaudit.phantoms.field import blurred
from synthaudit.phantoms.people import CHRONIC, GROUPS, SITE_SHARES, SITES, group_shares

POPULATION = ChestPopulation(seed=5)


def test_an_image_depends_on_population_patient_and_visit_only() -> None:
    once, again = POPULATION.image(9, 1), ChestPopulation(seed=5).image(9, 1)
    np.testing.assert_array_equal(once, again)
    for other in (ChestPopulation(seed=6).image(9, 1), POPULATION.image(8, 1), POPULATION.image(9, 0)):
        assert np.abs(once - other).mean() > 0.005
    late = POPULATION.cohort(Role.TRAIN, [9], visits=2)
    early = POPULATION.cohort(Role.TRAIN, [3, 9], visits=3)
    assert late.pixel_digests == early.pixel_digests[3:5]


@pytest.mark.parametrize("size", [16, 64, 97, 256])
def test_pixels_lie_on_256_levels_at_every_size(size: int) -> None:
    image = ChestPopulation(seed=1, size=size).image(0)
    assert image.shape == (size, size)
    assert image.dtype == np.float32
    assert 0 <= image.min() < 0.2
    assert 0.8 < image.max() <= 1
    np.testing.assert_array_equal(image, np.round(image * 255).astype(np.float32) / np.float32(255))


def test_a_size_is_the_same_patient() -> None:
    small = ChestPopulation(seed=1, size=32).image(4)
    large = ChestPopulation(seed=1, size=128).image(4).reshape(32, 4, 32, 4).mean(axis=(1, 3))
    assert np.corrcoef(small.ravel(), large.ravel())[0, 1] > 0.98


def _fine(images: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.stack([image - blurred(image, 2.0) for image in images])


def _coarse(images: NDArray[np.float32]) -> NDArray[np.float32]:
    means: NDArray[np.float32] = images.reshape(len(images), 8, 8, 8, 8).mean(axis=(2, 4))
    return means


@pytest.mark.parametrize("view", [_fine, _coarse])
def test_two_visits_of_one_patient_are_closer_than_two_patients(view: object) -> None:
    assert callable(view)
    first, second = (np.stack([POPULATION.image(patient, visit) for patient in range(60)]) for visit in (0, 1))
    rows = [np.asarray(view(images)).reshape(60, -1) for images in (first, second)]
    rows = [row - row.mean(axis=1, keepdims=True) for row in rows]
    rows = [row / np.linalg.norm(row, axis=1, keepdims=True) for row in rows]
    similarity = rows[0] @ rows[1].T
    same, different = np.diag(similarity), similarity[~np.eye(60, dtype=bool)]
    auc = np.mean(same[:, None] > different[None, :])
    assert auc > 0.88
    assert auc < 1.0  # Visits differ: an audit that finds everyone would be a toy.


def test_groups_and_sites_have_their_shares() -> None:
    for imbalance in (0.0, 0.5, 0.9):
        people = ChestPopulation(seed=2, imbalance=imbalance).patients(0, 2000)
        counts = Counter(person.group for person in people)
        for group, share in zip(GROUPS, group_shares(imbalance), strict=True):
            assert abs(counts[group] / 2000 - share) < 4 * np.sqrt(share * (1 - share) / 2000) + 1e-9
        sites = Counter(person.site for person in people)
        assert all(abs(sites[s] / 2000 - share) < 0.05 for s, share in zip(SITES, SITE_SHARES, strict=True))


def test_imbalance_changes_groups_and_nothing_else_of_a_person() -> None:
    equal, skewed = (ChestPopulation(seed=2, imbalance=i).patients(0, 50) for i in (0.0, 0.8))
    assert [(p.sex, p.age, p.site, p.habitus, p.findings) for p in equal] == [
        (p.sex, p.age, p.site, p.habitus, p.findings) for p in skewed
    ]
    assert [p.group for p in equal] != [p.group for p in skewed]


@pytest.mark.parametrize("finding", sorted(CHRONIC))
def test_findings_have_the_prevalence_of_their_age_and_sex(finding: str) -> None:
    people = POPULATION.patients(0, 4000)
    expected = np.array([CHRONIC[finding].probability(person.age, person.sex) for person in people])
    has = np.array([finding in person.findings for person in people])
    old = np.array([person.age > 65 for person in people])
    assert has[old].mean() > has[~old].mean()
    for part in (old, ~old):
        error = np.sqrt((expected[part] * (1 - expected[part])).sum())
        assert abs(has[part].sum() - expected[part].sum()) < 4 * error


def test_a_cohort_carries_patients_and_attributes_and_reads_when_asked() -> None:
    cohort = POPULATION.cohort(Role.HOLDOUT, range(123, 126), visits=[1, 2, 3])
    assert len(cohort) == 6
    assert cohort.patient_ids == ("CHX-000123", "CHX-000124", "CHX-000125")
    assert cohort.known_patient.all()
    assert tuple(cohort.attributes) == ATTRIBUTES
    ages = [float(age) for age in cohort.attributes["age"]]
    dates = cohort.attributes["study_date"]
    assert ages[3] < ages[4] < ages[5]
    assert dates[3] < dates[4] < dates[5]
    source = pickle.loads(pickle.dumps(cohort.sources[4]))
    np.testing.assert_array_equal(source.read(), POPULATION.image(125, 1))
    assert len(pickle.dumps(cohort.sources[4])) < 1000


def test_later_visits_do_not_move_earlier_ones() -> None:
    two, three = (POPULATION.cohort(Role.TRAIN, [7], visits=n) for n in (2, 3))
    assert two.attributes["study_date"] == three.attributes["study_date"][:2]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ChestPopulation(seed=-1), "seed must be at least 0, got -1"),
        (lambda: ChestPopulation(seed=0, size=8), r"size must lie in \[16, 512\] pixels, got 8"),
        (lambda: ChestPopulation(seed=0, imbalance=2), r"imbalance must lie in \[0, 1\], got 2"),
        (lambda: POPULATION.cohort(Role.TRAIN, [1, 1]), "patients must be distinct numbers"),
        (lambda: POPULATION.cohort(Role.TRAIN, [1, 2], visits=[1]), "visits must name at least 1 visit"),
        (lambda: POPULATION.cohort(Role.TRAIN, [1], visits=0), "visits must name at least 1 visit"),
    ],
)
def test_wrong_arguments_are_named(call: object, message: str) -> None:
    assert callable(call)
    with pytest.raises(UsageError, match=message):
        call()


def test_noise_is_each_visit_s_own() -> None:
    """Noise shared between patients would make strangers alike to whoever looks at fine detail."""
    belly = [_fine(POPULATION.image(patient, visit)[None])[0, 54:62, 18:46] for patient in (1, 2) for visit in (0, 1)]
    correlations = np.corrcoef([part.ravel() for part in belly])
    assert np.abs(correlations[~np.eye(4, dtype=bool)]).max() < 0.5


def test_strangers_differ_in_more_than_their_visit() -> None:
    within = np.mean([np.abs(POPULATION.image(p, 0) - POPULATION.image(p, 1)).mean() for p in range(20)])
    between = np.mean([np.abs(POPULATION.image(p, 0) - POPULATION.image(p + 1, 0)).mean() for p in range(20)])
    assert between > 1.4 * within


def test_a_follow_up_widens_the_heart_and_grows_the_nodule() -> None:
    sick = ChestPopulation(seed=5, lesions=1, years=4)
    for patient in range(4):
        sizes = [sick.lesion_mask(patient, visit).sum() for visit in range(3)]
        assert sizes[0] < sizes[1] <= sizes[2]
    noise = np.mean([np.abs(POPULATION.follow_up(p, 0.01) - POPULATION.image(p)).mean() for p in range(6)])
    change = np.mean([np.abs(POPULATION.follow_up(p, 25) - POPULATION.image(p)).mean() for p in range(6)])
    other = np.mean([np.abs(POPULATION.image(p + 1) - POPULATION.image(p)).mean() for p in range(6)])
    assert noise < change < other


def test_years_are_between_visits_and_leave_the_first_as_it_was() -> None:
    yearly = ChestPopulation(seed=5, years=3)
    np.testing.assert_array_equal(yearly.image(4, 0), POPULATION.image(4, 0))
    ages = [yearly.visit(4, visit).age for visit in range(3)]
    np.testing.assert_allclose(np.diff(ages), 3, atol=0.01)


def test_a_nodule_and_a_cavity_are_where_their_masks_are() -> None:
    bare, nodule, cavity = (
        ChestPopulation(seed=5, lesions=share, rare=rare) for share, rare in ((0, 0), (1, 0), (0, 1))
    )
    for patient in range(4):
        assert not bare.lesion_mask(patient).any()
        for population in (nodule, cavity):
            mask = population.lesion_mask(patient)
            change = np.abs(population.image(patient) - bare.image(patient))
            assert change[mask].mean() > 10 * change[~mask].mean()


def test_shares_of_nodules_and_of_the_rare_class_hold() -> None:
    people = ChestPopulation(seed=2, lesions=0.4, rare=0.05).patients(0, 1500)
    for finding, share in (("nodule", 0.4), ("cavity", 0.05)):
        found = np.mean([finding in person.findings for person in people])
        assert abs(found - share) < 4 * np.sqrt(share * (1 - share) / 1500)
    assert "cavity" in ChestPopulation(seed=2, rare=1).visit(0, 0).label
