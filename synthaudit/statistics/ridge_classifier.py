"""A linear classifier that few examples suffice for, and its guesses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthaudit.errors import NotEnoughData

RIDGES = tuple(10.0**power for power in range(-4, 3))
"""Tried, in units of the mean variance of the rows."""


@dataclass(frozen=True, eq=False)
class RidgeBasis:
    """What learning any classes from these rows has in common.

    Attributes:
        center: (d,) mean of the rows.
        rows: (n, d) less the center.
        power, axes: (n,) and (n, n) eigenvalues and vectors of their inner products.
    """

    center: NDArray[np.float64]
    rows: NDArray[np.float64]
    power: NDArray[np.float64]
    axes: NDArray[np.float64]

    @classmethod
    def of(cls, rows: NDArray[np.floating]) -> RidgeBasis:
        """Of (n, d) rows.

        Raises:
            NotEnoughData: Fewer than 2 rows.
        """
        if len(rows) < 2:
            raise NotEnoughData(f"a classifier needs at least 2 examples, got {len(rows)}")
        x = np.asarray(rows, dtype=np.float64)
        center = x.mean(axis=0)
        x = x - center
        power, axes = np.linalg.eigh(x @ x.T)
        return cls(center, x, np.maximum(power, 0.0), axes)

    def classifier(self, classes: NDArray[np.intp], n_classes: int) -> RidgeClassifier:
        """Learned from the classes (n,) of the rows, numbers below `n_classes`.

        Reference:
            Golub, Heath, Wahba 1979, doi 10.1080/00401706.1979.10489751, for leaving out in closed form.
        """
        wanted = np.eye(n_classes)[classes]
        offset = wanted.mean(axis=0)
        wanted = wanted - offset
        along = self.axes.T @ wanted
        unit = max(float(self.power.mean()), 1e-12)
        best, found = np.inf, RIDGES[0]
        for ridge in RIDGES:
            shrunk = self.power / (self.power + ridge * unit)
            left = 1.0 - (self.axes**2) @ shrunk - 1.0 / len(wanted)
            missed = (wanted - self.axes @ (shrunk[:, None] * along)) / np.maximum(left, 1e-6)[:, None]
            error = float((missed**2).sum())
            if error < best - 1e-12:
                best, found = error, ridge
        dual = self.axes @ (along / (self.power + found * unit)[:, None])
        return RidgeClassifier(self.center, self.rows.T @ dual, offset)


@dataclass(frozen=True, eq=False)
class RidgeClassifier:
    """Least squares on the classes, with the ridge that predicts examples left out best.

    Attributes:
        center: (d,) mean of the rows learned from.
        weights: (d, c) for each class.
        offset: (c,) share of each class.
    """

    center: NDArray[np.float64]
    weights: NDArray[np.float64]
    offset: NDArray[np.float64]

    def guesses(self, rows: NDArray[np.floating]) -> NDArray[np.intp]:
        """(n,) the class of highest score for each of (n, d) rows; the lower number of equals."""
        scores = (np.asarray(rows, dtype=np.float64) - self.center) @ self.weights + self.offset
        return np.asarray(np.round(scores, 12).argmax(axis=1), dtype=np.intp)
