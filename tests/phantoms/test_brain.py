"""Simulated brains: identity over visits and contrasts, one anatomy in every contrast, years, lesions, shares."""

from __future__ import annotations

import pickle
from collections import Counter
from collections.abc import Callable
from functools import lru_cache

import numpy as np
import pytest

from synthaudit.cohort import Role
from synthaudit.errors import UsageError
from synthaudit.phantoms.brain import BrainPopulation
from synthaudit.phantoms.brain_contrast import CONTRASTS, VALUES, Contrast
from synthaudit.phantoms.brain_source import ATTRIBUTES
from synthaudit.phantoms.brain_tissue import LESIONS, Tissue
from synthaudit.phantoms.field import Floats, blurred
from synthaudit.phantoms.people import GROUPS, group_shares

POPULATION = BrainPopulation(seed=3, size=32, slices=8)
HEALTHY = BrainPopulation(seed=3, size=32, lesions=0)
SICK = BrainPopulation(seed=3, size=32, slices=8, lesions=1)


def _detail(image: Floats) -> Floats:
    """What is fine in the brain, without the skull; of length 1."""
    place = (np.arange(len(image)) + 0.5) * 2 / len(image) - 1
    inside = (place[None, :] / 0.6) ** 2 + (place[:, None] / 0.74) ** 2 < 1
    fine = (image - blurred(image, len(image) / 20))[inside]
    fine -= fine.mean()
    return np.asarray(fine / np.linalg.norm(fine), dtype=np.float32)


@lru_cache
def _details(visit: int, contrast: Contrast, patients: int) -> Floats:
    return np.stack([_detail(POPULATION.image(patient, visit, contrast)) for patient in range(patients)])


def _found(first: Contrast, second: Contrast, sign: int, patients: int) -> float:
    """Share of patients whose second visit is the nearest to their first; chance is 1 / patients."""
    queries, gallery = (_details(visit, contrast, patients) for visit, contrast in ((0, first), (1, second)))
    return float(((sign * queries @ gallery.T).argmax(axis=1) == np.arange(patients)).mean())


def test_an_image_depends_on_population_patient_visit_and_contrast_only() -> None:
    once, again = POPULATION.image(9, 1, "flair"), BrainPopulation(seed=3, size=32, slices=8).image(9, 1, "flair")
    np.testing.assert_array_equal(once, again)
    others = (
        BrainPopulation(seed=4, size=32).image(9, 1, "flair"),
        POPULATION.image(8, 1, "flair"),
        POPULATION.image(9, 0, "flair"),
        POPULATION.image(9, 1, "t1"),
    )
    assert all(np.abs(once - other).mean() > 0.005 for other in others)
    late = POPULATION.cohort(Role.TRAIN, [9], visits=2)
    early = POPULATION.cohort(Role.TRAIN, [3, 9], visits=3)
    assert late.pixel_digests == early.pixel_digests[3:5]


@pytest.mark.parametrize("size", [16, 48, 97, 256])
@pytest.mark.parametrize("contrast", ["t1", "ct"])
def test_pixels_lie_on_256_levels_at_every_size(size: int, contrast: Contrast) -> None:
    image = BrainPopulation(seed=1, size=size).image(0, 0, contrast)
    assert image.shape == (size, size)
    assert image.dtype == np.float32
    assert 0 <= image.min() < 0.1
    assert 0.6 < image.max() <= 1
    np.testing.assert_array_equal(image, np.round(image * 255).astype(np.float32) / np.float32(255))


def test_a_size_is_the_same_patient() -> None:
    small = BrainPopulation(seed=1, size=32).image(4)
    large = BrainPopulation(seed=1, size=128).image(4).reshape(32, 4, 32, 4).mean(axis=(1, 3))
    assert np.corrcoef(small.ravel(), large.ravel())[0, 1] > 0.97


