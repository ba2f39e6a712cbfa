"""What changes from one brain scan to the next: the day, how the head lies, and the receive field."""

from __future__ import annotations

import datetime
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthaudit.phantoms.brain_tissue import Plane
from synthaudit.phantoms.people import Person
from synthaudit.phantoms.visits import FIRST_STUDY

HALF_FIELD = 0.9
"""Half the side of an image, in units of the anatomy: the head and a finger's breadth of air."""


@dataclass(frozen=True, slots=True, eq=False)
class BrainVisit:
    """One study of one patient, of all contrasts; lengths as in `brain_anatomy`.

    Attributes:
        date: Study date.
        age: Years at this visit.
        years: Since the first visit.
        shift: Displacement x, y, z.
        rotation: In the axial plane, radians.
        pitch: Nodding of the head, radians.
        scale: Magnification, 1 for the average.
        bias: (9,) coefficients of the receive field.
        label: Findings joined by "|", or "normal".
    """

    date: datetime.date
    age: float
    years: float
    shift: tuple[float, float, float]
    rotation: float
    pitch: float
    scale: float
    bias: NDArray[np.float32]
    label: str


def draw_brain_visit(person: Person, first_day: int, day: int, rng: np.random.Generator) -> BrainVisit:
    """One visit of `person`, from the visit's own `rng`.

    Args:
        person: Who comes.
        first_day: Day of the patient's first visit, counted from `visits.FIRST_STUDY`.
        day: Day of this visit, counted likewise.
        rng: Of this visit.
    """
    years = (day - first_day) / 365.25
    return BrainVisit(
        date=FIRST_STUDY + datetime.timedelta(days=day),
        age=person.age + years,
        years=years,
        shift=(0.010 * rng.normal(), 0.010 * rng.normal(), 0.004 * rng.normal()),
        rotation=0.018 * rng.normal(),
        pitch=0.010 * rng.normal(),
        scale=1 + 0.006 * rng.normal(),
        bias=rng.normal(size=9).astype(np.float32),
        label="|".join(person.findings) or "normal",
    )


def placed_plane(visit: BrainVisit, height: float, size: int) -> Plane:
    """The patient's coordinates under a (size, size) axial plane at this height of the scanner."""
    pixel = 2 * HALF_FIELD / size
    axis = ((np.arange(size, dtype=np.float32) + 0.5) * pixel - HALF_FIELD).astype(np.float32)
    u, v = np.meshgrid(axis - visit.shift[0], axis - visit.shift[1])
    w = height - visit.shift[2]
    cosine, sine = np.float32(math.cos(visit.rotation)), np.float32(math.sin(visit.rotation))
    x, y = cosine * u + sine * v, cosine * v - sine * u
    nod, dip = np.float32(math.cos(visit.pitch)), np.float32(math.sin(visit.pitch))
    y, z = nod * y + dip * np.float32(w), nod * np.float32(w) - dip * y
    scale = np.float32(1 / visit.scale)
    return Plane(x=x * scale, y=y * scale, z=z * scale, pixel=pixel)
