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

    mask = (gray - around >= contrast).astype(np.uint8)
    number, labels, stats, _ = cv2.connectedComponentsWithStatsWithAlgorithm(mask, 8, cv2.CV_32S, cv2.CCL_BBDT)
    left, top, width, height, area = (stats[:, k].astype(np.int64) for k in range(5))
    letters = np.stack(
        [
            _letters(mask, labels, number, width, height),
            _letters(mask.T, labels.T, number, height, width),
        ],
        axis=1,
    )
    letters[(area < 6) | (area < 0.1 * width * height)] = 0
    letters[0] = 0
    chosen = np.flatnonzero(letters.any(axis=1))
    if letters.max(axis=1).sum() < LEAST_SIGNS or len(chosen) > 4 * MOST_SIGNS:
        return _none()
    level, above, sharp = _levels(gray, around, labels, number, chosen)
    keep = sharp >= LEAST_SHARP
    chosen, level, above = chosen[keep], level[keep], above[keep]
    if len(chosen) > MOST_SIGNS:
        return _none()
    boxes = np.stack([left, top, left + width, top + height], axis=1)[chosen]
    return _Signs(boxes, letters[chosen], level, above)


def _none() -> _Signs:
    return _Signs(np.zeros((0, 4), np.int64), np.zeros((0, 2), np.int64), np.zeros(0), np.zeros(0))


def _letters(
    mask: NDArray[np.uint8], labels: NDArray[np.int32], number: int, width: NDArray[np.int64], height: NDArray[np.int64]
) -> NDArray[np.int64]:
    """How many letters each component may be, if it is read along the rows; 0 for none."""
    begins = mask.astype(bool)
    begins[:, 1:] &= ~mask[:, :-1].astype(bool)
    crossings = np.bincount(labels[begins], minlength=number)
    greatest = max(GREATEST_HEIGHT, GREATEST_PART * min(mask.shape))
    fits = (height >= LEAST_HEIGHT) & (height <= greatest) & (width <= LONGEST_WORD * height)
    single = width <= 1.5 * height
    words = np.rint(crossings / np.maximum(1, height) / STROKES_OF_A_LETTER).astype(np.int64)
    dense = (crossings >= LEAST_STROKES * width) & (words >= 2)
    return np.where(fits & single, 1, np.where(fits & dense, words, 0))


def _levels(
    gray: NDArray[np.uint8], around: NDArray[np.uint8], labels: NDArray[np.int32], number: int, chosen: NDArray[np.intp]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Of each component chosen: the gray of its strokes, how far that is above what is around, how sharp they end."""
    import cv2

    place = np.flatnonzero(labels)
    label, value = labels.ravel()[place], gray.ravel()[place]
    order = np.lexsort((value, label))
    last = np.cumsum(np.bincount(label, minlength=number))
    count = np.diff(np.concatenate([[0], last]))
    level = value[order][np.maximum(0, last - 1 - count // 10)].astype(np.float64)
    ground = np.bincount(label, weights=around.ravel()[place], minlength=number) / np.maximum(1, count)
    above = np.maximum(1.0, level - ground)
    # One pixel off a stroke that a pen drew, there is the ground already.
    grown = cv2.dilate(labels.astype(np.float32), np.ones((3, 3), np.uint8)).astype(np.int64)
    ring = np.flatnonzero((grown > 0) & (labels == 0))
    total = np.bincount(grown.ravel()[ring], weights=gray.ravel()[ring], minlength=number)
    outer = total / np.maximum(1, np.bincount(grown.ravel()[ring], minlength=number))
    sharp = (level - outer) / above
    return level[chosen], above[chosen], sharp[chosen]


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
