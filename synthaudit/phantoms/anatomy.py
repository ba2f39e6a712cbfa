"""The anatomy of one simulated patient: what stays the same from visit to visit.

Lengths are in half image widths: x in [-1, 1] from the patient's right to the left (as a film is viewed), y in [-1, 1]
from the neck down; one unit is about 18 cm. Everything is drawn from smooth distributions around means that move with
sex, age, habitus and group, so that patients form one population without islands.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from synthaudit.phantoms.people import GROUPS, Person

POSTERIOR_RIBS = 10
ANTERIOR_RIBS = 7

Pair = tuple[float, float]
"""A value for the patient's right (left in the image) and for the left."""


@dataclass(frozen=True, slots=True)
class Torso:
    """Body outline, lungs and diaphragm."""

    neck: float
    """Half width of the neck."""
    shoulder: float
    """Half width across the shoulders."""
    shoulder_y: float
    flank: float
    """Half width of the trunk below the arms."""
    tissue: float
    """Attenuation of the soft tissue in the beam at the midline."""
    lung_width: Pair
    """Largest distance of the lateral lung border from the midline."""
    apex_y: Pair
    apex_shape: Pair
    """Exponent of the lateral border near the apex; larger is more pointed."""
    dome_y: Pair
    """Height of the diaphragm at full inspiration."""
    dome_drop: Pair
    """How far the costophrenic angle lies below the dome."""
    air: float
    """Attenuation that lung air takes away at its thickest."""
    mediastinum: float
    """Half width of the upper mediastinum."""
    breast: float
    """Attenuation of the breast shadow; 0 for none."""
    breast_place: tuple[float, float, float, float]
    """Center x, center y, half width, half height."""


@dataclass(frozen=True, slots=True)
class Heart:
    """Heart and great vessels."""

    center: tuple[float, float]
    axes: tuple[float, float]
    tilt: float
    """Radians, clockwise as viewed."""
    atrium: tuple[float, float, float]
    """Right atrium: center x, center y, radius."""
    knob: tuple[float, float, float]
    """Aortic knob: center x, center y, radius."""
    density: float


@dataclass(frozen=True, slots=True, eq=False)
class Skeleton:
    """Bones. Arrays have shape (2, ribs): right side, left side."""

    spine_bend: tuple[float, float]
    """Amplitude and phase of the lateral curve."""
    vertebra: tuple[float, float, float]
    """Half width, spacing, phase along y."""
    posterior_y: NDArray[np.float32]
    posterior_slope: NDArray[np.float32]
    posterior_arch: NDArray[np.float32]
    anterior_y: NDArray[np.float32]
    anterior_drop: NDArray[np.float32]
    anterior_end: NDArray[np.float32]
    """Where the bone turns to cartilage, as a share of the lung's width."""
    rib_half_width: float
    density: float
    """Attenuation of a rib; cortical bone thins with age."""
    clavicle: tuple[Pair, Pair, Pair]
    """Medial height, rise to the shoulder, S-bend; each for both sides."""
    scapula: tuple[Pair, Pair]
    """Distance of the medial border from the midline, and its slant; each for both sides."""


