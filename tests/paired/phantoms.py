"""Pairs whose truth is known: smooth patients in two contrasts, some with a blob where the table says."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from synthaudit.cohort import Cohort, Role
from synthaudit.generators.made import ArrayImage
from synthaudit.generators.pairs import contrast_pairs
from synthaudit.generators.protocol import Capability, Condition, GeneratorSpec, Images, capabilities_of
from synthaudit.paired.translated import TranslatedPairs
from synthaudit.readers.scan import pixel_digest

SIZE = 32
NOISE = 0.01
RADIUS = 4 / 32


def blob(x: float, y: float, size: int = SIZE) -> NDArray[np.float64]:
    """(size, size) a lesion."""
    at = (np.arange(size) + 0.5) / size
    return np.asarray(0.35 * np.exp(-((at[None, :] - x) ** 2 + (at[:, None] - y) ** 2) / (2 * (RADIUS / 1.5) ** 2)))


@dataclass(frozen=True, eq=False)
class People:
    """n patients in two contrasts.

    Attributes:
        source, healthy, target: (n, h, w); `healthy` is the target without its lesion.
        place: (n, 2) where the lesion is, or would be.
        ill: (n,) who has one.
        first: Number of the first patient.
    """

    source: Images
    healthy: Images
    target: Images
    place: NDArray[np.float64]
    ill: NDArray[np.bool_]
    first: int

    def cohort(self, role: Role) -> Cohort:
        """Sources and targets, and where the lesions are."""
        n = len(self.ill)
        images = [image for pair in zip(self.source, self.target, strict=True) for image in pair]
        marks = [
            f"{x:.3f} {y:.3f} {RADIUS:.3f}" if ill else "none" for (x, y), ill in zip(self.place, self.ill, strict=True)
        ]
        return Cohort(
            role=role,
            names=tuple(f"{self.first + i // 2}-{i % 2}.png" for i in range(2 * n)),
            sources=tuple(ArrayImage(image) for image in images),
            patients=tuple(f"P{(self.first + i // 2) * 389 % 1009:04d}" for i in range(2 * n)),
            known_patient=np.ones(2 * n, dtype=bool),
            attributes={
                "contrast": ("t1", "t2") * n,
                "lesions": tuple(marks[i // 2] for i in range(2 * n)),
            },
            pixel_digests=tuple(pixel_digest(image) for image in images),
        )

    def side(self, role: Role, made: Images) -> TranslatedPairs:
        """What a generator makes of them, as the audit sees it."""
        pairs = contrast_pairs(self.cohort(role), "t1", "t2")
        return TranslatedPairs(pairs, self.source, self.target, made)

    def rescanned(self, seed: int, *, noise: float = NOISE) -> Images:
        """The targets with other noise."""
        rng = np.random.default_rng([seed, self.first])
        return np.asarray(self.target + noise * rng.standard_normal(self.target.shape), dtype=np.float32)


def people(first: int, n: int, ill: int, *, seed: int = 0, size: int = SIZE) -> People:
    """Patients `first` to `first + n - 1`, the first `ill` of them with a lesion."""
    rng = np.random.default_rng([seed, first])
    smooth = gaussian_filter(rng.standard_normal((n, size, size)), (0, size / 12, size / 12))
    body = 0.45 + 0.12 * smooth / smooth.std()
    place = rng.uniform(0.25, 0.75, (n, 2))
    has = np.arange(n) < ill
    spots = np.stack([blob(x, y, size) for x, y in place]) * has[:, None, None]
    grain = NOISE * rng.standard_normal((3, n, size, size))
    source, healthy = body - 0.4 * spots + grain[0], 0.8 - 0.8 * body + grain[1]
    shown, without, with_lesion = (np.clip(one, 0, 1).astype(np.float32) for one in (source, healthy, healthy + spots))
    return People(shown, without, with_lesion, place, has, first)


@dataclass(frozen=True, eq=False)
class LookUp:
    """A translator whose every output is written down beforehand."""

    made: dict[bytes, Images]
    size: int = SIZE

    @staticmethod
    def of(*known: tuple[People, Images]) -> LookUp:
        """One that makes these images of these people's sources."""
        return LookUp(
            {
                source.tobytes(): image.astype(np.float32)
                for those, images in known
                for source, image in zip(those.source, images, strict=True)
            }
        )

    @property
    def spec(self) -> GeneratorSpec:
        """What it is."""
        return GeneratorSpec("look-up", (self.size, self.size))

    def capabilities(self) -> frozenset[Capability]:
        """What it can do."""
        return capabilities_of(self) - {Capability.SAMPLE}

    def translate(self, x: Images, seed: int) -> Images:
        """What is written down."""
        del seed
        return np.stack([self.made[source.tobytes()] for source in x])

    def sample(self, n: int, seed: int, condition: Condition | None = None) -> Images:
        """Nothing."""
        raise NotImplementedError
