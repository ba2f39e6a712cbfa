"""The same values as others compute: pytorch-metric-learning of retrieval, scikit-learn and scipy of the error rate."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.interpolate import interp1d
from scipy.optimize import brentq
from sklearn.metrics import roc_curve

from synthaudit.statistics.retrieval import retrieved
from synthaudit.statistics.verification import eer


def test_the_equal_error_rate_is_where_the_curves_of_scikit_learn_meet() -> None:
    rng = np.random.default_rng(0)
    for shift in (0.3, 1.0, 2.5):
        genuine, impostor = rng.normal(shift, 1, 80), rng.normal(0, 1, 500)
        label = np.repeat([1, 0], [80, 500])
        fpr, tpr, _ = roc_curve(label, np.concatenate([genuine, impostor]), drop_intermediate=False)
        theirs = brentq(lambda x, f=fpr, t=tpr: 1.0 - x - interp1d(f, t)(x), 0.0, 1.0)
        assert eer(genuine, impostor) == pytest.approx(theirs, abs=1 / 500)


@pytest.mark.slow  # it takes long to import
@pytest.mark.filterwarnings("ignore")
def test_map_at_r_and_precision_at_1_are_those_of_pytorch_metric_learning() -> None:
    calculators = pytest.importorskip("pytorch_metric_learning.utils.accuracy_calculator")
    import torch

    rng = np.random.default_rng(1)
    label = rng.integers(12, size=90)
    vectors = (rng.normal(size=(12, 16))[label] + 1.2 * rng.normal(size=(90, 16))).astype(np.float32)
    calculator = calculators.AccuracyCalculator(
        include=("mean_average_precision_at_r", "precision_at_1"), device=torch.device("cpu"), k="max_bin_count"
    )
    theirs = calculator.get_accuracy(torch.from_numpy(vectors), torch.from_numpy(label))
    similarity = -np.linalg.norm(vectors[:, None] - vectors, axis=2)
    eligible = ~np.eye(90, dtype=bool)
    found = retrieved(similarity, eligible & (label[:, None] == label), eligible)
    assert found.average_precision_at_r.mean() == pytest.approx(theirs["mean_average_precision_at_r"], abs=1e-6)
    assert found.precision_at_1.mean() == pytest.approx(theirs["precision_at_1"], abs=1e-6)
