"""What there is to learn: a column that real and synthetic images share, its classes, and who has enough of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthaudit.attributes import SEPARATOR, SMALLEST_CELL, findings, group_columns, values
from synthaudit.cohort import Cohort
from synthaudit.errors import NotEnoughData

LABEL = "label"
"""The column asked for first; it may hold several findings, others hold one value."""
LEAST_TRAINING = 10
"""Real training images of a class, so that there is something to learn it from."""
NO_COLUMN = (
    "training and synthetic images need a column with the same kind of values, found none; add a column label (or sex, "
    "age, ...) for the synthetic images, too, to the table given with --metadata"
)


@dataclass(frozen=True, eq=False)
class Task:
    """A classification that can be tested.

    Attributes:
        column: What is learned.
        classes: Names of the classes (k), the most common in the test set first.
        exclusive: Whether an image belongs to exactly one class; else each class is a question of its own.
        train, holdout, synthetic: Rows of the cohorts that take part.
        is_train, is_holdout, is_synthetic: (n, k) bool, which classes each of these images belongs to.
        left_out: Classes with too few patients to test on or images to learn from.
    """

    column: str
    classes: tuple[str, ...]
    exclusive: bool
    train: NDArray[np.intp]
    holdout: NDArray[np.intp]
    synthetic: NDArray[np.intp]
    is_train: NDArray[np.bool_]
    is_holdout: NDArray[np.bool_]
    is_synthetic: NDArray[np.bool_]
    left_out: int

    @property
    def rarest(self) -> int:
        """Number of the class of which there are the fewest real training images."""
        return int(np.argmin(self.is_train.sum(axis=0)))


def shared_column(train: Cohort, holdout: Cohort, synthetic: Cohort) -> str:
    """The label, if all three have one; else the first column that divides them all.

    Raises:
        NotEnoughData: There is none.
    """
    cohorts = (train, holdout, synthetic)
    if all(any(values(cohort, LABEL)) for cohort in cohorts):
        return LABEL
    shared = [column for column in group_columns(cohorts) if all(any(values(c, column)) for c in cohorts)]
    if not shared:
        raise NotEnoughData(NO_COLUMN)
    preferred = [column for column in ("sex", "age") if column in shared]
    return (preferred or shared)[0]


def task(
    train: Cohort,
    holdout: Cohort,
    synthetic: Cohort,
    left_out: tuple[NDArray[np.bool_], NDArray[np.bool_]],
) -> Task:
    """What can be learned and tested.

    Args:
        train, holdout, synthetic: The cohorts.
        left_out: (n,) for training and holdout, images of patients who take no part.

    Raises:
        NotEnoughData: No shared column, or fewer than two classes (one finding) with 10 test patients.
    """
    column = shared_column(train, holdout, synthetic)
    kept = (~left_out[0], ~left_out[1], np.ones(len(synthetic), dtype=bool))
    cohorts = (train, holdout, synthetic)
    known = [
        np.flatnonzero(np.array([bool(value) for value in values(cohort, column)]) & use)
        for cohort, use in zip(cohorts, kept, strict=True)
    ]
    several = column == LABEL and any(SEPARATOR in value for cohort in cohorts for value in values(cohort, column))
    named = [_named(cohort, column, several) for cohort in cohorts]
    counts = {
        name: _patients(holdout, known[1], named[1], name)
        for name in {name for row in known[1] for name in named[1][row]}
    }
    enough = [
        name
        for name in sorted(counts, key=lambda name: (-counts[name], name))
        if counts[name] >= SMALLEST_CELL and sum(name in named[0][row] for row in known[0]) >= LEAST_TRAINING
    ]
    if len(enough) < (1 if several else 2):
        raise NotEnoughData(
            f"testing what was learned needs {'a finding' if several else 'two classes'} with at least {SMALLEST_CELL} "
            f"held-out patients and {LEAST_TRAINING} training images each, got {len(enough)} of {len(counts)} in "
            f"column {column}"
        )
    if not several:  # images of a class that is not tested cannot be right
        known = [
            rows[np.array([bool(names[row] & set(enough)) for row in rows], dtype=bool)]
            for rows, names in zip(known, named, strict=True)
        ]
    belongs = [
        np.array([[name in names[row] for name in enough] for row in rows], dtype=bool).reshape(len(rows), len(enough))
        for rows, names in zip(known, named, strict=True)
    ]
    everyone = {name for names, rows in zip(named, known, strict=True) for row in rows for name in names[row]}
    return Task(
        column,
        tuple(enough),
        not several,
        *(known[0], known[1], known[2]),
        *(belongs[0], belongs[1], belongs[2]),
        len(everyone | set(counts)) - len(enough),
    )


def _named(cohort: Cohort, column: str, several: bool) -> list[frozenset[str]]:
    """The classes of each image."""
    return [findings(value) if several else frozenset({value} - {""}) for value in values(cohort, column)]


def _patients(cohort: Cohort, rows: NDArray[np.intp], named: list[frozenset[str]], name: str) -> int:
    return len({int(cohort.patient_index[row]) for row in rows if name in named[row]})
