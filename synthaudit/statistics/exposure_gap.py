"""Is one group of patients more exposed than the others, each judged by held-out patients of its own?

Averages hide it: a generator that remembers one patient in ten, all of one small group, leaves attackers guessing on
average. A threshold of all patients hides it too, where the images of one group are closer to anything. So a training
patient counts as exposed who scores above what few held-out patients *of the same group* reach, and what is tested is
the difference of that share between a group and everybody else.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, rankdata

from synthaudit.errors import NotEnoughData

FOUR_IN_FIVE = 0.8416
"""Standard normal quantile of four fifths."""
RESAMPLES = 300
_BLOCK_CELLS = 4_000_000
_TOLERANCE = 1e-9

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class GapTest:
    """All groups in one test.

    Attributes:
        gap: (g, 2) share exposed beyond what chance gives in the group, and share named, each less that of the rest.
        adjusted: (g, 2) p-values, each corrected for all groups and both shares.
        spread: (g, 2) standard deviation of each gap over the relabelings.
        highest: (draws,) largest gap of each relabeling, in standard deviations.
    """

    gap: Floats
    adjusted: Floats
    spread: Floats
    highest: Floats

    def detectable(self, alpha: float) -> float:
        """The gap in the share exposed that is found four times in five, in the group where it is hardest to see.

        Raises:
            NotEnoughData: So few relabelings that no p-value can be as small as `alpha`.
        """
        draws = len(self.highest)
        if alpha * (draws + 1) < 1 - 1e-9:
            raise NotEnoughData(
                f"a p-value of {alpha:g} needs at least {math.ceil(1 / alpha) - 1:,} relabelings, got {draws:,}"
            )
        bar = float(np.quantile(self.highest, 1 - alpha, method="higher"))
        return float(min(1.0, (bar + FOUR_IN_FIVE) * self.spread[:, 0].max()))


def ranked_apart(scores: Floats, inside: Bools, stratum: NDArray[np.intp]) -> Floats:
    """(p,) rank within the group, and for the others within theirs; in (0, 1), and 0 for who is not compared.

    Args:
        inside: (p,) bool, who is in the group.
        stratum: (p,) which group of the column each patient is in; -1 for who is not compared.
    """
    aligned = np.zeros(len(scores))
    parts = [inside, *(~inside & (stratum == k) for k in np.unique(stratum[stratum >= 0]))]
    for part in parts:
        aligned[part] = (rankdata(scores[part]) - 0.5) / max(1, int(part.sum()))
    return aligned


def allowed(n_holdout: int, fpr: float) -> int:
    """How many held-out patients may score as high: the rank that a conformal threshold at this rate is read off at."""
    return math.floor(round(fpr * (n_holdout + 1), 9))


def exposure_gaps(
    scores: Floats,
    is_train: Bools,
    named: Bools,
    inside: Sequence[Bools],
    stratum: Sequence[NDArray[np.intp]],
    *,
    fpr: float,
    draws: int,
    rng: np.random.Generator,
) -> GapTest:
    """The gap of each group, tested by dealing the groups to the patients again, within training and holdout.

    Before they are dealt, scores are ranked within the group, and within every other group of its column, over both
    sides: what is natural to a group is taken out, and what tells its training patients from its held-out ones is left.
    Without that, one group of the rest would set the threshold for all of it. All columns are dealt
    together, so that the correction knows how they hang together; the largest gap of each relabeling is what any single
    one is compared with, whatever its size and however many groups there are.

    Args:
        scores: (p,) higher means more exposed; no label was used.
        is_train: (p,) bool. named: (p,) bool, patients whom the audit names.
        inside: For each group (p,) bool: who is in it.
        stratum: For each group (p,) which group of its column each patient is in; -1 for who is not compared.
        fpr: Rate at which held-out patients of a group may pass for exposed.
        draws: Relabelings; the least p-value is 1 / (draws + 1).

    Raises:
        NotEnoughData: No group, or one whose holdout does not support the rate.

    Reference:
        Westfall and Young 1993, ISBN 0471557617 (single step); Vovk 2012, arXiv 1209.2673 (conformal by group);
        Phipson and Smyth 2010, doi 10.2202/1544-6115.1585, for the `+ 1`.
    """
    if not inside:
        raise NotEnoughData("comparing groups needs at least one, got none")
    train, holdout = np.flatnonzero(is_train), np.flatnonzero(~is_train)
    sums = np.zeros((draws + 1, len(inside), 2))
    block = max(1, _BLOCK_CELLS // len(scores))
    groups = [_Group.of(scores, train, holdout, named, i, k, fpr) for i, k in zip(inside, stratum, strict=True)]
    for start in range(0, draws + 1, block):
        rows = min(block, draws + 1 - start)
        dealt = [rng.permuted(np.tile(np.arange(len(side)), (rows, 1)), axis=1) for side in (train, holdout)]
        if start == 0:
            dealt[0][0], dealt[1][0] = np.arange(len(train)), np.arange(len(holdout))
        for g, group in enumerate(groups):
            sums[start : start + rows, g] = group.gaps(*dealt)
    flat = sums.reshape(draws + 1, -1)
    spread = flat.std(axis=0)
    still = spread <= _TOLERANCE
    standard = np.where(still, 0.0, np.abs(flat - flat.mean(axis=0)) / np.where(still, 1.0, spread))
    highest = standard[1:].max(axis=1)
    at_least = (highest[:, None] >= standard[0] - _TOLERANCE).sum(axis=0)
    shape = sums.shape[1:]
    return GapTest(sums[0], ((1.0 + at_least) / (draws + 1.0)).reshape(shape), spread.reshape(shape), highest)


@dataclass(frozen=True, slots=True, eq=False)
class _Group:
    """One group, ready to be dealt again.

    Attributes:
        member, rest: Of the training patients, then of the held-out ones: (t,) and (h,) bool.
        train_order, holdout_order: Patients of each side from the highest aligned score down.
        passed: (h,) training patients who score above each held-out one, in that order.
        named: (t,) whether each training patient is named.
        ranks: How many held-out patients of the group, and of the rest, may score as high.
    """

    member: tuple[Bools, Bools]
    rest: tuple[Bools, Bools]
    train_order: NDArray[np.intp]
    holdout_order: NDArray[np.intp]
    passed: NDArray[np.intp]
    named: Floats
    ranks: tuple[int, int]

    @classmethod
    def of(
        cls,
        scores: Floats,
        train: NDArray[np.intp],
        holdout: NDArray[np.intp],
        named: Bools,
        inside: Bools,
        stratum: NDArray[np.intp],
        fpr: float,
    ) -> _Group:
        outside = (stratum >= 0) & ~inside
        aligned = ranked_apart(scores, inside, stratum)
        ranks = (allowed(int(inside[holdout].sum()), fpr), allowed(int(outside[holdout].sum()), fpr))
        if min(ranks) < 1 or not inside[train].any() or not outside[train].any():
            raise NotEnoughData(
                f"a rate of {100 * fpr:g} % needs {math.ceil(1 / fpr) - 1} held-out patients inside and outside a "
                f"group, and training patients, got {inside[holdout].sum()} and {outside[holdout].sum()}"
            )
        down, down_held = (np.argsort(-aligned[side], kind="stable") for side in (train, holdout))
        passed = np.searchsorted(-aligned[train][down], -aligned[holdout][down_held], side="left")
        return cls(
            (inside[train], inside[holdout]),
            (outside[train], outside[holdout]),
            down,
            down_held,
            passed,
            named[train].astype(np.float64),
            ranks,
        )

    def gaps(self, train: NDArray[np.intp], holdout: NDArray[np.intp]) -> Floats:
        """(b, 2) gaps for each relabeling (b, t) and (b, h) of the patients of each side."""
        parts = []
        for (of_train, of_holdout), rank in zip((self.member, self.rest), self.ranks, strict=True):
            dealt, dealt_held = of_train[train], of_holdout[holdout]
            n, n_held = int(of_train.sum()), int(of_holdout.sum())
            bar = (np.cumsum(dealt_held[:, self.holdout_order], axis=1, dtype=np.int32) >= rank).argmax(axis=1)
            running = np.cumsum(dealt[:, self.train_order], axis=1, dtype=np.int32)
            above = self.passed[bar]
            count = np.where(above > 0, running[np.arange(len(running)), np.maximum(above - 1, 0)], 0)
            parts.append(np.column_stack([count / n - rank / (n_held + 1), dealt @ self.named / n]))
        return np.asarray(parts[0] - parts[1])


def excess_interval(
    train: tuple[Floats, Floats], holdout: tuple[Floats, Floats], fpr: float, rng: np.random.Generator, level: float
) -> tuple[float, float]:
    """Interval of the gap between a group and the rest, the patients of all four sets drawn again; normal.

    Args:
        train, holdout: Scores inside, and outside, the group.
    """
    drawn = np.empty(RESAMPLES)
    for i in range(RESAMPLES):
        excess = []
        for a, b in zip(train, holdout, strict=True):
            rank = allowed(b.size, fpr)
            bar = np.sort(rng.choice(b, b.size))[-rank]
            excess.append(float((rng.choice(a, a.size) > bar).mean()) - rank / (b.size + 1))
        drawn[i] = excess[0] - excess[1]
    half = float(norm.ppf(0.5 + level / 2)) * max(float(drawn.std(ddof=1)), 1.0 / len(train[0]))
    center = float(np.median(drawn))
    return max(-1.0, center - half), min(1.0, center + half)
