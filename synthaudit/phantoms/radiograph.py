"""One radiograph: the attenuation of a patient's tissues added up along the beam, then shown as a scanner shows it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from synthaudit.phantoms.anatomy import Anatomy, Heart, Pair, Skeleton, Torso, Vessels
from synthaudit.phantoms.field import Floats, Grid, blob, blurred, edge, ellipsoid, placed_grid, polyline, tube
from synthaudit.phantoms.visits import Scanner, Visit


def radiograph(anatomy: Anatomy, visit: Visit, scanner: Scanner, size: int, rng: np.random.Generator) -> Floats:
    """(size, size) float32 pixels in [0, 1] on 256 levels; air is black.

    Args:
        anatomy: The patient.
        visit: Positioning, inspiration, exposure and findings of the day.
        scanner: Contrast, blur and noise of the site.
        size: Side, in pixels.
        rng: Of this visit; draws the detector noise only.
    """
    grid = placed_grid(size, visit.shift, visit.scale, visit.rotation)
    total = attenuation(anatomy, visit, grid)
    total = blurred(total, max(scanner.blur / grid.pixel, 0.3))
    middle = 0.66 + visit.exposure - scanner.brightness
    shown = 0.5 + 0.5 * np.tanh((total - middle) * (1.6 * scanner.contrast))
    # Quantum noise grows where few photons pass.
    shown += rng.standard_normal(shown.shape, dtype=np.float32) * (scanner.noise * (0.5 + shown))
    return np.asarray(np.round(np.clip(shown, 0, 1) * 255) / np.float32(255), dtype=np.float32)


def attenuation(anatomy: Anatomy, visit: Visit, grid: Grid) -> Floats:
    """(h, w) attenuation along the beam; 0 in air, about 1 through the mediastinum."""
    torso, skeleton = anatomy.torso, anatomy.skeleton
    side = np.where(grid.x < 0, np.intp(0), np.intp(1))
    middle = _spine_x(skeleton, grid.y)
    offset = np.abs(grid.x - middle)
    wall = _lung_wall(torso, grid.y, side)
    body = _body(torso, grid)
    heart = _heart(anatomy.heart, grid)
    # The heart displaces air: its border, not its mass, is what a film shows.
    lung = _lung(torso, visit, grid, side, offset, wall=wall) * (1 - 0.62 * heart)
    total = torso.tissue * body - torso.air * lung
    total += 0.5 * anatomy.heart.density * heart + _mediastinum(anatomy.heart, torso, grid, middle)
    total += _ribs(skeleton, grid, side, offset, wall) * np.minimum(1, 2 * body)
    total += _spine(skeleton, grid, middle) * body
    total += _girdle(skeleton, grid, side, offset) * np.minimum(1, 2 * body)
    total += _lung_markings(anatomy.vessels, grid) * lung
    total += _breasts(torso, grid)
    total += _findings(anatomy, visit, grid, side, lung)
    total += _devices(anatomy, visit, grid)
    return np.maximum(total, 0, out=total)


def _sided(pair: Pair, side: NDArray[np.intp]) -> Floats:
    return np.asarray(pair, dtype=np.float32)[side]


def _spine_x(skeleton: Skeleton, y: Floats) -> Floats:
    amplitude, phase = skeleton.spine_bend
    return np.asarray(amplitude * np.sin(2.2 * y + phase), dtype=np.float32)


def _body(torso: Torso, grid: Grid) -> Floats:
    """Soft tissue in the beam, 1 at the midline of the chest."""
    y = grid.y
    half = torso.neck + (torso.shoulder - torso.neck) * edge(y - torso.shoulder_y, 0.11)
    half -= (torso.shoulder - torso.flank) * edge(y + 0.12, 0.22)
    inside = np.clip(1 - (np.abs(grid.x) / half) ** 3, 0, None)
    depth = 0.80 + 0.20 * edge(y + 0.55, 0.25) + 0.16 * edge(y - 0.45, 0.25)
    return np.asarray(depth * np.sqrt(inside), dtype=np.float32)


def _lung_wall(torso: Torso, y: Floats, side: NDArray[np.intp]) -> Floats:
    """Distance of the lateral lung border from the midline, 0 above the apex."""
    apex = _sided(torso.apex_y, side)
    down = np.clip((y - apex) / (0.80 - apex), 0, 1)
    rounded = 1 - (1 - down) ** _sided(torso.apex_shape, side)
    return np.asarray(_sided(torso.lung_width, side) * rounded**0.5, dtype=np.float32)


def _diaphragm(torso: Torso, visit: Visit, offset: Floats, side: NDArray[np.intp]) -> Floats:
    """Height of the diaphragm above each pixel's column."""
    across = offset / _sided(torso.lung_width, side) - 0.44
    lateral = np.maximum(across, 0)
    drop = _sided(torso.dome_drop, side) * (3.4 * lateral**2.2 + 1.2 * across * across)
    return np.asarray(_sided(torso.dome_y, side) + visit.inspiration + drop, dtype=np.float32)


