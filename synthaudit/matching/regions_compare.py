"""How alike is a part of two images, in fine detail, and is nobody else's image as alike there?

A candidate is moved into place by the region that pointed at it. Then the correlation of fine detail is computed in
square windows of several sizes everywhere, and the best window of each size is kept: a *channel* a size, so that a
large region of moderate likeness and a small one of great likeness are each judged among their like.

Burned-in marks, collimator edges and some devices are the same in the images of many patients, and identify no one. So
the same window is looked for in the other candidates, those of other patients, and what the three most alike of them
reach is subtracted: only what sets this patient's image apart counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthaudit.matching.regions_detail import Details, DetailStore
from synthaudit.matching.regions_search import Candidate

Image = NDArray[np.float32]

POWER_FLOOR = 0.05
"""Added to the local power of detail, which is at most about 1: an empty place is never alike."""
LOCAL_SHARE, LEAST_LOCAL_PX = 1 / 16, 8
"""Side of the square over which detail is correlated, as a share of the canvas."""
SHARES = (0.21, 0.30, 0.46)
"""Sides of the windows, as shares of the canvas: 4 %, 9 % and 21 % of the area."""
LEAST_WINDOW_PX = 20
LOCATED_BY = 0.31
"""Side of the region by which a candidate is moved into place, as a share of the canvas."""
REACH_SHARE = 0.045
"""How far from the looked-up shift the exact one may lie: a little over half a step of the patches' grid."""
LARGEST = 0.995
"""Correlations are cut here before Fisher's transformation, which is infinite at 1."""
REFINED = 4
BACKGROUND, BACKGROUND_MEAN_OF, BACKGROUND_WEIGHT = 5, 3, 0.5
"""A window is looked for in 5 images of other patients; the mean of the 3 most alike is subtracted with this weight.
At weight 1 the noise of the background itself costs more copies than it saves false alarms."""
BACKGROUND_REACH_SHARE = 0.12
"""Marks that many patients have lie not quite at the same place, so they are looked for farther away."""
STEP_PX = 4


@dataclass(frozen=True, slots=True)
class Window:
    """A square on the (mirrored) query, in pixels, and Fisher's z of the mean local correlation there."""

    left: int
    top: int
    side: int
    alike: float


@dataclass(frozen=True, slots=True)
class RegionMatch:
    """The real image most alike a part of a query, at one window size.

    Attributes:
        row: Pool row.
        flip: Whether the query was mirrored first.
        shift: (dx, dy) from the (mirrored) query to the real image, in whole pixels.
        window: Where, on the (mirrored) query.
        others: What the images of other patients reach in the same window.
    """

    row: int
    flip: bool
    shift: tuple[int, int]
    window: Window
    others: float

    @property
    def score(self) -> float:
        """What sets this image apart in that window; higher is more alike."""
        return self.window.alike - BACKGROUND_WEIGHT * self.others

    @property
    def similarity(self) -> float:
        """Correlation of detail in the window, in [-1, 1]."""
        return float(np.tanh(self.window.alike))


def window_sides(size: int) -> tuple[int, ...]:
    """Sides of the windows on a canvas, in pixels.

    >>> window_sides(256), window_sides(64)
    ((54, 77, 118), (20, 29))
    """
    return tuple(sorted({max(LEAST_WINDOW_PX, round(share * size)) for share in SHARES}))


def local_side(size: int) -> int:
    """Side of the square over which detail is correlated, in pixels."""
    return max(LEAST_LOCAL_PX, round(LOCAL_SHARE * size))


def overlap(shift: tuple[int, int], size: int) -> tuple[slice, slice, slice, slice]:
    """Rows and columns of the query, then of the other, where both are on the canvas."""
    dx, dy = shift
    rows, columns = slice(max(0, -dy), size - max(0, dy)), slice(max(0, -dx), size - max(0, dx))
    return rows, columns, slice(max(0, dy), size + min(0, dy)), slice(max(0, dx), size + min(0, dx))


def _search(
    fixed: Image, moving: Image, box: tuple[int, int, int], start: tuple[int, int], reach: int
) -> tuple[int, int]:
    """The shift within `reach` of `start` at which a box (left, top, side) of `fixed` is most alike in `moving`."""
    import cv2

    size = fixed.shape[0]
    left, top, side = box
    x, y = left + start[0] - reach, top + start[1] - reach
    x0, y0, x1, y1 = max(0, x), max(0, y), min(size, x + side + 2 * reach), min(size, y + side + 2 * reach)
    if x1 - x0 < side or y1 - y0 < side:  # pushed off the canvas: nothing to search in
        return start
    found = cv2.matchTemplate(moving[y0:y1, x0:x1], fixed[top : top + side, left : left + side], cv2.TM_CCORR_NORMED)
    down, right = divmod(int(np.round(found, 5).argmax()), found.shape[1])
    return x0 + right - left, y0 + down - top


