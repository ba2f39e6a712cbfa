"""Lesions of the brain: tumors with rim and edema, and white matter lesions; lengths as in `brain_anatomy`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from synthaudit.phantoms.field import Floats
from synthaudit.phantoms.waves import Waves, draw_waves

WHITE_MATTER_SPOTS = 22
LEVEL = 0.03
"""Height of the plane that a 2-D image shows: frontal horns, thalami and atria."""


@dataclass(frozen=True, slots=True, eq=False)
class Tumor:
    """A growing tumor with dead core, enhancing rim and edema.

    Attributes:
        center: Of the core.
        radius: Of core and rim, at the first visit.
        rim: Thickness of the rim, as a share of the radius.
        edema: Reach of the edema beyond the rim.
        growth: Change of the radius in a year, as a share.
        shape: Makes the outline irregular.
    """

    center: tuple[float, float, float]
    radius: float
    rim: float
    edema: float
    growth: float
    shape: Waves


@dataclass(frozen=True, slots=True, eq=False)
class Spots:
    """White matter lesions: `center` (n, 3), `radius` (n,) when full grown, `onset` (n,) age in years."""

    center: Floats
    radius: Floats
    onset: Floats


def draw_tumor(rng: np.random.Generator) -> Tumor:
    """A tumor that the plane of 2-D images cuts."""
    radius = rng.uniform(0.08, 0.15)
    side = rng.choice([-1.0, 1.0])
    along = rng.uniform(-0.42, 0.42)
    return Tumor(
        center=(side * rng.uniform(0.20, 0.42) * (1 - 0.9 * along**2), along, LEVEL + radius * rng.uniform(-0.6, 0.6)),
        radius=radius,
        rim=rng.uniform(0.22, 0.38),
        edema=rng.uniform(0.05, 0.13),
        growth=float(rng.uniform(0.05, 0.35)),
        shape=draw_waves(rng, 8, (0.10, 0.35), 0.16),
    )


def draw_spots(age: float, start: Floats, end: Floats, rng: np.random.Generator) -> Spots:
    """White matter lesions along the ventricles; a few, in the plane of 2-D images, are old at the first visit.

    Args:
        age: At the first visit, in years.
        start: (n, 3) where the parts of the ventricles start.
        end: (n, 3) where they end.
        rng: The patient's own.
    """
    n = WHITE_MATTER_SPOTS
    which, along = rng.integers(len(start), size=n), rng.uniform(size=n)[:, None]
    center = start[which] * (1 - along) + end[which] * along
    away = rng.normal(size=(n, 3))
    away[:, 0] = np.abs(away[:, 0]) * np.sign(center[:, 0])
    away /= np.linalg.norm(away, axis=1, keepdims=True)
    center = center + away * (0.06 + 0.09 * rng.uniform(size=(n, 1)))
    center[:, 2] = LEVEL + np.where(np.arange(n) < 4, 0.005, 0.06) * rng.normal(size=n)
    onset = np.where(np.arange(n) < 4, age - rng.uniform(5, 20, size=n), age - 40 + 70 * rng.uniform(size=n))
    return Spots(
        center=center.astype(np.float32),
        radius=rng.uniform(0.014, 0.036, size=n).astype(np.float32),
        onset=onset.astype(np.float32),
    )
