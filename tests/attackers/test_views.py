"""Which records there are to link, and how one image of each is drawn."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from synthaudit.attackers.holdings import Holdings
from synthaudit.attackers.views import VISITS, natural_views
from synthaudit.cohort import Cohort, Role
from synthaudit.errors import NotEnoughData

from .worlds import holdings, people, world


def with_columns(seed: int = 0, n: int = 30, images: int = 4, **columns: list[str]) -> Holdings:
    """Patients with `images` images each, and columns that repeat over a patient's images."""
    rng = np.random.default_rng(seed)
    sides, vectors = [], []
    for start, role in enumerate((Role.TRAIN, Role.HOLDOUT)):
        some = people(n, (images, images), rng)
        one = some.cohort(role, start * 3_000)
        given = {name: tuple(values[i % images] for i in range(len(one))) for name, values in columns.items()}
        sides.append(replace(one, attributes=given))
        vectors.append(some.rows)
    made = people(40, (1, 1), rng)
    return holdings(sides, vectors, made.cohort(Role.SYNTHETIC), made.rows)


def test_columns_that_divide_views_come_before_visits() -> None:
    held = with_columns(modality=["T1", "FLAIR", "FLAIR", "T1C"], side=["left", "left", "right", "right"])
    modality, side = natural_views(held)
    assert (modality.name, side.name) == ("modality", "side")
    assert len(modality.patient) == 60
    assert [len(record) for record in modality.records[0]] == [2, 1]  # FLAIR with T1: first in alphabetical order
    assert modality.view is not None
    assert sorted(np.bincount(modality.view + 1).tolist()) == [60, 60, 120]


def test_each_draw_takes_one_image_of_each_record() -> None:
    (views,) = natural_views(with_columns(modality=["T1", "FLAIR", "FLAIR", "T1"]))
    drawn = set()
    for seed in range(8):
        first, second = views.draw(np.random.default_rng(seed))
        for patient, records in enumerate(views.records):
            assert first[patient] in records[0]
            assert second[patient] in records[1]
        drawn.add(int(first[0]))
    assert len(drawn) == 2


def test_visits_go_by_date_then_by_volume_then_by_image() -> None:
    (by_image,) = natural_views(with_columns())
    assert by_image.name == VISITS
    assert len(by_image.records[0]) == 4
    (by_date,) = natural_views(with_columns(study_date=["2020-01-01", "2020-01-01", "2021-05-05", "2021-05-05"]))
    assert [len(record) for record in by_date.records[0]] == [2, 2]
    held = with_columns()

    def sliced(cohort: Cohort) -> Cohort:
        volumes = tuple(f"{patient}-{i % 4 // 3}" for i, patient in enumerate(cohort.patients))
        return replace(cohort, volumes=volumes, positions=(float("nan"),) * len(cohort))

    pool = replace(held.pool, cohorts=tuple(sliced(one) for one in held.pool.cohorts))
    (by_volume,) = natural_views(replace(held, pool=pool))
    assert sorted(len(record) for record in by_volume.records[0]) == [1, 3]


def test_the_same_picture_twice_is_no_second_visit() -> None:
    held = with_columns(images=2)

    def repeated(cohort: Cohort) -> Cohort:
        return replace(cohort, pixel_digests=tuple(cohort.pixel_digests[i - i % 2] for i in range(len(cohort))))

    pool = replace(held.pool, cohorts=tuple(repeated(one) for one in held.pool.cohorts))
    with pytest.raises(NotEnoughData, match="got fewer than 10 for training and fewer than 10 for holdout"):
        natural_views(replace(held, pool=pool))


def test_one_image_each_is_nothing_to_link() -> None:
    with pytest.raises(NotEnoughData, match=r"where patients have one image, there is nothing to link$"):
        natural_views(world(0, images=((1, 1), (1, 1))))
