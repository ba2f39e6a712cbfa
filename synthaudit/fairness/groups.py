"""Which groups of patients there are: values of a column, findings of a label, and pairs of both.

A group is spoken of where at least 10 training patients belong to it. A smaller one is left out of everything that is
published, and a second one with it where the first would follow from the total. Only columns that the report prints
anyway are looked at, so that no other column of the user's table is published by being compared.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from synthaudit.attributes import SMALLEST_CELL, findings, group_columns, suppressed, values
from synthaudit.cohort import Cohort
from synthaudit.errors import NotEnoughData
from synthaudit.matching.pool import Pool

COLUMNS = ("sex", "age", "ethnicity", "group", "site", "view", "modality")
"""Of those that the report prints as they are; the label is read finding by finding."""
LABEL = "label"
MOST_FINDINGS = 12
LEAST_IN_PAIR = 30
"""Training patients in a pair of groups; in fewer nothing is told from chance."""
MOST_PAIRS = 60
MOSTLY = 0.5
"""Share of the synthetic images whose value is known, above which the column counts as given."""
OTHER = "other"
NO_COLUMNS = (
    "comparing groups of patients needs at least one column such as sex, age, ethnicity, group, site or label with two "
    "groups of 10 or more training patients, found none; add it to the metadata table, or audit DICOM files, whose "
    "headers carry some of it"
)


@dataclass(frozen=True, eq=False)
class Attribute:
    """One way to divide images: a column, a finding (absent or present), or a pair of these.

    Attributes:
        columns: The columns it is read from.
        names: What its classes are called in public, one each: "sex F"; "" for a class nothing is said of.
        real: (n,) class of each pool row; -1 where it is not known.
        synthetic: (f, s) class of each synthetic image as each of f predictors has it, -1 where not known; f is 1 where
            it was given. No predictor and no column leave (0, s).
        predicted: (n,) class of each pool row as predicted by a model that has not seen its patient; None where the
            synthetic images came with theirs.
        any_image: Whether a patient belongs where any image does (a finding); otherwise it is where most images do.
        why_not: Why the synthetic images' classes are not known.
        misfit: Share of the synthetic images that look like no mixture of the real ones' classes; 0 where classes were
            given.
    """

    columns: tuple[str, ...]
    names: tuple[str, ...]
    real: NDArray[np.intp]
    synthetic: NDArray[np.intp]
    predicted: NDArray[np.intp] | None = None
    any_image: bool = False
    why_not: str = ""
    misfit: float = 0.0

    @property
    def spoken_of(self) -> tuple[int, ...]:
        """The classes that have a name."""
        return tuple(k for k, name in enumerate(self.names) if name)

    @property
    def known(self) -> bool:
        """Whether the synthetic images' classes are known, or predicted."""
        return len(self.synthetic) > 0

    @cached_property
    def title(self) -> str:
        """What it is called as a whole."""
        return " & ".join(self.columns)


@dataclass(frozen=True, slots=True, eq=False)
class PatientGroup:
    """The patients of one group, and those they are compared with: everybody whose class is known.

    Attributes:
        inside, known: (p,) bool, of the pool's patients.
        stratum: (p,) class of each of them, spoken of or not; -1 where it is not known.
    """

    name: str
    columns: tuple[str, ...]
    inside: NDArray[np.bool_]
    known: NDArray[np.bool_]
    stratum: NDArray[np.intp]


def attributes_of(pool: Pool, synthetic: Cohort) -> tuple[Attribute, ...]:
    """Every column and every finding that divides the training patients.

    Raises:
        NotEnoughData: There is none.
    """
    train = pool.cohorts[0]
    columns = [column for column in COLUMNS if column in group_columns([train])]
    found = [one for column in columns if (one := _of_column(pool, synthetic, column)) is not None]
    found += _findings(pool, synthetic)
    if not found:
        raise NotEnoughData(NO_COLUMNS)
    return tuple(found)


def patient_groups(attribute: Attribute, patient: NDArray[np.intp], n_patients: int) -> tuple[PatientGroup, ...]:
    """The patients of each class spoken of."""
    known_rows = attribute.real >= 0
    counts = np.zeros((n_patients, len(attribute.names)))
    np.add.at(counts, (patient[known_rows], attribute.real[known_rows]), 1.0)
    known = counts.sum(axis=1) > 0
    most = np.where(known, counts.argmax(axis=1), -1)
    if attribute.any_image:
        inside = counts > 0
    else:
        inside = np.zeros(counts.shape, dtype=bool)
        inside[np.arange(n_patients), counts.argmax(axis=1)] = True
    return tuple(
        PatientGroup(attribute.names[k], attribute.columns, inside[:, k] & known, known, most)
        for k in attribute.spoken_of
    )


def pairs_of(
    attributes: tuple[Attribute, ...], patient: NDArray[np.intp], is_train: NDArray[np.bool_]
) -> list[Attribute]:
    """Pairs of groups from two columns, with 30 training patients in each: the largest 60 of them.

    One is left out where fewer than 10 patients of either group would be outside: their number would follow.

    Args:
        patient: (n,) patient of each pool row.
        is_train: (p,) bool.
    """
    made = [
        joint
        for a, b in combinations(attributes, 2)
        if a.columns != b.columns and (joint := _pair(a, b, patient, is_train)) is not None
    ]
    sizes = sorted((size for joint in made for size in _sizes(joint, patient, is_train).values()), reverse=True)
    least = sizes[MOST_PAIRS - 1] if len(sizes) >= MOST_PAIRS else 0
    kept = []
    for joint in made:
        count = _sizes(joint, patient, is_train)
        names = tuple(name if count.get(k, 0) >= least else "" for k, name in enumerate(joint.names))
        if any(names):
            kept.append(replace(joint, names=names))
    return kept


