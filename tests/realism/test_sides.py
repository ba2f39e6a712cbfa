"""Who is compared: one image of each patient, whoever was trained on, and in no order that a file has a part in."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from synthaudit.cohort import Cohort, Role
from synthaudit.errors import NotEnoughData
from synthaudit.generators.made import ArrayImage
from synthaudit.matching.pool import Pool
from synthaudit.realism.sides import Sides, sides


def cohort(role: Role, patients: list[str], volumes: tuple[str, ...] = ()) -> Cohort:
    n = len(patients)
    return Cohort(
        role=role,
        names=tuple(f"{role}-{i}" for i in range(n)),
        sources=tuple(ArrayImage(np.full((4, 4), i / n, dtype=np.float32)) for i in range(n)),
        patients=tuple(patients),
        known_patient=np.full(n, role is not Role.SYNTHETIC),
        attributes={},
        pixel_digests=tuple(f"{role}-{(i * 7) % n:03d}" for i in range(n)),
        volumes=volumes,
        positions=tuple(float(i) for i in range(n)) if volumes else (),
    )


def scene(n: int = 15, *, holdout: bool = True, volumes: tuple[str, ...] = ()) -> Any:
    train = cohort(Role.TRAIN, [f"a{i % n}" for i in range(3 * n)])
    held = cohort(Role.HOLDOUT, [f"b{i % n}" for i in range(2 * n)])
    made = cohort(Role.SYNTHETIC, [f"s{i}" for i in range(4 * n)], volumes)
    real = (train, held) if holdout else (train,)
    return SimpleNamespace(
        train=train, holdout=held if holdout else None, synthetic=made, pool=Pool.of(*real), encoder=None
    )


def chosen(evidence: Any, seed: int = 0) -> Sides:
    return sides(evidence, np.random.default_rng(seed))


def test_each_patient_is_there_once() -> None:
    evidence = scene()
    found = chosen(evidence)
    patient, is_train = evidence.pool.patient, evidence.pool.patient_is_train
    for rows, side in ((found.held, False), (found.one_each, True)):
        assert len(rows) == 15
        assert len(set(patient[rows])) == 15
        assert (is_train[patient[rows]] == side).all()
    assert len(found.reference) == 45
    assert found.n == 15
    limited = found.at_most(reference=10, sample=12)
    assert (len(limited.reference), len(limited.held), len(limited.made), len(limited.one_each)) == (10, 12, 12, 12)


def test_slices_of_one_synthetic_volume_count_once() -> None:
    evidence = scene(volumes=tuple(f"v{i // 4}" for i in range(60)))
    rows = chosen(evidence).made
    assert len(rows) == 15
    assert len(set(evidence.synthetic.volume_index[rows])) == 15


def test_exchanging_the_labels_chooses_the_same_images() -> None:
    evidence = scene()
    swapped = SimpleNamespace(**vars(evidence))
    swapped.pool = Pool(
        evidence.pool.cohorts,
        evidence.pool.cohort_of,
        evidence.pool.row_of,
        evidence.pool.patient,
        evidence.pool.patient_ids,
        ~evidence.pool.patient_is_train,
    )
    before, after = chosen(evidence), chosen(swapped)
    np.testing.assert_array_equal(before.held, after.one_each)
    np.testing.assert_array_equal(before.one_each, after.held)


def test_the_order_of_synthetic_files_changes_nothing() -> None:
    evidence, other = scene(), scene()
    order = np.random.default_rng(3).permutation(60)
    other.synthetic = evidence.synthetic.subset(order)
    digests = [[one.synthetic.pixel_digests[row] for row in chosen(one).made] for one in (evidence, other)]
    assert digests[0] == digests[1]


def test_without_a_holdout_patients_stand_on_one_side_only() -> None:
    evidence = scene(26, holdout=False)
    found = chosen(evidence)
    patient = evidence.pool.patient
    assert found.from_train
    assert len(found.held) == len(found.one_each) == 13
    assert not set(patient[found.held]) & set(patient[found.reference])


def test_too_few_are_refused() -> None:
    with pytest.raises(NotEnoughData, match=r"^realism needs at least 12 training patients, .* got 11, 11 and 44$"):
        chosen(scene(11))
    with pytest.raises(NotEnoughData, match=r"without a holdout, half of the training patients stand in for one$"):
        chosen(scene(20, holdout=False))
