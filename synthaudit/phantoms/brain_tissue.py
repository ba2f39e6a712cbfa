"""Which tissue is where in a head: the one map that every contrast of a visit is made from."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from synthaudit.phantoms.brain_anatomy import BrainAnatomy, Cortex, Ventricles
from synthaudit.phantoms.brain_lesions import Spots, Tumor
from synthaudit.phantoms.field import Floats, edge
from synthaudit.phantoms.waves import Waves, wave_sum


class Tissue(IntEnum):
    """What a voxel is made of; from `EDEMA` on, lesions."""

    BACKGROUND = 0
    SCALP = 1
    SKULL = 2
    CSF = 3
    GRAY = 4
    WHITE = 5
    VENTRICLE = 6
    DEEP_GRAY = 7
    EDEMA = 8
    TUMOR_CORE = 9
    TUMOR_RIM = 10
    WHITE_MATTER_LESION = 11
    CYST = 12


LESIONS = (Tissue.EDEMA, Tissue.TUMOR_CORE, Tissue.TUMOR_RIM, Tissue.WHITE_MATTER_LESION, Tissue.CYST)


@dataclass(frozen=True, slots=True, eq=False)
class Plane:
    """Where the pixels of one axial plane lie in the head; x, y, z are (h, w), `pixel` is the side of a pixel."""

    x: Floats
    y: Floats
    z: Floats
    pixel: float


def tissue_shares(anatomy: BrainAnatomy, age: float, years: float, plane: Plane) -> Floats:
    """(len(Tissue), h, w) share of each tissue in each pixel; they add up to 1.

    Args:
        anatomy: The patient.
        age: At this visit, in years.
        years: Since the first visit; a tumor grows with them.
        plane: Where to look.
    """
    soft = max(0.6 * plane.pixel, 0.004)
    atrophy = anatomy.aging.atrophy(age)
    radius = np.sqrt(plane.x**2 + plane.y**2 + plane.z**2) + np.float32(1e-4)
    skin, scalp, bone = _layers(anatomy, plane, radius)
    below = skin - scalp - bone
    brain = _below_pia(anatomy.cortex, plane, radius, below - (0.007 + 0.012 * atrophy), atrophy)
    gray = anatomy.cortex.thickness * (1 - 0.25 * min(atrophy, 1.5))
    shares = np.zeros((len(Tissue), *plane.x.shape), dtype=np.float32)

    def over(kind: Tissue, share: Floats) -> None:
        """Lay a tissue over what is there."""
        np.multiply(shares, 1 - share, out=shares)
        shares[kind] += share

    shares[Tissue.BACKGROUND] = 1
    over(Tissue.SCALP, edge(skin, soft))
    over(Tissue.SKULL, edge(skin - scalp, soft))
    over(Tissue.CSF, edge(below, soft))
    over(Tissue.GRAY, edge(brain, soft))
    over(Tissue.WHITE, edge(brain - gray, soft))
    for kind, share in _hindbrain(anatomy, plane, soft):
        over(kind, share * edge(below - 0.01, soft))
    over(Tissue.DEEP_GRAY, _deep_gray(anatomy, plane, soft) * edge(brain, soft))
    _lesions(anatomy, age, years, plane, shares, soft)
    over(Tissue.VENTRICLE, edge(-_ventricle_distance(anatomy.ventricles, plane, atrophy), soft))
    return shares


def _layers(anatomy: BrainAnatomy, plane: Plane, radius: Floats) -> tuple[Floats, Floats, Floats]:
    """Depth below the skin, thickness of the scalp and of the bone there."""
    skull = anatomy.skull
    width, length, height = skull.axes
    wide = width * (1 + skull.egg * plane.y)
    # Below the origin the head narrows slowly, as it does down to the ears.
    tall = np.where(plane.z > 0, np.float32(height), np.float32(1.6 * height))
    rho = np.sqrt((plane.x / wide) ** 2 + (plane.y / length) ** 2 + (plane.z / tall) ** 2) + np.float32(1e-4)
    ux, uy, uz = plane.x / radius, plane.y / radius, plane.z / radius
    outline = wave_sum(anatomy.cortex.outline, ux, uy, uz)
    skin = radius * ((1 + outline) / rho - 1)
    forehead, nape = np.maximum(-uy, 0) ** 4, np.maximum(uy, 0) ** 2
    scalp = skull.scalp * (0.8 + 0.5 * nape)
    bone = skull.bone * (1 + 2.5 * outline) + skull.frontal_bone * forehead + 0.010 * nape
    return skin, np.asarray(scalp, dtype=np.float32), np.asarray(bone, dtype=np.float32)


def _below_pia(cortex: Cortex, plane: Plane, radius: Floats, below: Floats, atrophy: float) -> Floats:
    """Distance from the nearest spinal fluid on the brain's surface or in a sulcus; negative in the fluid."""
    depth = cortex.depth * (1 + wave_sum(cortex.depths, plane.x, plane.y, plane.z))
    open_by = 0.0035 + 0.011 * atrophy
    # A sulcus is widest where it opens.
    opening = open_by * (0.6 + 0.8 * np.exp(below * -12))
    near = (below > -0.05) & (below < depth + 0.06)
    inside = np.hypot(_fold_distance(cortex.folds, plane, radius, near), np.maximum(below - depth, 0)) - opening
    near &= below < 0.45 * depth + 0.06
    shallow = np.maximum(below - 0.45 * depth, 0)
    branches = np.hypot(_fold_distance(cortex.branches, plane, radius, near), shallow) - 0.8 * opening
    amplitude, phase = cortex.midline
    falx = np.abs(plane.x - amplitude * np.sin(3 * plane.y + phase))
    callosum = np.sqrt(((plane.y - 0.01) / 0.40) ** 2 + ((plane.z + 0.02) / 0.25) ** 2)
    fissure = np.hypot(falx, 0.28 * np.maximum(1 - callosum, 0)) - (0.005 + 0.7 * open_by)
    place = np.where(plane.x < 0, np.float32(cortex.sylvian[0]), np.float32(cortex.sylvian[1]))
    across = np.abs(plane.y - place - 1.6 * plane.z - 0.25 * (np.abs(plane.x) - 0.4)) * 0.55
    lateral = np.hypot(across, np.maximum(0.335 - np.abs(plane.x), 0)) - (0.006 + 1.3 * open_by)
    return np.asarray(np.minimum.reduce([below, inside, branches, fissure, lateral]), dtype=np.float32)