def _sizes(one: Attribute, patient: NDArray[np.intp], is_train: NDArray[np.bool_]) -> dict[int, int]:
    """Training patients in each class spoken of."""
    groups = patient_groups(one, patient, len(is_train))
    return {k: int((group.inside & is_train).sum()) for k, group in zip(one.spoken_of, groups, strict=True)}


def _pair(a: Attribute, b: Attribute, patient: NDArray[np.intp], is_train: NDArray[np.bool_]) -> Attribute | None:
    wide = len(b.names)

    def joined(one: NDArray[np.intp], other: NDArray[np.intp]) -> NDArray[np.intp]:
        return np.where((one >= 0) & (other >= 0), one * wide + other, -1)

    predicted = None
    if a.predicted is not None or b.predicted is not None:
        predicted = joined(_as_seen(a), _as_seen(b))
    synthetic = joined(a.synthetic, b.synthetic) if a.known and b.known else a.synthetic[:0]
    whole = Attribute(
        (*a.columns, *b.columns),
        tuple(f"{x} & {y}" if x and y else "" for x in a.names for y in b.names),
        joined(a.real, b.real),
        synthetic,
        predicted,
        a.any_image or b.any_image,
        a.why_not or b.why_not,
        a.misfit + b.misfit,
    )
    margins = [
        {name: group.inside & is_train for name, group in zip(_named(one), groups, strict=True)}
        for one in (a, b)
        for groups in [patient_groups(one, patient, len(is_train))]
    ]
    names = list(whole.names)
    for i, x in enumerate(a.names):
        for j, y in enumerate(b.names):
            if not x or not y:
                continue
            both = margins[0][x] & margins[1][y]
            outside = [int((margin & ~both).sum()) for margin in (margins[0][x], margins[1][y])]
            if both.sum() < LEAST_IN_PAIR or any(0 < n < SMALLEST_CELL for n in outside):
                names[i * wide + j] = ""
    return replace(whole, names=tuple(names)) if any(names) else None


def _named(one: Attribute) -> tuple[str, ...]:
    return tuple(one.names[k] for k in one.spoken_of)


def _as_seen(one: Attribute) -> NDArray[np.intp]:
    """The class of a real image as it would be known of a synthetic one."""
    return one.real if one.predicted is None else one.predicted


def _of_column(pool: Pool, synthetic: Cohort, column: str) -> Attribute | None:
    """One column; small values are one class that nothing is said of."""
    train = pool.cohorts[0]
    patients: dict[str, set[str]] = {}
    for patient, value in zip(train.patients, values(train, column), strict=True):
        patients.setdefault(value, set()).add(patient)
    shown = _published({value: len(members) for value, members in patients.items() if value})
    if not shown or len(set(patients) - {""}) < 2:
        return None
    code = {value: k for k, value in enumerate(shown)}

    def coded(cohort: Cohort) -> NDArray[np.intp]:
        return np.array([code.get(v, len(shown)) if v else -1 for v in values(cohort, column)], dtype=np.intp)

    names = (*(f"{column} {value}" for value in shown), "")
    return Attribute((column,), names, _in_pool_order(pool, [coded(c) for c in pool.cohorts]), _given(coded(synthetic)))


def _published(sizes: dict[str, int]) -> list[str]:
    """The values with 10 patients or more, but for those from which a smaller number would follow.

    That a value is missing is no group: five patients of unknown sex must not hide all women.
    """
    return sorted(set(sizes) - suppressed(sizes))


def _findings(pool: Pool, synthetic: Cohort) -> list[Attribute]:
    """The most common findings with 10 training patients who have it, and 10 who have not."""
    train = pool.cohorts[0]
    if LABEL not in train.attributes:
        return []
    patients: dict[str, set[str]] = {}
    for patient, label in zip(train.patients, values(train, LABEL), strict=True):
        for finding in findings(label):
            patients.setdefault(finding, set()).add(patient)
    labeled = len({p for p, label in zip(train.patients, values(train, LABEL), strict=True) if label})
    sizes = Counter({finding: len(members) for finding, members in patients.items()})
    untold = suppressed(sizes)  # labels may name one finding each, and then the rest follows from the total
    usable = [f for f, size in sizes.items() if size <= labeled - SMALLEST_CELL and f not in untold]
    if len(sizes) < 2:
        return []
    found = []
    for finding in sorted(usable, key=lambda f: (-sizes[f], f))[:MOST_FINDINGS]:

        def coded(cohort: Cohort, finding: str = finding) -> NDArray[np.intp]:
            return np.array([int(finding in findings(v)) if v else -1 for v in values(cohort, LABEL)], dtype=np.intp)

        found.append(
            Attribute(
                (LABEL,),
                ("", f"{LABEL} {finding}"),
                _in_pool_order(pool, [coded(c) for c in pool.cohorts]),
                _given(coded(synthetic)),
                any_image=True,
            )
        )
    return found


def _given(codes: NDArray[np.intp]) -> NDArray[np.intp]:
    """(1, s) where most images came with a value, (0, s) otherwise."""
    return codes[None] if codes.size and np.mean(codes >= 0) > MOSTLY else codes[None][:0]


def _in_pool_order(pool: Pool, codes: list[NDArray[np.intp]]) -> NDArray[np.intp]:
    starts = np.cumsum([0, *(len(one) for one in codes[:-1])])
    return np.concatenate(codes)[starts[pool.cohort_of] + pool.row_of]
