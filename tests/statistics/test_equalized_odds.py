"""Rates by group: hand-counted, weighted by patient, and without anyone."""

from __future__ import annotations

import numpy as np

from synthaudit.statistics.equalized_odds import group_rates

TRUE = np.array([True, True, True, False, False, False])
SAID = np.array([True, False, True, True, False, False])
GROUP = np.array([0, 0, 1, 0, 1, -1])


def test_rates_are_counted_by_group() -> None:
    rates = group_rates(TRUE, SAID, GROUP, 2)
    assert rates.tpr.tolist() == [0.5, 1.0]
    assert rates.fpr.tolist() == [1.0, 0.0]
    assert rates.equalized_odds_gap == 1.0


def test_weights_count_and_nobody_is_nan() -> None:
    rates = group_rates(TRUE, SAID, GROUP, 3, np.array([3.0, 1.0, 1.0, 1.0, 1.0, 1.0]))
    assert rates.tpr[:2].tolist() == [0.75, 1.0]
    assert np.isnan(rates.tpr[2])
    assert rates.equalized_odds_gap == 1.0
