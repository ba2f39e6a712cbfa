"""LiRA and RMIA against the papers' formulas one image at a time, and what they are for."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from synthaudit.attacks.calibrated import lira, rmia
from synthaudit.errors import NotEnoughData
from synthaudit.statistics.roc import auc

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


def simulated(models: int, n: int, seed: int = 0) -> tuple[Floats, Floats, Flags, Flags]:
    """Images of very different difficulty, half of them members; a model that knows one has a little more exposure."""
    rng = np.random.default_rng(seed)
    ease, member = 3 * rng.standard_normal(n), np.arange(n) < n // 2
    half = np.array([rng.permutation(n) < n // 2 for _ in range((models + 1) // 2)])
    inside = np.concatenate([half, ~half])[:models]
    observed = ease + member + 0.5 * rng.standard_normal(n)
    return observed, ease + inside + 0.5 * rng.standard_normal((models, n)), inside, member


@pytest.mark.parametrize("models", [4, 40])
def test_lira_is_deviations_from_models_without(models: int) -> None:
    observed, references, inside, _ = simulated(models, 60)
    spreads = [references[~inside[:, i], i].var(ddof=1) for i in range(60)]
    for i, score in enumerate(lira(observed, references, inside)):
        without = references[~inside[:, i], i]
        variance = spreads[i] if len(without) >= 16 else np.mean(spreads)
        assert score == pytest.approx((observed[i] - without.mean()) / np.sqrt(variance))


def test_rmia_is_the_share_of_others_that_an_image_dominates() -> None:
    observed, references, _, _ = simulated(4, 30)
    patient = np.arange(30) // 2
    for i, score in enumerate(rmia(observed, references, patient)):
        others = [z for z in range(30) if patient[z] != patient[i]]
        ratios = np.exp(observed) / np.exp(references).mean(axis=0)
        assert score == pytest.approx(np.mean([ratios[i] / ratios[z] >= 1 for z in others]))


def test_calibration_takes_the_difficulty_out() -> None:
    observed, references, inside, member = simulated(8, 400)
    for exposure in (lira(observed, references, inside), rmia(observed, references, np.arange(400))):
        assert auc(exposure[member], exposure[~member]) > 0.8
    assert auc(observed[member], observed[~member]) < 0.65


def test_an_image_in_every_model_cannot_be_calibrated() -> None:
    observed, references, inside, _ = simulated(4, 10)
    inside[:, 3] = True
    with pytest.raises(NotEnoughData, match="LiRA needs a reference model without each patient; train at least 2"):
        lira(observed, references, inside)