def _fold_distance(folds: Waves, plane: Plane, radius: Floats, where: NDArray[np.bool_]) -> Floats:
    """About how far the nearest sulcal sheet is, the field over its slope; 1 where it does not matter.

    Places are pulled toward one sphere first, so that sheets run down into the brain, as sulci do.
    """
    pull = (0.6 / np.maximum(radius[where], 0.12)) ** np.float32(0.6)
    places = np.stack([axis[where] for axis in (plane.x, plane.y, plane.z)]) * pull
    angle = folds.vector @ places + folds.phase[:, None]
    value = folds.height @ np.cos(angle)
    slope = (folds.vector * folds.height[:, None]).T @ np.sin(angle)
    steep = np.sqrt((slope * slope).sum(axis=0)) * pull
    distance = np.ones_like(radius)
    distance[where] = np.abs(value) / np.maximum(steep, 4.0)
    return distance


def _ventricle_distance(ventricles: Ventricles, plane: Plane, atrophy: float) -> Floats:
    """Distance from the wall of the ventricles, negative inside; they widen as the brain shrinks."""
    wider = float(np.exp(0.8 * atrophy))
    places = np.stack([plane.x.ravel(), plane.y.ravel(), plane.z.ravel()])
    start, along = ventricles.start, ventricles.end - ventricles.start
    length2 = (along * along).sum(axis=1)[:, None]
    # Matrix products give every place's share of the way along every segment, and its distance from it.
    ahead = along @ places - (along * start).sum(axis=1)[:, None]
    share = np.clip(ahead / length2, 0, 1)
    from_start = (places * places).sum(axis=0) - 2 * start @ places + (start * start).sum(axis=1)[:, None]
    gap = np.sqrt(np.maximum(from_start - 2 * share * ahead + share * share * length2, 0))
    first, last = ventricles.radius[:, :1], ventricles.radius[:, 1:]
    least = (gap - np.float32(wider) * (first + share * (last - first))).min(axis=0)
    half, length = ventricles.third
    third = np.sqrt((plane.x / (half * wider)) ** 2 + (plane.y / length) ** 2 + ((plane.z + 0.02) / 0.10) ** 2)
    return np.asarray(np.minimum(least.reshape(plane.x.shape), (third - 1) * np.float32(half * wider)))


def _deep_gray(anatomy: BrainAnatomy, plane: Plane, soft: float) -> Floats:
    nuclei = anatomy.deep_gray
    total = np.zeros_like(plane.x)
    for center, axes, tilt in zip(nuclei.center, nuclei.axes, nuclei.tilt, strict=True):
        inside = _ellipsoid(plane, center, axes, float(tilt))
        total = np.maximum(total, edge(inside * float(axes[0]), soft))
    return total


