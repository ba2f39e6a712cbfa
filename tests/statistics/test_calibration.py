"""Under the null the alarm rate is the nominal one, over 200 simulated nulls; and what is planted is found.

Bounds on counts are binomial: a correct method breaks one of them once in a thousand times, and the seeds are fixed.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial import KDTree
from scipy.stats import binom, kstest

from synthaudit.statistics.conformal import conformal_p, k_min
from synthaudit.statistics.exposure import select_exposed
from synthaudit.statistics.fdr import target_decoy_q
from synthaudit.statistics.permutation import train_above_holdout
from synthaudit.statistics.separability import separability
from synthaudit.statistics.tail import fit_tail

Floats = NDArray[np.float64]
Draw = Callable[[np.random.Generator, int], Floats]
NULLS = 200
DISTRIBUTIONS: dict[str, Draw] = {
    "normal": lambda rng, n: rng.normal(size=n),
    "exponential": lambda rng, n: rng.exponential(size=n),
    "uniform": lambda rng, n: rng.uniform(size=n),
}


def most(nulls: int, rate: float) -> int:
    """The largest number of alarms that a method with this rate may give (one in a thousand exceeds it)."""
    return int(binom.ppf(0.999, nulls, rate))


def least(nulls: int, rate: float) -> int:
    """The smallest such number."""
    return int(binom.ppf(0.001, nulls, rate))


@pytest.mark.parametrize("draw", DISTRIBUTIONS.values(), ids=DISTRIBUTIONS)
def test_conformal_p_values_are_uniform(draw: Draw) -> None:
    rng = np.random.default_rng(0)
    p = [float(conformal_p(draw(rng, 1), draw(rng, 199))[0]) for _ in range(NULLS)]
    assert kstest(p, "uniform").pvalue > 0.01


def test_conformal_p_values_are_never_too_small_with_ties() -> None:
    rng = np.random.default_rng(1)
    scores = rng.integers(0, 4, (999, 100)).astype(np.float64)
    p = np.array([float(conformal_p(row[:1], row[1:])[0]) for row in scores])
    for level in (0.05, 0.2, 0.3, 0.5):
        assert (p <= level).sum() <= most(999, level)


def test_the_highest_of_ten_is_no_small_p_value() -> None:
    """One tested patient above nine held-out ones happens once in ten times: p = 0.1, not 0."""
    rng = np.random.default_rng(10)
    p = np.array([float(conformal_p(rng.normal(size=1), rng.normal(size=9))[0]) for _ in range(NULLS)])
    assert (p <= 0.05).sum() <= most(NULLS, 0.05)
    assert least(NULLS, 0.1) <= (p <= 0.1).sum() <= most(NULLS, 0.1)


def test_nobody_is_named_more_often_than_the_error_rates_say() -> None:
    """Without any leak, Benjamini-Hochberg at q names anyone in at most a share q of audits; Holm likewise at alpha."""
    rng = np.random.default_rng(2)
    named = confirmed = 0
    for _ in range(NULLS):
        selection = select_exposed(rng.normal(size=40), rng.normal(size=800), q=0.1, alpha=0.05)
        named += bool(selection.named.any())
        confirmed += bool(selection.confirmed.any())
    assert least(NULLS, 0.05) <= named <= most(NULLS, 0.1), "silence would be no calibration either"
    assert 0 < confirmed <= most(NULLS, 0.05)


@pytest.mark.parametrize("unequal", [(30, 30), (60, 20)], ids=str)
def test_permutation_p_values_are_uniform(unequal: tuple[int, int]) -> None:
    rng = np.random.default_rng(3)
    tests = [
        train_above_holdout(rng.normal(size=unequal[0]), rng.normal(size=unequal[1]), top=8, draws=199, rng=rng)
        for _ in range(NULLS)
    ]
    assert kstest([one.p_rank for one in tests], "uniform").pvalue > 0.01
    for level in (0.05, 0.1, 0.3, 0.5):
        assert sum(one.p_top <= level for one in tests) <= most(NULLS, level)
        assert sum(one.p_value <= level for one in tests) <= most(NULLS, level)


def test_separability_p_values_are_uniform() -> None:
    rng = np.random.default_rng(4)
    labels = np.arange(40) < 22
    p = [
        separability(rng.normal(size=(40, 6)), labels, rng, permutations=24, bootstraps=1).p_value for _ in range(NULLS)
    ]
    assert kstest(p, "uniform").pvalue > 0.01


def _tail_alarms(draw: Draw, nulls: int, seed: int) -> tuple[int, int]:
    rng = np.random.default_rng(seed)
    named = confirmed = 0
    for _ in range(nulls):
        holdout = draw(rng, 1_000)
        selection = select_exposed(draw(rng, 1_000), holdout, q=0.1, alpha=0.05, tail=fit_tail(holdout, rng, draws=1))
        named += bool(selection.named.any())
        confirmed += bool(selection.confirmed.any())
    return named, confirmed


@pytest.mark.parametrize("name", ["normal", "exponential"])
def test_the_tail_holds_its_error_rates(name: str) -> None:
    named, confirmed = _tail_alarms(DISTRIBUTIONS[name], 40, seed=5)
    assert named <= most(40, 0.1)
    assert confirmed <= most(40, 0.05)


@pytest.mark.slow
@pytest.mark.parametrize("draw", DISTRIBUTIONS.values(), ids=DISTRIBUTIONS)
def test_the_tail_holds_its_error_rates_over_many_nulls(draw: Draw) -> None:
    named, confirmed = _tail_alarms(draw, 400, seed=6)
    assert named <= most(400, 0.1)
    assert confirmed <= most(400, 0.05)


@pytest.mark.slow
@pytest.mark.xfail(
    strict=True,
    reason="With heavy tails (Student, 4 degrees of freedom) the tail's own error is not accounted for: about a fifth "
    "of honest audits name someone at q = 0.1.",
)
def test_the_tail_holds_its_error_rates_on_heavy_tails() -> None:
    named, _ = _tail_alarms(lambda rng, n: np.asarray(rng.standard_t(4, n)), 400, seed=6)
    assert named <= most(400, 0.1)


@pytest.mark.parametrize("planted", [1, 5, 10])
def test_the_tail_finds_single_patients(planted: int) -> None:
    """Patients whom counting alone (k_min = 10) could not name."""
    assert k_min(1_000, 1_000, 0.1) == 10
    rng = np.random.default_rng(7)
    found, wrong = [], []
    for _ in range(10):
        train, holdout = rng.normal(size=1_000), rng.normal(size=1_000)
        train[:planted] += 9.0
        named = select_exposed(train, holdout, q=0.1, alpha=0.05, tail=fit_tail(holdout, rng, draws=1)).named
        found.append(named[:planted].mean())
        wrong.append(named[planted:].sum() / max(1, named.sum()))
    assert np.mean(found) >= 0.95
    assert np.mean(wrong) <= 0.15


def test_the_competition_names_no_image_in_most_nulls() -> None:
    rng = np.random.default_rng(8)
    alarms = sum(bool((target_decoy_q(rng.normal(size=150)) <= 0.1).any()) for _ in range(NULLS))
    assert alarms <= most(NULLS, 0.1)


@pytest.mark.parametrize("near_copies", [10, 15, 30])
def test_the_competition_finds_ten_near_copies_or_more(near_copies: int) -> None:
    rng = np.random.default_rng(9)
    power, wrong = [], []
    for _ in range(50):
        margins = np.concatenate([rng.normal(8, 1, near_copies), rng.normal(size=150)])
        named = target_decoy_q(margins) <= 0.1
        power.append(named[:near_copies].mean())
        wrong.append(named[near_copies:].sum() / max(1, named.sum()))
    assert np.mean(power) == 1.0
    assert np.mean(wrong) <= 0.13, "at most 0.1, up to the chance of 50 draws"


# The simulation of methods.md, section 1.3: patients are points in 16 dimensions, and a generator that learned their
# distribution, and no one in it, copies some training patients nearly exactly.


def _gaussian_audit(
    copied: int, rng: np.random.Generator, n_train: int, n_holdout: int
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Who is named with the tail, and who by counting alone, at a false discovery rate of 5 %."""
    train, holdout = rng.normal(size=(n_train, 16)), rng.normal(size=(n_holdout, 16))
    synthetic = rng.normal(size=(1_000, 16))
    synthetic[:copied] = train[:copied] + 0.05 * rng.normal(size=(copied, 16))
    tree = KDTree(synthetic)
    a, b = -tree.query(train)[0], -tree.query(holdout)[0]
    tail = fit_tail(b, rng, draws=1)
    with_tail = select_exposed(a, b, q=0.05, alpha=0.05, tail=tail).named
    return with_tail, select_exposed(a, b, q=0.05, alpha=0.05).named


@pytest.mark.parametrize(
    ("n_train", "n_holdout", "audits"),
    [(1_000, 600, 4), pytest.param(2_000, 1_000, 20, marks=pytest.mark.slow)],
)
@pytest.mark.parametrize("copied", [0, 1, 5, 20])
def test_the_simulation_of_the_methods_page(copied: int, n_train: int, n_holdout: int, audits: int) -> None:
    rng = np.random.default_rng(copied)
    assert k_min(n_train, n_holdout, 0.05) > 20
    power, wrong, counted = [], [], 0
    for _ in range(audits):
        with_tail, by_counting = _gaussian_audit(copied, rng, n_train, n_holdout)
        power.append(with_tail[:copied].mean() if copied else 1.0)
        wrong.append(with_tail[copied:].sum() / max(1, with_tail.sum()))
        counted += int(by_counting.sum())
    assert counted == 0, "counting alone names nobody below k_min"
    assert np.mean(power) >= 0.97
    assert np.mean(wrong) <= 0.15
