"""Where letters may be burned into an image: rows of small, sharp, evenly gray signs.

Recognizing letters in the texture of a body takes long and finds what is not there. Text betrays itself before it is
read: it is drawn with one pen in one gray. So we look for thin strokes that stand out from what is around them, on both
sides and sharply; take those of the size of letters; and keep rows of them that share a height, a line and a gray. One,
two or three such signs are a marker of the side, or who took the image; four or more can be a name, a date, a number.

A row found is a reason to look, not proof; no row found is none either: faint, large, slanted or painted letters pass.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthaudit.pixels import to_gray

LARGEST_SIDE = 1024
"""Pixels; larger images are reduced before letters are looked for."""
LEAST_SIGNS = 4
"""Of a row that can say who someone is; shorter ones are markers."""
PEN = 11
"""Pixels: strokes thinner than this are looked for."""
CONTRASTS = (36, 100)
"""Gray values, of 255, by which strokes stand out from what is around them: faint and strong ones."""
SIGNS_SIDEWAYS = 5
"""The same where the row stands on its side, as ribs do."""
LEAST_HEIGHT = 6
"""Pixels, of a letter."""
GREATEST_HEIGHT = 15
"""Pixels, of a letter, in small images; in large ones, a part of the shorter side, below."""
GREATEST_PART = 0.09
LONGEST_WORD = 14
"""Width of letters that touch each other, in heights."""
LEAST_PIXELS = 40
"""Of strokes in an image, below which there is no row of letters."""
MOST_SIGNS = 300
"""Beyond, the picture is all texture."""
STROKES_OF_A_LETTER = 1.6
"""Strokes that a line through a letter crosses, on average."""
LEAST_STROKES = 1.3
"""Crossings for each pixel of width, of letters that touch each other; a vessel or a hair has fewer."""
MOST_UNEVEN = 0.12
"""Spread of the gray of a row's letters, in parts of their contrast."""
LEAST_SHARP = 0.55
"""Part of a letter's contrast that is gone one pixel off its edge."""
MOST_CROOKED = 0.16
"""How far a row's letters leave their line, in parts of their height."""
MOST_SLOPE = 0.12
"""Rise of a row, in parts of its length."""

Box = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class TextRow:
    """A row of signs.

    Attributes:
        box: (left, top, right, bottom) in pixels of the image; right and bottom just beyond it.
        signs: How many, about.
        upright: Whether it runs from left to right; else it stands on its side.
    """

    box: Box
    signs: int
    upright: bool


@dataclass(frozen=True, slots=True)
class _Signs:
    """Candidates for letters, one row each.

    Attributes:
        boxes: (n, 4) left, top, right, bottom.
        letters: (n, 2) how many letters each may be, read from left to right and from top to bottom; 0 for none.
        gray, contrast: (n,) of the stroke, and how far that is above what is around.
    """

    boxes: NDArray[np.int64]
    letters: NDArray[np.int64]
    gray: NDArray[np.float64]
    contrast: NDArray[np.float64]


def text_rows(image: NDArray[np.float32]) -> list[TextRow]:
    """Rows of signs in a (h, w) or (h, w, 3) image in [0, 1], the longest first."""
    import cv2

    gray = np.ascontiguousarray(np.clip(to_gray(image) * 255 + 0.5, 0, 255).astype(np.uint8))
    factor = max(1.0, max(gray.shape) / LARGEST_SIDE)
    if factor > 1:
        small = (round(gray.shape[1] / factor), round(gray.shape[0] / factor))
        gray = np.asarray(cv2.resize(gray, small, interpolation=cv2.INTER_AREA), np.uint8)
    found: list[TextRow] = []
    for bright in (True, False):
        shown = gray if bright else 255 - gray
        around = np.asarray(cv2.morphologyEx(shown, cv2.MORPH_OPEN, np.ones((PEN, PEN), np.uint8)), np.uint8)
        for contrast in CONTRASTS:
            signs = _signs(shown, around, contrast)
            for upright in (True, False):
                found += [TextRow(box, n, upright) for box, n in _rows(signs, upright=upright)]
    return [TextRow(_scaled(row.box, factor), row.signs, row.upright) for row in _without_repeats(found)]


