"""What changes from visit to visit: positioning, inspiration, exposure, noise, findings, lines; and the scanners."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

import numpy as np

from synthaudit.phantoms.people import ACUTE, DEVICES, Person

FIRST_STUDY = datetime.date(2015, 1, 1)
"""No study is earlier."""


@dataclass(frozen=True, slots=True)
class Scanner:
    """How a site's machine turns attenuation into pixels.

    Attributes:
        contrast: Slope of the display curve, 1 for the average machine.
        noise: Standard deviation of the detector noise, in pixel value at full scale 1.
        blur: Standard deviation of the point spread, in half image widths.
        brightness: Added to the attenuation that is shown as middle gray.
    """

    contrast: float
    noise: float
    blur: float
    brightness: float


SCANNERS = {
    "north": Scanner(contrast=1.00, noise=0.010, blur=0.008, brightness=0.00),
    "south": Scanner(contrast=1.15, noise=0.016, blur=0.006, brightness=0.03),
    "west": Scanner(contrast=0.88, noise=0.013, blur=0.013, brightness=-0.04),
}


@dataclass(frozen=True, slots=True)
class Visit:
    """One study of one patient; lengths as in `anatomy`.

    Attributes:
        date: Study date.
        age: Years at this visit.
        shift: Displacement x, y.
        scale: Magnification, 1 for the average.
        rotation: Radians.
        inspiration: How far the diaphragm stands above full inspiration.
        exposure: Added to the attenuation that is shown as middle gray.
        findings: All findings visible at this visit, chronic ones first.
        effusion: Side (-1 right, 1 left) and height of the fluid.
        opacities: Center x, center y, radius and density of each cloud.
        line: Central venous line: x offset of the tip, and sag; None for none.
        bubble: Gastric air: x, y, radius; None for none.
    """

    date: datetime.date
    age: float
    shift: tuple[float, float]
    scale: float
    rotation: float
    inspiration: float
    exposure: float
    findings: tuple[str, ...]
    effusion: tuple[float, float] | None
    opacities: tuple[tuple[float, float, float, float], ...]
    line: tuple[float, float] | None
    bubble: tuple[float, float, float] | None

    @property
    def label(self) -> str:
        """Findings joined by "|", or "normal"."""
        return "|".join(self.findings) or "normal"


def draw_visit(person: Person, first_day: int, day: int, rng: np.random.Generator) -> Visit:
    """One visit of `person`, from the visit's own `rng`.

    Args:
        person: Who comes.
        first_day: Day of the patient's first visit, counted from `FIRST_STUDY`.
        day: Day of this visit, counted likewise.
        rng: Of this visit.
    """
    date = FIRST_STUDY + datetime.timedelta(days=day)
    chance = rng.uniform(size=5)
    acute = {name: u < ACUTE[name].probability(person.age, person.sex) for name, u in zip(ACUTE, chance, strict=False)}
    side = float(rng.choice([-1.0, 1.0]))
    fluid = (side, rng.uniform(0.07, 0.30))
    focus = (float(rng.choice([-1.0, 1.0])) * rng.uniform(0.25, 0.48), rng.uniform(-0.3, 0.3))
    cloud = tuple(
        (focus[0] + 0.08 * rng.normal(), focus[1] + 0.08 * rng.normal(), rng.uniform(0.05, 0.13), rng.uniform(0.1, 0.2))
        for _ in range(5)
    )
    return Visit(
        date=date,
        age=person.age + (day - first_day) / 365.25,
        shift=(0.014 * rng.normal(), 0.018 * rng.normal()),
        scale=1 + 0.015 * rng.normal(),
        rotation=0.016 * rng.normal(),
        inspiration=-0.028 * abs(rng.normal()),
        exposure=0.025 * rng.normal(),
        findings=person.findings + tuple(name for name, present in acute.items() if present),
        effusion=fluid if acute["effusion"] else None,
        opacities=cloud if acute["opacity"] else (),
        line=(0.02 * rng.normal(), 0.03 * rng.normal()) if _chance(person, "line", chance[3]) else None,
        bubble=(0.30 + 0.06 * rng.normal(), 0.13 + 0.03 * rng.normal(), rng.uniform(0.06, 0.13))
        if chance[4] < 0.6
        else None,
    )


def _chance(person: Person, device: str, uniform: float) -> bool:
    return bool(uniform < DEVICES[device].probability(person.age, person.sex))
