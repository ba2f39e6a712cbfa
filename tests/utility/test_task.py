"""Which column is learned, which classes have enough patients, and what is said where there is none."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from synthaudit.cohort import Cohort, Role
from synthaudit.errors import NotEnoughData
from synthaudit.generators.made import ArrayImage
from synthaudit.utility.task import Task, shared_column, task


def cohort(role: Role, labels: Sequence[str], column: str = "label", patients: Sequence[int] | None = None) -> Cohort:
    n = len(labels)
    return Cohort(
        role=role,
        names=tuple(map(str, range(n))),
        sources=(ArrayImage(np.zeros((2, 2), dtype=np.float32)),) * n,
        patients=tuple(map(str, patients or range(n))),
        known_patient=np.ones(n, dtype=bool),
        attributes={column: tuple(labels)} if column else {},
        pixel_digests=tuple(map(str, range(n))),
    )


def made(train: Sequence[str], holdout: Sequence[str], synthetic: Sequence[str], column: str = "label") -> Task:
    sides = (cohort(Role.TRAIN, train, column), cohort(Role.HOLDOUT, holdout, column))
    out = (np.zeros(len(train), dtype=bool), np.zeros(len(holdout), dtype=bool))
    return task(*sides, cohort(Role.SYNTHETIC, synthetic, column), out)


MANY = ["a"] * 20 + ["b"] * 12 + ["c"] * 4


def test_classes_with_few_patients_are_left_out() -> None:
    found = made(MANY, [*MANY, ""], ["a", "b", "c", ""])
    assert (found.column, found.classes, found.exclusive) == ("label", ("a", "b"), True)
    assert (len(found.train), len(found.holdout), found.synthetic.tolist()) == (32, 32, [0, 1])
    assert found.left_out == 1
    assert found.rarest == 1
    assert found.is_holdout.sum(axis=0).tolist() == [20, 12]


def test_ten_images_of_few_patients_are_few_patients() -> None:
    labels = ["a"] * 12 + ["b"] * 12
    holdout = cohort(Role.HOLDOUT, labels, patients=[*range(12), *([50] * 12)])
    out = (np.zeros(24, dtype=bool), np.zeros(24, dtype=bool))
    with pytest.raises(
        NotEnoughData, match=r"two classes with at least 10 held-out patients .* got 1 of 2 in column label"
    ):
        task(cohort(Role.TRAIN, labels), holdout, cohort(Role.SYNTHETIC, labels), out)


def test_findings_are_separate_questions() -> None:
    labels = ["Edema|Mass"] * 11 + ["Mass"] * 3 + ["none"] * 12
    found = made(labels, labels, ["Mass", "Effusion"])
    assert (found.classes, found.exclusive) == (("Mass", "none", "Edema"), False)
    assert found.is_train[0].tolist() == [True, False, True]
    assert found.is_synthetic.tolist() == [[True, False, False], [False, False, False]]
    assert found.left_out == 1


def test_without_a_label_another_column_serves() -> None:
    labels = ["F"] * 15 + ["M"] * 15
    assert made(labels, labels, labels, "sex").classes == ("F", "M")
    ages = ["30"] * 15 + ["70"] * 15
    assert made(ages, ages, ages, "age").classes == ("18-39", "60-79")


def test_synthetic_images_without_labels_are_told_what_to_add() -> None:
    real, none = cohort(Role.TRAIN, MANY), cohort(Role.SYNTHETIC, MANY, "")
    for synthetic in (none, cohort(Role.SYNTHETIC, [""] * 36)):
        with pytest.raises(NotEnoughData, match=r"add a column label .* to the table given with --metadata"):
            shared_column(real, cohort(Role.HOLDOUT, MANY), synthetic)
