"""How unequally a classifier errs from group to group."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Rates:
    """True and false positive rates of each group; nan where nobody is positive, or negative. (g,) each."""

    tpr: NDArray[np.float64]
    fpr: NDArray[np.float64]

    @property
    def equalized_odds_gap(self) -> float:
        """The larger of the widest differences between two groups' true, and false, positive rates; 0 is equal.

        It grows by chance where groups are small, so it is read beside that of another classifier on the same patients.

        Reference:
            Hardt, Price, Srebro 2016, arXiv 1610.02413 (equalized odds).
        """
        return float(max(np.ptp(self.tpr[~np.isnan(self.tpr)]), np.ptp(self.fpr[~np.isnan(self.fpr)])))


def group_rates(
    true: Bools, predicted: Bools, group: NDArray[np.intp], n_groups: int, weights: NDArray[np.float64] | None = None
) -> Rates:
    """Rates of each group, 0 to n_groups - 1.

    Args:
        true, predicted: (n,) bool.
        group: (n,) group of each image; -1 for none.
        weights: (n,) of each image: 1 over the patient's number of images lets every patient count alike.

    >>> rates = group_rates(np.array([True, True, False]), np.array([True, False, True]), np.array([0, 1, 1]), 2)
    >>> rates.tpr.tolist(), rates.fpr.tolist()
    ([1.0, 0.0], [nan, 1.0])
    """
    w = np.ones(len(true)) if weights is None else weights
    rates = []
    for kind in (true, ~true):
        rows = kind & (group >= 0)
        total = np.bincount(group[rows], weights=w[rows], minlength=n_groups)
        hit = np.bincount(group[rows], weights=(w * predicted)[rows], minlength=n_groups)
        rates.append(np.where(total > 0, hit / np.where(total > 0, total, 1.0), np.nan))
    return Rates(*rates)
