"""Do members stand higher, as a whole or at the top? One exact p-value for all ways to look, and what was visible."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthaudit.errors import NotEnoughData
from synthaudit.statistics.permutation import relabelings

LEAST_PATIENTS = 5
DEPTHS = (0.05, 0.1, 0.25)
LOOKS = 2 + len(DEPTHS)
_TOLERANCE = 1e-9


def looks(ranks: NDArray[np.float64]) -> NDArray[np.float64]:
    """(p, 5) scores whose sum over the members answers: higher as a whole, at the top, among the highest 5, 10, 25 %?

    The whole counts ranks (Wilcoxon), the top their exponential scores (Savage), which few high ranks decide.

    Args:
        ranks: (p,) in (0, 1), within strata.

    Reference:
        Wilcoxon 1945, doi 10.2307/3001968; Savage 1956, doi 10.1214/aoms/1177728175.
    """
    return np.column_stack([ranks, -np.log1p(-ranks), *((ranks > 1 - depth).astype(float) for depth in DEPTHS)])


@dataclass(frozen=True, slots=True, eq=False)
class LabelScan:
    """p-values of several looks at the same patients.

    Attributes:
        adjusted: (c,) p-value of each look, corrected for all of them.
        highest: (draws,) highest of all looks in each relabeling, in standard deviations.
        center, spread: (c,) mean and standard deviation of each look over the relabelings.
    """

    adjusted: NDArray[np.float64]
    highest: NDArray[np.float64]
    center: NDArray[np.float64]
    spread: NDArray[np.float64]

    @property
    def p_value(self) -> float:
        """Of members and others standing alike in every look."""
        return float(self.adjusted.min())

    def bar(self, alpha: float) -> float:
        """What the highest look must reach to be significant at `alpha`.

        Raises:
            NotEnoughData: So few relabelings that no p-value can be as small.
        """
        draws = len(self.highest)
        if alpha * (draws + 1) < 1 - 1e-9:
            raise NotEnoughData(
                f"a p-value of {alpha:g} needs at least {round(1 / alpha) - 1:,} relabelings, got {draws:,}"
            )
        return float(np.quantile(self.highest, 1 - alpha, method="higher"))

    def strength(self, columns: NDArray[np.float64], labels: NDArray[np.bool_]) -> float:
        """How high the highest look is on other scores (p, c) of the same patients, by the same yardstick."""
        return float(np.max(_standard(labels @ columns, self.center, self.spread)))


def label_scan(
    columns: NDArray[np.float64],
    is_member: NDArray[np.bool_],
    stratum: NDArray[np.intp],
    *,
    draws: int,
    rng: np.random.Generator,
) -> LabelScan:
    """The chance that the best look does as well on labels dealt at random, for each look.

    Exact: the chance that *any* look is called significant where members and others are exchangeable within strata is
    at most the level, however alike the looks are.

    Args:
        columns: (p, c) one row a patient; sums over members are compared, higher means more exposed.
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
            f"comparing training with held-out patients needs at least {LEAST_PATIENTS} on each side, got "
            f"{members} and {len(is_member) - members}"
        )
    rows = np.concatenate(
        [(is_member @ columns)[None], *(block @ columns for block in relabelings(is_member, stratum, draws, rng))]
    )
    center, spread = rows.mean(axis=0), rows.std(axis=0)
    standard = _standard(rows, center, spread)
    highest = standard[1:].max(axis=1)
    at_least = (highest[:, None] >= standard[0] - _TOLERANCE).sum(axis=0)
    return LabelScan((1.0 + at_least) / (draws + 1.0), highest, center, spread)


def _standard(
    sums: NDArray[np.float64], center: NDArray[np.float64], spread: NDArray[np.float64]
) -> NDArray[np.float64]:
    flat = spread <= _TOLERANCE * (1.0 + np.abs(center))
    return np.asarray(np.where(flat, 0.0, (sums - center) / np.where(flat, 1.0, spread)))


def fewest_found(found: Callable[[int], bool], most: int) -> int | None:
    """The least n in 1 ... most for which `found(n)` holds, if it holds for all greater ones; None if never."""
    if not found(most):
        return None
    low, high = 0, most
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if found(middle) else (middle, high)
    return high
