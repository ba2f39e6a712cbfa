"""Linking two records of one patient through the synthetic images that both lie near."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from synthaudit.attackers.holdings import Holdings
from synthaudit.attackers.success import Success
from synthaudit.attackers.views import Views
from synthaudit.index.exact import Neighbors, top_k
from synthaudit.statistics.lineup import lineup_success
from synthaudit.statistics.rate_permutation import rate_excess_p

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

NEIGHBORS = 20
"""Nearest synthetic images of each record that are looked at."""
LINEUP = 10
"""Candidates that the right record is picked among; guessing finds it once in ten times."""
DRAWS = 8
_ROWS_AT_ONCE = 1_000
_TIE = 1e-6
_NEAREST = 1e-3
"""Squared distance below which nearness counts no further: a copy decides, by how near the other record is to it."""


@dataclass(frozen=True, slots=True, eq=False)
class Linked:
    """(e,) chance that each patient's other record is picked out of a line-up, in [0, 1].

    Attributes:
        through: By the synthetic images that both records lie near.
        directly: By comparing the records with each other, which needs no synthetic image.
    """

    through: NDArray[np.float64]
    directly: NDArray[np.float64]


def linked(holdings: Holdings, views: Views, rng: np.random.Generator) -> Linked:
    """How well records are linked, from each of the two to the other, averaged over draws of one image of each.

    The wrong candidates are records of patients of both sides, so that nothing depends on the label.

    Raises:
        NotEnoughData: Fewer patients than a line-up holds.
    """
    real, made = _comparable(holdings, views)
    unit = holdings.synthetic.patient_index[holdings.made_rows]
    near = nearest_people(top_k(real, made, min(NEIGHBORS, len(made)), workers=holdings.workers), unit)
    through, directly = np.zeros((2, len(views.patient)))
    for _ in range(DRAWS):
        a, b = views.draw(rng)
        for one, other in ((a, b), (b, a)):
            through += _picked_through(near[one], near[other])
            directly += _picked_directly(real[one], real[other])
    return Linked(through / (2 * DRAWS), directly / (2 * DRAWS))


def linking_success(
    held: Holdings, views: tuple[Views, ...], every: list[Linked], relabelings: int, rng: np.random.Generator
) -> Success:
    """What linking achieves on each patient, one column for each kind of records."""
    share = np.full((held.n_patients, len(views)), np.nan)
    for column, (one, found) in enumerate(zip(views, every, strict=True)):
        share[one.patient, column] = found.through
    return Success(
        tuple(one.name for one in views),
        share,
        np.ones(share.shape),
        held.is_train,
        (1.0 / LINEUP,) * len(views),
        rate_excess_p(share, held.is_train, draws=relabelings, rng=rng),
        held.images_of,
    )


def nearest_people(near: Neighbors, unit: NDArray[np.intp]) -> csr_matrix:
    """Sparse (n, u) nearness of each image to the people shown nearest to it: one over the squared distance.

    Synthetic images that are said to show one (made-up) person count as one, by the nearest of them.

    Args:
        near: The nearest synthetic images of n images.
        unit: (s,) the person that each synthetic image is said to show, below u.
    """
    from scipy.sparse import csr_matrix

    n, k = near.ids.shape
    nearness = 1.0 / np.maximum(2.0 - 2.0 * near.scores.astype(np.float64), _NEAREST)
    pairs = np.stack([np.repeat(np.arange(n), k), unit[near.ids.ravel()]], axis=1)
    _, first = np.unique(pairs, axis=0, return_index=True)  # the first is the nearest
    width = int(unit.max()) + 1
    return csr_matrix((nearness.ravel()[first], (pairs[first, 0], pairs[first, 1])), shape=(n, width))


def _picked_through(one: csr_matrix, other: csr_matrix) -> NDArray[np.float64]:
    """Candidates are scored by the sum, over the people near both records, of nearness times nearness."""
    blocks = range(0, one.shape[0], _ROWS_AT_ONCE)
    return np.concatenate([_picked((one[at : at + _ROWS_AT_ONCE] @ other.T).toarray(), at) for at in blocks])


def _picked_directly(one: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.float64]:
    base = other.astype(np.float64)
    blocks = range(0, len(one), _ROWS_AT_ONCE)
    return np.concatenate([_picked(one[at : at + _ROWS_AT_ONCE].astype(np.float64) @ base.T, at) for at in blocks])


def _picked(scores: NDArray[np.float64], start: int) -> NDArray[np.float64]:
    """(r,) success of the records `start`, ... whose scores (r, e) with all candidates are given."""
    rows = np.arange(len(scores))
    own = scores[rows, start + rows][:, None]
    better = (scores > own + _TIE).sum(axis=1)
    ties = (np.abs(scores - own) <= _TIE).sum(axis=1) - 1
    return lineup_success(better, ties, scores.shape[1] - 1, LINEUP)


def _comparable(holdings: Holdings, views: Views) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Vectors from which what tells the two views apart was taken: the mean of each, over both sides.

    Otherwise a T1 image lies near T1 images and a FLAIR image near FLAIR images, whoever is on them. A synthetic image
    is of the view whose mean it is nearer to.
    """
    if views.view is None:
        return holdings.real, holdings.made
    centers = np.stack([holdings.real[views.view == v].astype(np.float64).mean(axis=0) for v in (0, 1)])
    nearer = ((holdings.made[:, None, :] - centers) ** 2).sum(axis=2).argmin(axis=1)
    return (
        _unit(holdings.real - centers[np.maximum(views.view, 0)]),
        _unit(holdings.made - centers[nearer]),
    )


def _unit(rows: NDArray[np.float64]) -> NDArray[np.float32]:
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.maximum(length, 1e-9), dtype=np.float32)
