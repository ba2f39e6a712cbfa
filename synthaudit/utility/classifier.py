"""A classifier on the audit's vectors: logistic regression, one class against the rest, classes weighed alike.

It measures what the vectors hold of the classes and no more: a network trained on the images may reach further, from
real and from synthetic images. A linear fit has one answer, so that differences come from the data and not from luck.
"""

from __future__ import annotations

from dataclasses import dataclass
from warnings import catch_warnings, simplefilter

import numpy as np
from numpy.typing import NDArray

COMPONENTS = 48
"""Leading directions of all real images, whitened; fitted without any label."""
STRENGTH = 0.1
"""Inverse of the penalty on squared weights (sklearn's C), fixed: nothing is tuned on anyone."""
_NEVER = -1e6
"""Score of a class of which the training set had no image."""


@dataclass(frozen=True, eq=False)
class Classifier:
    """(d, k) weights and (k,) intercepts."""

    weights: NDArray[np.float64]
    intercepts: NDArray[np.float64]

    @classmethod
    def fit(cls, rows: NDArray[np.float64], belongs: NDArray[np.bool_]) -> Classifier:
        """Fit each class against the rest; a class without any image, or without any rest, is never (always) chosen.

        Args:
            rows: (n, d) whitened. belongs: (n, k).
        """
        from scipy.linalg import LinAlgWarning
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LogisticRegression

        weights = np.zeros((rows.shape[1], belongs.shape[1]))
        intercepts = np.where(belongs.any(axis=0), -_NEVER, _NEVER)
        for k in range(belongs.shape[1]):
            if belongs[:, k].any() and not belongs[:, k].all():
                model = LogisticRegression(C=STRENGTH, class_weight="balanced", solver="newton-cholesky", max_iter=200)
                with catch_warnings():
                    # Where all images are one, another solver is taken, and finds the same minimum.
                    simplefilter("ignore", ConvergenceWarning)
                    simplefilter("ignore", LinAlgWarning)
                    model.fit(rows, belongs[:, k])
                weights[:, k], intercepts[k] = model.coef_[0], model.intercept_[0]
        return cls(weights, intercepts.astype(np.float64))

    def scores(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n, k) log-odds of each class; above 0: more likely than not."""
        return np.asarray(rows @ self.weights + self.intercepts)