def _lung(torso: Torso, visit: Visit, grid: Grid, side: NDArray[np.intp], offset: Floats, *, wall: Floats) -> Floats:
    """Air in the beam, at most 1."""
    reach = np.maximum(wall, 1e-3)
    depth = np.clip(1 - (offset / reach) ** 2, 0, None) ** 0.38
    medial = edge(offset - torso.mediastinum * (0.75 + 0.25 * edge(grid.y - 0.05, 0.3)), 0.045)
    below = _diaphragm(torso, visit, offset, side)
    if visit.effusion is not None:
        fluid_side, height = visit.effusion
        surface = torso.dome_y[0 if fluid_side < 0 else 1] + 0.12 - height - 0.35 * np.maximum(offset - 0.35, 0) ** 1.3
        below = np.where(grid.x * fluid_side > 0, np.minimum(below, surface), below)
    return np.asarray(depth * medial * edge(below - grid.y, max(0.018, 0.4 * grid.pixel)), dtype=np.float32)


def _heart(heart: Heart, grid: Grid) -> Floats:
    """Thickness of the heart, at most 1."""
    ventricles = ellipsoid(grid, heart.center, heart.axes, heart.tilt)
    x, y, radius = heart.atrium
    thickness = np.maximum(ventricles, 0.85 * ellipsoid(grid, (x, y), (radius, 1.15 * radius)))
    return np.asarray(thickness ** np.float32(0.7), dtype=np.float32)


def _mediastinum(heart: Heart, torso: Torso, grid: Grid, middle: Floats) -> Floats:
    """Aorta, venous trunk and windpipe."""
    x, y, radius = heart.knob
    total = 0.24 * ellipsoid(grid, (x, y), (radius, 1.1 * radius))
    along = edge(grid.y - y, 0.06) * edge(0.5 - grid.y, 0.2)
    total += 0.07 * tube(grid.x - middle - 0.6 * x, 0.06, grid.pixel) * along
    trunk = edge(torso.mediastinum + 0.02 - np.abs(grid.x - middle), 0.05)
    total += 0.10 * trunk * edge(grid.y + 0.75, 0.1) * edge(0.5 - grid.y, 0.25)
    windpipe = tube(grid.x - middle + 0.008, 0.042, grid.pixel) * edge(-0.2 - grid.y, 0.06)
    return np.asarray(total - 0.17 * windpipe, dtype=np.float32)


def _ribs(skeleton: Skeleton, grid: Grid, side: NDArray[np.intp], offset: Floats, wall: Floats) -> Floats:
    """Posterior ribs running out and down, anterior ribs running in and down, both within the chest wall."""
    share = np.minimum(offset * (1 / 0.66), 1.15)
    total = np.zeros_like(grid.x)
    for rank in range(skeleton.posterior_y.shape[1]):
        slope, arch = skeleton.posterior_slope[:, rank][side], skeleton.posterior_arch[:, rank][side]
        center = skeleton.posterior_y[:, rank][side] + share * (slope * share * 1.5 - arch * (1 - share) * 1.4)
        tilt = (3 * slope * share - 1.4 * arch * (1 - 2 * share)) * (1 / 0.66)
        away = (grid.y - center) / np.sqrt(1 + tilt * tilt)
        total += tube(away, skeleton.rib_half_width, grid.pixel) * (1 + 0.35 * np.minimum(share, 1))
    total *= edge(share - 0.10, 0.05)
    front = np.zeros_like(grid.x)
    inward = np.maximum(1 - share, 0)
    for rank in range(skeleton.anterior_y.shape[1]):
        drop = skeleton.anterior_drop[:, rank][side]
        center = skeleton.anterior_y[:, rank][side] + drop * inward**1.25
        tilt = 1.25 * drop * inward**0.25 * (1 / 0.66)
        away = (grid.y - center) / np.sqrt(1 + tilt * tilt)
        bone = edge(share - skeleton.anterior_end[:, rank][side], 0.07)
        front += tube(away, 0.95 * skeleton.rib_half_width, grid.pixel) * bone
    within = edge(1.05 * wall - offset, max(0.02, 0.4 * grid.pixel)) * (0.3 + 0.7 * edge(0.45 - grid.y, 0.12))
    return np.asarray(skeleton.density * within * (total + 0.7 * front), dtype=np.float32)


def _spine(skeleton: Skeleton, grid: Grid, middle: Floats) -> Floats:
    half, spacing, phase = skeleton.vertebra
    away = grid.x - middle
    turn = np.cos(2 * np.pi * (grid.y / spacing + phase))
    column = tube(away, half, grid.pixel) * (0.11 + 0.03 * turn)
    spinous = tube(away, 0.2 * half, grid.pixel) * (0.06 * np.maximum(-turn, 0))
    return np.asarray(column + spinous, dtype=np.float32)