@pytest.mark.parametrize(
    ("first", "second", "sign"), [("t1", "t1", 1), ("flair", "flair", 1), ("ct", "ct", 1), ("t1", "t2", -1)]
)
def test_a_patient_is_found_again_at_the_next_visit(first: Contrast, second: Contrast, sign: int) -> None:
    """Within a contrast, and from T1 to T2 (dark where T1 is bright); chance is 1 in 30."""
    found = _found(first, second, sign, 30)
    assert found > (0.4 if first == "ct" else 0.7)
    assert found < 1.0 or first != "ct"  # Visits differ: an audit that finds everyone would be a toy.


def test_contrasts_share_one_anatomy() -> None:
    """Each contrast, its noise aside, is a function of the tissue alone."""
    population = BrainPopulation(seed=5, size=64, lesions=1)
    tissue = population.tissue(0)
    for contrast in CONTRASTS:
        values = population.signal(0, 0, contrast)
        expected = VALUES[contrast]
        kinds = (Tissue.GRAY, Tissue.WHITE, Tissue.VENTRICLE, Tissue.SKULL, Tissue.SCALP)
        medians = [float(np.median(values[tissue == kind])) for kind in kinds]
        assert np.corrcoef(medians, [expected[kind] for kind in kinds])[0, 1] > 0.9
    t1, t2 = population.pair(0, 0, "t1", "t2")
    np.testing.assert_array_equal(t1, population.image(0, 0, "t1"))
    np.testing.assert_array_equal(t2, population.image(0, 0, "t2"))


def test_only_a_rim_lights_up_after_contrast_medium() -> None:
    population = BrainPopulation(seed=3, size=64, lesions=1)
    patient = next(p for p in range(20) if (population.tissue(p) == Tissue.TUMOR_RIM).sum() > 10)
    before, after = population.pair(patient, 0, "t1", "t1c")
    rim = population.tissue(patient) == Tissue.TUMOR_RIM
    rest = np.isin(population.tissue(patient), [Tissue.GRAY, Tissue.WHITE, Tissue.VENTRICLE])
    assert (after - before)[rim].mean() > 0.2
    assert abs((after - before)[rest].mean()) < 0.05


def test_bone_is_bright_on_ct_and_dark_on_mr() -> None:
    tissue = POPULATION.tissue(1)
    assert POPULATION.image(1, 0, "ct")[tissue == Tissue.SKULL].mean() > 0.95
    assert POPULATION.image(1, 0, "t1")[tissue == Tissue.SKULL].mean() < 0.4
    hounsfield = POPULATION.signal(1, 0, "ct")
    assert np.median(hounsfield[tissue == Tissue.SKULL]) > 400
    assert -1024 <= hounsfield.min() < -900
    wide = BrainPopulation(seed=3, size=32, ct_window=(-1024, 3071)).image(1, 0, "ct")
    np.testing.assert_allclose(wide, (hounsfield + 1024) / 4095, atol=0.5 / 255 + 1e-6)


def test_ventricles_grow_and_cortex_thins_with_the_years() -> None:
    ventricle, gray = [], []
    for patient in range(12):
        now, later = (HEALTHY.tissue(patient, 0, years) for years in (0.0, 15.0))
        ventricle.append(((later == Tissue.VENTRICLE).sum() + 1) / ((now == Tissue.VENTRICLE).sum() + 1))
        gray.append((later == Tissue.GRAY).sum() / (now == Tissue.GRAY).sum())
    assert np.mean(ventricle) > 1.2
    assert min(ventricle) >= 1
    assert np.mean(gray) < 1
    assert np.std(ventricle) > 0.05  # A rate of each patient's own.


def test_a_follow_up_is_the_same_patient_grown_older() -> None:
    change = [np.abs(HEALTHY.follow_up(p, 20) - HEALTHY.image(p)).mean() for p in range(8)]
    noise = [np.abs(HEALTHY.follow_up(p, 0.1) - HEALTHY.image(p)).mean() for p in range(8)]
    others = [np.abs(HEALTHY.image(p + 1) - HEALTHY.image(p)).mean() for p in range(8)]
    assert np.mean(noise) < np.mean(change) < np.mean(others)


