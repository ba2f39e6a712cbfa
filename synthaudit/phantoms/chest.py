"""Simulated frontal chest radiographs of simulated patients, whose truth is known.

Patients come from one smooth seeded population. Each has an anatomy that stays (ribs, vessels, heart, lungs) and visits
that differ in positioning, inspiration, exposure, noise and acute findings. Because any number of patients can be
drawn, patients that no generator has seen (the oracle: no memorization, for certain) cost nothing.

Everything about patient p and visit v is a function of (population seed, p, v) alone: asking for more patients, in
another order or on another machine, changes no image.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from synthaudit.cohort import Cohort, Role
from synthaudit.errors import UsageError
from synthaudit.phantoms.anatomy import Anatomy, aged, draw_anatomy
from synthaudit.phantoms.people import CHRONIC, Person, Prevalence, draw_person, group_shares, with_shares
from synthaudit.phantoms.radiograph import lesion_mask, radiograph
from synthaudit.phantoms.sources import Scan, VisitCounts, checked_numbers, checked_years, rendered, visit_counts
from synthaudit.phantoms.visits import SCANNERS, Visit, draw_visit
from synthaudit.progress import Progress

LEAST_SIZE, MOST_SIZE = 16, 512
"""Pixels; below, nothing of a patient is left."""

_PATIENT, _VISIT, _CALENDAR, _LATER = 1, 2, 3, 4
"""First word of each stream of random numbers, so that no two streams are the same."""

UNIT_MM = 180.0
"""One unit of the anatomy; an image is two units wide."""

ATTRIBUTES: Final = ("sex", "age", "group", "site", "label", "study_date")
"""Attribute columns of a phantom cohort, in order."""


@dataclass(frozen=True, slots=True)
class ChestPopulation:
    """A population of simulated patients.

    Attributes:
        seed: Another seed is another population of the same distribution: patients of one are strangers to the other.
        size: Side of the images, in pixels.
        imbalance: How unequal the groups are; 0 equal, 1 the first group only (see `people.group_shares`).
        lesions: Share of patients with a nodule; None goes by age and sex.
        rare: Share of patients of the rare class: a cavity in an upper lobe, label "cavity".
        years: Between a patient's visits, over which heart, aorta, bone and nodules change; None draws 20 to 500 days,
            over which nothing but the acute findings does.

    Raises:
        UsageError: An attribute is out of range.

    >>> population = ChestPopulation(seed=1, size=64)
    >>> population.image(patient=7, visit=0).shape
    (64, 64)
    """

    seed: int
    size: int = 64
    imbalance: float = 0.5
    lesions: float | None = None
    rare: float = 0.0
    years: float | None = None

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise UsageError(f"seed must be at least 0, got {self.seed}")
        if not LEAST_SIZE <= self.size <= MOST_SIZE:
            raise UsageError(f"size must lie in [{LEAST_SIZE}, {MOST_SIZE}] pixels, got {self.size}")
        if self.years is not None:
            checked_years(self.years)
        group_shares(self.imbalance)
        self._chronic()

    def patients(self, start: int, count: int) -> tuple[Person, ...]:
        """Patients `start` to `start + count - 1`."""
        return tuple(self.person(number) for number in range(start, start + count))

    def person(self, patient: int) -> Person:
        """Who patient number `patient` is."""
        return draw_person(patient, self.imbalance, self._rng(_PATIENT, patient), self._chronic())

    def visit(self, patient: int, visit: int) -> Visit:
        """Visit number `visit` (from 0) of patient number `patient`."""
        return self._visit(self.person(patient), visit, self._rng(_VISIT, patient, visit))

    def image(self, patient: int, visit: int = 0) -> NDArray[np.float32]:
        """(size, size) float32 radiograph in [0, 1], on the 256 levels that an 8-bit PNG keeps exactly."""
        person, anatomy = self._drawn(patient)
        rng = self._rng(_VISIT, patient, visit)
        when = self._visit(person, visit, rng)
        return radiograph(self._aged(anatomy, visit), when, SCANNERS[person.site], self.size, rng)

    def follow_up(self, patient: int, years: float, visit: int = 0) -> NDArray[np.float32]:
        """The image `years` after a visit, the patient standing as at that visit; noise is its own.

        Raises:
            UsageError: `years` lies outside (0, 30].
        """
        person, anatomy = self._drawn(patient)
        later = aged(self._aged(anatomy, visit), checked_years(years))
        rng = self._rng(_LATER, patient, visit, round(years * 365.25))
        return radiograph(later, self.visit(patient, visit), SCANNERS[person.site], self.size, rng)

    def lesion_mask(self, patient: int, visit: int = 0) -> NDArray[np.bool_]:
        """(size, size) True where a nodule or a cavity lies; effusions and clouds have no border to draw."""
        _, anatomy = self._drawn(patient)
        return lesion_mask(self._aged(anatomy, visit), self.visit(patient, visit), self.size)

    def cohort(
        self, role: Role, patients: Iterable[int], visits: VisitCounts = 1, progress: Progress | None = None
    ) -> Cohort:
        """The images of these patients; pixels are rendered anew at each read.

        Args:
            role: What they are to the generator.
            patients: Patient numbers; give TRAIN and HOLDOUT disjoint ones.
            visits: Number of visits of every patient, or one number for each, or a function of the patient number.
            progress: Told about each image; each is rendered once here, for its digest.

        Raises:
            UsageError: A patient number is negative, stands twice, or has no visit.
        """
        return rendered(role, self.sources(patients, visits), progress)

    def sources(self, patients: Iterable[int], visits: VisitCounts = 1) -> tuple[ChestSource, ...]:
        """The images of a cohort, none rendered yet; arguments as `cohort` has them."""
        numbers = checked_numbers(patients)
        return tuple(
            ChestSource(self, number, visit)
            for number, count in zip(numbers, visit_counts(numbers, visits), strict=True)
            for visit in range(count)
        )

    def _chronic(self) -> dict[str, Prevalence]:
        return with_shares(CHRONIC, {"nodule": self.lesions, "cavity": self.rare})

    def _rng(self, *stream: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, *stream])

    def _drawn(self, patient: int) -> tuple[Person, Anatomy]:
        rng = self._rng(_PATIENT, patient)
        person = draw_person(patient, self.imbalance, rng, self._chronic())
        return person, draw_anatomy(person, rng)

    def _aged(self, anatomy: Anatomy, visit: int) -> Anatomy:
        """As it is at a visit: within one illness nothing grows, from year to year it does."""
        return anatomy if self.years is None else aged(anatomy, self.years * visit)

    def _visit(self, person: Person, visit: int, rng: np.random.Generator) -> Visit:
        calendar = self._rng(_CALENDAR, person.number)
        first, gaps = int(calendar.integers(0, 1800)), calendar.integers(20, 500, size=visit)
        days = int(gaps.sum()) if self.years is None else round(self.years * 365.25 * visit)
        return draw_visit(person, first, first + days, rng)


@dataclass(frozen=True, slots=True)
class ChestSource:
    """One radiograph of a population, rendered at each read; a few numbers to copy or to pickle."""

    population: ChestPopulation
    patient: int
    visit: int

    @property
    def patient_id(self) -> str:
        """The patient's id in cohorts and tables."""
        return f"CHX-{self.patient:06d}"

    @property
    def name(self) -> str:
        """Its file name."""
        return f"{self.patient_id}_{self.visit:02d}.png"

    @property
    def volume(self) -> str:
        """A radiograph is no slice."""
        return ""

    @property
    def position(self) -> float:
        """A radiograph has no place in a volume."""
        return math.nan

    def read(self) -> NDArray[np.float32]:
        """(size, size) float32 in [0, 1]."""
        return self.population.image(self.patient, self.visit)

    @property
    def scan(self) -> Scan:
        """What a scanner writes beside the pixels."""
        person, when = self.population.person(self.patient), self.population.visit(self.patient, self.visit)
        spacing = 2 * UNIT_MM / self.population.size
        return Scan(
            modality="CR",
            contrast="",
            body_part="CHEST",
            patient_id=self.patient_id,
            sex=person.sex,
            age=when.age,
            date=when.date,
            site=person.site,
            study=f"{self.population}/{self.patient}/{self.visit}",
            series=1,
            instance=1,
            spacing_mm=spacing,
            thickness_mm=0.0,
            corner_mm=(spacing / 2 - UNIT_MM, 0.0, UNIT_MM - spacing / 2),
            down=(0, 0, -1),
        )

    def stored(self) -> NDArray[np.uint16]:
        """(size, size) 16 bits, which hold the 256 levels of `read` exactly."""
        return np.asarray(np.round(self.read() * 65535), dtype=np.uint16)

    def lesion_mask(self) -> NDArray[np.bool_]:
        """(size, size) True under a nodule or a cavity."""
        return self.population.lesion_mask(self.patient, self.visit)

    def attributes(self) -> Mapping[str, str]:
        """Values of `ATTRIBUTES`, as text."""
        person = self.population.person(self.patient)
        visit = self.population.visit(self.patient, self.visit)
        values = (person.sex, f"{visit.age:.1f}", person.group, person.site, visit.label, visit.date.isoformat())
        return dict(zip(ATTRIBUTES, values, strict=True))
