"""Controls that are harder to judge: poor but honest generators, and leaks that are no copies of whole images.

A measure that takes `BlurredPatients` or `OtherHospital` for a leak mistakes bad images for stolen ones. `Mixup` and
`Transplant` give patients away in part: each says of every item whom.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from synthaudit.errors import UsageError
from synthaudit.generators.controls import FreshPatients, no_condition
from synthaudit.generators.protocol import Capability, Condition, Generator, GeneratorSpec, Images, capabilities_of

BLUR = 1 / 64
"""Standard deviation of the blur of `BlurredPatients`, in image widths: a pixel at 64."""

CONTRAST, FRAME = 0.7, 1 / 16
"""Of `OtherHospital`: exponent of its display curve, and width of its collimator's dark frame, in image widths."""

REGION = 0.6
"""Side of a transplanted region, in image widths: 36 % of the area."""

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class BlurredPatients:
    """Fresh patients, out of focus: unrealistic, and honest. It memorizes nothing.

    Attributes:
        fresh: Makes the images.
        sigma: Standard deviation of the blur, in image widths.
    """

    fresh: FreshPatients
    sigma: float = BLUR

    @property
    def spec(self) -> GeneratorSpec:
        """What it is."""
        return GeneratorSpec("blurred-patients", self.fresh.spec.shape)

    def capabilities(self) -> frozenset[Capability]:
        """What it can do."""
        return capabilities_of(self)

    def sample(self, n: int, seed: int, condition: Condition | None = None) -> Images:
        """(n, h, w): fresh patients, blurred."""
        sharp = self.fresh.sample(n, seed, condition)
        width = self.sigma * sharp.shape[-1]
        return np.asarray(gaussian_filter(sharp, (0, width, width), mode="nearest"), dtype=np.float32)


@dataclass(frozen=True, slots=True)
class OtherHospital:
    """Patients of another hospital, on its own machine: another display curve, and a dark frame. It memorizes nothing.

    Attributes:
        fresh: Of the other hospital's population; give that another seed than the training images'.
    """

    fresh: FreshPatients

    @property
    def spec(self) -> GeneratorSpec:
        """What it is."""
        return GeneratorSpec("other-hospital", self.fresh.spec.shape)

    def capabilities(self) -> frozenset[Capability]:
        """What it can do."""
        return capabilities_of(self)

    def sample(self, n: int, seed: int, condition: Condition | None = None) -> Images:
        """(n, h, w): the other hospital's patients as its machine shows them."""
        images = self.fresh.sample(n, seed, condition) ** np.float32(CONTRAST)
        edge = max(1, round(FRAME * images.shape[-1]))
        framed = np.zeros_like(images)
        framed[:, edge:-edge, edge:-edge] = images[:, edge:-edge, edge:-edge]
        return framed


@dataclass(frozen=True, slots=True, eq=False)
class Mixup:
    """Gives two training images back at a time, one shining through the other; it knows which.

    Attributes:
        training: (n, h, w) float32 in [0, 1], one image a patient; n at least 2.
        weight: Of the first of the two.

    Raises:
        UsageError: There are not two images to mix, or `weight` lies outside [0, 1].
    """

    training: Floats = field(repr=False)
    weight: float = 0.5

    def __post_init__(self) -> None:
        if self.training.ndim != 3 or len(self.training) < 2:
            raise UsageError(f"training must have shape (n, h, w) with n at least 2, got {self.training.shape}")
        if not 0 <= self.weight <= 1:
            raise UsageError(f"weight must lie in [0, 1], got {self.weight}")

    @property
    def spec(self) -> GeneratorSpec:
        """What it is."""
        height, width = self.training.shape[1:]
        return GeneratorSpec("mixup", (height, width))

    def capabilities(self) -> frozenset[Capability]:
        """What it can do."""
        return capabilities_of(self)

    def mixed(self, n: int, seed: int) -> NDArray[np.intp]:
        """(n, 2) rows of the two training images in each item: the truth."""
        draws = [np.random.default_rng([seed, item]).permutation(len(self.training))[:2] for item in range(n)]
        return np.array(draws, dtype=np.intp).reshape(n, 2)

    def sample(self, n: int, seed: int, condition: Condition | None = None) -> Images:
        """(n, h, w) images; image i depends on `seed` and i only.

        Raises:
            UsageError: A condition is asked for.
        """
        no_condition(condition)
        first, second = self.mixed(n, seed).T
        weight = np.float32(self.weight)
        return np.asarray(weight * self.training[first] + (1 - weight) * self.training[second], dtype=np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Transplant:
    """Puts a square cut out of a training image into an image of somebody else, at the same place; it knows whose.

    Attributes:
        training: (n, h, w) float32 in [0, 1].
        otherwise: Makes the images around the squares.
        side: Of the square, in image widths.

    Raises:
        UsageError: There is nothing to cut from, or `side` lies outside (0, 1].
    """

    training: Floats = field(repr=False)
    otherwise: Generator
    side: float = REGION

    def __post_init__(self) -> None:
        if self.training.ndim != 3 or len(self.training) == 0:
            raise UsageError(f"training must have shape (n, h, w) with n at least 1, got {self.training.shape}")
        if not 0 < self.side <= 1:
            raise UsageError(f"side must lie in (0, 1], got {self.side}")

    @property
    def spec(self) -> GeneratorSpec:
        """What it is."""
        height, width = self.training.shape[1:]
        return GeneratorSpec("transplant", (height, width))

    def capabilities(self) -> frozenset[Capability]:
        """What it can do."""
        return capabilities_of(self)

    def placed(self, n: int, seed: int) -> NDArray[np.intp]:
        """(n, 3) row of the training image in each item, and top and left of the square: the truth."""
        height, width = self.training.shape[1:]
        down, right = height - round(self.side * height), width - round(self.side * width)
        out = np.zeros((n, 3), dtype=np.intp)
        for item in range(n):
            rng = np.random.default_rng([seed, item, 2])
            out[item] = rng.integers(len(self.training)), rng.integers(down + 1), rng.integers(right + 1)
        return out

    def sample(self, n: int, seed: int, condition: Condition | None = None) -> Images:
        """(n, h, w) images; image i depends on `seed` and i only.

        Raises:
            UsageError: A condition is asked for.
        """
        no_condition(condition)
        out = np.array(self.otherwise.sample(n, seed), dtype=np.float32)
        height, width = (round(self.side * length) for length in self.training.shape[1:])
        for item, (row, top, left) in enumerate(self.placed(n, seed)):
            inside = np.s_[top : top + height, left : left + width]
            out[item][inside] = self.training[row][inside]
        return out