def test_years_are_between_visits() -> None:
    cohort = BrainPopulation(seed=3, size=16, years=5).cohort(Role.TRAIN, range(2), visits=3)
    ages = [float(age) for age in cohort.attributes["age"]]
    np.testing.assert_allclose(np.diff(ages)[[0, 1, 3, 4]], 5, atol=0.11)
    assert [date[:4] for date in cohort.attributes["study_date"][:3]] == [
        str(int(cohort.attributes["study_date"][0][:4]) + years) for years in (0, 5, 10)
    ]


def test_a_lesion_is_where_its_mask_is() -> None:
    for patient in range(6):
        mask, tissue = SICK.lesion_mask(patient), SICK.tissue(patient)
        assert mask.dtype == bool
        assert mask.any()
        assert np.isin(tissue[mask], LESIONS).mean() > 0.8
        assert not HEALTHY.lesion_mask(patient).any()
        flair, healthy = SICK.image(patient, 0, "flair"), HEALTHY.image(patient, 0, "flair")
        assert np.abs(flair - healthy)[mask].mean() > 3 * np.abs(flair - healthy)[~mask].mean()


def test_a_tumor_grows() -> None:
    sizes = [[SICK.lesion_mask(patient, 0, later).sum() for later in (0, 2, 4)] for patient in range(6)]
    assert all(first <= second <= third for first, second, third in sizes)
    assert sum(third for *_, third in sizes) > 1.1 * sum(first for first, *_ in sizes)


def test_shares_of_groups_lesions_and_the_rare_class_hold() -> None:
    n = 1500
    people = BrainPopulation(seed=2, size=16, imbalance=0.8, lesions=0.3, rare=0.06).patients(0, n)
    groups = Counter(person.group for person in people)
    for group, share in zip(GROUPS, group_shares(0.8), strict=True):
        assert abs(groups[group] / n - share) < 4 * np.sqrt(share * (1 - share) / n)
    for finding, share in (("tumor", 0.3), ("white-matter-lesions", 0.3), ("cyst", 0.06)):
        assert abs(np.mean([finding in p.findings for p in people]) - share) < 4 * np.sqrt(share * (1 - share) / n)
    none = BrainPopulation(seed=2, size=16, lesions=0).patients(0, 200)
    assert not any(person.findings for person in none)


def test_lesions_and_the_rare_class_change_nothing_else() -> None:
    """The same patient with and without a cyst: far from it, every pixel is the same."""
    with_cyst = BrainPopulation(seed=3, size=32, lesions=0, rare=1)
    mask = with_cyst.lesion_mask(2)
    far = blurred(mask.astype(np.float32), 2.0) < 1e-3
    assert mask.any()
    np.testing.assert_allclose(with_cyst.image(2)[far], HEALTHY.image(2)[far], atol=2 / 255)
    assert with_cyst.visit(2).label == "cyst"
    assert HEALTHY.visit(2).label == "normal"


def test_slices_of_a_volume_are_one_head() -> None:
    volume = POPULATION.volume(2)
    assert volume.shape == (8, 32, 32)
    other = POPULATION.volume(3)
    near, far = (
        np.mean([np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in zip(volume[1:5], next_[2:6], strict=True)])
        for next_ in (volume, other)
    )
    assert near > far
    tissue = np.stack([POPULATION.tissue(2, slice_=number) for number in range(8)])
    assert {Tissue.VENTRICLE, Tissue.GRAY, Tissue.WHITE, Tissue.SKULL} <= set(tissue.ravel())
    assert (volume[0] != volume[1]).any()


