"""Which slice of one volume lies beside which of another: a straight line between their positions.

Scanners space slices evenly, so two volumes of one body differ by where they start, how far apart their slices lie, and
which end comes first: by one line. Which slice looks like which is known for a few slices only, and partly wrong; the
line that most of these agree on is found by trying the lines through any two of them (Fischler and Bolles 1981, doi
10.1145/358669.358692; all pairs rather than a random draw, so the answer never changes).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

TOLERANCE = 1.5
"""Distance from the line, in slices of the real volume, within which a pair of slices agrees with it."""
LEAST_COVER = 0.5
"""Share of the query's slices that must come to lie beside a slice of the other volume."""
LEAST_ALIGNED = 3
"""Pairs of slices below which two volumes are not compared: of three, the middle one cannot be a coincidence alone."""


@dataclass(frozen=True, slots=True)
class Line:
    """Real position = slope * synthetic position + offset."""

    slope: float
    offset: float

    def at(self, positions: Floats) -> Floats:
        """Where these positions of the query lie in the other volume."""
        return self.slope * positions + self.offset


def spacing(positions: Floats) -> float:
    """Typical distance of neighboring slices; positions ascend."""
    return float(np.median(np.diff(positions)))


def end_to_end(query: Floats, other: Floats) -> Line:
    """The line that lays the first slice beside the first and the last beside the last; both ascend."""
    slope = float((other[-1] - other[0]) / (query[-1] - query[0]))
    return Line(slope, float(other[0] - slope * query[0]))


def consensus_line(query: Floats, other: Floats, weight: Floats, tolerance: float) -> Line | None:
    """The line with the largest weight of query slices that agree with it, refitted to these; None if no two can.

    Args:
        query, other: (m,) positions of slices that look alike; a query slice may have several.
        weight: (m,) how much they look alike; above 0.
        tolerance: Largest distance of a slice that agrees, in the unit of `other`.
    """
    best: tuple[float, float] = (0.0, -np.inf)
    chosen: NDArray[np.bool_] | None = None
    slices = np.unique(query)
    of_slice = np.searchsorted(slices, query)
    for i in range(len(query)):
        later = np.flatnonzero((query > query[i]) & (other != other[i]))
        for j in later:
            slope = (other[j] - other[i]) / (query[j] - query[i])
            away = np.abs(other - other[i] - slope * (query - query[i]))
            agrees = away <= tolerance
            total = np.zeros(len(slices))
            np.maximum.at(total, of_slice[agrees], weight[agrees])
            score = (round(float(total.sum()), 9), -round(float(away[agrees].sum()), 9))
            if score > best:
                best, chosen = score, agrees
    if chosen is None:
        return None
    x, y, w = query[chosen], other[chosen], weight[chosen] / weight[chosen].sum()
    center, level = float(w @ x), float(w @ y)
    slope = float(w @ ((x - center) * (y - level))) / float(w @ (x - center) ** 2)
    return Line(slope, level - slope * center)


def aligned(query: Floats, other: Floats, line: Line) -> list[tuple[int, int]]:
    """(slice of the query, slice of the other) that the line lays beside each other, each slice once.

    Empty where fewer than three pairs, or less than half of the query, come to lie inside the other volume: two corners
    can always be made to agree.
    """
    wanted = line.at(query)
    nearest = np.abs(other[None, :] - wanted[:, None]).argmin(axis=1)
    away = np.abs(other[nearest] - wanted)
    closest: dict[int, int] = {}
    for i in np.lexsort((np.arange(len(query)), away)):
        if away[i] <= 0.75 * spacing(other):
            closest.setdefault(int(nearest[i]), int(i))
    pairs = sorted((i, j) for j, i in closest.items())
    return pairs if len(pairs) >= max(LEAST_ALIGNED, LEAST_COVER * len(query)) else []
