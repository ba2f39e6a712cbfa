"""Two images of one patient that belong together: one contrast and another, or now and later.

A translator learns from pairs and is audited on pairs, so both find them in a cohort by one rule. Two images of one
patient at one time are a pair if one is called the source and one the target in a column of the table (`contrast`,
`modality`, ...). What is one time is said by a column `pair` or, without one, by `visit` or `study_date`. Two images of
one patient and one contrast at two known times are a pair of a progression, the earlier one its source.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from synthaudit.cohort import Cohort
from synthaudit.errors import MetadataError, NotEnoughData
from synthaudit.generators.principal import cohort_images
from synthaudit.generators.protocol import Images
from synthaudit.progress import Progress

TIME_COLUMNS = ("pair", "visit", "study_date")
"""Columns that say which images of a patient were made at one time; the first that is there is heeded."""

DAYS_A_YEAR = 365.25


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Pairs of a cohort's images.

    Attributes:
        cohort: Where they are.
        source: (n,) row of what is given.
        target: (n,) row of what is to be made of it; of the same patient.
        years: (n,) from source to target; 0 where both show one time.
        unpaired: Images asked for that are in no pair.
    """

    cohort: Cohort
    source: NDArray[np.intp]
    target: NDArray[np.intp]
    years: NDArray[np.float32]
    unpaired: int = 0

    def __len__(self) -> int:
        return len(self.source)

    @property
    def patient(self) -> NDArray[np.intp]:
        """(n,) each pair's patient, numbered in the cohort."""
        return self.cohort.patient_index[self.source]

    @property
    def n_patients(self) -> int:
        """Patients with at least one pair."""
        return len(np.unique(self.patient))

    def subset(self, rows: Sequence[int] | NDArray[np.integer] | NDArray[np.bool_]) -> Pairs:
        """These pairs, in the order given."""
        return Pairs(self.cohort, self.source[rows], self.target[rows], self.years[rows], self.unpaired)

    def images(self, size: int, progress: Progress | None = None) -> tuple[Images, Images]:
        """(n, size, size) sources and targets, gray."""
        rows, place = np.unique(np.concatenate([self.source, self.target]), return_inverse=True)
        pixels = cohort_images(self.cohort.subset(rows), size, progress or Progress())
        return pixels[place[: len(self)]], pixels[place[len(self) :]]


@runtime_checkable
class Paired(Protocol):
    """A generator that makes one image of another, and knows which of a cohort's images it pairs."""

    def pairs(self, cohort: Cohort) -> Pairs:
        """The pairs that it learns from, or is to be judged on.

        Raises:
            MetadataError: The table does not say which images belong together.
            NotEnoughData: There is no pair.
        """
        ...

    def translate_pairs(self, x: Images, pairs: Pairs, seed: int) -> Images:
        """(n, h, w) what it makes of the (n, h, w) sources of `pairs`, row for row."""
        ...


def contrast_pairs(cohort: Cohort, source: str, target: str, column: str = "contrast") -> Pairs:
    """The pairs of two contrasts, each of one patient at one time.

    Args:
        cohort: With a column that names each image's contrast, view or modality.
        source, target: What that column says of the images given, and of those to be made.
        column: Name of the column.

    Raises:
        MetadataError: The column is missing, or the table leaves open which images belong together.
        NotEnoughData: There is no pair.
    """
    names = _column(cohort, column, "name the contrast of each image in it")
    keys = list(zip(cohort.patients, _times(cohort), _places(cohort), strict=True))
    sources, targets = (_by_key(keys, [name == asked for name in names], column) for asked in (source, target))
    both = [key for key in sources if key in targets]
    if not both:
        raise NotEnoughData(
            f"a pair needs one image called {source} and one called {target} in column {column}, of one patient and "
            f"one time; found {len(sources)} and {len(targets)} images, and no pair"
        )
    rows = np.array([(sources[key], targets[key]) for key in both], dtype=np.intp)
    years = np.zeros(len(rows), dtype=np.float32)
    return Pairs(cohort, rows[:, 0], rows[:, 1], years, unpaired=len(sources) - len(both))


