"""How much of each group of real images a set of images covers, as if every set had the same number of images.

A real image is covered if an image lies in its ball, which reaches to its fifth-nearest neighbor. The more images, the
more is covered, so sets of different size are compared at one size: the mean over all subsets of it, which has a closed
form. Its variance is that of a U-statistic: what each image, and each real patient, contributes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln


@dataclass(frozen=True, slots=True, eq=False)
class Covered:
    """What a set covers.

    Attributes:
        chance: (r,) chance that a subset of the size agreed on covers each real image.
        gain: (r, m) by how much the chance falls where one image of the set is left out; columns add up to influence.
        density: (r,) images in each ball, over what is expected if the sets were of one law.
    """

    chance: NDArray[np.float64]
    gain: NDArray[np.float64]
    density: NDArray[np.float64]

    def influence(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """(m,) what each image of the set adds to the weighted mean of the chances; their squares sum to its variance.

        Args:
            weights: (r,) of the real images; for a difference of means, their sums may be 0.

        Reference:
            Efron and Stein 1981, doi 10.1214/aos/1176345462 (jackknife of a symmetric statistic).
        """
        left_out = weights @ self.gain
        m = len(left_out)
        return np.asarray((left_out - left_out.mean()) * np.sqrt((m - 1) / m))


def covered(inside: NDArray[np.bool_], size: int, per_ball: float) -> Covered:
    """Coverage by all subsets of `size` images, and density.

    Args:
        inside: (r, m) whether each image lies in each real image's ball.
        size: Of the subsets, below m.
        per_ball: Share of the images expected in a ball if both sets were of one law: neighbors over real images.

    Reference:
        Naeem et al. 2020, arXiv 2002.09797; Hurlbert 1971, doi 10.2307/1934145 (rarefaction to one sample size).

    >>> found = covered(np.array([[True, False, False, False]]), 2, 0.25)
    >>> float(found.chance[0]), float(found.density[0])
    (0.5, 1.0)
    """
    m = inside.shape[1]
    count = inside.sum(axis=1)
    chance = 1.0 - _missed(m, count, size)
    without_other = 1.0 - _missed(m - 1, count, size)
    without_one = 1.0 - _missed(m - 1, np.maximum(count - 1, 0), size)
    left_out = np.where(inside, without_one[:, None], without_other[:, None])
    return Covered(chance, chance[:, None] - left_out, count / (m * per_ball))


def _missed(m: int, count: NDArray[np.integer], size: int) -> NDArray[np.float64]:
    """(r,) chance that none of `size` images drawn from m without return is one of the `count`."""
    free = m - count
    possible = free >= size
    log = gammaln(free + 1.0) - gammaln(np.maximum(free - size, 0) + 1.0) - gammaln(m + 1.0) + gammaln(m - size + 1.0)
    return np.where(possible, np.exp(np.minimum(log, 0.0)), 0.0)
