"""One image of a brain population, as cohorts and files hold it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from synthaudit.phantoms.brain_contrast import CONTRASTS, Contrast, shown
from synthaudit.phantoms.brain_visits import HALF_FIELD
from synthaudit.phantoms.field import Floats
from synthaudit.phantoms.sources import Scan

if TYPE_CHECKING:
    from synthaudit.phantoms.brain import BrainPopulation

UNIT_MM = 120.0
"""One unit of the anatomy."""

ATTRIBUTES: Final = ("sex", "age", "group", "site", "label", "study_date", "contrast")
"""Attribute columns of a brain cohort, in order."""


@dataclass(frozen=True, slots=True)
class BrainSource:
    """One image of a population, rendered at each read; a few numbers to copy or to pickle."""

    population: BrainPopulation
    patient: int
    visit: int
    contrast: Contrast
    slice_: int | None = None

    @property
    def patient_id(self) -> str:
        """The patient's id in cohorts and tables."""
        return f"BRX-{self.patient:06d}"

    @property
    def series(self) -> str:
        """Id of the scan: patient, visit and contrast."""
        return f"{self.patient_id}_{self.visit:02d}_{self.contrast}"

    @property
    def name(self) -> str:
        """Its file name."""
        return f"{self.series}.png" if self.slice_ is None else f"{self.series}_{self.slice_:03d}.png"

    @property
    def volume(self) -> str:
        """Id of the volume that it is a slice of; "" for none."""
        return "" if self.slice_ is None else self.series

    @property
    def position(self) -> float:
        """Number of the slice in its volume; NaN for none."""
        return math.nan if self.slice_ is None else float(self.slice_)

    @property
    def scan(self) -> Scan:
        """What a scanner writes beside the pixels."""
        population = self.population
        person, when = population.person(self.patient), population.visit(self.patient, self.visit)
        spacing, corner = 2 * HALF_FIELD * UNIT_MM / population.size, HALF_FIELD * UNIT_MM
        corner -= spacing / 2
        return Scan(
            modality="CT" if self.contrast == "ct" else "MR",
            contrast=self.contrast,
            body_part="HEAD",
            patient_id=self.patient_id,
            sex=person.sex,
            age=when.age,
            date=when.date,
            site=person.site,
            study=f"{population}/{self.patient}/{self.visit}",
            series=1 + CONTRASTS.index(self.contrast),
            instance=1 if self.slice_ is None else 1 + self.slice_,
            spacing_mm=spacing,
            thickness_mm=population.thickness * UNIT_MM,
            corner_mm=(-corner, -corner, population.height(self.slice_) * UNIT_MM),
            down=(0, 1, 0),
        )

    def stored(self) -> NDArray[np.uint16]:
        """(size, size) the 12 bits of a scanner: MR signal on 4096 levels, CT in HU above -1024."""
        signal = self.signal()
        return np.asarray(np.round(signal + 1024 if self.contrast == "ct" else signal * 4095), dtype=np.uint16)

    def lesion_mask(self) -> NDArray[np.bool_]:
        """(size, size) True where there is a lesion."""
        return self.population.lesion_mask(self.patient, self.visit, slice_=self.slice_)

    def signal(self) -> Floats:
        """(size, size) float32 as scanned: MR in [0, 1], CT in Hounsfield units."""
        return self.population.signal(self.patient, self.visit, self.contrast, self.slice_)

    def read(self) -> Floats:
        """(size, size) float32 in [0, 1]."""
        return shown(self.signal(), self.contrast, self.population.ct_window)

    def attributes(self) -> Mapping[str, str]:
        """Values of `ATTRIBUTES`, as text."""
        person = self.population.person(self.patient)
        visit = self.population.visit(self.patient, self.visit)
        values = (person.sex, f"{visit.age:.1f}", person.group, person.site, visit.label, visit.date.isoformat())
        return dict(zip(ATTRIBUTES, (*values, self.contrast), strict=True))
