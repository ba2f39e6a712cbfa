"""In which real images does a part of this image lie? A look-up by patches that agree on one shift.

Every patch of the query is compared with the patches of all real images at the same place and up to two steps beside
it (15 % of the side), upright and mirrored. How alike they are is put on the scale of that patch over all real images:
a patch of blank background or of a marker that many patients have stands out for no one. What stands out is added up
for each real image and shift, so that a real image is a candidate if several patches point at it *with the same shift*.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from synthaudit.matching.regions_patches import FITTED_ON, Grid, Projection, histograms
from synthaudit.parallel import ordered_map

Image = NDArray[np.float32]
Reader: TypeAlias = Callable[[int], Image]

GALLERY_ROWS = 2048
"""Real images whose patches are held at a time: 128 MB."""
QUERY_ROWS = 32
FIT_IMAGES = 128
REACH = {False: 2, True: 1}
"""Largest shift looked for, in steps of the grid: 15 % of the side upright, 9 % mirrored."""
STANDS_OUT = 3.5
"""Standard deviations above a patch's mean similarity from which on it counts."""
LEAST_SPREAD = 0.02
CANDIDATES, PER_PATIENT = 12, 2


@dataclass(frozen=True, slots=True)
class Candidate:
    """A real image that part of a query may come from.

    Attributes:
        row: Pool row.
        flip: Whether the query was mirrored first.
        shift: (dx, dy) from the (mirrored) query to the real image, in pixels.
        center: (x, y) where the evidence lies on the (mirrored) query, in pixels.
        votes: How much stands out; higher is more alike.
    """

    row: int
    flip: bool
    shift: tuple[float, float]
    center: tuple[float, float]
    votes: float


@dataclass(frozen=True, slots=True, eq=False)
class Gallery:
    """Patches of consecutive pool rows, by place: (across, across, n, k) float32."""

    grid: Grid
    first: int
    patches: Image
    patient: NDArray[np.intp]


