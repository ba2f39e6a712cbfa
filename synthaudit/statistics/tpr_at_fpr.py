"""How many members an attacker names who may be wrong about very few others."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta

from synthaudit.errors import NotEnoughData
from synthaudit.statistics.conformal import conformal_p
from synthaudit.statistics.proportion import clopper_pearson


@dataclass(frozen=True, slots=True)
class TprAtFpr:
    """The share of members named at one threshold, and what that threshold is worth.

    Attributes:
        value: Share of the members above the threshold. low, high: Clopper and Pearson, exact for this threshold.
        chance: Share of non-members expected above it, at most the rate asked for: what guessing would reach.
        fpr_low, fpr_high: 95 % range of the true false positive rate of a threshold drawn from so many non-members.
    """

    value: float
    low: float
    high: float
    chance: float
    fpr_low: float
    fpr_high: float


def least_nonmembers(fpr: float) -> int:
    """The fewest non-members that support this false positive rate: one of them is as much as it allows.

    >>> least_nonmembers(0.01), least_nonmembers(0.001)
    (100, 1000)
    """
    return math.ceil(round(1.0 / fpr, 9))


def tpr_at_fpr(members: NDArray[np.float64], nonmembers: NDArray[np.float64], fpr: float) -> TprAtFpr:
    """Share of members named where at most a share `fpr` of non-members is named, one score a patient.

    A member is named if its conformal p-value among the non-members is at most `fpr`. Then the rate at which further
    non-members would be named is at most `fpr` on average over holdouts, although the threshold was read off the same
    non-members, and ties never help. In one holdout it may be more: the rate of the k-th highest of n scores follows a
    Beta(k, n + 1 - k). The interval is for the members above *this* threshold; it does not widen for the threshold's
    own chance, which `fpr_low` and `fpr_high` tell.

    Args:
        members, nonmembers: (m,) and (n,) scores; higher means more exposed.
        fpr: Rate allowed, in (0, 1).

    Raises:
        NotEnoughData: No members, or fewer non-members than `least_nonmembers(fpr)`.

    Reference:
        Carlini, Chien, Nasr, Song, Terzis, Tramer 2022, arXiv 2112.03570 (why low rates); Vovk 2012, arXiv 1209.2673
        (the rate of a conformal threshold, given the calibration set).

    >>> tpr_at_fpr(np.array([5.0, 5.0, -1.0, 0.0]), np.arange(100) / 100, 0.01).value
    0.5
    """
    least = least_nonmembers(fpr)
    if members.size == 0 or nonmembers.size < least:
        raise NotEnoughData(
            f"a true positive rate at {100 * fpr:g} % false positives needs at least {least} held-out patients and a "
            f"training patient, got {nonmembers.size} and {members.size}"
        )
    n = nonmembers.size
    rank = math.floor(round(fpr * (n + 1), 9))
    named = int((conformal_p(members, nonmembers) <= rank / (n + 1) + 1e-12).sum())
    low, high = clopper_pearson(named, members.size)
    fpr_low, fpr_high = (float(beta.ppf(q, rank, n + 1 - rank)) for q in (0.025, 0.975))
    return TprAtFpr(named / members.size, low, high, rank / (n + 1), fpr_low, fpr_high)
