"""Parts of real images put into other images on purpose, to learn what would have been found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthaudit.matching.regions import RegionMatcher, RegionScale, region_pairs

Image = NDArray[np.float32]

AREAS = (0.36, 0.10)
"""Share of the canvas that is transplanted."""


@dataclass(frozen=True, slots=True, eq=False)
class PlantedRegions:
    """What became of the transplants of one size.

    Attributes:
        area: Share of the canvas.
        patient: (n,) pool patient each part was cut from.
        named, proven: (n,) bool: the part points at that patient, and does so beyond doubt.
        wrong: (n,) bool: it points at another patient, too.
    """

    area: float
    patient: NDArray[np.intp]
    named: NDArray[np.bool_]
    proven: NDArray[np.bool_]
    wrong: NDArray[np.bool_]


def transplant(donor: Image, recipient: Image, area: float, rng: np.random.Generator) -> tuple[Image, tuple[int, ...]]:
    """`recipient` with a square of `donor` at the same place, anywhere; and (left, top, right, bottom) of it.

    Args:
        donor, recipient: (size, size) canvases.
        area: Share of the canvas, in (0, 1).
    """
    size = donor.shape[0]
    side = round(np.sqrt(area) * size)
    left, top = (int(rng.integers(0, size - side + 1)) for _ in range(2))
    made = recipient.copy()
    made[top : top + side, left : left + side] = donor[top : top + side, left : left + side]
    return made, (left, top, left + side, top + side)


def plant_regions(
    matcher: RegionMatcher,
    scale: RegionScale,
    rows: NDArray[np.intp],
    recipient: Callable[[int], Image],
    rng_of: Callable[[str], np.random.Generator],
) -> list[PlantedRegions]:
    """Put a part of each row's image into another image, once for each size, and look all of them up.

    Args:
        rows: Pool rows that parts are cut from.
        recipient: Canvas of the image that transplant i is put into.
        rng_of: Random numbers for a purpose, the same at each call.
    """
    pool, n = matcher.pool, len(rows)

    def made(i: int) -> Image:
        area, row = AREAS[i // n], int(rows[i % n])
        return transplant(matcher.canvas(row), recipient(i), area, rng_of(f"transplant {area} {pool.digest(row)}"))[0]

    total = n * len(AREAS)
    patient = np.tile(pool.patient[rows], len(AREAS))
    named, proven, wrong = (np.zeros(total, dtype=bool) for _ in range(3))
    for pair in region_pairs(matcher.match(total, made, stage="planted regions"), scale, pool):
        if pool.patient[pair.match.row] == patient[pair.query]:
            named[pair.query] = True
            proven[pair.query] |= pair.proven
        else:
            wrong[pair.query] = True
    parts = [slice(k * n, (k + 1) * n) for k in range(len(AREAS))]
    return [
        PlantedRegions(area, patient[part], named[part], proven[part], wrong[part])
        for area, part in zip(AREAS, parts, strict=True)
    ]
