"""A cohort made of simulated images that are rendered at each read."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from synthaudit.cohort import Cohort, Role
from synthaudit.errors import UsageError
from synthaudit.progress import Progress
from synthaudit.readers.scan import pixel_digest

MOST_YEARS = 30
"""Beyond, nobody is followed."""

VisitCounts = int | Sequence[int] | Callable[[int], int]
"""Visits of every patient, or one number for each, or a function of the patient number."""


@dataclass(frozen=True, slots=True)
class Scan:
    """What a scanner writes beside the pixels of one image.

    Attributes:
        modality: "CR", "MR" or "CT".
        contrast: Of a brain; "" for a radiograph.
        body_part: As DICOM names it.
        patient_id: Of the simulated patient.
        sex: "F" or "M".
        age: At this visit, in years.
        date: Study date.
        site: Hospital.
        study: What no other study shares: unique ids are made of it.
        series: Number in the study.
        instance: Number in the series.
        spacing_mm: Side of a pixel.
        thickness_mm: Of the slice, and from slice to slice; 0 for a projection.
        corner_mm: Middle of the first pixel, toward the patient's left, back and head.
        down: The way down the image, in the same three; the way along a row is to the patient's left.
    """

    modality: Literal["CR", "MR", "CT"]
    contrast: str
    body_part: str
    patient_id: str
    sex: str
    age: float
    date: datetime.date
    site: str
    study: str
    series: int
    instance: int
    spacing_mm: float
    thickness_mm: float
    corner_mm: tuple[float, float, float]
    down: tuple[int, int, int]

    @property
    def intercept(self) -> int:
        """What is added to the values stored."""
        return -1024 if self.modality == "CT" else 0

    @property
    def bits(self) -> int:
        """Of the values stored."""
        return 16 if self.modality == "CR" else 12


class PhantomSource(Protocol):
    """One simulated image; a few numbers to copy or to pickle."""

    @property
    def name(self) -> str:
        """Its file name."""
        ...

    @property
    def patient_id(self) -> str:
        """The patient's id in cohorts and tables."""
        ...

    @property
    def volume(self) -> str:
        """Id of the volume that it is a slice of; "" for none."""
        ...

    @property
    def position(self) -> float:
        """Number of the slice in its volume; NaN for none."""
        ...

    @property
    def scan(self) -> Scan:
        """What a scanner writes beside the pixels."""
        ...

    def read(self) -> NDArray[np.float32]:
        """The image, in [0, 1]."""
        ...

    def stored(self) -> NDArray[np.uint16]:
        """The values that a scanner stores, `scan.bits` of each; with `scan.intercept` added, its units."""
        ...

    def lesion_mask(self) -> NDArray[np.bool_]:
        """True where there is a lesion."""
        ...

    def attributes(self) -> Mapping[str, str]:
        """Column -> value, as text."""
        ...


def checked_numbers(patients: Iterable[int]) -> tuple[int, ...]:
    """The patient numbers.

    Raises:
        UsageError: One is negative, or stands twice.
    """
    numbers = tuple(patients)
    if len(set(numbers)) != len(numbers) or any(number < 0 for number in numbers):
        raise UsageError("patients must be distinct numbers from 0 up, got a repeated or negative one")
    return numbers


def checked_years(years: float) -> float:
    """Years from one image to a later one.

    Raises:
        UsageError: They lie outside (0, 30].
    """
    if not 0 < years <= MOST_YEARS:
        raise UsageError(f"years must lie in (0, {MOST_YEARS}], got {years}")
    return years


def visit_counts(numbers: tuple[int, ...], visits: VisitCounts) -> list[int]:
    """How many visits each of these patients has.

    Raises:
        UsageError: A patient has no visit, or `visits` is of another length than `numbers`.
    """
    if isinstance(visits, int):
        counts = [visits] * len(numbers)
    elif callable(visits):
        counts = [visits(number) for number in numbers]
    else:
        counts = list(visits)
    if len(counts) != len(numbers) or any(count < 1 for count in counts):
        raise UsageError(f"visits must name at least 1 visit for each of {len(numbers)} patients, got {counts[:3]}")
    return counts


def rendered(role: Role, sources: Sequence[PhantomSource], progress: Progress | None) -> Cohort:
    """The cohort of these images; each is rendered once here, for its digest, and again at each read."""
    tracked = (progress or Progress()).track(sources, "phantoms", len(sources))
    digests = tuple(pixel_digest(source.read()) for source in tracked)
    rows = [source.attributes() for source in sources]
    volumes = tuple(source.volume for source in sources)
    return Cohort(
        role=role,
        names=tuple(source.name for source in sources),
        sources=tuple(sources),
        patients=tuple(source.patient_id for source in sources),
        known_patient=np.ones(len(sources), dtype=bool),
        attributes={name: tuple(row[name] for row in rows) for name in (rows[0] if rows else ())},
        pixel_digests=digests,
        volumes=volumes if any(volumes) else (),
        positions=tuple(source.position for source in sources) if any(volumes) else (),
    )