def _signs(gray: NDArray[np.uint8], around: NDArray[np.uint8], contrast: int) -> _Signs:
    """Bright thin strokes of the size of letters, sharp and even."""
    import cv2

    mask = np.asarray(cv2.compare(cv2.subtract(gray, around), contrast - 1, cv2.CMP_GT), np.uint8)
    mask[[0, -1]] = mask[:, [0, -1]] = 0  # so that every stroke has neighbors on all sides
    place = np.flatnonzero(mask)
    if len(place) < LEAST_PIXELS:
        return _none()
    number, labels, stats, _ = cv2.connectedComponentsWithStatsWithAlgorithm(mask, 8, cv2.CV_32S, cv2.CCL_BBDT)
    left, top, width, height, area = (stats[:, k].astype(np.int64) for k in range(5))
    label, flat, row = labels.ravel()[place], mask.ravel(), mask.shape[1]
    greatest = max(GREATEST_HEIGHT, GREATEST_PART * min(mask.shape))
    along = np.bincount(label[flat[place - 1] == 0], minlength=number)
    down = np.bincount(label[flat[place - row] == 0], minlength=number)
    letters = np.stack([_letters(along, width, height, greatest), _letters(down, height, width, greatest)], axis=1)
    letters[(area < 6) | (area < 0.1 * width * height)] = 0
    letters[0] = 0
    chosen = np.flatnonzero(letters.any(axis=1))
    if letters.max(axis=1).sum() < LEAST_SIGNS or len(chosen) > 4 * MOST_SIGNS:
        return _none()
    of_chosen = np.isin(label, chosen)
    level, above, sharp = _levels(gray, around, mask, place[of_chosen], np.searchsorted(chosen, label[of_chosen]))
    keep = sharp >= LEAST_SHARP
    chosen, level, above = chosen[keep], level[keep], above[keep]
    if len(chosen) > MOST_SIGNS:
        return _none()
    boxes = np.stack([left, top, left + width, top + height], axis=1)[chosen]
    return _Signs(boxes, letters[chosen], level, above)


def _none() -> _Signs:
    return _Signs(np.zeros((0, 4), np.int64), np.zeros((0, 2), np.int64), np.zeros(0), np.zeros(0))


def _letters(
    crossings: NDArray[np.intp], width: NDArray[np.int64], height: NDArray[np.int64], greatest: float
) -> NDArray[np.int64]:
    """How many letters each component may be, if it is read along its width; 0 for none.

    Args:
        crossings: Strokes that lines along the width cross, over all lines.
        width, height: Of each component.
        greatest: Height of a letter.
    """
    fits = (height >= LEAST_HEIGHT) & (height <= greatest) & (width <= LONGEST_WORD * height)
    single = width <= 1.5 * height
    words = np.rint(crossings / np.maximum(1, height) / STROKES_OF_A_LETTER).astype(np.int64)
    dense = (crossings >= LEAST_STROKES * width) & (words >= 2)
    return np.where(fits & single, 1, np.where(fits & dense, words, 0))


