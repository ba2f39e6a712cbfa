"""What a detector fitted to healthy images finds anomalous: lesions and ghosts, and strangers more than its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from synthaudit.cohort import Role
from synthaudit.errors import UsageError
from synthaudit.generators.anomaly import Anomaly, AnomalyRecipe
from synthaudit.generators.made import images_cohort
from synthaudit.generators.protocol import Budget, Capability
from synthaudit.phantoms.brain import BrainPopulation
from synthaudit.statistics.roc import auc

Floats = NDArray[np.float32]
SMALL = AnomalyRecipe(
    size=16, components=12, texture=12, width=96, depth=2, batch=64, sampler_steps=6, checkpoint_every=20
)
MEMBERS = 64


@pytest.fixture(scope="module")
def healthy() -> Floats:
    population = BrainPopulation(seed=3, size=16, lesions=0.0)
    return np.stack([population.image(patient, 0, "flair") for patient in range(MEMBERS + 48)])


@pytest.fixture(scope="module")
def fitted(healthy: Floats) -> Anomaly:
    return Anomaly(SMALL).fit(images_cohort(Role.TRAIN, healthy[:MEMBERS]), Budget(steps=60), 0)


def _scores(detector: Anomaly, x: Floats) -> NDArray[np.float64]:
    return np.asarray(detector.score(x, 0, 2).mean(axis=1), dtype=np.float64)


def _average_precision(score: Floats, truth: NDArray[np.bool_]) -> float:
    hits = truth.ravel()[np.argsort(-score.ravel())]
    precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
    return float(precision[hits].mean())


@pytest.mark.slow
def test_it_finds_ghosts_and_lesions(healthy: Floats, fitted: Anomaly) -> None:
    strangers = healthy[MEMBERS:]
    usual = _scores(fitted, strangers)
    # Motion along the phase encoding: the same head again, half a field away.
    ghosts = 0.6 * strangers + 0.4 * np.roll(strangers, 8, axis=1)
    assert auc(_scores(fitted, ghosts), usual) > 0.8
    population = BrainPopulation(seed=4, size=16, lesions=1.0)
    sick = np.stack([population.image(patient, 0, "flair") for patient in range(32)])
    lesion = np.stack([population.lesion_mask(patient) for patient in range(32)])
    assert auc(_scores(fitted, sick), usual) > 0.55
    found = fitted.anomaly_map(sick, 0)
    assert found.shape == sick.shape
    # The baseline of chance is the share of lesion pixels.
    assert _average_precision(found, lesion) > 5 * lesion.mean()


@pytest.mark.slow
def test_members_look_less_anomalous(healthy: Floats, fitted: Anomaly) -> None:
    assert auc(_scores(fitted, healthy[MEMBERS:]), _scores(fitted, healthy[:MEMBERS])) > 0.65


@pytest.mark.slow
def test_it_is_kept_and_read_back(healthy: Floats, fitted: Anomaly, tmp_path: Path) -> None:
    cohort = images_cohort(Role.TRAIN, healthy[:MEMBERS])
    kept = Anomaly(SMALL).fit(cohort, Budget(steps=60), 0, folder=tmp_path)
    read = Anomaly.from_spec(str(tmp_path))
    assert read.spec == kept.spec == fitted.spec
    assert (read.card, read.recipe) == (kept.card, SMALL)
    np.testing.assert_array_equal(read.anomaly_map(healthy[:2], 3), fitted.anomaly_map(healthy[:3], 3)[:2])
    with pytest.raises(UsageError, match="the folder holds another fit"):
        Anomaly(SMALL).fit(cohort, Budget(steps=60), 1, folder=tmp_path)


def test_it_claims_what_it_can() -> None:
    can = {Capability.SAMPLE, Capability.SCORE, Capability.RECONSTRUCT, Capability.FIT}
    fresh = Anomaly(SMALL)
    assert fresh.capabilities() == can
    with pytest.raises(UsageError, match="must be fitted first"):
        fresh.anomaly_map(np.zeros((1, 16, 16), dtype=np.float32), 0)
    with pytest.raises(UsageError, match=r"must rise within \[0, 1\], got 0.6 and 0.5"):
        AnomalyRecipe(mildest=0.6)
