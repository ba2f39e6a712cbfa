"""Exact tests by dealing the labels to the patients again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from synthaudit.errors import NotEnoughData

_BLOCK_CELLS = 4_000_000


@dataclass(frozen=True, slots=True)
class PermutationTest:
    """One-sided p-values of the two statistics, and of both together (Bonferroni)."""

    p_top: float
    p_rank: float
    p_value: float
    draws: int


def relabelings(
    labels: NDArray[np.bool_], stratum: NDArray[np.intp], draws: int, rng: np.random.Generator
) -> Iterator[NDArray[np.bool_]]:
    """Blocks of (b, n) labels dealt again within each stratum, `draws` rows in all."""
    members = [np.flatnonzero(stratum == one) for one in np.unique(stratum)]
    block = max(1, _BLOCK_CELLS // labels.size)
    for start in range(0, draws, block):
        dealt = np.broadcast_to(labels, (min(block, draws - start), labels.size)).copy()
        for columns in members:
            dealt[:, columns] = rng.permuted(dealt[:, columns], axis=1)
        yield dealt


def _top_mean(labels: NDArray[np.bool_], descending: NDArray[np.float64], top: int) -> NDArray[np.float64]:
    """(b,) mean of the `top` highest scores labeled True, scores being sorted from high to low."""
    taken = labels & (np.cumsum(labels, axis=1) <= top)
    return np.asarray(taken @ descending / top)


def _top_excess(labels: NDArray[np.bool_], descending: NDArray[np.float64], top: int) -> NDArray[np.float64]:
    """(b,) the same less that of the scores labeled False.

    Without the second half, the statistic is as large as it can be once ten training patients lead, and no p-value
    falls below the chance of that (1 in 1,000 with equal sides), however many more leak.
    """
    return _top_mean(labels, descending, top) - _top_mean(~labels, descending, top)


def train_above_holdout(
    train: NDArray[np.float64],
    holdout: NDArray[np.float64],
    *,
    top: int,
    draws: int,
    rng: np.random.Generator,
    train_stratum: NDArray[np.intp] | None = None,
    holdout_stratum: NDArray[np.intp] | None = None,
) -> PermutationTest:
    """Whether training patients score higher than chance allows, had the labels been dealt at random.

    Two statistics, for the two ways to leak: the mean of the `top` highest scores less that of the holdout (a few
    patients copied outright) and the rank sum (everyone pulled a little closer). Exact, given exchangeable patients.

    Args:
        train, holdout: (m,) and (n,) one score for each patient; -inf is allowed (ranked last, valued as the least).
        top: How many of the highest scores the first statistic averages.
        draws: Relabelings; the least p-value is 2 / (draws + 1).
        train_stratum, holdout_stratum: (m,) and (n,) labels are dealt within equal values only; one stratum if None.

    Raises:
        NotEnoughData: Fewer than `top` patients on either side, or fewer than 5.

    Reference:
        Phipson and Smyth 2010, doi 10.2202/1544-6115.1585, for the `+ 1`.
    """
    if min(train.size, holdout.size) < max(top, 5):
        raise NotEnoughData(
            f"the permutation test needs at least {max(top, 5)} patients on each side, "
            f"got {train.size} for training and {holdout.size} for holdout"
        )
    scores = np.concatenate([train, holdout])
    finite = scores[np.isfinite(scores)]
    scores = np.where(np.isfinite(scores), scores, finite.min(initial=0.0))
    order = np.argsort(-scores, kind="stable")
    descending, ranks = scores[order], rankdata(scores)[order]
    is_train = (np.arange(scores.size) < train.size)[order]
    stratum = np.zeros(scores.size, dtype=np.intp)
    if train_stratum is not None and holdout_stratum is not None:
        stratum = np.concatenate([train_stratum, holdout_stratum])[order]
    tolerance = 1e-9 * (1.0 + np.abs(scores).max())
    seen_top = _top_excess(is_train[None], descending, top)[0] - tolerance
    seen_rank = float(ranks[is_train].sum()) - 1e-6
    top_count = rank_count = 0
    for labels in relabelings(is_train, stratum, draws, rng):
        top_count += int((_top_excess(labels, descending, top) >= seen_top).sum())
        rank_count += int((labels @ ranks >= seen_rank).sum())
    p_top, p_rank = (1 + top_count) / (draws + 1), (1 + rank_count) / (draws + 1)
    return PermutationTest(p_top, p_rank, min(1.0, 2 * min(p_top, p_rank)), draws)
