"""Every measure of realism and variety, computed, with what it is and is not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from synthaudit.errors import NotEnoughData
from synthaudit.realism.notes import ABOUT, About
from synthaudit.realism.picture_quantities import Spectra, radiomics, similarities_within
from synthaudit.realism.pictures import PictureSides
from synthaudit.realism.sides import VectorSides
from synthaudit.realism.vector_quantities import (
    Gaussians,
    Kernels,
    Manifold,
    Similarities,
    mean_of,
    principal_components,
)
from synthaudit.statistics.frechet_moments import IMAGES_PER_DIMENSION, check_enough
from synthaudit.statistics.manifold import NEIGHBORS
from synthaudit.statistics.relabeling import HALVES, RELABELINGS, Compared, Quantity, compared

COMPONENTS = 32
"""Dimensions of the space in which few images have a Frechet distance."""
LARGEST_VARIETY = 160
"""Images whose Vendi score is taken: its eigenvalues take time with the cube of that."""
RELABELINGS_OF_VARIETY = 499
"""Fewer than elsewhere, since each takes longer."""
FEW_HALVES = 20
WIDE = 256
"""Dimensions beyond which a Frechet distance is computed for a few halves only."""


@dataclass(frozen=True, slots=True)
class Result:
    """One measure of one encoder ("" for pixels): what was found, or why nothing."""

    stem: str
    encoder: str
    found: Compared | None
    why: str | None = None

    @property
    def name(self) -> str:
        """As policies call it."""
        return f"{self.stem}[{self.encoder}]" if self.encoder else self.stem

    @property
    def about(self) -> About:
        """What it is."""
        return ABOUT[self.stem]


@dataclass(frozen=True, eq=False)
class _Vectors:
    """What the measures of one encoder share; each part is made when first asked for."""

    sides: VectorSides
    wide: VectorSides
    """The same with all images there are, for what needs many."""
    rng: np.random.Generator

    @cached_property
    def manifold(self) -> Manifold:
        if len(self.sides.sample) // 4 <= NEIGHBORS:
            raise NotEnoughData(f"balls to the neighbor {NEIGHBORS} need {4 * NEIGHBORS + 4} images on each side")
        return Manifold(self.sides.reference, self.sides.reference_patient, self.sides.sample)

    @cached_property
    def kernels(self) -> Kernels:
        return Kernels(self.sides.reference, self.sides.sample)

    def gaussians(self, per_dimension: int = IMAGES_PER_DIMENSION) -> Gaussians:
        dim = self.wide.sample.shape[1]
        _check(min(self.wide.n, len(self.wide.reference)), dim, per_dimension)
        return Gaussians(self.wide.reference, self.wide.sample, self.rng)

    def principal(self, per_dimension: int = IMAGES_PER_DIMENSION) -> Gaussians:
        _check(min(self.sides.n, len(self.sides.reference)), COMPONENTS, per_dimension)
        mean, directions = self.components
        reference, sample = ((one - mean) @ directions for one in (self.sides.reference, self.sides.sample))
        return Gaussians(reference, sample, self.rng)

    @cached_property
    def components(self) -> tuple[np.ndarray, np.ndarray]:
        return principal_components(self.sides.real, COMPONENTS, self.rng)


def of_vectors(encoder: str, sides: VectorSides, wide: VectorSides, rng: np.random.Generator) -> Iterator[Result]:
    """All measures of one encoder."""
    made = _Vectors(sides, wide, rng.spawn(1)[0])
    halves = HALVES if wide.sample.shape[1] <= WIDE else FEW_HALVES
    v = min(len(sides.variety) // 2, LARGEST_VARIETY)
    whole = len(sides.variety) // 2
    variety = np.concatenate([sides.variety[:v], sides.variety[whole : whole + v]])
    twice = 2 * IMAGES_PER_DIMENSION
    many, some = RELABELINGS, RELABELINGS_OF_VARIETY
    asked: tuple[tuple[str, Callable[[], Quantity], int, int, int], ...] = (
        ("frechet", lambda: made.gaussians().frechet, wide.n, 0, halves),
        ("frechet_infinity", lambda: made.gaussians(twice).infinity, wide.n, 0, halves),
        ("frechet_pca32", lambda: made.principal().frechet, sides.n, many, HALVES),
        ("frechet_pca32_infinity", lambda: made.principal(twice).infinity, sides.n, 0, HALVES),
        ("kid", lambda: made.kernels.kid, sides.n, many, HALVES),
        ("cmmd", lambda: made.kernels.cmmd, sides.n, many, HALVES),
        ("precision", lambda: made.manifold.precision, sides.n, many, HALVES),
        ("density", lambda: made.manifold.density, sides.n, many, HALVES),
        ("recall", lambda: made.manifold.recall, sides.n, some, HALVES),
        ("coverage", lambda: made.manifold.coverage, sides.n, some, HALVES),
        ("novelty", lambda: made.manifold.novelty, sides.n, some, HALVES),
        ("vendi", lambda: Similarities(variety).vendi, v, some, HALVES),
    )
    for stem, make, n, relabelings, drawn in asked:
        yield _result(stem, encoder, make, n, rng.spawn(1)[0], relabelings, drawn)


def of_pictures(sides: PictureSides, rng: np.random.Generator) -> Iterator[Result]:
    """All measures of pixels."""
    n = len(sides.made)
    spectra = Spectra(sides)
    similar, pairs = similarities_within(sides)
    asked: tuple[tuple[str, Callable[[], Quantity], int], ...] = (
        ("radiomics_frechet", lambda: radiomics(sides, rng).log_frechet, n),
        ("spectrum", lambda: spectra.deviation, n),
        ("checkerboard", lambda: spectra.checkerboard, n),
        ("ms_ssim", lambda: lambda masks: mean_of(similar, masks), pairs),
    )
    for stem, make, n in asked:
        yield _result(stem, "", make, n, rng.spawn(1)[0], RELABELINGS, HALVES)


def _result(
    stem: str,
    encoder: str,
    make: Callable[[], Quantity],
    n: int,
    rng: np.random.Generator,
    relabelings: int,
    halves: int,
) -> Result:
    try:
        return Result(stem, encoder, compared(make(), n, rng, relabelings=relabelings, halves=halves))
    except NotEnoughData as error:
        return Result(stem, encoder, None, str(error))


def _check(n: int, dim: int, per_dimension: int) -> None:
    if per_dimension == IMAGES_PER_DIMENSION:
        return check_enough(n, dim)
    if n < per_dimension * dim:
        raise NotEnoughData(
            f"an extrapolated Frechet distance in {dim} dimensions needs at least {per_dimension * dim:,} images of "
            f"different patients on each side, two for each dimension in every half, got {n:,}"
        )
    return None
