"""A linear classifier that few examples suffice for, and its guesses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthaudit.errors import NotEnoughData

RIDGES = tuple(10.0**power for power in range(-4, 3))
"""Tried, in units of the mean variance of the rows."""


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

    @classmethod
    def of(cls, rows: NDArray[np.floating], classes: NDArray[np.intp], n_classes: int) -> RidgeClassifier:
        """Learned from (n, d) rows and their classes (n,), numbers below `n_classes`.

        Raises:
            NotEnoughData: Fewer than 2 rows.

        Reference:
            Golub, Heath, Wahba 1979, doi 10.1080/00401706.1979.10489751, for leaving out in closed form.
        """
        if len(rows) < 2:
            raise NotEnoughData(f"a classifier needs at least 2 examples, got {len(rows)}")
        x = np.asarray(rows, dtype=np.float64)
        center = x.mean(axis=0)
        x = x - center
        wanted = np.eye(n_classes)[classes]
        offset = wanted.mean(axis=0)
        wanted = wanted - offset
        power, u = np.linalg.eigh(x @ x.T)
        power = np.maximum(power, 0.0)
        along = u.T @ wanted
        best, found = np.inf, 1.0
        for ridge in RIDGES:
            shrunk = power / (power + ridge * max(float(power.mean()), 1e-12))
            left = 1.0 - (u**2) @ shrunk - 1.0 / len(x)
            error = float((((wanted - u @ (shrunk[:, None] * along)) / np.maximum(left, 1e-6)[:, None]) ** 2).sum())
            if error < best - 1e-12:
                best, found = error, ridge
        dual = u @ (along / (power + found * max(float(power.mean()), 1e-12))[:, None])
        return cls(center, x.T @ dual, offset)

    def guesses(self, rows: NDArray[np.floating]) -> NDArray[np.intp]:
        """(n,) the class of highest score for each of (n, d) rows; the lower number of equals."""
        scores = (np.asarray(rows, dtype=np.float64) - self.center) @ self.weights + self.offset
        return np.asarray(np.round(scores, 12).argmax(axis=1), dtype=np.intp)
