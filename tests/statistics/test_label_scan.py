"""One test for several looks: exact under the null, seeing where something is, and honest about what it can see."""

from __future__ import annotations

import numpy as np
import pytest

from synthaudit.errors import NotEnoughData
from synthaudit.statistics.label_scan import LOOKS, fewest_found, label_scan, looks
from synthaudit.statistics.patient_ranks import rank_in_stratum

ONE = np.zeros(120, dtype=np.intp)


def test_the_looks_are_what_they_say() -> None:
    ranks = (np.arange(40) + 0.5) / 40
    columns = looks(ranks)
    assert columns.shape == (40, LOOKS)
    assert columns.sum(axis=0)[2:].tolist() == [2, 4, 10]
    assert columns[:, 1].mean() == pytest.approx(1.0, abs=0.05)


def test_alarms_are_nominal_where_nothing_is() -> None:
    """Two strata, one of them higher, members mostly in it: the rate is at most the level."""
    rng = np.random.default_rng(3)
    stratum = np.repeat([0, 1], [80, 40]).astype(np.intp)
    alarms = []
    for _ in range(200):
        score = rng.standard_t(3, 120) + 2.0 * stratum
        member = np.zeros(120, dtype=bool)
        member[rng.permutation(80)[:20]] = member[80 + rng.permutation(40)[:30]] = True
        columns = looks(rank_in_stratum(score, ONE))  # over both strata: only dealing within them keeps the level
        alarms.append(label_scan(columns, member, stratum, draws=99, rng=rng).p_value)
    assert np.mean(np.array(alarms) <= 0.05) <= 0.08
    assert np.mean(np.array(alarms) <= 0.5) >= 0.4


@pytest.mark.parametrize("told", ["all a little", "few much"])
def test_it_sees_both_ways_to_leak(told: str) -> None:
    rng = np.random.default_rng(0)
    score = rng.normal(size=120)
    member = np.arange(120) < 60
    if told == "all a little":
        score[:60] += 1.0
    else:
        score[:14] += 6.0
    scan = label_scan(looks(rank_in_stratum(score, ONE)), member, ONE, draws=1_999, rng=rng)
    assert scan.p_value <= 0.001
    assert len(scan.adjusted) == LOOKS


def test_the_bar_is_what_the_observed_looks_are_held_to() -> None:
    rng = np.random.default_rng(1)
    member = np.arange(120) < 60
    columns = looks(rank_in_stratum(rng.normal(size=120) + 2.0 * member, ONE))
    scan = label_scan(columns, member, ONE, draws=999, rng=rng)
    assert scan.strength(columns, member) > scan.bar(0.001)
    with pytest.raises(NotEnoughData, match=r"^a p-value of 0\.0001 needs at least 9,999 relabelings, got 999$"):
        scan.bar(0.0001)


def test_too_few_on_a_side_are_refused() -> None:
    with pytest.raises(NotEnoughData, match=r"needs at least 5 on each side, got 4 and 116$"):
        label_scan(np.ones((120, 1)), np.arange(120) < 4, ONE, draws=99, rng=np.random.default_rng(0))


def test_the_fewest_that_are_found() -> None:
    assert fewest_found(lambda n: n >= 17, 40) == 17
    assert fewest_found(lambda n: n >= 1, 40) == 1
    assert fewest_found(lambda n: n >= 40, 40) == 40
    assert fewest_found(lambda n: n > 40, 40) is None
