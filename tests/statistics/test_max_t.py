"""One p-value for several attacks, and the cross-fitted combination: calibrated, and not fooled by pooled folds."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binom, kstest, norm

from synthaudit.errors import NotEnoughData
from synthaudit.statistics.cross_fitted import CrossFitted
from synthaudit.statistics.max_t import MaxT, max_t
from synthaudit.statistics.patient_ranks import rank_in_stratum
from synthaudit.statistics.roc import auc

NULLS = 200


def alike(rng: np.random.Generator, p: int, k: int = 4) -> NDArray[np.float64]:
    """(p, k) ranks of attacks that agree by and large."""
    scores = rng.normal(size=(p, 1)) + 0.7 * rng.normal(size=(p, k))
    return np.column_stack([rank_in_stratum(column, np.zeros(p, dtype=int)) for column in scores.T])


def folds(p: int) -> NDArray[np.intp]:
    return np.arange(p) % 5


def outcome(
    scores: NDArray[np.float64], is_member: NDArray[np.bool_], rng: np.random.Generator, draws: int = 199
) -> MaxT:
    combined = CrossFitted(scores, folds(len(scores)))
    return max_t(scores, combined, is_member, np.zeros(len(scores), dtype=int), draws=draws, rng=rng)


@pytest.mark.parametrize("members", [pytest.param(30, marks=pytest.mark.slow), 48], ids=["even", "uneven"])
def test_without_a_leak_the_p_value_is_uniform(members: int) -> None:
    rng = np.random.default_rng(0)
    p = [outcome(alike(rng, 60), rng.permutation(60) < members, rng, draws=99).p_value for _ in range(NULLS)]
    assert kstest(p, "uniform").pvalue > 0.01
    for level in (0.05, 0.1):
        assert binom.ppf(0.001, NULLS, level) <= sum(one <= level for one in p) <= binom.ppf(0.999, NULLS, level)


def test_one_attack_that_works_among_many_that_do_not_is_found() -> None:
    rng = np.random.default_rng(1)
    scores = rng.uniform(size=(120, 4))
    is_member = rng.permutation(120) < 60
    scores[:, 2] = rank_in_stratum(rng.normal(size=120) + 1.5 * is_member, np.zeros(120, dtype=int))
    found = outcome(scores, is_member, rng, draws=999)
    assert found.p_value == found.adjusted[2] == 0.001
    assert (found.adjusted[[0, 1, 3]] > 0.05).all()
    assert found.adjusted[4] <= 0.01, "the combination finds it, too"


def test_labels_are_dealt_within_strata_only() -> None:
    """Scores that differ between strata, of which one holds more members, are no leak."""
    rng = np.random.default_rng(2)
    stratum = np.repeat([0, 1], 60)
    p = []
    for _ in range(60):
        is_member = np.concatenate([rng.permutation(60) < 45, rng.permutation(60) < 15])
        scores = rng.normal(size=(120, 2)) - 3.0 * stratum[:, None]
        ranks = np.column_stack([rank_in_stratum(column, np.zeros(120, dtype=int)) for column in scores.T])
        p.append(max_t(ranks, CrossFitted(ranks, folds(120)), is_member, stratum, draws=99, rng=rng).p_value)
    assert sum(one <= 0.1 for one in p) <= binom.ppf(0.999, 60, 0.1)


@pytest.mark.slow
def test_the_null_distribution_is_that_of_the_naive_loop() -> None:
    """The rank sums beside AUCs of labels dealt one by one; and the spread is Mann and Whitney's."""
    rng = np.random.default_rng(3)
    scores = rng.uniform(size=(50, 3))
    is_member = np.arange(50) < 20
    found = outcome(scores, is_member, rng, draws=4_000)
    np.testing.assert_allclose(found.spread, np.sqrt(51 / (12 * 20 * 30)), rtol=0.06)
    naive = []
    for _ in range(1_500):
        dealt = rng.permutation(is_member)
        naive.append([auc(scores[dealt, k], scores[~dealt, k]) for k in range(3)])
    highest = ((np.array(naive) - 0.5) / np.sqrt(51 / (12 * 20 * 30))).max(axis=1)
    assert np.quantile(found.highest, 0.5) >= np.quantile(highest, 0.5) - 0.1, "the combination is one more"


