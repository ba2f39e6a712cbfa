"""Generators whose truth is known: fresh patients, who were never seen, and copies, which are nothing else.

A measure that alarms on `FreshPatients` alarms on nothing; a measure that is silent on `Photocopier` is deaf.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from synthaudit.cohort import Cohort, Role
from synthaudit.errors import UsageError
from synthaudit.generators.made import anonymous_cohort
from synthaudit.generators.principal import cohort_images
from synthaudit.generators.protocol import (
    Capability,
    Condition,
    Generator,
    GeneratorSpec,
    Images,
    capabilities_of,
)
from synthaudit.phantoms.chest import ChestPopulation, ChestSource
from synthaudit.progress import Progress

SHIFT = 2 / 64
"""Of a shifted copy, in image widths: two pixels at 64."""

NOISE = 0.02
"""Standard deviation of a noisy copy's noise, of full scale."""

Floats = NDArray[np.float32]


class Copying(StrEnum):
    """What is done to a copy."""

    PLAIN = "plain"
    SHIFTED = "shifted"
    MIRRORED = "mirrored"
    NOISY = "noisy"


@dataclass(frozen=True, slots=True)
class FreshPatients:
    """The oracle: patients that nobody has seen, of the same distribution as the training images. It memorizes nothing.

    Attributes:
        population: Of the training images.
        first: First patient number never used for training or holdout; every number from here on must be free.
    """

    population: ChestPopulation
    first: int

    @property
    def spec(self) -> GeneratorSpec:
        """What it is."""
        return GeneratorSpec("fresh-patients", (self.population.size, self.population.size))

    def capabilities(self) -> frozenset[Capability]:
        """What it can do."""
        return capabilities_of(self)

    def patient(self, item: int, seed: int) -> int:
        """The patient number of item `item`; two seeds share no patient below a million items each."""
        return self.first + seed * 1_000_000 + item

    def sample(self, n: int, seed: int, condition: Condition | None = None) -> Images:
        """(n, h, w): the first visit of `n` fresh patients.

        Raises:
            UsageError: A condition is asked for.
        """
        no_condition(condition)
        images = [self.population.image(self.patient(item, seed)) for item in range(n)]
        return np.stack(images) if images else np.zeros((0, *self.spec.shape), dtype=np.float32)

    def cohort(self, n: int, seed: int) -> Cohort:
        """The same images as a synthetic cohort: nameless patients, no attributes."""
        sources = tuple(ChestSource(self.population, self.patient(item, seed), 0) for item in range(n))
        return anonymous_cohort(Role.SYNTHETIC, sources)


@dataclass(frozen=True, slots=True, eq=False)
class Photocopier:
    """Gives training images back; it knows of every item whom it copied.

    Attributes:
        training: (n, h, w) float32 in [0, 1].
        copying: What is done to a copy.
        share: Share of the items that are copies; the others come from `otherwise`.
        otherwise: Makes the items that are not copies; needed if `share` is below 1.

    Raises:
        UsageError: There is nothing to copy, `share` lies outside [0, 1], or `otherwise` is missing.
    """

    training: Floats = field(repr=False)
    copying: Copying = Copying.PLAIN
    share: float = 1.0
    otherwise: Generator | None = None

    def __post_init__(self) -> None:
        if self.training.ndim != 3 or len(self.training) == 0:
            raise UsageError(f"training must have shape (n, h, w) with n at least 1, got {self.training.shape}")
        if not 0 <= self.share <= 1:
            raise UsageError(f"share must lie in [0, 1], got {self.share}")
        if self.share < 1 and self.otherwise is None:
            raise UsageError("a share below 1 needs a generator for the other items, got none")

    @staticmethod
    def of(
        cohort: Cohort, size: int, copying: Copying = Copying.PLAIN, progress: Progress | None = None
    ) -> Photocopier:
        """A photocopier of a cohort's images on (size, size) canvases."""
        return Photocopier(cohort_images(cohort, size, progress or Progress()), copying)

    @property
    def spec(self) -> GeneratorSpec:
        """What it is."""
        height, width = self.training.shape[1:]
        return GeneratorSpec(f"photocopier-{self.copying}", (height, width))

    def capabilities(self) -> frozenset[Capability]:
        """What it can do."""
        return capabilities_of(self)

    def copied(self, n: int, seed: int) -> NDArray[np.intp]:
        """(n,) row of the training image that each item copies, -1 where it copies none: the truth."""
        rows = np.full(n, -1, dtype=np.intp)
        for item in range(n):
            rng = np.random.default_rng([seed, item])
            if rng.uniform() < self.share:
                rows[item] = rng.integers(len(self.training))
        return rows

    def sample(self, n: int, seed: int, condition: Condition | None = None) -> Images:
        """(n, h, w) images; image i depends on `seed` and i only.

        Raises:
            UsageError: A condition is asked for.
        """
        no_condition(condition)
        rows = self.copied(n, seed)
        out = np.zeros((n, *self.spec.shape), dtype=np.float32)
        if self.otherwise is not None and (rows < 0).any():
            out[:] = self.otherwise.sample(n, seed)
        for item in np.flatnonzero(rows >= 0):
            rng = np.random.default_rng([seed, int(item), 1])
            out[item] = _ALTERED[self.copying](self.training[rows[item]], rng)
        return out


def _shifted(image: Floats, rng: np.random.Generator) -> Floats:
    """Moved by `SHIFT` in one of the eight directions, the border repeated."""
    reach = max(1, round(SHIFT * image.shape[0]))
    down, right = rng.choice([(a, b) for a in (-1, 0, 1) for b in (-1, 0, 1) if (a, b) != (0, 0)])
    padded = np.pad(image, reach, mode="edge")
    top, left = reach * (1 - int(down)), reach * (1 - int(right))
    return padded[top : top + image.shape[0], left : left + image.shape[1]]


def _mirrored(image: Floats, rng: np.random.Generator) -> Floats:
    del rng
    return image[:, ::-1]


def _noisy(image: Floats, rng: np.random.Generator) -> Floats:
    noise = NOISE * rng.standard_normal(image.shape, dtype=np.float32)
    return np.asarray(np.clip(image + noise, 0, 1), dtype=np.float32)


def _plain(image: Floats, rng: np.random.Generator) -> Floats:
    del rng
    return image


_ALTERED: dict[Copying, Callable[[Floats, np.random.Generator], Floats]] = {
    Copying.PLAIN: _plain,
    Copying.SHIFTED: _shifted,
    Copying.MIRRORED: _mirrored,
    Copying.NOISY: _noisy,
}


def no_condition(condition: Condition | None) -> None:
    """A control makes one kind of image only.

    Raises:
        UsageError: A condition is given.
    """
    if condition:
        raise UsageError("a control knows no condition, got one")
