"""Where nothing differs, differences are claimed as seldom as stated: by each measure, and by the decisions."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.stats import binom, binomtest

from synthaudit.realism import measured
from synthaudit.realism.judged import judged
from synthaudit.realism.measured import of_vectors, principal
from synthaudit.realism.picture_quantities import radiomics
from synthaudit.realism.pictures import Pictures, PictureSides
from synthaudit.realism.sides import VectorSides

if TYPE_CHECKING:
    from numpy.typing import NDArray

pytestmark = pytest.mark.slow

DIM, SAMPLE, REFERENCE, AUDITS = 20, 40, 80, 120
CONTINUOUS = ("kid", "cmmd", "density", "vendi")
"""Shares of 40 images take few values, so their alarms are fewer than nominal."""


def population(n: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Unit vectors around eight places, spread unequally along the axes."""
    centers = 0.7 * np.random.default_rng(0).normal(size=(8, DIM))
    rows = centers[rng.integers(8, size=n)] + rng.normal(size=(n, DIM)) * 3 / np.sqrt(1 + np.arange(DIM))
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


@pytest.fixture(scope="module")
def audits() -> tuple[Counter[str], Counter[str], Counter[str]]:
    """Alarms at 5 % by measure; intervals that miss the floor; decisions."""
    alarms: Counter[str] = Counter()
    misses: Counter[str] = Counter()
    decisions: Counter[str] = Counter()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measured, "RELABELINGS", 199)
        patch.setattr(measured, "RELABELINGS_OF_VARIETY", 199)
        for seed in range(AUDITS):
            rng = np.random.default_rng([7, seed])
            real, made, held = (population(n, rng) for n in (REFERENCE, SAMPLE, SAMPLE))
            sides = VectorSides(
                real,
                np.arange(REFERENCE),
                np.concatenate([made, held]),
                np.concatenate([made, real[:SAMPLE]]),
            )
            results = list(of_vectors("encoder", sides, sides, rng))
            for one in results:
                if one.found is not None and one.found.p_higher is not None:
                    assert one.found.p_lower is not None
                    alarms[f"{one.stem} higher"] += one.found.p_higher <= 0.05
                    alarms[f"{one.stem} lower"] += one.found.p_lower <= 0.05
                    misses[one.stem] += not one.found.low <= one.found.floor <= one.found.high
            found = judged(results)
            decisions["far"] += bool(found.far.beyond)
            decisions["near"] += bool(found.near.beyond)
            decisions["variety"] += bool(found.less.beyond or found.more.beyond)
    return alarms, misses, decisions


@pytest.mark.parametrize("side", ["higher", "lower"])
def test_each_measure_alarms_at_the_nominal_rate(audits: tuple[Counter[str], ...], side: str) -> None:
    alarms = audits[0]
    for stem in CONTINUOUS:
        assert binomtest(alarms[f"{stem} {side}"], AUDITS, 0.05).pvalue > 0.002, stem
    for name, count in alarms.items():
        assert count <= binom.ppf(0.999, AUDITS, 0.05), name


def test_intervals_hold_the_floor(audits: tuple[Counter[str], ...]) -> None:
    misses = audits[1]
    assert set(misses) >= {"kid", "recall", "novelty", "vendi"}
    for stem, count in misses.items():
        assert count <= binom.ppf(0.999, AUDITS, 0.05), stem


def test_the_decisions_err_as_seldom_as_stated(audits: tuple[Counter[str], ...]) -> None:
    decisions = audits[2]
    assert decisions["far"] <= binom.ppf(0.999, AUDITS, 0.05)
    assert decisions["near"] <= binom.ppf(0.999, AUDITS, 0.01)
    assert decisions["variety"] <= binom.ppf(0.999, AUDITS, 0.05)


@pytest.mark.parametrize("stem", ["frechet_pca32", "radiomics_frechet"])
def test_what_is_fitted_knows_neither_sample(stem: str) -> None:
    """In many dimensions, components fitted to the held-out images but not to the synthetic ones would tell them apart.

    So would a scale. Both sides are drawn alike here, so each is as often the further one.
    """
    further = []
    for seed in range(100):
        rng = np.random.default_rng([11, seed])
        if stem == "frechet_pca32":
            real, made, held = (rng.normal(size=(64, 300)).astype(np.float32) for _ in range(3))
            sides = VectorSides(real, np.arange(64), np.concatenate([made, held]), np.concatenate([made, real]))
            quantity = principal(sides, rng).frechet
        else:
            pictures = [of_features(rng.standard_t(4, size=(64, 30))) for _ in range(3)]
            quantity = radiomics(PictureSides(pictures[0], pictures[1], pictures[2], 64), rng).log_frechet
        ours, theirs = quantity(np.stack([np.arange(128) < 64, np.arange(128) >= 64]))
        further.append(ours > theirs)
    assert binomtest(sum(further), 100, 0.5).pvalue > 0.001


def of_features(features: NDArray[np.float64]) -> Pictures:
    n = len(features)
    return Pictures(np.zeros((n, 16)), np.zeros((n, 9)), features, np.zeros((n, 8, 8), dtype=np.float32))