@dataclass(frozen=True, slots=True, eq=False)
class Vessels:
    """Pulmonary vessel trees as straight segments.

    Attributes:
        start: (n, 2) x, y.
        end: (n, 2) x, y.
        radius: (n,) half width.
        hilum: Center of the right and of the left hilum, x and y.
    """

    start: NDArray[np.float32]
    end: NDArray[np.float32]
    radius: NDArray[np.float32]
    hilum: tuple[tuple[float, float], tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Anatomy:
    """All that stays with a patient."""

    torso: Torso
    heart: Heart
    skeleton: Skeleton
    vessels: Vessels
    nodule: tuple[float, float, float] | None
    """Center x, center y, radius."""
    pacemaker: tuple[float, float, float] | None = field(default=None)
    """Center x, center y, tilt in radians."""
    cavity: tuple[float, float, float] | None = field(default=None)
    """Center x, center y, radius of a ring of consolidated lung; the rare class."""
    growth: float = 0.0
    """Of a nodule in a year, as a share of its radius."""


def _pair(rng: np.random.Generator, mean: float, spread: float, asymmetry: float) -> Pair:
    """Two sides that share `mean + spread * z` and differ by `asymmetry`."""
    shared = mean + spread * rng.normal()
    return shared + asymmetry * rng.normal(), shared + asymmetry * rng.normal()


def draw_anatomy(person: Person, rng: np.random.Generator) -> Anatomy:
    """The anatomy of `person`, from the patient's own `rng`."""
    torso = _torso(person, rng)
    heart = _heart(person, rng)
    skeleton = _skeleton(person, torso, rng)
    vessels = _vessels(torso, rng)
    side, along, across, radius = rng.choice([-1.0, 1.0]), rng.uniform(), rng.uniform(), rng.uniform(0.035, 0.065)
    nodule = (side * (0.26 + 0.26 * across), -0.38 + 0.6 * along, radius) if "nodule" in person.findings else None
    place = (0.45 + 0.05 * rng.normal(), -0.36 + 0.05 * rng.normal(), 0.3 * rng.normal())
    hole = (rng.choice([-1.0, 1.0]) * rng.uniform(0.30, 0.44), rng.uniform(-0.42, -0.22), rng.uniform(0.10, 0.15))
    return Anatomy(
        torso,
        heart,
        skeleton,
        vessels,
        nodule,
        pacemaker=place if person.pacemaker else None,
        cavity=hole if "cavity" in person.findings else None,
        growth=rng.uniform(0.05, 0.30),
    )


def aged(anatomy: Anatomy, years: float) -> Anatomy:
    """The anatomy `years` later: the heart widens, the aorta unfolds, bone thins, and a nodule grows."""
    heart, nodule = anatomy.heart, anatomy.nodule
    grown = 1 + 0.004 * years
    x, y, radius = heart.knob
    if nodule is not None:
        nodule = (nodule[0], nodule[1], nodule[2] * min(1 + anatomy.growth * years, 2.2))
    return replace(
        anatomy,
        heart=replace(heart, axes=(heart.axes[0] * grown, heart.axes[1] * grown), knob=(x, y, radius + 0.0010 * years)),
        skeleton=replace(anatomy.skeleton, density=anatomy.skeleton.density * (1 - 0.006 * years)),
        nodule=nodule,
    )


def _torso(person: Person, rng: np.random.Generator) -> Torso:
    male, old, broad = float(person.sex == "M"), (person.age - 57) / 16, person.habitus
    trait = GROUPS.index(person.group) - 1.0
    dome_right, dome_left = _pair(rng, 0.44 + 0.02 * old - 0.03 * broad, 0.05, 0.018)
    breast = float(np.clip(0.13 + 0.05 * broad + 0.04 * rng.normal(), 0.03, 0.3)) * (1 - male)
    return Torso(
        neck=0.21 + 0.03 * male + 0.02 * broad + 0.015 * rng.normal(),
        shoulder=1.02 + 0.04 * male + 0.04 * broad + 0.03 * rng.normal(),
        shoulder_y=-0.83 + 0.035 * rng.normal() - 0.02 * broad,
        flank=0.86 + 0.02 * male + 0.075 * broad + 0.03 * rng.normal(),
        tissue=1.0 + 0.07 * broad + 0.03 * rng.normal(),
        lung_width=_pair(rng, 0.66 + 0.025 * male + 0.01 * broad + 0.012 * trait, 0.035, 0.012),
        apex_y=_pair(rng, -0.72 + 0.015 * trait, 0.035, 0.012),
        apex_shape=_pair(rng, 3.0, 0.35, 0.10),
        dome_y=(dome_right - 0.02, dome_left + 0.03),
        dome_drop=_pair(rng, 0.24, 0.035, 0.015),
        air=0.66 - 0.03 * broad + 0.025 * old + 0.03 * rng.normal(),
        mediastinum=0.135 + 0.01 * broad + 0.008 * old + 0.012 * rng.normal(),
        breast=breast,
        breast_place=(
            0.42 + 0.03 * rng.normal(),
            0.28 + 0.05 * old + 0.04 * rng.normal(),
            0.31 + 0.03 * broad + 0.02 * rng.normal(),
            0.25 + 0.03 * broad + 0.03 * rng.normal(),
        ),
    )


def _heart(person: Person, rng: np.random.Generator) -> Heart:
    old, broad = (person.age - 57) / 16, person.habitus
    grown = 1.0 + 0.02 * old + 0.025 * broad + 0.05 * rng.normal()
    excess = 0.22 + 0.12 * rng.uniform()
    if "cardiomegaly" in person.findings:
        grown += excess
    x, y = 0.135 + 0.02 * rng.normal(), 0.235 + 0.03 * rng.normal()
    return Heart(
        center=(x + 0.06 * (grown - 1), y),
        axes=(0.315 * grown * (1 + 0.04 * rng.normal()), 0.245 * grown * (1 + 0.04 * rng.normal())),
        tilt=0.55 + 0.12 * rng.normal() - 0.05 * broad,
        atrium=(-0.06 + 0.012 * rng.normal(), y - 0.01, 0.17 * (0.5 + 0.5 * grown) + 0.01 * rng.normal()),
        knob=(0.09 + 0.012 * rng.normal(), -0.30 + 0.025 * rng.normal(), max(0.05, 0.082 + 0.012 * old)),
        density=0.36 + 0.03 * rng.normal(),
    )


def _skeleton(person: Person, torso: Torso, rng: np.random.Generator) -> Skeleton:
    old = (person.age - 57) / 16
    trait = GROUPS.index(person.group) - 1.0
    spacing = 0.118 + 0.007 * rng.normal() + 0.003 * trait
    first = sum(torso.apex_y) / 2 + 0.03 + 0.03 * rng.normal()
    ranks = np.arange(POSTERIOR_RIBS)
    slope = 0.13 + 0.04 * rng.normal() + 0.022 * ranks + 0.02 * trait
    front = np.arange(ANTERIOR_RIBS)
    front_first = first + 0.02 + 0.03 * rng.normal()

    def both(values: NDArray[np.floating], ripple: float) -> NDArray[np.float32]:
        shared = values + ripple * rng.normal(size=values.size)
        return np.asarray(shared + 0.6 * ripple * rng.normal(size=(2, values.size)), dtype=np.float32)

    return Skeleton(
        spine_bend=(0.02 * rng.normal(), 1.2 * rng.normal()),
        vertebra=(0.078 + 0.006 * rng.normal(), 0.135 + 0.008 * rng.normal(), rng.uniform()),
        posterior_y=both(first + spacing * ranks, 0.008),
        posterior_slope=both(slope, 0.02),
        posterior_arch=both(np.full(POSTERIOR_RIBS, 0.10 + 0.03 * rng.normal()), 0.015),
        anterior_y=both(front_first + 1.12 * spacing * front, 0.012),
        anterior_drop=both(np.full(ANTERIOR_RIBS, 0.33 + 0.05 * rng.normal()) - 0.012 * front, 0.02),
        anterior_end=both(np.full(ANTERIOR_RIBS, 0.42 + 0.04 * rng.normal()), 0.03),
        rib_half_width=0.0235 + 0.002 * rng.normal(),
        density=max(0.06, 0.125 - 0.012 * old + 0.006 * trait + 0.012 * rng.normal()),
        clavicle=(_pair(rng, -0.545, 0.035, 0.012), _pair(rng, 0.12, 0.05, 0.02), _pair(rng, 0.028, 0.01, 0.005)),
        scapula=(_pair(rng, 0.60, 0.04, 0.025), _pair(rng, 0.14, 0.04, 0.02)),
    )


def _vessels(torso: Torso, rng: np.random.Generator) -> Vessels:
    hila = ((-0.165 + 0.012 * rng.normal(), -0.04 + 0.03 * rng.normal()),
            (0.155 + 0.012 * rng.normal(), -0.075 + 0.03 * rng.normal()))  # fmt: skip
    starts, ends, radii = [], [], []
    for side, (x, y), width in zip((-1.0, 1.0), hila, torso.lung_width, strict=True):
        # Angles from the side of the body, positive downward; lower-lobe vessels are the larger ones.
        angles = np.linspace(-1.35, 1.35, 7) + 0.12 * rng.normal(size=7)
        reach = (width - 0.16) * (0.42 + 0.05 * rng.normal(size=7))
        calibre = 0.0165 * (1 + 0.2 * np.sin(angles)) * np.exp(0.12 * rng.normal(size=7))
        tips = np.column_stack([x + side * reach * np.cos(angles), y + 1.15 * reach * np.sin(angles)])
        root = np.column_stack([x + side * 0.02 * np.cos(angles), y + 0.085 * np.sin(angles)])
        for generation in range(3):
            starts.append(root)
            ends.append(tips)
            radii.append(calibre)
            if generation == 2:
                break
            n = 2 * len(angles)
            spread = np.tile([-0.33, 0.33], len(angles)) + 0.14 * rng.normal(size=n)
            angles = np.repeat(angles, 2) + spread
            reach = np.repeat(reach, 2) * (0.62 + 0.08 * rng.normal(size=n))
            calibre = np.repeat(calibre, 2) * (0.70 + 0.06 * rng.normal(size=n))
            root = np.repeat(tips, 2, axis=0)
            tips = root + np.column_stack([side * reach * np.cos(angles), 1.1 * reach * np.sin(angles)])
    return Vessels(
        start=np.concatenate(starts).astype(np.float32),
        end=np.concatenate(ends).astype(np.float32),
        radius=np.concatenate(radii).astype(np.float32),
        hilum=hila,
    )
