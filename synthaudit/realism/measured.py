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
from synthaudit.statistics.frechet_moments import check_enough
from synthaudit.statistics.relabeling import GROUPS, RELABELINGS, Compared, Quantity, compared

COMPONENTS = 32
"""Dimensions of the space in which few images have a Frechet distance."""
LARGEST_VARIETY = 160
"""Images whose Vendi score is taken: its eigenvalues take time with the cube of that."""
RELABELINGS_OF_VARIETY = 499
"""Fewer than elsewhere, since each takes longer."""
FEW_GROUPS = 10
WIDE = 256
"""Dimensions beyond which a Frechet distance is computed a few times only."""


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
        return Manifold(self.sides.reference, self.sides.reference_patient, self.sides.sample)

    @cached_property
    def kernels(self) -> Kernels:
        return Kernels(self.sides.reference, self.sides.sample)

    @cached_property
    def gaussians(self) -> Gaussians:
        check_enough(min(self.wide.n, len(self.wide.reference)), self.wide.sample.shape[1])
        return Gaussians(self.wide.reference, self.wide.sample, self.rng)

    @cached_property
    def principal(self) -> Gaussians:
        return principal(self.sides, self.rng)

    def variety(self) -> tuple[Similarities, int]:
        """Of the first images of each side, and how many those are."""
        whole = len(self.sides.variety) // 2
        v = min(whole, LARGEST_VARIETY)
        return Similarities(np.concatenate([self.sides.variety[:v], self.sides.variety[whole : whole + v]])), v


def principal(sides: VectorSides, rng: np.random.Generator) -> Gaussians:
    """Frechet distances along the first 32 principal components of all images compared.

    Raises:
        NotEnoughData: Fewer than two images for each component on a side, or images that do not spread that far.
    """
    check_enough(min(sides.n, len(sides.reference)), COMPONENTS)
    mean, directions = principal_components(sides.compared, COMPONENTS)
    return Gaussians((sides.reference - mean) @ directions, (sides.sample - mean) @ directions, rng)


def of_vectors(encoder: str, sides: VectorSides, wide: VectorSides, rng: np.random.Generator) -> Iterator[Result]:
    """All measures of one encoder."""
    made = _Vectors(sides, wide, rng.spawn(1)[0])
    similarities, v = made.variety()
    groups = GROUPS if wide.sample.shape[1] <= WIDE else FEW_GROUPS
    many, some = RELABELINGS, RELABELINGS_OF_VARIETY
    asked: tuple[tuple[str, Callable[[], Quantity], int, int, int], ...] = (
        ("frechet", lambda: made.gaussians.frechet, wide.n, 0, groups),
        ("frechet_infinity", lambda: made.gaussians.infinity, wide.n, 0, groups),
        ("frechet_pca32", lambda: made.principal.frechet, sides.n, many, GROUPS),
        ("frechet_pca32_infinity", lambda: made.principal.infinity, sides.n, 0, GROUPS),
        ("kid", lambda: made.kernels.kid, sides.n, many, GROUPS),
        ("cmmd", lambda: made.kernels.cmmd, sides.n, many, GROUPS),
        ("precision", lambda: made.manifold.precision, sides.n, many, GROUPS),
        ("density", lambda: made.manifold.density, sides.n, many, GROUPS),
        ("recall", lambda: made.manifold.recall, sides.n, some, GROUPS),
        ("coverage", lambda: made.manifold.coverage, sides.n, many, GROUPS),
        ("novelty", lambda: made.manifold.novelty, sides.n, some, GROUPS),
        ("vendi", lambda: similarities.vendi, v, some, GROUPS),
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
        yield _result(stem, "", make, n, rng.spawn(1)[0], RELABELINGS, GROUPS)


def _result(
    stem: str,
    encoder: str,
    make: Callable[[], Quantity],
    n: int,
    rng: np.random.Generator,
    relabelings: int,
    groups: int,
) -> Result:
    share = ABOUT[stem].unit == "share"
    try:
        found = compared(make(), n, rng, relabelings=relabelings, groups=groups, share=share)
    except NotEnoughData as error:
        return Result(stem, encoder, None, str(error))
    return Result(stem, encoder, found)