def follow_up_pairs(
    cohort: Cohort, years: tuple[float, float], contrast: str | None = None, column: str = "contrast"
) -> Pairs:
    """Every earlier and later image of a patient, `years[0]` to `years[1]` years apart.

    Args:
        cohort: With a column `study_date` (ISO dates) or `age` (years).
        years: Shortest and longest interval.
        contrast: Pair only images called so in `column`; None pairs all.
        column: Name of the column of the contrast.

    Raises:
        MetadataError: The table does not say when images were made, or what they show.
        NotEnoughData: There is no pair.
    """
    when = _years(cohort)
    if contrast is None:
        asked = [True] * len(cohort)
    else:
        asked = [name == contrast for name in _column(cohort, column, "name the contrast of each image in it")]
    groups: defaultdict[Hashable, list[int]] = defaultdict(list)
    for row, key in enumerate(zip(cohort.patients, _places(cohort), strict=True)):
        if asked[row]:
            groups[key].append(row)
    found = [
        (earlier, later)
        for rows in groups.values()
        for earlier in rows
        for later in rows
        if when[later] > when[earlier] and years[0] <= when[later] - when[earlier] <= years[1]
    ]
    if not found:
        raise NotEnoughData(
            f"a progression needs two images of one patient {years[0]:g} to {years[1]:g} years apart, found "
            f"{sum(asked)} images of {len(groups)} patients, and no pair"
        )
    rows = np.array(found, dtype=np.intp)
    gaps = (when[rows[:, 1]] - when[rows[:, 0]]).astype(np.float32)
    return Pairs(cohort, rows[:, 0], rows[:, 1], gaps, unpaired=sum(asked) - len(np.unique(rows)))


def require_partners(pairs: Pairs) -> Pairs:
    """`pairs`, if every image that could be a source has its target.

    Raises:
        MetadataError: One has none.
    """
    if pairs.unpaired:
        raise MetadataError(
            f"every source image must have its target, found {pairs.unpaired} without among "
            f"{pairs.unpaired + len(pairs)}; leave those images out, or correct the table"
        )
    return pairs


def _column(cohort: Cohort, name: str, do: str) -> tuple[str, ...]:
    if name not in cohort.attributes:
        raise MetadataError(f"paired images need a column {name} in the table, found none; {do}")
    return cohort.attributes[name]


def _times(cohort: Cohort) -> tuple[str, ...]:
    """(n,) what images made at one time share; empty texts where no column says."""
    there = next((name for name in TIME_COLUMNS if name in cohort.attributes), None)
    return ("",) * len(cohort) if there is None else cohort.attributes[there]


def _places(cohort: Cohort) -> Iterator[float]:
    """Where each slice lies in its volume, 0 for an image of none: slices pair at one place."""
    positions = cohort.positions or (0.0,) * len(cohort)
    return (0.0 if np.isnan(position) else position for position in positions)


def _by_key(keys: Sequence[Hashable], asked: Sequence[bool], column: str) -> dict[Hashable, int]:
    """Key -> the one row asked for that has it."""
    rows: dict[Hashable, int] = {}
    for row, key in enumerate(keys):
        if asked[row] and rows.setdefault(key, row) != row:
            raise MetadataError(
                f"a patient must have one image of each {column} at one time, found two; say in a column "
                f"{TIME_COLUMNS[0]} or {TIME_COLUMNS[1]} which images belong together"
            )
    return rows


def _years(cohort: Cohort) -> NDArray[np.float64]:
    """(n,) when each image was made, in years, from `study_date` or else `age`; nan where that is not known."""
    if "study_date" in cohort.attributes:
        return np.array([_year_of(text) for text in cohort.attributes["study_date"]])
    try:
        ages = _column(cohort, "age", "give study_date, or the age at each image")
        return np.array([float(text) if text else np.nan for text in ages])
    except ValueError:
        raise MetadataError("age must be a number of years in every row, found something else") from None


def _year_of(text: str) -> float:
    try:
        return date.fromisoformat(text).toordinal() / DAYS_A_YEAR if text else float("nan")
    except ValueError:
        raise MetadataError("study_date must be a date like 2020-01-31 in every row, found something else") from None
