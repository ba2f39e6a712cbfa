"""What counts as another visit: another day, another volume, or another picture, never the same pixels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from synthaudit.cohort import Cohort, Role
from synthaudit.errors import NotEnoughData
from synthaudit.matching.pool import Pool
from synthaudit.reidentification.visits import two_visits, visits
from tests.reidentification.conftest import cohort


def of(train: Cohort, least: int = 1) -> dict[tuple[str, str], int]:
    """(patient, image) -> visit."""
    pool = Pool.of(train, cohort(Role.HOLDOUT, np.array([90, 91]), 900))
    found = visits(pool, least)
    return {(pool.patient_ids[pool.patient[r]], pool.name(r)): int(found.visit[r]) for r in range(len(pool))}


PEOPLE = np.array([0, 0, 0, 1])


def test_without_days_each_picture_counts() -> None:
    assert len(set(of(cohort(Role.TRAIN, PEOPLE)).values())) == 6


def test_images_of_one_day_are_one_visit() -> None:
    dated = cohort(Role.TRAIN, PEOPLE, study_date=("2020-01-01", "2020-01-01", "2021-03-04", "2020-01-01"))
    found = list(of(dated).items())
    assert len({visit for (patient, _), visit in found if patient == "P0000"}) == 2
    pool = Pool.of(dated, cohort(Role.HOLDOUT, np.array([90]), 900))
    assert visits(pool, 1).says == "days"


def test_where_days_tell_too_few_apart_pictures_do() -> None:
    pool = Pool.of(cohort(Role.TRAIN, PEOPLE, study_date=("2020-01-01",) * 4), cohort(Role.HOLDOUT, PEOPLE[:1] + 90, 9))
    found = visits(pool, 1)
    assert found.says == "pictures"
    assert found.count.max() == 3


def test_slices_of_one_volume_are_one_visit() -> None:
    volumes = replace(cohort(Role.TRAIN, PEOPLE), volumes=("a", "a", "b", "c"), positions=(0.0, 1.0, 0.0, 0.0))
    pool = Pool.of(volumes, cohort(Role.HOLDOUT, np.array([90]), 900))
    found = visits(pool, 1)
    assert found.says == "volumes"
    assert sorted(found.count.tolist()) == [1, 1, 2]


def test_equal_pixels_are_one_visit_whatever_the_day() -> None:
    days = ("2020-01-01", "2021-01-01", "2022-01-01", "2020-01-01")
    twice = cohort(Role.TRAIN, PEOPLE, study_date=days)
    digests = (twice.pixel_digests[0], twice.pixel_digests[0], *twice.pixel_digests[2:])
    found = of(replace(twice, pixel_digests=digests))
    assert len({visit for (patient, _), visit in found.items() if patient == "P0000"}) == 2


def test_no_visit_is_of_two_patients() -> None:
    same_day = cohort(Role.TRAIN, PEOPLE, study_date=("2020-01-01",) * 4)
    digests = (same_day.pixel_digests[0],) * 4
    pool = Pool.of(replace(same_day, pixel_digests=digests), cohort(Role.HOLDOUT, np.array([90, 90]), 900))
    found = visits(pool, 1)
    assert (found.patient[found.visit] == pool.patient).all()


def test_too_few_are_refused_and_counted() -> None:
    pool = Pool.of(cohort(Role.TRAIN, PEOPLE), cohort(Role.HOLDOUT, np.array([90, 91]), 900))
    with pytest.raises(NotEnoughData) as refused:
        visits(pool, 10)
    assert str(refused.value) == (
        "finding a person again needs at least 10 patients with 2 different images each, to learn on and to be judged "
        "by; found fewer than 10. Give more images of the same patients, or patient ids, if there are any"
    )


def test_two_images_of_two_visits_each() -> None:
    days = ("2020-01-01", "2020-01-01", "2021-03-04", "2020-01-01")
    pool = Pool.of(cohort(Role.TRAIN, PEOPLE, study_date=days), cohort(Role.HOLDOUT, np.array([90]), 900))
    found = visits(pool, 1)
    for seed in range(5):
        first, second = two_visits(found, pool, found.again, np.random.default_rng(seed))
        assert (pool.patient[first] == pool.patient[second]).all()
        assert (found.visit[first] != found.visit[second]).all()
