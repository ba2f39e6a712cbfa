"""What the audit asks of a generator: numpy float32 at the border, everything seeded item by item.

A generator says what it can do; a probe that needs more is not run, and says why. The protocols are small so that an
adapter implements what its system has and nothing else: whoever only holds a folder of samples has `Generator`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from synthaudit.cohort import Cohort
from synthaudit.errors import UsageError
from synthaudit.progress import Progress

Images = NDArray[np.float32]
"""(n, h, w), or (n, d, h, w) for volumes, float32 in the generator's value range."""

Condition = Mapping[str, str]
"""What to make: condition name -> value, e.g. {"sex": "F"}."""


class Capability(StrEnum):
    """What a generator can do beside holding a name."""

    SAMPLE = "sample"
    SCORE = "score"
    RECONSTRUCT = "reconstruct"
    ENCODE = "encode"
    DENOISE = "denoise"
    DISCRIMINATE = "discriminate"
    DIFFERENTIATE = "differentiate"
    TRANSLATE = "translate"
    FIT = "fit"


@dataclass(frozen=True, slots=True)
class GeneratorSpec:
    """What a generator is and what its numbers mean.

    Attributes:
        name: Registered name.
        shape: (h, w) of an image, or (d, h, w) of a volume; zeros while the size is unknown.
        value_range: Least and greatest pixel value.
        units: What a pixel value is.
        spacing_mm: Size of a pixel along each axis of `shape`; None where unknown.
        conditions: Names that `sample` understands in its condition.
        checkpoint_digest: SHA-256 (hex) of the fitted weights; "" where nothing is fitted.
    """

    name: str
    shape: tuple[int, ...]
    value_range: tuple[float, float] = (0.0, 1.0)
    units: str = "display"
    spacing_mm: tuple[float, ...] | None = None
    conditions: tuple[str, ...] = ()
    checkpoint_digest: str = ""


@dataclass(frozen=True, slots=True)
class Budget:
    """How long to train: a number of steps, or seconds that are turned into steps once the machine's speed is known.

    Steps reproduce a training; seconds do not, but the card of the checkpoint records the steps they became.

    Raises:
        UsageError: Not exactly one is given, or it is not positive.
    """

    steps: int | None = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        given = [value for value in (self.steps, self.seconds) if value is not None]
        if len(given) != 1:
            raise UsageError("a budget needs either steps or seconds, got neither or both")
        if not given[0] > 0:
            raise UsageError(f"a budget must be positive, got {given[0]}")


@runtime_checkable
class Generator(Protocol):
    """Makes images."""

    @property
    def spec(self) -> GeneratorSpec:
        """What it is."""
        ...

    def capabilities(self) -> frozenset[Capability]:
        """What it can do."""
        ...

    def sample(self, n: int, seed: int, condition: Condition | None = None) -> Images:
        """(n, h, w) images; image i depends on `seed`, i and `condition`, never on `n`."""
        ...


@runtime_checkable
class Scores(Protocol):
    """Says how well it knows an image."""

    def score(self, x: Images, seed: int, levels: int) -> NDArray[np.float32]:
        """(n, levels) error of each image, lower = better fitted; the same random numbers for every image."""
        ...


@runtime_checkable
class Encodes(Protocol):
    """Has a latent space."""

    def encode(self, x: Images) -> NDArray[np.float32]:
        """(n, d) latent vectors."""
        ...

    def decode(self, z: NDArray[np.float32]) -> Images:
        """(n, h, w) images of latent vectors."""
        ...


@runtime_checkable
class Denoises(Protocol):
    """Takes noise away from latents, as a diffusion does; where there is no latent space, latents are pixels.

    Together with `Encodes` this is what attacks on the denoising itself need (SecMI, PIA).
    """

    def denoise(self, z: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
        """(n, d) expected clean latents, given `z`: clean latents plus Gaussian noise of deviation `sigma`."""
        ...


@runtime_checkable
class Discriminates(Protocol):
    """Has a critic that tells training images from made ones."""

    def discriminate(self, x: Images) -> NDArray[np.float32]:
        """(n,) logits, higher = taken for a training image."""
        ...


@runtime_checkable
class Differentiates(Protocol):
    """Lets its score be differentiated."""

    def gradient(self, x: Images, seed: int, levels: int) -> Images:
        """Gradient of the mean of `score(x, seed, levels)` with respect to each image; the shape of `x`."""
        ...


@runtime_checkable
class Reconstructs(Protocol):
    """Can disturb an image and restore it."""

    def reconstruct(self, x: Images, strength: float, seed: int) -> Images:
        """(n, h, w); `strength` in [0, 1] from untouched to forgotten."""
        ...


@runtime_checkable
class Translates(Protocol):
    """Makes one image of another (MR to CT, now to later)."""

    def translate(self, x: Images, seed: int) -> Images:
        """(n, h, w), row for row."""
        ...


@runtime_checkable
class Trainable(Protocol):
    """Can be fitted; reference models for an attack are made from `fresh()`."""

    def fit(
        self, cohort: Cohort, budget: Budget, seed: int, *, folder: Path | None = None, progress: Progress | None = None
    ) -> Trainable:
        """The generator fitted to the cohort; this one is left as it is. `folder` keeps checkpoints to resume from."""
        ...

    def fresh(self) -> Trainable:
        """The same recipe, knowing nothing."""
        ...


def capabilities_of(generator: object) -> frozenset[Capability]:
    """The capabilities whose protocol `generator` implements."""
    doors: tuple[tuple[Capability, type], ...] = (
        (Capability.SAMPLE, Generator),
        (Capability.SCORE, Scores),
        (Capability.RECONSTRUCT, Reconstructs),
        (Capability.ENCODE, Encodes),
        (Capability.DENOISE, Denoises),
        (Capability.DISCRIMINATE, Discriminates),
        (Capability.DIFFERENTIATE, Differentiates),
        (Capability.TRANSLATE, Translates),
        (Capability.FIT, Trainable),
    )
    return frozenset(capability for capability, door in doors if isinstance(generator, door))


def checked_images(x: Images, shape: tuple[int, ...]) -> Images:
    """`x`, if it is (n, *shape).

    Raises:
        UsageError: It is not.
    """
    if x.shape[1:] != shape:
        raise UsageError(f"images must have shape (n, {', '.join(map(str, shape))}), got {x.shape}")
    return np.ascontiguousarray(x, dtype=np.float32)
