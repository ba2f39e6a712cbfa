"""The pool: all real images in an order that knows nothing of the label."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from synthaudit.cohort import Cohort, Role
from synthaudit.generators.made import ArrayImage
from synthaudit.matching import pool as module
from synthaudit.matching.pool import Pool, working_size


def cohort(role: Role, patients: list[str], digests: list[int], names: list[str] | None = None) -> Cohort:
    n = len(patients)
    return Cohort(
        role=role,
        names=tuple(names or [f"{role}-{i}.png" for i in range(n)]),
        sources=tuple(ArrayImage(np.full((8, 8), d / 100, np.float32)) for d in digests),
        patients=tuple(patients),
        known_patient=np.ones(n, dtype=bool),
        attributes={},
        pixel_digests=tuple(f"{d:064d}" for d in digests),
    )


def rows_of(pool: Pool) -> list[tuple[str, str, str]]:
    return [(pool.digest(r), pool.name(r), pool.patient_ids[pool.patient[r]]) for r in range(len(pool))]


PEOPLE = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 7)), min_size=1, max_size=12)


@given(PEOPLE, PEOPLE, st.booleans())
def test_the_order_is_blind_to_the_label(
    train: list[tuple[int, int]], holdout: list[tuple[int, int]], same_names: bool
) -> None:
    """Equal pixels under equal names on both sides included: not even ties may be broken by the label."""

    def side(role: Role, people: list[tuple[int, int]], ward: str) -> Cohort:
        names = [f"{i}.png" if same_names else f"{ward}{i}.png" for i in range(len(people))]
        return cohort(role, [f"{p}{ward}" for p, _ in people], [d for _, d in people], names)

    a, b = side(Role.TRAIN, train, "x"), side(Role.HOLDOUT, holdout, "y")
    before = Pool.of(a, b)
    after = Pool.of(replace(b, role=Role.TRAIN), replace(a, role=Role.HOLDOUT))
    assert rows_of(after) == rows_of(before)
    np.testing.assert_array_equal(after.patient, before.patient)
    np.testing.assert_array_equal(after.patient_is_train, ~before.patient_is_train)
    assert [digest for digest, _, _ in rows_of(before)] == sorted(digest for digest, _, _ in rows_of(before))
    assert before.images_of.sum() == len(train) + len(holdout)


@given(PEOPLE, PEOPLE)
def test_vectors_follow_their_images(train: list[tuple[int, int]], holdout: list[tuple[int, int]]) -> None:
    sides = [
        cohort(role, [f"{p}{role}" for p, _ in people], [d for _, d in people])
        for role, people in ((Role.TRAIN, train), (Role.HOLDOUT, holdout))
    ]
    pool = Pool.of(*sides)
    vectors = [np.array([[d] for d in map(int, side.pixel_digests)], dtype=np.float32) for side in sides]
    found: NDArray[np.float32] = pool.in_pool_order(*vectors)
    assert [int(v) for v in found[:, 0]] == [int(pool.digest(r)) for r in range(len(pool))]
    for row in range(len(pool)):
        assert float(pool.read(row)[0, 0]) == pytest.approx(int(pool.digest(row)) / 100)


def test_one_id_on_both_sides_is_two_patients() -> None:
    pool = Pool.of(cohort(Role.TRAIN, ["a"], [1]), cohort(Role.HOLDOUT, ["a"], [2]))
    assert pool.n_patients == 2
    assert sorted(pool.patient_is_train) == [False, True]


def test_prepared_images_are_kept_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = Pool.of(cohort(Role.TRAIN, ["a", "b", "c"], [1, 2, 3]))
    first = pool.prepared(0, 64)
    assert pool.prepared(0, 64) is first
    assert pool.prepared(0, 96).full.shape == (96, 96)
    monkeypatch.setattr(module, "_STORE_BYTES", first.nbytes)
    for row in range(3):
        np.testing.assert_array_equal(pool.prepared(row, 64).full, pool.read(row)[0, 0])
    assert len(pool._prepared) == 1


@given(st.lists(st.integers(1, 4000), min_size=1, max_size=20))
def test_the_working_size_is_the_median_side_within_reason(sides: list[int]) -> None:
    size = working_size(np.array(sides))
    assert 64 <= size <= 256
    assert size % 32 == 0
    assert abs(size - np.clip(np.median(sides), 64, 256)) <= 16
    assert working_size(np.array(sides[::-1])) == size