def _levels(
    gray: NDArray[np.uint8],
    around: NDArray[np.uint8],
    mask: NDArray[np.uint8],
    place: NDArray[np.intp],
    label: NDArray[np.intp],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Of each component: the gray of its strokes, how far that is above what is around, how sharp they end.

    Args:
        gray, around, mask: (h, w) the image, what is around strokes, where there is a stroke.
        place: Flat positions of the components' pixels.
        label: Which component each is of, from 0 up.
    """
    values, row = gray.ravel(), mask.shape[1]
    order = np.lexsort((values[place], label))
    count = np.bincount(label)
    level = values[place][order][np.cumsum(count) - 1 - count // 10].astype(np.float64)
    ground = np.bincount(label, weights=around.ravel()[place]) / count
    above = np.maximum(1.0, level - ground)
    # One pixel off a stroke that a pen drew, there is the ground already.
    total, beside = np.zeros(len(count)), np.zeros(len(count))
    for step in (-row - 1, -row, -row + 1, -1, 1, row - 1, row, row + 1):
        off = np.flatnonzero(mask.ravel()[place + step] == 0)
        total += np.bincount(label[off], weights=values[place[off] + step], minlength=len(count))
        beside += np.bincount(label[off], minlength=len(count))
    return level, above, (level - total / np.maximum(1, beside)) / above


def _rows(signs: _Signs, *, upright: bool) -> Iterator[tuple[Box, int]]:
    """Rows of signs that share a height, a line and a gray."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    letters = signs.letters[:, 0 if upright else 1]
    few, least = np.flatnonzero(letters), LEAST_SIGNS if upright else SIGNS_SIDEWAYS
    if letters.sum() < least:
        return
    boxes = signs.boxes[few] if upright else signs.boxes[few][:, [1, 0, 3, 2]]
    i, j = _links(boxes, signs.gray[few], signs.contrast[few])
    n, group = connected_components(coo_matrix((np.ones(len(i)), (i, j)), shape=(len(few), len(few))), directed=False)
    for number in range(n):
        row = np.flatnonzero(group == number)
        if letters[few][row].sum() < least:
            continue
        row = _trimmed(row, boxes, signs.gray[few], signs.contrast[few])
        if letters[few][row].sum() >= least:
            left, top = boxes[row, :2].min(axis=0).tolist()
            right, bottom = boxes[row, 2:].max(axis=0).tolist()
            box = (left, top, right, bottom) if upright else (top, left, bottom, right)
            yield box, int(letters[few][row].sum())


def _links(
    boxes: NDArray[np.int64], gray: NDArray[np.float64], contrast: NDArray[np.float64]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Pairs that could be neighbors in a row."""
    high = boxes[:, 3] - boxes[:, 1]
    tallest, least = np.maximum.outer(high, high), np.minimum.outer(high, high)
    shared = np.minimum.outer(boxes[:, 3], boxes[:, 3]) - np.maximum.outer(boxes[:, 1], boxes[:, 1])
    gap = boxes[None, :, 0] - boxes[:, None, 2]
    near = (gap >= -0.2 * tallest) & (gap <= 1.1 * tallest)
    alike = np.abs(np.subtract.outer(gray, gray)) <= 2 * MOST_UNEVEN * np.minimum.outer(contrast, contrast)
    return np.nonzero(near & alike & (shared >= 0.7 * least) & (tallest <= 1.8 * least))  # type: ignore[return-value]


def _trimmed(
    row: NDArray[np.intp], boxes: NDArray[np.int64], gray: NDArray[np.float64], contrast: NDArray[np.float64]
) -> NDArray[np.intp]:
    """The signs of a group that stand on one line, in one gray; none if too many do not."""
    bottom, high = boxes[row, 3].astype(float), float(np.median(boxes[row, 3] - boxes[row, 1]))
    x = (boxes[row, 0] + boxes[row, 2]) / 2.0
    slope = float(np.polyfit(x, bottom, 1)[0]) if len(row) > 2 and np.ptp(x) > 0 else 0.0
    line = bottom - slope * x
    on_line = np.abs(line - np.median(line)) <= max(1.0, MOST_CROOKED * high)
    even = np.abs(gray[row] - np.median(gray[row])) <= max(3.0, MOST_UNEVEN * float(np.median(contrast[row])))
    kept = row[on_line & even]
    return kept if abs(slope) <= MOST_SLOPE and len(kept) >= 0.6 * len(row) else row[:0]


def _without_repeats(rows: list[TextRow]) -> list[TextRow]:
    """The longest of the rows that overlap."""
    kept: list[TextRow] = []
    for row in sorted(rows, key=lambda one: (-one.signs, one.box, one.upright)):
        if all(_shared(row.box, other.box) < 0.3 for other in kept):
            kept.append(row)
    return kept


def _shared(one: Box, other: Box) -> float:
    """Part of the smaller box that both cover."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    least = min((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return max(0, width) * max(0, height) / max(1, least)


def _scaled(box: Box, factor: float) -> Box:
    left, top, right, bottom = (round(edge * factor) for edge in box)
    return left, top, right, bottom
