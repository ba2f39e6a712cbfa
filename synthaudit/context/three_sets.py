"""Three sets of vectors, whose they are, and what a set-level measure of them comes with.

The floor is the same measure with held-out images in place of synthetic ones. A measure that averages over images,
against the same training images, has it from all held-out images; one that depends on the number of images has it from
random parts of the holdout, by patient, averaged over draws, with as many synthetic images as the part has.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from synthaudit.errors import NotEnoughData
from synthaudit.index.exact import Neighbors, top_k
from synthaudit.index.nearness import nearness
from synthaudit.statistics.nearness import Nearness

LEAST_PATIENTS = 10
LEAST_SYNTHETIC = 20
DRAWS = 8
MOST_PAIRS = 200_000_000
"""Pairs compared over all draws of one measure: large sets need fewer draws, since a draw says more."""
LARGEST_FIT = 5_000
"""Real images that a fit (cells, scales) looks at."""


@dataclass(frozen=True, slots=True)
class SetMeasure:
    """A measure, its floor, and the 95 % interval over patients, which carries the uncertainty of both."""

    value: float
    floor: float
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class ThreeSets:
    """Vectors of one encoder, and whose the real ones are.

    Attributes:
        train, holdout, synthetic: (t, d), (h, d) and (s, d) float32 rows of unit length.
        train_patient, holdout_patient: (t,) and (h,) number of each image's patient on its side, from 0 without gaps.
        workers: Threads; no number depends on it.

    Raises:
        NotEnoughData: Fewer than 10 patients on a side, or fewer than 20 synthetic images.
    """

    train: NDArray[np.float32]
    holdout: NDArray[np.float32]
    synthetic: NDArray[np.float32]
    train_patient: NDArray[np.intp]
    holdout_patient: NDArray[np.intp]
    workers: int = 1

    def __post_init__(self) -> None:
        if min(self.n_train, self.n_holdout) < LEAST_PATIENTS or len(self.synthetic) < LEAST_SYNTHETIC:
            raise NotEnoughData(
                f"set-level measures need at least {LEAST_PATIENTS} patients on each side and {LEAST_SYNTHETIC} "
                f"synthetic images, got {self.n_train}, {self.n_holdout} and {len(self.synthetic)}"
            )

    @cached_property
    def n_train(self) -> int:
        """Training patients."""
        return int(self.train_patient.max(initial=-1)) + 1

    @cached_property
    def n_holdout(self) -> int:
        """Held-out patients."""
        return int(self.holdout_patient.max(initial=-1)) + 1

    @cached_property
    def near(self) -> Nearness:
        """Nearest neighbors between the sets."""
        return nearness(self.train, self.holdout, self.synthetic, workers=self.workers)

    def nearest(self, queries: NDArray[np.float32], base: NDArray[np.float32]) -> Neighbors:
        """The nearest row of the base for each query."""
        return top_k(queries, base, 1, workers=self.workers)

    def pooled(self, rng: np.random.Generator) -> NDArray[np.float32]:
        """(n, d) training and held-out rows together, for whatever is fitted: all of them, or 5,000 drawn blindly."""
        n = len(self.train)
        # Drawn from an order that the label has no part in, so that exchanging the sides changes nothing.
        order = np.lexsort(np.concatenate([self.train[:, :8], self.holdout[:, :8]]).T[::-1])
        if len(order) > LARGEST_FIT:
            order = order[np.sort(rng.choice(len(order), LARGEST_FIT, replace=False))]
        rows = np.empty((len(order), self.train.shape[1]), dtype=np.float32)
        rows[order < n] = self.train[order[order < n]]
        rows[order >= n] = self.holdout[order[order >= n] - n]
        return rows

    def halves(
        self, rng: np.random.Generator, share: float = 0.5, least: int = 1
    ) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Rows of the holdout in two parts, by patient; the first has about this share of the images.

        Args:
            least: Images, and as many as two patients, that the second part has in any case.
        """
        order = rng.permutation(self.n_holdout)
        images = np.cumsum(np.bincount(self.holdout_patient, minlength=self.n_holdout)[order])
        wanted = min(share * images[-1], images[-1] - least)
        cut = int(np.clip(np.searchsorted(images, wanted, side="left") + 1, 1, self.n_holdout - 2))
        first = np.isin(self.holdout_patient, order[:cut])
        return np.flatnonzero(first), np.flatnonzero(~first)


def number_of_draws(pairs: int) -> int:
    """How often a measure that compares this many pairs is drawn."""
    return int(np.clip(MOST_PAIRS // max(pairs, 1), 1, DRAWS))