def locate(
    fixed: Details, moving: Details, box: tuple[int, int, int], shift: tuple[float, float], reach_share: float
) -> tuple[int, int]:
    """The whole-pixel shift, near the looked-up one, at which the box is most alike: at half size first."""
    size = fixed.full.shape[1]
    left, top, side = box
    half = (left // 2, top // 2, max(2, side // 2))
    reach = max(2, round(reach_share * size / 2))
    start = (round(shift[0] / 2), round(shift[1] / 2))
    coarse = _search(fixed.half, moving.half, half, start, reach)
    return _search(fixed.full[1], moving.full[1], box, (2 * coarse[0], 2 * coarse[1]), 2)


def alike_everywhere(fixed: Image, moving: Image, local_px: int) -> Image:
    """(h, w) local correlation of (2, h, w) details already in place, mean over the bands.

    Local, so that one long edge (a collimator, a bone) counts where it runs and not for all around it.
    """
    import cv2

    values = []
    for a, b in zip(fixed, moving, strict=True):
        shared, power, other = (cv2.blur(one, (local_px, local_px)) for one in (a * b, a * a, b * b))
        values.append(shared / np.sqrt((power + POWER_FLOOR) * (other + POWER_FLOOR)))
    return np.asarray(np.mean(values, axis=0), dtype=np.float32)


def _means(picture: Image, side: int, step: int) -> NDArray[np.float64]:
    """Means over all windows of a picture, `step` pixels apart."""
    import cv2

    total = cv2.integral(picture, sdepth=cv2.CV_64F)
    a, b = total[:-side:step, :-side:step], total[side::step, side::step]
    c, d = total[:-side:step, side::step], total[side::step, :-side:step]
    return np.asarray((a + b - c - d) / side**2)


def best_windows(fixed: Details, moving: Details, shift: tuple[int, int], sides: Sequence[int]) -> list[Window | None]:
    """The most alike window of each size; None where the images share no such window."""
    size = fixed.full.shape[1]
    rows, columns, rows2, columns2 = overlap(shift, size)
    local = alike_everywhere(fixed.full[:, rows, columns], moving.full[:, rows2, columns2], local_side(size))
    height, width = rows.stop - rows.start, columns.stop - columns.start
    found: list[Window | None] = []
    for side in sides:
        if min(height, width) < side:
            found.append(None)
            continue
        values = np.arctanh(np.clip(_means(local, side, STEP_PX), -LARGEST, LARGEST))
        y, x = divmod(int(np.round(values, 5).argmax()), values.shape[1])
        left, top = columns.start + STEP_PX * x, rows.start + STEP_PX * y
        found.append(Window(left, top, side, float(values[y, x])))
    return found


def _alike_in(fixed: Details, moving: Details, window: Window, shift: tuple[int, int]) -> float:
    """How alike the window is at that shift; 0.0 where it leaves the other canvas."""
    size, side = fixed.full.shape[1], window.side
    x, y = window.left + shift[0], window.top + shift[1]
    if min(x, y) < 0 or max(x, y) + side > size:
        return 0.0
    a = fixed.full[:, window.top : window.top + side, window.left : window.left + side]
    b = moving.full[:, y : y + side, x : x + side]
    return float(np.arctanh(np.clip(alike_everywhere(a, b, local_side(size)).mean(), -LARGEST, LARGEST)))


def _box_around(center: tuple[float, float], size: int) -> tuple[int, int, int]:
    side = round(LOCATED_BY * size)
    left, top = (int(np.clip(round(c - side / 2), 0, size - side)) for c in center)
    return left, top, side


def compare(
    image: Image, candidates: Sequence[Candidate], store: DetailStore, patient: NDArray[np.intp], sides: Sequence[int]
) -> list[RegionMatch | None]:
    """For each window size, the candidate most alike in some window; None where there is none.

    Args:
        image: (size, size) float32, the query's canvas.
        candidates: Best first.
        patient: (n,) patient of each pool row.
    """
    size = image.shape[0]
    upright = Details.of(image)
    turned = {False: upright, True: upright.mirrored() if any(one.flip for one in candidates) else upright}
    seen = {one.row: store.get(one.row) for one in candidates}
    best: list[RegionMatch | None] = [None] * len(sides)
    for one in candidates[:REFINED]:
        fixed, moving = turned[one.flip], seen[one.row]
        shift = locate(fixed, moving, _box_around(one.center, size), one.shift, REACH_SHARE)
        for channel, window in enumerate(best_windows(fixed, moving, shift, sides)):
            known = best[channel]
            if window is not None and (known is None or window.alike > known.window.alike):
                best[channel] = RegionMatch(one.row, one.flip, shift, window, 0.0)
    return [None if one is None else _less_others(one, candidates, turned, seen, patient) for one in best]


def _less_others(
    match: RegionMatch,
    candidates: Sequence[Candidate],
    turned: dict[bool, Details],
    seen: dict[int, Details],
    patient: NDArray[np.intp],
) -> RegionMatch:
    """The match with what other patients' images reach in its window."""
    others = [one for one in candidates if patient[one.row] != patient[match.row]][:BACKGROUND]
    window, size = match.window, turned[False].full.shape[1]
    reached = []
    for one in others:
        fixed, moving = turned[one.flip], seen[one.row]
        same = (
            window if one.flip == match.flip else Window(size - window.left - window.side, window.top, window.side, 0)
        )
        shift = locate(fixed, moving, (same.left, same.top, same.side), one.shift, BACKGROUND_REACH_SHARE)
        reached.append(_alike_in(fixed, moving, same, shift))
    top = sorted(reached, reverse=True)[:BACKGROUND_MEAN_OF]
    return RegionMatch(match.row, match.flip, match.shift, window, float(np.mean(top)) if top else 0.0)
