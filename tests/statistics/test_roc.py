"""The area under the curve, against scikit-learn and against comparing every pair."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from synthaudit.errors import NotEnoughData
from synthaudit.statistics.roc import auc

Floats = NDArray[np.float64]
SCORES = st.lists(st.integers(-4, 4), min_size=1, max_size=25).map(lambda values: np.array(values, dtype=np.float64))


@given(SCORES, SCORES)
def test_it_equals_scikit_learn_and_every_pair(positive: Floats, negative: Floats) -> None:
    found = auc(positive, negative)
    labels = np.repeat([1, 0], [positive.size, negative.size])
    assert found == pytest.approx(roc_auc_score(labels, np.concatenate([positive, negative])), abs=1e-12)
    above = (positive[:, None] > negative).mean() + 0.5 * (positive[:, None] == negative).mean()
    assert found == pytest.approx(above, abs=1e-12)
    assert 0 <= found <= 1
    assert auc(negative, positive) == pytest.approx(1 - found, abs=1e-12)
    assert auc(2 * positive[::-1] - 7, 2 * negative - 7) == found


def test_both_groups_are_needed() -> None:
    with pytest.raises(NotEnoughData, match=r"^an AUC needs both groups, got 0 positives and 2 negatives$"):
        auc(np.empty(0), np.zeros(2))
    with pytest.raises(NotEnoughData, match=r"^an AUC needs both groups, got 2 positives and 0 negatives$"):
        auc(np.zeros(2), np.empty(0))
