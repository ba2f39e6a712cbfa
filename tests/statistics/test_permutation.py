"""Dealing the labels again, against dealing them in every possible way."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import mannwhitneyu, rankdata

from synthaudit.errors import NotEnoughData
from synthaudit.statistics import permutation
from synthaudit.statistics.permutation import PermutationTest, train_above_holdout

Floats = NDArray[np.float64]


def seeded(train: Floats, holdout: Floats, top: int = 3, draws: int = 199, seed: int = 0) -> PermutationTest:
    return train_above_holdout(train, holdout, top=top, draws=draws, rng=np.random.default_rng(seed))


def every_relabeling(train: Floats, holdout: Floats, top: int) -> tuple[float, float]:
    """Exact p-values of both statistics, over all ways to deal the labels."""
    scores = np.concatenate([train, holdout])
    ranks = rankdata(scores)

    def both(chosen: tuple[int, ...]) -> tuple[float, float]:
        rows = list(chosen)
        rest = np.setdiff1d(np.arange(len(scores)), rows)
        excess = np.sort(scores[rows])[-top:].mean() - np.sort(scores[rest])[-top:].mean()
        return float(excess), float(ranks[rows].sum())

    seen = both(tuple(range(len(train))))
    dealt = np.array([both(chosen) for chosen in combinations(range(len(scores)), len(train))])
    at_least = (dealt >= np.array(seen) - 1e-9).mean(axis=0)
    return float(at_least[0]), float(at_least[1])


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("rounded", [False, True])
def test_it_equals_the_full_enumeration(seed: int, rounded: bool) -> None:
    rng = np.random.default_rng(seed)
    train, holdout = rng.normal(0.6, 1, 6), rng.normal(0, 1, 5)
    if rounded:  # ties, within and across
        train, holdout = np.round(train), np.round(holdout)
    found = seeded(train, holdout, top=2, draws=20_000, seed=seed)
    exact = every_relabeling(train, holdout, top=2)
    assert found.p_top == pytest.approx(exact[0], abs=0.015)
    assert found.p_rank == pytest.approx(exact[1], abs=0.015)
    assert found.p_value == pytest.approx(min(1.0, 2 * min(found.p_top, found.p_rank)))


def test_the_rank_sum_equals_scipy() -> None:
    rng = np.random.default_rng(1)
    train, holdout = rng.normal(0.3, 1, 60), rng.normal(0, 1, 50)
    peer = mannwhitneyu(train, holdout, alternative="greater").pvalue
    assert seeded(train, holdout, draws=20_000).p_rank == pytest.approx(peer, abs=0.01)


@settings(max_examples=30)
@given(st.lists(st.integers(-3, 3) | st.just(-np.inf), min_size=12, max_size=30), st.integers(0, 99))
def test_bounds_and_order(values: list[float], seed: int) -> None:
    train, holdout = np.array(values[:6], dtype=float), np.array(values[6:], dtype=float)
    found = seeded(train, holdout, seed=seed)
    assert all(1 / 200 <= p <= 1 for p in (found.p_top, found.p_rank, found.p_value))
    rng = np.random.default_rng(seed)
    assert seeded(rng.permutation(train), rng.permutation(holdout), seed=seed) == found, "patients have no order"


def test_higher_training_scores_never_raise_the_p_value() -> None:
    rng = np.random.default_rng(2)
    train, holdout = rng.normal(size=40), rng.normal(size=40)
    found = [seeded(train + lift, holdout) for lift in (0.0, 0.5, 1.0, 3.0)]
    assert [one.p_rank for one in found] == sorted((one.p_rank for one in found), reverse=True)
    assert found[-1].p_rank == found[-1].p_value / 2 == 1 / 200


def test_nobody_differs() -> None:
    found = seeded(np.zeros(20), np.zeros(20))
    assert (found.p_top, found.p_rank, found.p_value) == (1.0, 1.0, 1.0)
    nothing = np.full(20, -np.inf)
    assert seeded(nothing, nothing).p_value == 1.0


def test_blocks_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    train, holdout = rng.normal(size=30), rng.normal(size=30)
    whole = seeded(train, holdout)
    monkeypatch.setattr(permutation, "_BLOCK_CELLS", 7 * 60)
    assert seeded(train, holdout) == whole


@pytest.mark.parametrize(("train", "holdout", "top", "least"), [(4, 30, 1, 5), (30, 4, 1, 5), (30, 9, 10, 10)])
def test_too_few_patients_are_refused(train: int, holdout: int, top: int, least: int) -> None:
    with pytest.raises(
        NotEnoughData,
        match=f"^the permutation test needs at least {least} patients on each side, "
        f"got {train} for training and {holdout} for holdout$",
    ):
        seeded(np.zeros(train), np.zeros(holdout), top=top)


def test_twenty_copied_patients_are_beyond_doubt() -> None:
    """Twenty training patients far above everyone: the chance that all are dealt to training is one in a million."""
    rng = np.random.default_rng(4)
    train, holdout = rng.normal(size=200), rng.normal(size=200)
    train[:20] += 10
    assert seeded(train, holdout, top=10, draws=9_999).p_top <= 0.00025
