"""Simulated brain MR and CT of simulated patients, whose truth is known.

Every contrast of a visit is made from one tissue map, so T1 and T2, MR and CT, or T1 before and after contrast medium,
are exact pairs: they differ in signal and noise and in nothing else. Folds, ventricles and head shape stay with the
patient; positioning, noise, receive field and the site's scanner belong to the visit; ventricles, cortex and lesions
change with the years, at a rate of each patient's own.

Everything about an image is a function of (population seed, patient, visit, contrast, plane) alone: asking for more
patients, in another order or on another machine, changes no image.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from synthaudit.cohort import Cohort, Role
from synthaudit.errors import UsageError
from synthaudit.phantoms.brain_anatomy import BrainAnatomy, draw_brain
from synthaudit.phantoms.brain_contrast import BRAIN_SCANNERS, CONTRASTS, CT_WINDOW_HU, Contrast, shown, signal
from synthaudit.phantoms.brain_lesions import LEVEL
from synthaudit.phantoms.brain_source import BrainSource
from synthaudit.phantoms.brain_tissue import LESIONS, tissue_shares
from synthaudit.phantoms.brain_visits import BrainVisit, draw_brain_visit, placed_plane
from synthaudit.phantoms.field import Floats
from synthaudit.phantoms.people import BRAIN_CHRONIC, Person, Prevalence, draw_person, group_shares, with_shares
from synthaudit.phantoms.sources import VisitCounts, checked_numbers, checked_years, rendered, visit_counts
from synthaudit.progress import Progress

LEAST_SIZE, MOST_SIZE = 16, 512
"""Pixels; below, nothing of a patient is left."""
LEAST_SLICES, MOST_SLICES = 8, 128

VOLUME_LOW, VOLUME_HIGH = -0.22, 0.78
"""Heights between which a volume lies: one unit, from the temporal lobes to the crown."""

_FINE = 96
"""Tissue is looked up on at least so many places along a side, then averaged: thin sulci must not flicker."""
_PATIENT, _VISIT, _CALENDAR, _NOISE = 11, 12, 13, 14
"""First word of each stream of random numbers; the chest's are 1 to 3."""


