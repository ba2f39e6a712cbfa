"""Does any of several attacks tell members from non-members? One p-value for all of them, by dealing labels again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from synthaudit.errors import NotEnoughData
from synthaudit.statistics.cross_fitted import CrossFitted
from synthaudit.statistics.permutation import relabelings

LEAST_PATIENTS = 5
FOUR_IN_FIVE = 0.8416
"""Standard normal quantile of four fifths."""
_TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True)
class MaxT:
    """p-values of the attacks, each corrected for all of them.

    Attributes:
        adjusted: (k + 1,) of each score and of their cross-fitted combination, in this order.
        highest: (draws,) highest of all attacks in each relabeling, in standard deviations.
        spread: (k,) standard deviation of each score's AUC over the relabelings.
    """

    adjusted: NDArray[np.float64]
    highest: NDArray[np.float64]
    spread: NDArray[np.float64]

    @property
    def p_value(self) -> float:
        """Of no attack succeeding at all: the least of them."""
        return float(self.adjusted.min())

    def detectable_auc(self, alpha: float) -> float:
        """The AUC with which a single attack is found to succeed four times in five, at this family-wise error.

        By a normal approximation, and for the attack that varies most by chance: a statement of what was visible, to
        stand beside a test that found nothing.

        Raises:
            NotEnoughData: So few relabelings that no p-value can be as small as `alpha`.
        """
        draws = len(self.highest)
        if alpha * (draws + 1) < 1 - 1e-9:
            raise NotEnoughData(
                f"a p-value of {alpha:g} needs at least {round(1 / alpha) - 1:,} relabelings, got {draws:,}"
            )
        bar = float(np.quantile(self.highest, 1 - alpha, method="higher"))
        return float(min(1.0, 0.5 + (bar + FOUR_IN_FIVE) * self.spread.max()))


def max_t(
    scores: NDArray[np.float64],
    combined: CrossFitted,
    is_member: NDArray[np.bool_],
    stratum: NDArray[np.intp],
    *,
    draws: int,
    rng: np.random.Generator,
) -> MaxT:
    """The chance that the best of the attacks does as well on labels dealt at random, for each of them.

    Each attack's AUC (for the combination, which is fitted anew to each relabeling, its cross-fitted separation) is
    standardized by its mean and spread over the relabelings, and compared with the highest of all in each relabeling.
    So the chance that *any* attack is called successful where members and non-members are exchangeable is at most the
    level, however alike the attacks are; nothing but exchangeability of the patients within strata is assumed.

    Args:
        scores: (p, k) one row a patient; higher means more exposed.
        combined: The combination of these scores.
        is_member: (p,) bool.
        stratum: (p,) labels are dealt within equal values only.
        draws: Relabelings; the least p-value is 1 / (draws + 1).

    Raises:
        NotEnoughData: Fewer than 5 patients on either side.

    Reference:
        Westfall and Young 1993, Resampling-based multiple testing, ISBN 0471557617 (single step); Phipson and Smyth
        2010, doi 10.2202/1544-6115.1585, for the `+ 1`.
    """
    members = int(is_member.sum())
    if min(members, len(is_member) - members) < LEAST_PATIENTS:
        raise NotEnoughData(
            f"testing attacks needs at least {LEAST_PATIENTS} patients on each side, got {members} for training and "
            f"{len(is_member) - members} for holdout"
        )
    ranks = rankdata(scores, axis=0)

    def statistics(labels: NDArray[np.bool_]) -> NDArray[np.float64]:
        return np.column_stack([labels @ ranks, combined.separation(labels)])

    seen = statistics(is_member[None])
    rows = np.concatenate([seen, *(statistics(block) for block in relabelings(is_member, stratum, draws, rng))])
    spread = rows.std(axis=0)
    flat = spread <= _TOLERANCE * (1.0 + np.abs(rows).max(axis=0))
    standard = np.where(flat, 0.0, (rows - rows.mean(axis=0)) / np.where(flat, 1.0, spread))
    highest = standard[1:].max(axis=1)
    at_least = (highest[:, None] >= standard[0] - _TOLERANCE).sum(axis=0)
    pairs = members * (len(is_member) - members)
    return MaxT((1.0 + at_least) / (draws + 1.0), highest, spread[:-1] / pairs)
