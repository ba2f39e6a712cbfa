"""What is known of patients beside their images: attribute columns, ages in bands, findings of a label, one a patient.

Groups are read here and nowhere else, so that a probe of privacy and one of fairness mean the same people by "women
of 40 to 59". A value that is missing is "", and is never a group.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping

from synthaudit.cohort import Cohort

AGE_BANDS = ((18, "0-17"), (40, "18-39"), (60, "40-59"), (80, "60-79"), (math.inf, "80 and over"))
"""(first age beyond, name), youngest first."""
SMALLEST_CELL = 10
"""Of fewer patients nothing is said in public."""
MOST_VALUES = 20
"""A column with more values is an identifier or a measurement, no grouping."""
NOT_GROUPS = frozenset({"patient_id", "study_date", "visit", "source", "slice", "volume", "role", "split", "file"})
"""Columns that say where an image is from, not who is on it."""
SEPARATOR = "|"
"""Between the findings of one label: "Cardiomegaly|Effusion", as ChestX-ray14 writes them."""


def age_band(age: str) -> str:
    """The band of an age in years, "" where it is none.

    >>> age_band("36"), age_band("82.3"), age_band("unknown")
    ('18-39', '80 and over', '')
    """
    try:
        years = float(age)
    except ValueError:
        return ""
    if not 0 <= years < 130:
        return ""
    return next(name for beyond, name in AGE_BANDS if years < beyond)


def values(cohort: Cohort, column: str) -> tuple[str, ...]:
    """(n,) the column's value for each image, ages in bands; "" where it is missing or there is no such column."""
    given = cohort.attributes.get(column)
    if given is None:
        return ("",) * len(cohort)
    return tuple(age_band(value) if column == "age" else value.strip() for value in given)


def findings(label: str) -> frozenset[str]:
    """The findings that a label names.

    >>> sorted(findings("Cardiomegaly|Effusion")), sorted(findings(""))
    (['Cardiomegaly', 'Effusion'], [])
    """
    return frozenset(part.strip() for part in label.split(SEPARATOR) if part.strip())


def patient_values(cohort: Cohort, column: str) -> tuple[str, ...]:
    """(p,) each patient's value, in the order of `cohort.patient_ids`: what most of their images say, "" if none does.

    Of several values said equally often it is the first in alphabetical order.
    """
    counts: list[Counter[str]] = [Counter() for _ in cohort.patient_ids]
    for patient, value in zip(cohort.patient_index, values(cohort, column), strict=True):
        if value:
            counts[patient][value] += 1
    return tuple(min(c, key=lambda value: (-c[value], value)) if c else "" for c in counts)


def suppressed(sizes: Mapping[str, int]) -> frozenset[str]:
    """The values that nothing is said of in public: those of fewer than 10 patients, and what would give them away.

    The total and the other values tell how many patients are hidden, so more are hidden, the smallest first, until
    these are two values at least, and 10 patients.

    Args:
        sizes: Value -> patients.

    >>> sorted(suppressed({"F": 50, "M": 40, "other": 1, "not told": 2}))
    ['M', 'not told', 'other']
    """
    order = sorted((size, value) for value, size in sizes.items() if size)
    hidden = [pair for pair in order if pair[0] < SMALLEST_CELL]
    for pair in order[len(hidden) :]:
        if not hidden or (len(hidden) > 1 and sum(size for size, _ in hidden) >= SMALLEST_CELL):
            break
        hidden.append(pair)
    return frozenset(value for _, value in hidden)


def group_columns(cohorts: Iterable[Cohort], *, most: int = MOST_VALUES) -> tuple[str, ...]:
    """The columns that divide the patients of every one of these cohorts, sorted: 2 to `most` values in all."""
    cohorts = tuple(cohorts)
    shared = set.intersection(*(set(cohort.attributes) for cohort in cohorts)) if cohorts else set()
    divides = []
    for column in sorted(shared - NOT_GROUPS):
        found = [set(values(cohort, column)) - {""} for cohort in cohorts]
        if all(found) and 2 <= len(set.union(*found)) <= most:
            divides.append(column)
    return tuple(divides)