@dataclass(frozen=True, slots=True)
class BrainPopulation:
    """A population of simulated patients, seen by MR and CT.

    Attributes:
        seed: Another seed is another population of the same distribution: patients of one are strangers to the other.
        size: Side of the images, in pixels.
        imbalance: How unequal the groups are; 0 equal, 1 the first group only (see `people.group_shares`).
        lesions: Share of patients with a tumor, and of patients with white matter lesions, drawn apart; None goes by
            age and sex.
        rare: Share of patients of the rare class: an arachnoid cyst, label "cyst".
        years: Between a patient's visits; None draws 20 to 500 days.
        slices: Of a volume; 12 cm from the temporal lobes to the crown, whatever their number.
        ct_window: Hounsfield units shown black and white.

    Raises:
        UsageError: An attribute is out of range.

    >>> population = BrainPopulation(seed=1, size=64)
    >>> population.image(patient=7, visit=0, contrast="flair").shape
    (64, 64)
    """

    seed: int
    size: int = 64
    imbalance: float = 0.5
    lesions: float | None = None
    rare: float = 0.0
    years: float | None = None
    slices: int = 32
    ct_window: tuple[float, float] = CT_WINDOW_HU

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise UsageError(f"seed must be at least 0, got {self.seed}")
        if not LEAST_SIZE <= self.size <= MOST_SIZE:
            raise UsageError(f"size must lie in [{LEAST_SIZE}, {MOST_SIZE}] pixels, got {self.size}")
        if not LEAST_SLICES <= self.slices <= MOST_SLICES:
            raise UsageError(f"slices must lie in [{LEAST_SLICES}, {MOST_SLICES}], got {self.slices}")
        if self.years is not None:
            checked_years(self.years)
        if not self.ct_window[0] < self.ct_window[1]:
            raise UsageError(f"ct_window must go from a lower to a higher number of HU, got {self.ct_window}")
        group_shares(self.imbalance)
        self._chronic()

    def patients(self, start: int, count: int) -> tuple[Person, ...]:
        """Patients `start` to `start + count - 1`."""
        return tuple(self.person(number) for number in range(start, start + count))

    def person(self, patient: int) -> Person:
        """Who patient number `patient` is."""
        return draw_person(patient, self.imbalance, self._rng(_PATIENT, patient), self._chronic())

    def anatomy(self, patient: int) -> tuple[Person, BrainAnatomy]:
        """Patient number `patient`, and what stays the same from visit to visit."""
        rng = self._rng(_PATIENT, patient)
        person = draw_person(patient, self.imbalance, rng, self._chronic())
        return person, draw_brain(person, rng)

    def visit(self, patient: int, visit: int = 0) -> BrainVisit:
        """Visit number `visit` (from 0) of patient number `patient`."""
        calendar = self._rng(_CALENDAR, patient)
        first, gaps = int(calendar.integers(0, 1800)), calendar.integers(20, 500, size=visit)
        days = int(gaps.sum()) if self.years is None else round(self.years * 365.25 * visit)
        return draw_brain_visit(self.person(patient), first, first + days, self._rng(_VISIT, patient, visit))

    def image(self, patient: int, visit: int = 0, contrast: Contrast = "t1") -> Floats:
        """(size, size) float32 axial image through the ventricles in [0, 1], on the 256 levels of an 8-bit PNG."""
        return shown(self.signal(patient, visit, contrast), contrast, self.ct_window)

    def volume(self, patient: int, visit: int = 0, contrast: Contrast = "t1") -> Floats:
        """(slices, size, size) float32 from the feet up; levels as `image` has them."""
        planes = (self.signal(patient, visit, contrast, number) for number in range(self.slices))
        return shown(np.stack(list(planes)), contrast, self.ct_window)

    def pair(
        self, patient: int, visit: int = 0, source: Contrast = "t1", target: Contrast = "t2"
    ) -> tuple[Floats, Floats]:
        """The image in two contrasts, of the same anatomy in the same place."""
        return self.image(patient, visit, source), self.image(patient, visit, target)

    def follow_up(self, patient: int, years: float, visit: int = 0, contrast: Contrast = "t1") -> Floats:
        """The image `years` after a visit, lying as at that visit and under the same receive field; noise is its own.

        Set beside `image(patient, visit, contrast)`, what differs is what the years did, and noise.

        Raises:
            UsageError: `years` lies outside (0, 30].
        """
        later = checked_years(years)
        return shown(self.signal(patient, visit, contrast, later=later), contrast, self.ct_window)

    def tissue(self, patient: int, visit: int = 0, later: float = 0.0, slice_: int | None = None) -> NDArray[np.uint8]:
        """(size, size) the `Tissue` that most of each pixel is made of, `later` years after the visit."""
        return np.asarray(np.argmax(_shares(self, patient, visit, slice_, later), axis=0), dtype=np.uint8)

    def lesion_mask(
        self, patient: int, visit: int = 0, later: float = 0.0, slice_: int | None = None
    ) -> NDArray[np.bool_]:
        """(size, size) True where most of a pixel is lesion (edema counts), of every kind together."""
        return np.asarray(_shares(self, patient, visit, slice_, later)[list(LESIONS)].sum(axis=0) > 0.5)

    def signal(
        self, patient: int, visit: int = 0, contrast: Contrast = "t1", slice_: int | None = None, later: float = 0.0
    ) -> Floats:
        """(size, size) float32 as scanned: MR in [0, 1], CT in Hounsfield units, not rounded.

        Args:
            patient: Number.
            visit: Number.
            contrast: One of `CONTRASTS`.
            slice_: Of the volume; None for the plane of `image`.
            later: Years after the visit.

        Raises:
            UsageError: There is no such contrast.
        """
        if contrast not in CONTRASTS:
            raise UsageError(f"contrast must be one of {', '.join(CONTRASTS)}, got {contrast}")
        person, when = self.person(patient), self.visit(patient, visit)
        shares = _shares(self, patient, visit, slice_, later)
        place = -1 if slice_ is None else slice_
        rng = self._rng(_NOISE, patient, visit, CONTRASTS.index(contrast), place + 1, round(later * 365.25))
        plane = placed_plane(when, self.height(slice_), self.size)
        return signal(shares, contrast, BRAIN_SCANNERS[person.site], plane, when.bias, rng)

    def height(self, slice_: int | None) -> float:
        """Height of the middle of a slice, or of the plane of `image`; in units of 12 cm."""
        if slice_ is None:
            return LEVEL
        return VOLUME_LOW + (slice_ + 0.5) * self.thickness

    @property
    def thickness(self) -> float:
        """Of a slice of a volume."""
        return (VOLUME_HIGH - VOLUME_LOW) / self.slices

    def cohort(
        self,
        role: Role,
        patients: Iterable[int],
        visits: VisitCounts = 1,
        progress: Progress | None = None,
        *,
        contrasts: Sequence[Contrast] = ("t1",),
        volumes: bool = False,
    ) -> Cohort:
        """The images of these patients; pixels are rendered anew at each read.

        Args:
            role: What they are to the generator.
            patients: Patient numbers; give TRAIN and HOLDOUT disjoint ones.
            visits: Number of visits of every patient, or one number for each, or a function of the patient number.
            progress: Told about each image; each is rendered once here, for its digest.
            contrasts: Of each visit.
            volumes: Every slice of each volume, with its volume and place in it, instead of one image.

        Raises:
            UsageError: A patient number is negative, stands twice, or has no visit.
        """
        return rendered(role, self.sources(patients, visits, contrasts=contrasts, volumes=volumes), progress)

    def sources(
        self,
        patients: Iterable[int],
        visits: VisitCounts = 1,
        *,
        contrasts: Sequence[Contrast] = ("t1",),
        volumes: bool = False,
    ) -> tuple[BrainSource, ...]:
        """The images of a cohort, none rendered yet; arguments as `cohort` has them."""
        numbers = checked_numbers(patients)
        slices = tuple(range(self.slices)) if volumes else (None,)
        return tuple(
            BrainSource(self, number, visit, contrast, slice_)
            for number, count in zip(numbers, visit_counts(numbers, visits), strict=True)
            for visit in range(count)
            for contrast in contrasts
            for slice_ in slices
        )

    def _chronic(self) -> dict[str, Prevalence]:
        lesions = dict.fromkeys(BRAIN_CHRONIC, self.lesions)
        return with_shares(BRAIN_CHRONIC, {**lesions, "cyst": self.rare})

    def _rng(self, *stream: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, *stream])


@lru_cache(maxsize=4)
def _shares(population: BrainPopulation, patient: int, visit: int, slice_: int | None, later: float) -> Floats:
    """(tissues, size, size) tissue shares of a plane; kept, as the contrasts of a visit share them."""
    _, anatomy = population.anatomy(patient)
    when = population.visit(patient, visit)
    size = population.size
    factor = -(-_FINE // size)
    plane = placed_plane(when, population.height(slice_), size * factor)
    fine = tissue_shares(anatomy, when.age + later, when.years + later, plane)
    shares: Floats = fine.reshape(len(fine), size, factor, size, factor).mean(axis=(2, 4))
    shares.setflags(write=False)
    return shares