class PatchSearch:
    """Looks for parts of images in all real images.

    Args:
        read: Canvas of a pool row, (size, size) float32.
        patient: (n,) patient of each pool row.
        size: Side of the canvas.
        workers: Threads; the answer does not depend on it.
    """

    def __init__(self, read: Reader, patient: NDArray[np.intp], *, size: int, workers: int = 1) -> None:
        self.read, self.patient, self.workers = read, patient, workers
        self.grid = Grid.of(size)
        chosen = np.unique(np.linspace(0, len(patient) - 1, min(FIT_IMAGES, len(patient))).astype(np.intp))
        seen = np.stack(list(ordered_map(self._histograms, [int(row) for row in chosen], workers)))
        flat = seen.reshape(-1, seen.shape[-1])
        self.projection = Projection.fit(flat[:: max(1, len(flat) // FITTED_ON)])
        self._held: Gallery | None = None

    def _histograms(self, row: int) -> Image:
        return histograms(self.read(row), self.grid)

    def _gallery(self, first: int) -> Gallery:
        if self._held is not None and self._held.first == first:
            return self._held
        rows = range(first, min(first + GALLERY_ROWS, len(self.patient)))
        across = self.grid.across
        self._held = None
        patches = np.empty((across, across, len(rows), self.projection.matrix.shape[1]), dtype=np.float32)
        for i, found in enumerate(ordered_map(self._histograms, rows, self.workers)):
            patches[:, :, i] = self.projection(found)
        self._held = Gallery(self.grid, first, patches, self.patient[first : first + len(rows)])
        return self._held

    def look_up(self, n: int, read: Reader, excluded: NDArray[np.intp]) -> list[list[Candidate]]:
        """The likeliest real images for each of `n` queries, best first, at most 12 and two of one patient.

        Args:
            read: Canvas of query i.
            excluded: (n,) pool patient whose images must not be found; -1 for none.
        """
        from threadpoolctl import threadpool_limits

        found: list[list[Candidate]] = [[] for _ in range(n)]
        blocks = [range(top, min(top + QUERY_ROWS, n)) for top in range(0, n, QUERY_ROWS)]
        for first in range(0, len(self.patient), GALLERY_ROWS):
            gallery = self._gallery(first)

            def search(rows: range, gallery: Gallery = gallery) -> list[list[Candidate]]:
                canvases = [read(i) for i in rows]
                here: list[list[Candidate]] = [[] for _ in rows]
                for flip, reach in REACH.items():
                    turned = [np.ascontiguousarray(one[:, ::-1]) if flip else one for one in canvases]
                    patches = self.projection(np.stack([histograms(one, self.grid) for one in turned]))
                    for i, more in enumerate(_vote(patches, gallery, excluded[rows], flip, reach)):
                        here[i] += more
                return here

            with threadpool_limits(limits=1, user_api="blas"):
                for rows, here in zip(blocks, ordered_map(search, blocks, self.workers), strict=True):
                    for i, more in zip(rows, here, strict=True):
                        found[i] = self._best(found[i] + more)
        return found

    def _best(self, candidates: Sequence[Candidate]) -> list[Candidate]:
        """The best by votes; equal ones by row."""
        kept: list[Candidate] = []
        rows: set[int] = set()
        taken: dict[int, int] = {}
        for one in sorted(candidates, key=lambda one: (-round(one.votes, 2), one.row, one.flip)):
            patient = int(self.patient[one.row])
            if one.row in rows or taken.get(patient, 0) >= PER_PATIENT:
                continue
            rows.add(one.row)
            taken[patient] = taken.get(patient, 0) + 1
            kept.append(one)
            if len(kept) == CANDIDATES:
                break
        return kept


def _window(place: int, reach: int, across: int) -> tuple[int, int]:
    return max(0, place - reach), min(across, place + reach + 1)


def _vote(
    patches: Image, gallery: Gallery, excluded: NDArray[np.intp], flip: bool, reach: int
) -> list[list[Candidate]]:
    """Candidates of a block of queries, (b, across, across, k) patches; unordered."""
    b, across = patches.shape[:2]
    n, width = len(gallery.patient), 2 * reach + 1
    votes = np.zeros((b, width, width, n), dtype=np.float32)
    mean, spread = np.zeros((b, across, across)), np.zeros((b, across, across))
    buffer = np.empty(b * width * width * n, dtype=np.float32)
    for y in range(across):
        top, bottom = _window(y, reach, across)
        for x in range(across):
            left, right = _window(x, reach, across)
            shape = (b, bottom - top, (right - left) * n)
            similar = buffer[: int(np.prod(shape))].reshape(shape)
            for i, row in enumerate(range(top, bottom)):
                base = gallery.patches[row, left:right].reshape(shape[2], -1)
                similar[:, i] = patches[:, y, x] @ base.T
            flat = similar.reshape(b, -1)
            mean[:, y, x] = flat.mean(axis=1)
            power = np.einsum("ij,ij->i", flat, flat) / flat.shape[1]
            spread[:, y, x] = np.sqrt(np.maximum(power - mean[:, y, x] ** 2, 0)) + LEAST_SPREAD
            flat /= spread[:, y, x, None].astype(np.float32)
            flat -= (mean[:, y, x] / spread[:, y, x] + STANDS_OUT).astype(np.float32)[:, None]
            np.maximum(flat, 0.0, out=flat)
            flat *= flat
            down, across_by = top - y + reach, left - x + reach
            votes[:, down : down + bottom - top, across_by : across_by + right - left] += similar.reshape(
                b, bottom - top, right - left, n
            )
    return [
        _candidates(votes[i], patches[i], gallery, (mean[i], spread[i]), int(excluded[i]), flip, reach)
        for i in range(b)
    ]


def _candidates(
    votes: Image,
    patches: Image,
    gallery: Gallery,
    scale: tuple[NDArray[np.float64], NDArray[np.float64]],
    excluded: int,
    flip: bool,
    reach: int,
) -> list[Candidate]:
    """The images with the most votes, and the best shift of each; (width, width, n) votes."""
    width, n = votes.shape[0], votes.shape[2]
    flat = votes.reshape(width * width, n)
    best = flat.max(axis=0)
    best[gallery.patient == excluded] = -1.0
    order = np.argsort(-np.round(best, 2), kind="stable")
    found: list[Candidate] = []
    taken: dict[int, int] = {}
    for i in order[best[order] >= 0]:
        patient = int(gallery.patient[i])
        taken[patient] = taken.get(patient, 0) + 1
        if taken[patient] > PER_PATIENT:
            continue
        down, right = divmod(int(flat[:, i].argmax()), width)
        dy, dx = down - reach, right - reach
        step = gallery.grid.step_px
        center = _where(patches, gallery.patches[:, :, i], scale, dx, dy)
        place = (gallery.grid.center(center[0]), gallery.grid.center(center[1]))
        found.append(Candidate(gallery.first + int(i), flip, (dx * step, dy * step), place, float(best[i])))
        if len(found) == CANDIDATES:
            break
    return found


def _where(
    patches: Image, others: Image, scale: tuple[NDArray[np.float64], NDArray[np.float64]], dx: int, dy: int
) -> tuple[int, int]:
    """(x, y) place of the 3 x 3 patches that stand out most under this shift."""
    import cv2

    across = patches.shape[0]
    rows, columns = slice(max(0, -dy), across - max(0, dy)), slice(max(0, -dx), across - max(0, dx))
    there = others[max(0, dy) : across + min(0, dy), max(0, dx) : across + min(0, dx)]
    similar = np.einsum("yxk,yxk->yx", patches[rows, columns], there)
    out = np.maximum((similar - scale[0][rows, columns]) / scale[1][rows, columns] - STANDS_OUT, 0.0) ** 2
    full = np.zeros((across, across), dtype=np.float32)
    full[rows, columns] = out
    around = cv2.blur(full, (3, 3), borderType=cv2.BORDER_CONSTANT)
    y, x = divmod(int(np.round(around, 2).argmax()), across)
    return x, y
