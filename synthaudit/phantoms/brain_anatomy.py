"""The head of one simulated patient: what stays the same from visit to visit, and how fast it ages.

Lengths are in units of 12 cm. x in [-1, 1] runs from the patient's right to the left (as a film
is viewed), y from the forehead down the image to the back of the head, z from the feet up; the origin lies between the
thalami, where a radiologist looks for the ventricles. Everything is drawn from smooth distributions around means that
move with sex and group; age acts through `Aging`, so that the same head can be drawn at any age.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from synthaudit.phantoms.brain_lesions import LEVEL, Spots, Tumor, draw_spots, draw_tumor
from synthaudit.phantoms.field import Floats
from synthaudit.phantoms.people import GROUPS, Person
from synthaudit.phantoms.waves import Waves, draw_waves

FOLD_WAVES = 28
"""Plane waves whose sum folds the cortex; about as many numbers as make one cortex unlike every other."""


@dataclass(frozen=True, slots=True)
class Skull:
    """Head outline and its layers.

    Attributes:
        axes: Half width, half length, height above the origin.
        egg: How much wider the back of the head is than the front.
        scalp: Thickness of skin and fat.
        bone: Thickness of the skull.
        frontal_bone: Added to it at the forehead.
    """

    axes: tuple[float, float, float]
    egg: float
    scalp: float
    bone: float
    frontal_bone: float


@dataclass(frozen=True, slots=True, eq=False)
class Cortex:
    """Folding and thickness of the cortex.

    Attributes:
        folds: Its zero crossings are the sulci.
        branches: Its zero crossings are shallower sulci.
        outline: Changes the radius of the head by direction, as a share.
        depths: Changes the depth of the sulci from place to place, as a share.
        depth: Mean depth of a sulcus.
        thickness: Of the gray matter, at 18 years.
        midline: Amplitude and phase of the bend of the falx.
        sylvian: Place along y of the lateral fissure at the origin's height, right and left.
    """

    folds: Waves
    branches: Waves
    outline: Waves
    depths: Waves
    depth: float
    thickness: float
    midline: tuple[float, float]
    sylvian: tuple[float, float]


@dataclass(frozen=True, slots=True, eq=False)
class Ventricles:
    """Lateral ventricles as tapered segments, and the third.

    Attributes:
        start: (n, 3) of one side, then of the other.
        end: (n, 3).
        radius: (n, 2) at start and end, at 18 years.
        third: Half width, half length of the third ventricle at 18 years.
    """

    start: Floats
    end: Floats
    radius: Floats
    third: tuple[float, float]


@dataclass(frozen=True, slots=True, eq=False)
class DeepGray:
    """Caudates, lentiform nuclei and thalami as ellipsoids.

    Attributes:
        center: (n, 3).
        axes: (n, 3).
        tilt: (n,) radians in the axial plane.
    """

    center: Floats
    axes: Floats
    tilt: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Hindbrain:
    """Cerebellum and brainstem.

    Attributes:
        cerebellum: (2, 3) center and axes of an ellipsoid.
        stem: (2, 3) center and axes of an upright ellipsoid.
        leaf: Distance from one leaf of the cerebellum to the next.
    """

    cerebellum: Floats
    stem: Floats
    leaf: float


@dataclass(frozen=True, slots=True)
class Aging:
    """How fast this brain shrinks.

    Attributes:
        rate: 1 for the average person; the ventricles grow and the cortex thins with it.
    """

    rate: float

    def atrophy(self, age: float) -> float:
        """Loss at `age` years: 0 at 18, about .9 at 80 for the average rate; faster after 55."""
        late = 8 * math.log1p(math.exp((age - 55) / 8))
        return self.rate * (0.3 * (age - 18) + 0.7 * late) / 40


@dataclass(frozen=True, slots=True)
class BrainAnatomy:
    """All that stays with a patient; `cyst` is center x, y, z and radius."""

    skull: Skull
    cortex: Cortex
    ventricles: Ventricles
    deep_gray: DeepGray
    hindbrain: Hindbrain
    aging: Aging
    tumor: Tumor | None
    spots: Spots | None
    cyst: tuple[float, float, float, float] | None


def draw_brain(person: Person, rng: np.random.Generator) -> BrainAnatomy:
    """The head of `person`, from the patient's own `rng`; every draw is made whatever the findings are."""
    skull = _skull(person, rng)
    cortex = _cortex(rng)
    ventricles = _ventricles(rng)
    deep_gray = _deep_gray(rng)
    aging = Aging(float(np.exp(0.35 * rng.normal())))
    tumor, spots = draw_tumor(rng), draw_spots(person.age, ventricles.start, ventricles.end, rng)
    side, along = rng.choice([-1.0, 1.0]), rng.uniform(-0.45, 0.35)
    cyst = (side * (0.44 - 0.35 * along**2), along, LEVEL + 0.03 * rng.normal(), rng.uniform(0.12, 0.18))
    hindbrain = _hindbrain(rng)
    return BrainAnatomy(
        skull=skull,
        cortex=cortex,
        ventricles=ventricles,
        deep_gray=deep_gray,
        hindbrain=hindbrain,
        aging=aging,
        tumor=tumor if "tumor" in person.findings else None,
        spots=spots if "white-matter-lesions" in person.findings else None,
        cyst=cyst if "cyst" in person.findings else None,
    )