def _girdle(skeleton: Skeleton, grid: Grid, side: NDArray[np.intp], offset: Floats) -> Floats:
    """Clavicles, scapulae and the heads of the humeri."""
    height, rise, bend = (_sided(pair, side) for pair in skeleton.clavicle)
    share = (offset - 0.07) * (1 / 0.62)
    center = height - rise * share + bend * np.sin(2 * np.pi * share)
    ends = edge(share, 0.05) * edge(1.05 - share, 0.06)
    total = 1.5 * skeleton.density * tube(grid.y - center, 0.030, grid.pixel) * ends
    border, slant = (_sided(pair, side) for pair in skeleton.scapula)
    medial = offset - border - slant * (grid.y + 0.3)
    tall = edge(grid.y + 0.62, 0.06) * edge(0.12 - grid.y, 0.08)
    blade = edge(medial, max(0.015, 0.4 * grid.pixel)) * edge(0.22 - 0.22 * (grid.y + 0.3) - medial, 0.05)
    total += skeleton.density * tall * (0.55 * blade + 0.5 * tube(medial, 0.014, grid.pixel))
    mirrored = Grid(offset, grid.y, grid.pixel)
    total += 1.6 * skeleton.density * ellipsoid(mirrored, (0.94, -0.52), (0.12, 0.13))
    shaft = tube(offset - 0.99 - 0.12 * (grid.y + 0.5), 0.07, grid.pixel) * edge(grid.y + 0.5, 0.05)
    total += 1.3 * skeleton.density * shaft
    return np.asarray(total, dtype=np.float32)


def _lung_markings(vessels: Vessels, grid: Grid) -> Floats:
    """Hila and vessel trees, as they show through full air."""
    total = polyline(grid, vessels.start, vessels.end, vessels.radius, 11.0 * vessels.radius)
    for x, y in vessels.hilum:
        total += 0.16 * blob(grid, (x, y), 0.055)
        total += 0.14 * blob(grid, (0.9 * x, y + 0.1), 0.05)
    return total


def _breasts(torso: Torso, grid: Grid) -> Floats:
    if torso.breast == 0:
        return np.zeros_like(grid.x)
    x, y, half, tall = torso.breast_place
    mirrored = Grid(np.abs(grid.x), grid.y, grid.pixel)
    shadow = ellipsoid(mirrored, (x, y), (half, tall))
    return np.asarray(torso.breast * shadow * edge(grid.y - y + 0.5 * tall, 0.6 * tall), dtype=np.float32)


def _findings(anatomy: Anatomy, visit: Visit, grid: Grid, side: NDArray[np.intp], lung: Floats) -> Floats:
    total = np.zeros_like(grid.x)
    if anatomy.nodule is not None:
        x, y, radius = anatomy.nodule
        total += 0.26 * ellipsoid(grid, (x, y), (radius, radius)) * np.minimum(1, 3 * lung)
    if anatomy.cavity is not None:
        x, y, radius = anatomy.cavity
        ring = ellipsoid(grid, (x, y), (radius, radius)) - 0.8 * ellipsoid(grid, (x, y), (0.72 * radius, 0.72 * radius))
        total += 0.34 * ring * np.minimum(1, 3 * lung)
    for x, y, radius, density in visit.opacities:
        total += density * blob(grid, (x, y), radius) * lung
    if visit.bubble is not None:
        x, below, radius = visit.bubble
        y = anatomy.torso.dome_y[1] + visit.inspiration + below
        total -= 0.22 * ellipsoid(grid, (x, y), (1.3 * radius, 0.8 * radius)) * (side == 1)
    return total


def lesion_mask(anatomy: Anatomy, visit: Visit, size: int) -> NDArray[np.bool_]:
    """(size, size) True under a nodule or a cavity, its hole included."""
    grid = placed_grid(size, visit.shift, visit.scale, visit.rotation)
    mask = np.zeros((size, size), dtype=bool)
    for place in (anatomy.nodule, anatomy.cavity):
        if place is not None:
            x, y, radius = place
            mask |= (grid.x - x) ** 2 + (grid.y - y) ** 2 < radius**2
    return mask


def _devices(anatomy: Anatomy, visit: Visit, grid: Grid) -> Floats:
    total = np.zeros_like(grid.x)
    tip = anatomy.heart.center
    if anatomy.pacemaker is not None:
        x, y, tilt = anatomy.pacemaker
        total += 1.1 * np.sqrt(ellipsoid(grid, (x, y), (0.105, 0.085), tilt))
        lead = [(x - 0.05, y - 0.06), (0.22, -0.50), (0.03, -0.40), (-0.07, -0.10), (tip[0] + 0.02, tip[1] + 0.1)]
        total += _wire(grid, lead, 0.008, 0.75)
    if visit.line is not None:
        aside, sag = visit.line
        points = [(-0.55, -0.66), (-0.30, -0.56 + sag), (-0.10, -0.45), (-0.07, -0.05 + aside)]
        total += _wire(grid, points, 0.006, 0.55)
    return total


def _wire(grid: Grid, points: list[tuple[float, float]], radius: float, strength: float) -> Floats:
    corners = np.asarray(points, dtype=np.float32)
    n = len(corners) - 1
    return polyline(grid, corners[:-1], corners[1:], np.full(n, radius, np.float32), np.full(n, strength, np.float32))