def _hindbrain(anatomy: BrainAnatomy, plane: Plane, soft: float) -> list[tuple[Tissue, Floats]]:
    """What cerebellum and brainstem lay over the brain, in order: a cleft of fluid, gray leaves, white matter."""
    if plane.z.min() > 0:  # All of it lies below.
        return []
    hind = anatomy.hindbrain
    wavy = 0.012 * wave_sum(anatomy.cortex.depths, plane.x, plane.y, plane.z)
    cerebellum = _ellipsoid(plane, hind.cerebellum[0], hind.cerebellum[1], 0.0) * np.float32(0.29) + wavy
    stem = _ellipsoid(plane, hind.stem[0], hind.stem[1], 0.0) * np.float32(0.11)
    either = np.maximum(cerebellum, stem)
    # Leaves lie in arcs about the brainstem, each white in its middle; the white matter runs together inside.
    arc = np.hypot(plane.x, plane.y - hind.stem[0, 1]) + 0.6 * plane.z
    uneven = 0.9 * wave_sum(anatomy.cortex.branches, plane.x, plane.y, plane.z)
    leaves = np.cos(arc * np.float32(2 * np.pi / hind.leaf) + uneven) - 0.25
    core = cerebellum - 0.10 - 0.02 * uneven - 0.05 * np.cos(plane.x * 9)
    white = np.maximum(edge(core, 0.02), 0.65 * edge(0.02 * leaves, soft)) * edge(cerebellum - 0.02, 0.01)
    return [
        (Tissue.CSF, edge(either + np.float32(0.014), soft)),
        (Tissue.GRAY, edge(cerebellum, soft)),
        (Tissue.WHITE, np.maximum(white, edge(stem, soft))),
    ]


def _ellipsoid(plane: Plane, center: Floats, axes: Floats, tilt: float) -> Floats:
    """1 at the center, 0 on the surface, negative outside."""
    dx, dy = plane.x - center[0], plane.y - center[1]
    cosine, sine = np.float32(np.cos(tilt)), np.float32(np.sin(tilt))
    dx, dy = cosine * dx + sine * dy, cosine * dy - sine * dx
    return np.asarray(1 - np.sqrt((dx / axes[0]) ** 2 + (dy / axes[1]) ** 2 + ((plane.z - center[2]) / axes[2]) ** 2))


_BRAIN = (Tissue.GRAY, Tissue.WHITE, Tissue.DEEP_GRAY, Tissue.WHITE_MATTER_LESION)
_YIELDING = (*_BRAIN, Tissue.CSF, Tissue.EDEMA, Tissue.TUMOR_CORE, Tissue.TUMOR_RIM)
"""What a cyst pushes aside."""


def _lesions(
    anatomy: BrainAnatomy, age: float, years: float, plane: Plane, shares: NDArray[np.float32], soft: float
) -> None:
    """Lay lesions over the brain in `shares`: spots and edema take white matter, a tumor all tissue of the brain."""

    def take(kind: Tissue, share: Floats, *sources: Tissue) -> None:
        for source in sources:
            taken = shares[source] * share
            shares[source] -= taken
            shares[kind] += taken

    if anatomy.spots is not None:
        take(Tissue.WHITE_MATTER_LESION, _spots(anatomy.spots, age, plane, soft), Tissue.WHITE)
    if anatomy.tumor is not None:
        core, rim, edema = _tumor(anatomy.tumor, years, plane, soft)
        take(Tissue.EDEMA, edema, Tissue.WHITE, Tissue.WHITE_MATTER_LESION)
        take(Tissue.TUMOR_RIM, rim, *_BRAIN, Tissue.EDEMA, Tissue.CSF)
        take(Tissue.TUMOR_CORE, core, Tissue.TUMOR_RIM)
    if anatomy.cyst is not None:
        *center, radius = anatomy.cyst
        place = np.asarray(center, dtype=np.float32)
        inside = _ellipsoid(plane, place, np.asarray([0.8, 1.1, 1.0], np.float32) * np.float32(radius), 0.0)
        take(Tissue.CYST, edge(inside * radius, soft), *_YIELDING)


def _spots(spots: Spots, age: float, plane: Plane, soft: float) -> Floats:
    total = np.zeros_like(plane.x)
    for center, radius, onset in zip(spots.center, spots.radius, spots.onset, strict=True):
        grown = float(radius) * min(max((age - float(onset)) / 20, 0.0), 1.0) ** 0.5
        if grown > 0:
            gap = np.sqrt(((plane.x - center[0]) / 0.8) ** 2 + (plane.y - center[1]) ** 2 + (plane.z - center[2]) ** 2)
            total = np.maximum(total, edge(grown - gap, soft))
    return total


def _tumor(tumor: Tumor, years: float, plane: Plane, soft: float) -> tuple[Floats, Floats, Floats]:
    """Shares of the dead core, of core and rim together, and of all with the edema."""
    x, y, z = tumor.center
    radius = min(tumor.radius * (1 + tumor.growth * years), 2.2 * tumor.radius)
    wavy = 1 + wave_sum(tumor.shape, plane.x, plane.y, plane.z)
    gap = np.sqrt((plane.x - x) ** 2 + (plane.y - y) ** 2 + (plane.z - z) ** 2)
    core = edge(np.asarray(radius * (1 - tumor.rim) * wavy - gap), soft)
    rim = edge(np.asarray(radius * wavy - gap), soft)
    edema = edge(np.asarray((radius + tumor.edema) * (2 * wavy - 1) - gap), 2.5 * soft)
    return core, rim, edema
