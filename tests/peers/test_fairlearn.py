"""Group metrics as fairlearn computes them, on the same predictions."""

from __future__ import annotations

import numpy as np
import pytest
from fairlearn.metrics import MetricFrame, equalized_odds_difference, false_positive_rate, true_positive_rate

from synthaudit.statistics.equalized_odds import group_rates


@pytest.mark.parametrize("seed", range(5))
def test_rates_and_gap_are_fairlearns(seed: int) -> None:
    rng = np.random.default_rng(seed)
    true, group = rng.random(200) < 0.4, rng.integers(0, 3, 200)
    said = np.where(rng.random(200) < 0.6 + 0.1 * group, true, ~true)
    weights = rng.choice([0.25, 0.5, 1.0], 200)
    rates = group_rates(true, said, group, 3, weights)
    frame = MetricFrame(
        metrics={"tpr": true_positive_rate, "fpr": false_positive_rate},
        y_true=true,
        y_pred=said,
        sensitive_features=group,
        sample_params={name: {"sample_weight": weights} for name in ("tpr", "fpr")},
    )
    assert rates.tpr == pytest.approx(frame.by_group["tpr"].to_numpy())
    assert rates.fpr == pytest.approx(frame.by_group["fpr"].to_numpy())
    gap = equalized_odds_difference(true, said, sensitive_features=group, sample_weight=weights)
    assert rates.equalized_odds_gap == pytest.approx(gap)
