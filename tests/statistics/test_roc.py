"""The area under the curve, against scikit-learn and against comparing every pair."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score
from sklearn.metrics import roc_curve as peer_curve

from synthaudit.errors import NotEnoughData
from synthaudit.statistics.roc import auc, roc_curve

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


@given(SCORES, SCORES)
def test_the_curve_equals_scikit_learns_and_holds_the_area(positive: Floats, negative: Floats) -> None:
    fpr, tpr = roc_curve(positive, negative)
    labels = np.repeat([1, 0], [positive.size, negative.size])
    theirs = peer_curve(labels, np.concatenate([positive, negative]), drop_intermediate=False)
    np.testing.assert_allclose(fpr, theirs[0], atol=1e-12)
    np.testing.assert_allclose(tpr, theirs[1], atol=1e-12)
    assert (fpr[0], tpr[0], fpr[-1], tpr[-1]) == (0, 0, 1, 1)
    assert (np.diff(fpr) >= 0).all()
    assert (np.diff(tpr) >= 0).all()
    assert np.trapezoid(tpr, fpr) == pytest.approx(auc(positive, negative), abs=1e-12)
    again = roc_curve(positive[::-1], negative[::-1])
    assert (fpr.tolist(), tpr.tolist()) == (again[0].tolist(), again[1].tolist()), "in any order"


def test_a_curve_needs_both_groups() -> None:
    with pytest.raises(NotEnoughData, match=r"^a ROC needs both groups, got 1 positives and 0 negatives$"):
        roc_curve(np.zeros(1), np.empty(0))