def _skull(person: Person, rng: np.random.Generator) -> Skull:
    male, trait = float(person.sex == "M"), GROUPS.index(person.group) - 1.0
    grown = 1 + 0.035 * (male - 0.5) + 0.02 * rng.normal()
    wide = 0.018 * rng.normal() + 0.012 * trait
    return Skull(
        axes=(
            0.665 * grown + wide,
            0.795 * grown - 0.6 * wide + 0.015 * rng.normal(),
            0.80 * grown + 0.012 * rng.normal(),
        ),
        egg=0.09 + 0.025 * rng.normal(),
        scalp=0.045 + 0.010 * abs(rng.normal()) + 0.004 * male,
        bone=0.050 + 0.006 * rng.normal(),
        frontal_bone=0.012 + 0.008 * rng.normal(),
    )


def _cortex(rng: np.random.Generator) -> Cortex:
    return Cortex(
        folds=draw_waves(rng, FOLD_WAVES, (0.20, 0.34), 1.0),
        outline=draw_waves(rng, 8, (1.2, 2.5), 0.014),
        branches=draw_waves(rng, FOLD_WAVES, (0.22, 0.30), 1.0),
        depths=draw_waves(rng, 6, (0.5, 1.0), 0.22),
        depth=0.15 + 0.015 * rng.normal(),
        thickness=0.034 + 0.0015 * rng.normal(),
        midline=(0.010 * rng.normal(), rng.uniform(0, 2 * math.pi)),
        sylvian=(-0.10 + 0.03 * rng.normal(), -0.10 + 0.03 * rng.normal()),
    )


_HORNS = np.array(
    [
        # x, y, z, radius: frontal tip, foramen, body, atrium, occipital tip, temporal tip
        [0.125, -0.345, 0.03, 0.020],
        [0.055, -0.190, 0.05, 0.030],
        [0.060, 0.010, 0.16, 0.028],
        [0.175, 0.215, 0.07, 0.042],
        [0.150, 0.390, 0.00, 0.010],
        [0.280, 0.080, -0.17, 0.014],
    ]
)
_JOINED = ((0, 1), (1, 2), (2, 3), (3, 4), (3, 5))


def _ventricles(rng: np.random.Generator) -> Ventricles:
    size = np.exp(0.22 * rng.normal())
    starts, ends, radii = [], [], []
    shared = np.array([0.010, 0.022, 0.010]) * rng.normal(size=(6, 3))
    for side in (-1.0, 1.0):
        corner = _HORNS[:, :3] + shared + np.array([0.005, 0.012, 0.006]) * rng.normal(size=(6, 3))
        corner[:, 0] = np.maximum(corner[:, 0], 0.045) * side
        radius = _HORNS[:, 3] * size * np.exp(0.10 * rng.normal(size=6))
        for a, b in _JOINED:
            starts.append(corner[a])
            ends.append(corner[b])
            radii.append((radius[a], radius[b]))
    third = (0.009 * size * math.exp(0.2 * rng.normal()), 0.10 + 0.01 * rng.normal())
    start, end, radius = (np.asarray(part, dtype=np.float32) for part in (starts, ends, radii))
    return Ventricles(start=start, end=end, radius=radius, third=third)


_NUCLEI = np.array(
    [
        # x, y, z, three axes, tilt: caudate head, putamen, pallidum, thalamus
        [0.130, -0.205, 0.04, 0.034, 0.085, 0.080, -0.40],
        [0.255, -0.060, 0.00, 0.046, 0.150, 0.095, -0.22],
        [0.185, -0.010, 0.00, 0.030, 0.075, 0.060, -0.45],
        [0.088, 0.085, 0.03, 0.066, 0.125, 0.085, 0.25],
    ]
)


def _deep_gray(rng: np.random.Generator) -> DeepGray:
    shared = np.array([0.008, 0.015, 0.010, 0.003, 0.008, 0.006, 0.06]) * rng.normal(size=(4, 7))
    rows = []
    for side in (-1.0, 1.0):
        row = _NUCLEI + shared + np.array([0.004, 0.006, 0.004, 0.002, 0.004, 0.003, 0.03]) * rng.normal(size=(4, 7))
        row[:, [0, 6]] *= side
        rows.append(row)
    both = np.concatenate(rows).astype(np.float32)
    return DeepGray(center=both[:, :3], axes=both[:, 3:6], tilt=both[:, 6])


def _hindbrain(rng: np.random.Generator) -> Hindbrain:
    cerebellum = np.array([[0.0, 0.375, -0.35], [0.44, 0.295, 0.30]]) + 0.012 * rng.normal(size=(2, 3))
    stem = np.array([[0.0, 0.02, -0.34], [0.12, 0.11, 0.30]]) + 0.006 * rng.normal(size=(2, 3))
    return Hindbrain(cerebellum.astype(np.float32), stem.astype(np.float32), 0.052 + 0.004 * rng.normal())