def test_a_cohort_of_volumes_names_its_slices() -> None:
    cohort = POPULATION.cohort(Role.TRAIN, range(2), 1, contrasts=("t1", "ct"), volumes=True)
    assert len(cohort) == 2 * 2 * 8
    assert len(cohort.volume_ids) == 4
    assert cohort.positions[:8] == tuple(map(float, range(8)))
    np.testing.assert_array_equal(cohort.sources[3].read(), POPULATION.volume(0)[3])
    assert tuple(cohort.attributes) == ATTRIBUTES
    assert set(cohort.attributes["contrast"]) == {"t1", "ct"}
    source = pickle.loads(pickle.dumps(cohort.sources[9]))
    np.testing.assert_array_equal(source.read(), POPULATION.volume(0, 0, "ct")[1])


def test_noise_is_each_image_s_own() -> None:
    """Noise shared between contrasts, slices or visits would tie images together that share nothing else."""
    images = [POPULATION.signal(2, *which) for which in ((0, "t1"), (0, "t2"), (1, "t1"), (0, "t1", 6), (0, "t1", 7))]
    images += [POPULATION.signal(3), POPULATION.signal(2, later=1.0)]
    ends = np.r_[0:6, -6:0]
    corners = [image[np.ix_(ends, ends)].ravel() for image in images]
    correlations = np.corrcoef(corners)
    assert np.abs(correlations[~np.eye(len(images), dtype=bool)]).max() < 0.4


def test_sex_age_and_group_can_be_read_but_not_surely() -> None:
    people = HEALTHY.patients(0, 100)
    tissue = [HEALTHY.tissue(person.number) for person in people]
    ventricle = [(one == Tissue.VENTRICLE).sum() for one in tissue]
    assert 0.4 < np.corrcoef(ventricle, [person.age for person in people])[0, 1] < 0.95
    area = np.array([(one != Tissue.BACKGROUND).sum() for one in tissue])
    male = np.array([person.sex == "M" for person in people])
    assert 0.55 < np.mean(area[male][:, None] > area[~male][None, :]) < 0.95
    shape = np.array([HEALTHY.anatomy(person.number)[1].skull.axes for person in people])
    group = np.array([person.group for person in people])
    wide = shape[:, 0] / shape[:, 1]
    assert 0.6 < np.mean(wide[group == "C"][:, None] > wide[group == "A"][None, :]) < 0.99


def test_a_single_image_is_no_slice() -> None:
    cohort = POPULATION.cohort(Role.HOLDOUT, range(2))
    assert cohort.volumes == ()
    assert cohort.patient_ids == ("BRX-000000", "BRX-000001")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: BrainPopulation(seed=-1), "seed must be at least 0, got -1"),
        (lambda: BrainPopulation(seed=0, size=8), r"size must lie in \[16, 512\] pixels, got 8"),
        (lambda: BrainPopulation(seed=0, slices=2), r"slices must lie in \[8, 128\], got 2"),
        (lambda: BrainPopulation(seed=0, years=0), r"years must lie in \(0, 30\], got 0"),
        (lambda: BrainPopulation(seed=0, rare=2), r"the share of patients with cyst must lie in \[0, 1\], got 2"),
        (lambda: BrainPopulation(seed=0, lesions=-1), r"the share of patients with tumor must lie in \[0, 1\], got -1"),
        (
            lambda: BrainPopulation(seed=0, ct_window=(10, 10)),
            "ct_window must go from a lower to a higher number",
        ),
        (lambda: POPULATION.follow_up(0, 31), r"years must lie in \(0, 30\], got 31"),
        (lambda: POPULATION.signal(0, 0, "pd"), "contrast must be one of t1, t2, flair, t1c, ct, got pd"),  # type: ignore[arg-type]
        (lambda: POPULATION.cohort(Role.TRAIN, [1, 1]), "patients must be distinct numbers"),
        (lambda: POPULATION.cohort(Role.TRAIN, [1], visits=0), "visits must name at least 1 visit"),
    ],
)
def test_wrong_arguments_are_named(call: Callable[[], object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        call()
