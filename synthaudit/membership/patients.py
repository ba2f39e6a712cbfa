"""From images to patients: ranks, the cross-fitted ensemble, one test for all attacks, and what was visible."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from synthaudit.statistics.auc_bootstrap import auc_interval, best_auc_interval, resampled_aucs
from synthaudit.statistics.cross_fitted import CrossFitted
from synthaudit.statistics.max_t import MaxT, max_t
from synthaudit.statistics.patient_ranks import patient_maximum, rank_in_stratum
from synthaudit.statistics.roc import auc
from synthaudit.statistics.tpr_at_fpr import TprAtFpr, tpr_at_fpr


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """The patients in question.

    Attributes:
        patient: (n,) number of each image's patient, below p.
        read: (n,) bool, the images read: as many of each patient as of the others in the same stratum.
        stratum: (p,) patients are comparable within equal values.
        fold: (p,) for what is fitted.
        is_member: (p,) bool, trained on; nothing but the ensemble and the tests looks at it.
    """

    patient: NDArray[np.intp]
    read: NDArray[np.bool_]
    stratum: NDArray[np.intp]
    fold: NDArray[np.intp]
    is_member: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Attacked:
    """What the attacks say of each patient, and how well they do.

    Attributes:
        ranks: (p, k + 1) by each attack and, last, by the ensemble; in (0, 1), higher means more exposed.
        test: Of all attacks together.
    """

    ranks: NDArray[np.float64]
    is_member: NDArray[np.bool_]
    test: MaxT
    _resampled: NDArray[np.float64]

    @classmethod
    def of(cls, scores: NDArray[np.float64], asked: Asked, *, draws: int, rng: np.random.Generator) -> Attacked:
        """Rank, combine and test.

        Args:
            scores: (n, k) of each image by each attack.
            draws: Relabelings of the test.

        Raises:
            NotEnoughData: Fewer than 5 patients on a side, or 10 in all.
        """
        p = len(asked.stratum)
        alone = np.column_stack(
            [
                rank_in_stratum(patient_maximum(column, asked.patient, asked.read, p), asked.stratum)
                for column in scores.T
            ]
        )
        combined = CrossFitted(alone, asked.fold)
        test = max_t(alone, combined, asked.is_member, asked.stratum, draws=draws, rng=rng)
        ranks = np.column_stack([alone, combined.ranks(asked.is_member)])
        resampled = resampled_aucs(ranks[asked.is_member], ranks[~asked.is_member], rng)
        return cls(ranks, asked.is_member, test, resampled)

    @cached_property
    def members(self) -> NDArray[np.float64]:
        """(m, k + 1) ranks of the patients trained on."""
        return self.ranks[self.is_member]

    @cached_property
    def nonmembers(self) -> NDArray[np.float64]:
        """(n, k + 1) ranks of the others."""
        return self.ranks[~self.is_member]

    def auc(self, attack: int) -> tuple[float, float, float]:
        """AUC of one attack, by its column, and its 95 % interval."""
        a, b = self.members[:, attack], self.nonmembers[:, attack]
        return (auc(a, b), *auc_interval(a, b, self._resampled[:, attack]))

    def best_auc(self) -> tuple[float, float, float]:
        """The highest AUC of all attacks, with an interval that allows for the choice."""
        return best_auc_interval(self.members, self.nonmembers, self._resampled)

    def tpr(self, attack: int, fpr: float) -> TprAtFpr:
        """True positive rate of one attack at a false positive rate.

        Raises:
            NotEnoughData: Too few held-out patients for that rate.
        """
        return tpr_at_fpr(self.members[:, attack], self.nonmembers[:, attack], fpr)
