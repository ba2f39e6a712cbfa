"""Classifiers trained on real images, on synthetic ones, and on both, all tested on the same held-out patients.

Every fit sees at most half of what there is, divided by patient (or by volume), and real and synthetic fits see equally
many images: more images teach more, whoever made them. Repeated, that tells how much the training set matters.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from synthaudit.errors import NotEnoughData
from synthaudit.statistics.half_samples import interval_of_mean
from synthaudit.statistics.weighted_rates import patient_draws, weighted_auc, weighted_share
from synthaudit.utility.classifier import Classifier

PAIRS = 8
"""Pairs of disjoint training sets, so twice as many fits of each way."""
RESAMPLES = 200
LEAST_IMAGES = 20
"""Training images of a fit."""
REAL, SYNTHETIC, BOTH, UNFLAGGED, ENRICHED = "real", "synthetic", "both", "unflagged", "enriched"
AUC, BALANCED, ACCURACY = 0, 1, 2
"""Rows of the figures, before the sensitivity and then the specificity of each class."""
FIRST_CLASS = 3


@dataclass(frozen=True, eq=False)
class Images:
    """Images to learn from or to test on.

    Attributes:
        rows: (n, d) whitened vectors.
        belongs: (n, k) bool, classes.
        unit: (n,) images that are drawn together: one patient's, or one volume's.
    """

    rows: NDArray[np.float64]
    belongs: NDArray[np.bool_]
    unit: NDArray[np.intp]

    def __len__(self) -> int:
        return len(self.unit)

    def take(self, which: NDArray[np.intp]) -> Images:
        """Some of them."""
        return Images(self.rows[which], self.belongs[which], self.unit[which])

    def and_also(self, other: Images) -> Images:
        """Both together."""
        rows, belongs = np.concatenate([self.rows, other.rows]), np.concatenate([self.belongs, other.belongs])
        return Images(rows, belongs, np.concatenate([self.unit, other.unit]))

    def parts(self, n: int, rng: np.random.Generator) -> tuple[Images, Images]:
        """Two disjoint parts of n images each: whole units in random order, but for one that may be divided."""
        units, number = np.unique(self.unit, return_inverse=True)
        order = np.argsort(rng.permutation(len(units))[number], kind="stable")
        return self.take(order[:n]), self.take(order[len(order) - n :])


@dataclass(frozen=True, eq=False)
class Trained:
    """Figures of every way of training.

    Attributes:
        figures: Way -> (pairs, 2, 1 + resamples, 3 + 2 k); the first of the third axis on the test set as it is.
        images: Way -> training images of each fit, on average.
        rarest: Number of the class that `ENRICHED` adds synthetic images of.
    """

    figures: dict[str, NDArray[np.float64]]
    images: dict[str, float]
    rarest: int

    @classmethod
    def of(
        cls,
        real: Images,
        synthetic: Images,
        test: Images,
        rng: np.random.Generator,
        *,
        exclusive: bool,
        rarest: int,
        flagged: NDArray[np.bool_] | None = None,
        pairs: int = PAIRS,
    ) -> Trained:
        """Train and test.

        Args:
            real, synthetic: To learn from.
            test: Held-out real images.
            exclusive: Whether each image is of one class: the class of the highest score is then chosen.
            rarest: Number of the rarest class.
            flagged: (n_synthetic,) images that direct evidence withholds.
            pairs: Of disjoint training sets.

        Raises:
            NotEnoughData: Half of the real or synthetic images are fewer than 20.
        """
        n = min(len(real), len(synthetic)) // 2
        if n < LEAST_IMAGES:
            raise NotEnoughData(
                f"training needs at least {2 * LEAST_IMAGES} labeled real and synthetic images, got {len(real)} and "
                f"{len(synthetic)}"
            )
        weights = patient_draws(test.unit, rng, resamples=RESAMPLES)
        figures: dict[str, list[NDArray[np.float64]]] = {}
        sizes: dict[str, list[int]] = {}
        for _ in range(pairs):
            for way, images in _ways(real, synthetic, n, rarest, flagged, rng):
                scores = Classifier.fit(images.rows, images.belongs).scores(test.rows)
                figures.setdefault(way, []).append(_figures(scores, test.belongs, weights, exclusive))
                sizes.setdefault(way, []).append(len(images))
        return cls(
            {way: np.stack(found).reshape(pairs, 2, *found[0].shape) for way, found in figures.items()},
            {way: float(np.mean(found)) for way, found in sizes.items()},
            rarest,
        )

    def figure(self, way: str, which: int) -> tuple[float, float, float]:
        """(value, low, high) of one figure of one way of training, cut to [0, 1]."""
        value, low, high = interval_of_mean(self.figures[way][..., which])
        return value, max(low, 0.0), min(high, 1.0)

    def gap(self, way: str, other: str, which: int) -> tuple[float, float, float]:
        """(value, low, high) of a figure of one way less that of another, seed by seed, cut to [-1, 1]."""
        value, low, high = interval_of_mean(self.figures[way][..., which] - self.figures[other][..., which])
        return value, max(low, -1.0), min(high, 1.0)

    @cached_property
    def classes(self) -> int:
        """How many there are."""
        return int(self.figures[REAL].shape[-1] - FIRST_CLASS) // 2

    def sensitivity(self, number: int) -> int:
        """Row of the figures for the sensitivity of a class."""
        return FIRST_CLASS + number

    def specificity(self, number: int) -> int:
        """Row of the figures for the specificity of a class."""
        return FIRST_CLASS + self.classes + number


def _ways(
    real: Images,
    synthetic: Images,
    n: int,
    rarest: int,
    flagged: NDArray[np.bool_] | None,
    rng: np.random.Generator,
) -> Iterator[tuple[str, Images]]:
    """Two draws of every training set, from disjoint parts."""
    clean = None
    if flagged is not None and flagged.any():
        kept = synthetic.take(np.flatnonzero(~flagged))
        clean = kept.parts(min(n, len(kept) // 2), rng)
    halves = synthetic.parts(len(synthetic) // 2, rng)
    for i, (ours, made) in enumerate(zip(real.parts(n, rng), synthetic.parts(n, rng), strict=True)):
        yield REAL, ours
        yield SYNTHETIC, made
        yield BOTH, ours.and_also(made)
        if clean is not None:
            yield UNFLAGGED, clean[i]
        rare = np.flatnonzero(halves[i].belongs[:, rarest])
        counts = ours.belongs.sum(axis=0)
        yield ENRICHED, ours.and_also(halves[i].take(rare[: max(0, int(counts.max() - counts[rarest]))]))


def _figures(
    scores: NDArray[np.float64], belongs: NDArray[np.bool_], weights: NDArray[np.float64], exclusive: bool
) -> NDArray[np.float64]:
    """(1 + resamples, 3 + 2 k) of one classifier."""
    k, everything = belongs.shape[1], np.ones(len(belongs), dtype=bool)
    named: NDArray[np.bool_] = np.asarray(scores > 0)
    if exclusive:
        named = np.zeros_like(belongs)
        named[np.arange(len(scores)), scores.argmax(axis=1)] = True
    areas = [weighted_auc(scores[:, c], belongs[:, c], weights) for c in range(k)]
    sensitivity = [weighted_share(named[:, c], belongs[:, c], weights) for c in range(k)]
    specificity = [weighted_share(~named[:, c], ~belongs[:, c], weights) for c in range(k)]
    if exclusive:
        right = np.asarray((named & belongs).any(axis=1))
        accuracy = weighted_share(right, everything, weights)
        balanced = _mean(sensitivity)
    else:
        accuracy = _mean(
            [weighted_share(named[:, c] == belongs[:, c], belongs[:, c] | True, weights) for c in range(k)]
        )
        balanced = _mean([(a + b) / 2 for a, b in zip(sensitivity, specificity, strict=True)])
    return np.column_stack([_mean(areas), balanced, accuracy, *sensitivity, *specificity])


def _mean(columns: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    """(b,) over classes, those that were not drawn left out."""
    stacked = np.stack(columns)
    known = np.isfinite(stacked)
    total = np.where(known, stacked, 0.0).sum(axis=0)
    return np.asarray(
        np.divide(total, known.sum(axis=0), out=np.full(stacked.shape[1], np.nan), where=known.any(axis=0))
    )
