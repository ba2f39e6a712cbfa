"""How far does an image as a whole lie from the real ones, measured by how densely they lie there?

Reference:
    Kynkaanniemi, Karras, Laine, Lehtinen, Aila 2019, Improved precision and recall metric for assessing generative
    models, arXiv 1904.06991, section 5 (realism score).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthaudit.index.exact import top_k

NEIGHBORS = 3
"""As in the paper; here neighbors are patients, so that several images of one patient do not make a place dense."""
CANDIDATES = 32
"""Nearest real images that are looked at; farther ones give the largest ratio only where reaches are very unequal."""
_LEAST_DISTANCE = 1e-4


@dataclass(frozen=True, eq=False)
class Realism:
    """Realism scores; 1 and more: inside the reach of a real image. Lower is less realistic.

    Attributes:
        real: (n,) of each real image, among the images of other patients.
        other: (m,) of each further image.
        nearest: (m, 32) rows of the real images nearest to each further image, nearest first; -1 where there are fewer.
    """

    real: NDArray[np.float64]
    other: NDArray[np.float64]
    nearest: NDArray[np.int64]


def realism(
    real: NDArray[np.float32], patient: NDArray[np.intp], other: NDArray[np.float32], *, workers: int = 1
) -> Realism:
    """The largest ratio, over real images, of their reach to the distance: above 1 within reach of one.

    The reach of a real image is the distance to the third patient next to it. The paper leaves out the half of the real
    images with the larger reach; here it is cut to the median, so that a copy of a rare image is still real. For a real
    image, its own patient's images count nowhere: not as neighbors, and not in the reach of others.

    Args:
        real: (n, d) float32 rows of unit length. patient: (n,) whose they are.
        other: (m, d) likewise, of nobody there.
    """
    groups = (patient, patient)
    among = top_k(real, real, CANDIDATES, exclude=groups, workers=workers)
    near = _distances(among.scores)
    reach, without_third, third = _reach(near, among.ids, patient)
    most = float(np.median(reach))
    to_other = top_k(other, real, CANDIDATES, workers=workers)
    # Where one of the three patients is the one asked about, the fourth takes the place.
    mine = (third[among.ids] == patient[:, None, None]).any(axis=2)
    own = np.where(mine, without_third[among.ids], reach[among.ids])
    return Realism(
        _largest_ratio(np.minimum(own, most), near, among.ids),
        _largest_ratio(np.minimum(reach[to_other.ids], most), _distances(to_other.scores), to_other.ids),
        to_other.ids,
    )


def _distances(scores: NDArray[np.float32]) -> NDArray[np.float64]:
    return np.sqrt(np.maximum(2.0 - 2.0 * np.maximum(scores.astype(np.float64), -1.0), _LEAST_DISTANCE**2))


def _reach(
    near: NDArray[np.float64], ids: NDArray[np.int64], patient: NDArray[np.intp]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.intp]]:
    """(n,) distance to the third next patient, (n,) to the fourth, and (n, 3) who the first three are."""
    n = len(ids)
    reach, fourth = near[:, -1].copy(), near[:, -1].copy()
    first = np.full((n, NEIGHBORS), -1, dtype=np.intp)
    for row in range(n):
        known = np.flatnonzero(ids[row] >= 0)
        who, at = np.unique(patient[ids[row, known]], return_index=True)
        order = np.argsort(at, kind="stable")
        where = known[at[order]]
        first[row, : min(NEIGHBORS, len(order))] = who[order][:NEIGHBORS]
        for reached, rank in ((reach, NEIGHBORS), (fourth, NEIGHBORS + 1)):
            reached[row] = near[row, where[min(rank, len(where)) - 1]]
    return reach, fourth, first


def _largest_ratio(
    reach: NDArray[np.float64], distance: NDArray[np.float64], ids: NDArray[np.int64]
) -> NDArray[np.float64]:
    """(n,) largest reach over distance among the neighbors that there are."""
    return np.asarray(np.where(ids >= 0, reach / distance, 0.0).max(axis=1))
