"""Several scores as one: weights learned from who was trained on, for each patient from other patients only."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri
from scipy.stats import rankdata

from synthaudit.errors import NotEnoughData

FOLDS = 5
RIDGE = 0.05
"""Of the weights, in units of the number of patients; the scores are standard normal."""
LEAST_PATIENTS = 10


@dataclass(frozen=True, slots=True)
class _Fold:
    """What does not depend on the labels: rows inside, centered scores outside and inside, their spreads."""

    inside: NDArray[np.intp]
    outside: NDArray[np.intp]
    fitted: NDArray[np.float64]
    judged: NDArray[np.float64]
    inverse: NDArray[np.float64]
    spread: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class CrossFitted:
    """A linear discriminant of members and non-members over several scores, cross-fitted by patient.

    It is logistic regression's first Newton step from no difference, so that it can be fitted anew for every
    relabeling of a permutation test. Where labels were dealt at random, what was learned from the other folds says
    nothing of this one; but scores of two folds must not be compared, for a fold whose neighbors hold more members than
    it does is scored higher as a whole, which pulls a pooled AUC below one half. So patients are ranked within folds.

    Args:
        scores: (p, k) one row a patient, ranks in (0, 1).
        fold: (p,) number of each patient's fold, dealt without the labels.

    Raises:
        NotEnoughData: Fewer than 10 patients, or one fold.

    Reference:
        Airola, Pahikkala, Waegeman, De Baets, Salakoski 2011, doi 10.1016/j.csda.2010.11.018 (pooling bias of AUCs).
    """

    scores: NDArray[np.float64]
    fold: NDArray[np.intp]
    _folds: list[_Fold] = field(default_factory=list, repr=False)

    def __post_init__(self) -> None:
        numbers = np.unique(self.fold)
        if len(self.scores) < LEAST_PATIENTS or len(numbers) < 2:
            raise NotEnoughData(
                f"cross-fitting needs at least {LEAST_PATIENTS} patients in 2 folds, got {len(self.scores)} in "
                f"{len(numbers)}"
            )
        normal = ndtri(np.clip(self.scores, 1e-6, 1 - 1e-6))
        for one in numbers:
            inside, outside = np.flatnonzero(self.fold == one), np.flatnonzero(self.fold != one)
            fitted = normal[outside] - normal[outside].mean(axis=0)
            judged = normal[inside] - normal[inside].mean(axis=0)
            ridge = RIDGE * len(outside) * np.eye(normal.shape[1])
            inverse = np.linalg.inv(fitted.T @ fitted + ridge)
            spread = judged.T @ judged / max(1, len(inside) - 1)
            self._folds.append(_Fold(inside, outside, fitted, judged, inverse, spread))

    def ranks(self, is_member: NDArray[np.bool_]) -> NDArray[np.float64]:
        """(p,) how high each patient ranks within the own fold, in (0, 1); weights are learned from the other folds."""
        ranked = np.empty(len(self.scores))
        for one in self._folds:
            weights = one.inverse @ (one.fitted.T @ is_member[one.outside])
            ranked[one.inside] = (rankdata(np.round(one.judged @ weights, 12)) - 0.5) / len(one.inside)
        return ranked

    def separation(self, labels: NDArray[np.bool_]) -> NDArray[np.float64]:
        """(b,) how far apart members and non-members lie, in standard errors, for each row of labels (b, p).

        The mean over folds of the standardized difference of means; it needs no ranks, which thousands of relabelings
        would take long for.
        """
        total = np.zeros(len(labels))
        for one in self._folds:
            weights = (labels[:, one.outside] @ one.fitted) @ one.inverse
            mine = labels[:, one.inside]
            members = mine.sum(axis=1).astype(np.float64)
            others = len(one.inside) - members
            # Centered scores sum to 0, hence the sum over the others is that over the members with a minus.
            gap = ((mine @ one.judged) * weights).sum(axis=1) * (
                1.0 / np.maximum(members, 1) + 1.0 / np.maximum(others, 1)
            )
            error = np.einsum("bi,ij,bj->b", weights, one.spread, weights) * (
                1.0 / np.maximum(members, 1) + 1.0 / np.maximum(others, 1)
            )
            usable = (members > 0) & (others > 0) & (error > 1e-24)
            total += np.where(usable, gap / np.sqrt(np.where(usable, error, 1.0)), 0.0)
        return np.asarray(total / np.sqrt(len(self._folds)))
