"""Smooth random fields in space, each of them a few numbers: sums of plane waves."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from synthaudit.phantoms.field import Floats


@dataclass(frozen=True, slots=True, eq=False)
class Waves:
    """A smooth random field: the sum of `height * cos(vector . p + phase)`.

    Attributes:
        vector: (n, 3) radians a unit.
        phase: (n,) radians.
        height: (n,).
    """

    vector: Floats
    phase: Floats
    height: Floats


def draw_waves(rng: np.random.Generator, count: int, wavelength: tuple[float, float], height: float) -> Waves:
    """Isotropic directions, log-uniform wavelengths; the field's standard deviation is `height`."""
    direction = rng.normal(size=(count, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    length = np.exp(rng.uniform(math.log(wavelength[0]), math.log(wavelength[1]), size=count))
    return Waves(
        vector=(direction * (2 * np.pi / length)[:, None]).astype(np.float32),
        phase=rng.uniform(0, 2 * np.pi, size=count).astype(np.float32),
        height=np.full(count, height * math.sqrt(2 / count), dtype=np.float32),
    )


def wave_sum(waves: Waves, x: Floats, y: Floats, z: Floats) -> Floats:
    """The field of these waves at places of any one shape."""
    places = np.stack([x.ravel(), y.ravel(), z.ravel()])
    value = waves.height @ np.cos(waves.vector @ places + waves.phase[:, None])
    return np.asarray(value, dtype=np.float32).reshape(x.shape)