def test_an_attack_that_says_nothing_says_nothing() -> None:
    rng = np.random.default_rng(4)
    scores = np.column_stack([np.full(40, 0.5), rng.uniform(size=40)])
    found = outcome(scores, np.arange(40) < 20, rng)
    assert found.adjusted[0] > 0.2
    assert np.isfinite(found.highest).all()


@pytest.mark.slow
def test_what_could_have_been_found_is_found_four_times_in_five() -> None:
    rng = np.random.default_rng(5)
    is_member = np.arange(100) < 50
    detectable = outcome(rng.uniform(size=(100, 1)), is_member, rng, draws=1_999).detectable_auc(0.01)
    shift = np.sqrt(2) * norm.ppf(detectable)
    p = []
    for _ in range(80):
        scores = rank_in_stratum(rng.normal(size=100) + shift * is_member, np.zeros(100, dtype=int))
        p.append(outcome(scores[:, None], is_member, rng, draws=399).adjusted[0])
    assert 0.6 < np.mean(np.array(p) <= 0.01) < 0.95
    with pytest.raises(NotEnoughData, match=r"^a p-value of 0.001 needs at least 999 relabelings, got 199$"):
        outcome(rng.uniform(size=(100, 1)), is_member, rng).detectable_auc(0.001)


def test_the_combination_guesses_where_there_is_nothing_to_learn() -> None:
    """Cross-fitted scores pooled over folds have AUCs below one half on average (Airola 2011); ranked within, not."""
    rng = np.random.default_rng(6)
    found = []
    for _ in range(NULLS):
        is_member = rng.permutation(60) < 30
        ranks = CrossFitted(rng.uniform(size=(60, 4)), folds(60)).ranks(is_member)
        found.append(auc(ranks[is_member], ranks[~is_member]))
    assert abs(np.mean(found) - 0.5) < 3.3 * np.std(found) / np.sqrt(NULLS)


def test_the_combination_learns_and_never_from_the_patient_it_judges() -> None:
    rng = np.random.default_rng(7)
    is_member = rng.permutation(200) < 100
    scores = np.clip(norm.cdf(rng.normal(size=(200, 3)) + 0.9 * is_member[:, None]), 0.001, 0.999)
    combined = CrossFitted(scores, folds(200))
    ranks = combined.ranks(is_member)
    alone = [auc(column[is_member], column[~is_member]) for column in scores.T]
    assert auc(ranks[is_member], ranks[~is_member]) > max(alone) + 0.03, "three independent attacks beat one"
    assert combined.separation(is_member[None])[0] > 5
    other = is_member.copy()
    other[folds(200) == 0] = ~other[folds(200) == 0]
    np.testing.assert_array_equal(combined.ranks(other)[folds(200) == 0], ranks[folds(200) == 0])


def test_the_separation_is_that_of_the_naive_loop() -> None:
    """Fold by fold: weights from the other folds, then the standardized difference of means in this one."""
    rng = np.random.default_rng(9)
    scores, is_member = rng.uniform(0.01, 0.99, size=(50, 3)), rng.permutation(50) < 20
    normal, total = norm.ppf(scores), 0.0
    for one in range(5):
        inside = folds(50) == one
        x, y = normal[~inside] - normal[~inside].mean(axis=0), is_member[~inside] - is_member[~inside].mean()
        line = normal[inside] @ np.linalg.solve(x.T @ x + 0.05 * len(x) * np.eye(3), x.T @ y)
        a, b = line[is_member[inside]], line[~is_member[inside]]
        total += (a.mean() - b.mean()) / np.sqrt(line.var(ddof=1) * (1 / len(a) + 1 / len(b)))
    found = CrossFitted(scores, folds(50)).separation(np.stack([~is_member, is_member]))
    assert found[1] == pytest.approx(total / np.sqrt(5), abs=1e-9)


def test_too_few_patients_are_refused() -> None:
    rng = np.random.default_rng(8)
    with pytest.raises(NotEnoughData, match=r"^testing attacks needs at least 5 patients on each side, got 4 for"):
        outcome(rng.uniform(size=(40, 2)), np.arange(40) < 4, rng)
    with pytest.raises(NotEnoughData, match=r"^cross-fitting needs at least 10 patients in 2 folds, got 9 in 5$"):
        CrossFitted(rng.uniform(size=(9, 2)), folds(9))
