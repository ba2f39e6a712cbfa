"""The gap in exposure: calibrated where groups differ by nature, and found where few of one group leak."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binom

from synthaudit.errors import NotEnoughData
from synthaudit.statistics.exposure_gap import GapTest, allowed, excess_interval, exposure_gaps
from synthaudit.statistics.tpr_at_fpr import tpr_at_fpr

Floats = NDArray[np.float64]


def gap_test(
    rng: np.random.Generator, scores: Floats, group: NDArray[np.intp], *, draws: int = 199, named: Floats | None = None
) -> GapTest:
    p = len(scores)
    is_train = np.arange(p) < p // 2
    inside = [group == k for k in range(int(group.max()) + 1)]
    flagged = np.zeros(p, dtype=bool) if named is None else named.astype(bool)
    return exposure_gaps(scores, is_train, flagged, inside, [group] * len(inside), fpr=0.05, draws=draws, rng=rng)


def groups(rng: np.random.Generator, p: int = 240) -> NDArray[np.intp]:
    """A large, a middling and a small group, on both sides alike."""
    half = np.repeat([0, 1, 2], [p // 4, p // 8, p // 2 - p // 4 - p // 8])
    return np.concatenate([rng.permutation(half), rng.permutation(half)])


def test_groups_that_are_close_to_anything_are_not_exposed_for_it() -> None:
    """Scores shifted and stretched by group, nobody leaking: alarms at the nominal rate over 100 nulls."""
    rng = np.random.default_rng(0)
    least = []
    for _ in range(100):
        group = groups(rng)
        scores = rng.normal(size=240) * (1.0 + group) + 4.0 * group
        least.append(gap_test(rng, scores, group).adjusted.min())
    assert np.sum(np.array(least) <= 0.05) <= binom.ppf(0.999, 100, 0.05)
    assert np.sum(np.array(least) <= 0.5) >= binom.ppf(0.001, 100, 0.3), "silence would be no calibration either"


def test_a_leak_shared_by_all_is_no_gap() -> None:
    """Wherever the scores of a group lie: a rank over all patients would take the group's place for its leak."""
    rng = np.random.default_rng(1)
    alarms = 0
    for _ in range(60):
        group = groups(rng)
        leak = (np.arange(240) < 120) & (rng.random(240) < 0.3)
        alarms += gap_test(rng, rng.normal(size=240) + 3.0 * leak + 12.0 * group, group).adjusted.min() <= 0.05
    assert alarms <= binom.ppf(0.999, 60, 0.05)


def test_a_few_of_one_group_are_found_and_have_the_right_sign() -> None:
    rng = np.random.default_rng(2)
    group = groups(rng)
    leak = (np.arange(240) < 120) & (group == 2) & (rng.random(240) < 0.7)
    found = gap_test(rng, rng.normal(size=240) + 2.0 * group + 5.0 * leak, group, draws=999)
    assert found.adjusted[2, 0] <= 0.005
    assert found.gap[2, 0] > 0.3
    assert (found.gap[:2, 0] < found.gap[2, 0]).all()


def test_people_named_in_one_group_are_found_whatever_the_scores() -> None:
    rng = np.random.default_rng(3)
    group = groups(rng)
    named = (np.arange(240) < 120) & (group == 1) & (rng.random(240) < 0.5)
    found = gap_test(rng, rng.normal(size=240), group, draws=999, named=named.astype(float))
    assert found.adjusted[1, 1] <= 0.005
    assert found.gap[1, 1] > 0.3


def test_the_gap_is_that_of_the_published_rates() -> None:
    """The twin: each group's rate at its own threshold, less chance, less the same of the rest."""
    rng = np.random.default_rng(4)
    group = np.minimum(groups(rng), 1)
    scores = rng.normal(size=240)
    found = gap_test(rng, scores, group, draws=19)
    is_train = np.arange(240) < 120
    excess = []
    for inside in (group == 0, group != 0):
        rate = tpr_at_fpr(scores[inside & is_train], scores[inside & ~is_train], 0.05)
        excess.append(rate.value - rate.chance)
    assert found.gap[0, 0] == pytest.approx(excess[0] - excess[1])


def test_what_is_detectable_needs_relabelings() -> None:
    rng = np.random.default_rng(5)
    found = gap_test(rng, rng.normal(size=240), groups(rng), draws=99)
    assert 0 < found.detectable(0.05) <= 1
    with pytest.raises(NotEnoughData, match=r"^a p-value of 0.001 needs at least 999 relabelings, got 99$"):
        found.detectable(0.001)


def test_too_few_held_out_are_refused() -> None:
    rng = np.random.default_rng(6)
    group = np.zeros(60, dtype=np.intp)
    group[:8], group[30:36] = 1, 1
    with pytest.raises(NotEnoughData, match=r"^a rate of 5 % needs 19 held-out patients inside and outside a group"):
        gap_test(rng, rng.normal(size=60), group)
    assert (allowed(18, 0.05), allowed(19, 0.05), allowed(60, 0.05)) == (0, 1, 3)


@pytest.mark.slow
def test_the_interval_holds_the_gap() -> None:
    rng = np.random.default_rng(7)
    draw = rng.normal
    inside = 0
    for _ in range(40):
        train = (np.where(rng.random(80) < 0.5, draw(size=80) + 6, draw(size=80)), draw(size=120))
        low, high = excess_interval(train, (draw(size=80), draw(size=120)), 0.05, rng, 0.95)
        inside += low <= 0.475 <= high
    assert inside >= binom.ppf(0.001, 40, 0.9)
