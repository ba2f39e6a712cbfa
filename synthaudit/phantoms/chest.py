"""Simulated frontal chest radiographs of simulated patients, whose truth is known.

Patients come from one smooth seeded population. Each has an anatomy that stays (ribs, vessels, heart, lungs) and visits
that differ in positioning, inspiration, exposure, noise and acute findings. Because any number of patients can be
drawn, patients that no generator has seen (the oracle: no memorization, for certain) cost nothing.

Everything about patient p and visit v is a function of (population seed, p, v) alone: asking for more patients, in
another order or on another machine, changes no image.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from synthaudit.cohort import Cohort, Role
from synthaudit.errors import UsageError
from synthaudit.phantoms.anatomy import Anatomy, draw_anatomy
from synthaudit.phantoms.people import Person, draw_person, group_shares
from synthaudit.phantoms.radiograph import radiograph
from synthaudit.phantoms.visits import SCANNERS, Visit, draw_visit
from synthaudit.progress import Progress
from synthaudit.readers.scan import pixel_digest

LEAST_SIZE, MOST_SIZE = 16, 512
"""Pixels; below, nothing of a patient is left."""

_PATIENT, _VISIT, _CALENDAR = 1, 2, 3
"""First word of each stream of random numbers, so that no two streams are the same."""

ATTRIBUTES: Final = ("sex", "age", "group", "site", "label", "study_date")
"""Attribute columns of a phantom cohort, in order."""


@dataclass(frozen=True, slots=True)
class ChestPopulation:
    """A population of simulated patients.

    Attributes:
        seed: Another seed is another population of the same distribution: patients of one are strangers to the other.
        size: Side of the images, in pixels.
        imbalance: How unequal the groups are; 0 equal, 1 the first group only (see `people.group_shares`).

    Raises:
        UsageError: `seed`, `size` or `imbalance` is out of range.

    >>> population = ChestPopulation(seed=1, size=64)
    >>> population.image(patient=7, visit=0).shape
    (64, 64)
    """

    seed: int
    size: int = 64
    imbalance: float = 0.5

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise UsageError(f"seed must be at least 0, got {self.seed}")
        if not LEAST_SIZE <= self.size <= MOST_SIZE:
            raise UsageError(f"size must lie in [{LEAST_SIZE}, {MOST_SIZE}] pixels, got {self.size}")
        group_shares(self.imbalance)

    def patients(self, start: int, count: int) -> tuple[Person, ...]:
        """Patients `start` to `start + count - 1`."""
        return tuple(self.person(number) for number in range(start, start + count))

    def person(self, patient: int) -> Person:
        """Who patient number `patient` is."""
        return draw_person(patient, self.imbalance, self._rng(_PATIENT, patient))

    def visit(self, patient: int, visit: int) -> Visit:
        """Visit number `visit` (from 0) of patient number `patient`."""
        return self._visit(self.person(patient), visit, self._rng(_VISIT, patient, visit))

    def image(self, patient: int, visit: int = 0) -> NDArray[np.float32]:
        """(size, size) float32 radiograph in [0, 1], on the 256 levels that an 8-bit PNG keeps exactly."""
        person, anatomy = self._drawn(patient)
        rng = self._rng(_VISIT, patient, visit)
        return radiograph(anatomy, self._visit(person, visit, rng), SCANNERS[person.site], self.size, rng)

    def cohort(
        self,
        role: Role,
        patients: Iterable[int],
        visits: int | Sequence[int] | Callable[[int], int] = 1,
        progress: Progress | None = None,
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
        numbers = tuple(patients)
        if len(set(numbers)) != len(numbers) or any(number < 0 for number in numbers):
            raise UsageError("patients must be distinct numbers from 0 up, got a repeated or negative one")
        counts = _visit_counts(numbers, visits)
        sources = tuple(
            ChestSource(self, number, visit)
            for number, count in zip(numbers, counts, strict=True)
            for visit in range(count)
        )
        tracked = (progress or Progress()).track(sources, "phantoms", len(sources))
        digests = tuple(pixel_digest(source.read()) for source in tracked)
        rows = [source.attributes() for source in sources]
        return Cohort(
            role=role,
            names=tuple(f"{source.patient_id}_{source.visit:02d}.png" for source in sources),
            sources=sources,
            patients=tuple(source.patient_id for source in sources),
            known_patient=np.ones(len(sources), dtype=bool),
            attributes={name: tuple(row[i] for row in rows) for i, name in enumerate(ATTRIBUTES)},
            pixel_digests=digests,
        )

    def _rng(self, *stream: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, *stream])

    def _drawn(self, patient: int) -> tuple[Person, Anatomy]:
        rng = self._rng(_PATIENT, patient)
        person = draw_person(patient, self.imbalance, rng)
        return person, draw_anatomy(person, rng)

    def _visit(self, person: Person, visit: int, rng: np.random.Generator) -> Visit:
        calendar = self._rng(_CALENDAR, person.number)
        first, gaps = int(calendar.integers(0, 1800)), calendar.integers(20, 500, size=visit)
        return draw_visit(person, first, first + int(gaps.sum()), rng)


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

    def read(self) -> NDArray[np.float32]:
        """(size, size) float32 in [0, 1]."""
        return self.population.image(self.patient, self.visit)

    def attributes(self) -> tuple[str, ...]:
        """Values of `ATTRIBUTES`, as text."""
        person = self.population.person(self.patient)
        visit = self.population.visit(self.patient, self.visit)
        return person.sex, f"{visit.age:.1f}", person.group, person.site, visit.label, visit.date.isoformat()


def _visit_counts(numbers: tuple[int, ...], visits: int | Sequence[int] | Callable[[int], int]) -> list[int]:
    if isinstance(visits, int):
        counts = [visits] * len(numbers)
    elif callable(visits):
        counts = [visits(number) for number in numbers]
    else:
        counts = list(visits)
    if len(counts) != len(numbers) or any(count < 1 for count in counts):
        raise UsageError(f"visits must name at least 1 visit for each of {len(numbers)} patients, got {counts[:3]}")
    return counts
