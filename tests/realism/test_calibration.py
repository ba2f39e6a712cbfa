"""Where nothing differs, differences are claimed as seldom as stated: by each measure, and by the decisions."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.stats import binom, binomtest

from synthaudit.realism import measured
from synthaudit.realism.judged import judged
from synthaudit.realism.measured import of_vectors
from synthaudit.realism.sides import VectorSides

if TYPE_CHECKING:
    from numpy.typing import NDArray

pytestmark = pytest.mark.slow

DIM, SAMPLE, REFERENCE, AUDITS = 20, 40, 80, 200
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
                np.concatenate([real, held]),
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
