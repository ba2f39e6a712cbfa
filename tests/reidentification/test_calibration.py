"""Where nobody leaked, alarms are as rare as stated; where people were shown, they are found, as was foretold."""

from __future__ import annotations

import numpy as np
import pytest

from synthaudit.errors import NotEnoughData
from synthaudit.reidentification.answers import NEAREST, OTHER, _linked
from synthaudit.reidentification.quality import Quality
from synthaudit.reidentification.shown_again import fewest_shown, looks_of
from synthaudit.reidentification.visits import visits
from synthaudit.statistics.label_scan import label_scan
from tests.reidentification.conftest import World


@pytest.mark.slow
def test_alarms_are_nominal_without_a_leak(worlds: type[World]) -> None:
    """Training patients have many images and held-out ones few, sides are unequal, and some made images are hubs."""
    p_values, above, below = [], {NEAREST: 0, OTHER: 0}, {NEAREST: 0, OTHER: 0}
    nulls = 240
    for seed in range(nulls):
        rng = np.random.default_rng([9, seed])
        images = (
            rng.choice([1, 2, 3, 5], 70, p=[0.2, 0.3, 0.3, 0.2]),
            rng.choice([1, 2, 3, 5], 45, p=[0.5, 0.3, 0.15, 0.05]),
        )
        _, _, linkage = worlds.of(seed, images, made=60, hubs=0.7).linkage(seed)
        scan = label_scan(looks_of(linkage), linkage.is_train, linkage.stratum, draws=199, rng=rng)
        p_values.append(scan.p_value)
        for kind in (NEAREST, OTHER):
            found = _linked(linkage, kind)
            if isinstance(found, NotEnoughData):
                continue
            above[kind] += found.excess.low > 0
            below[kind] += found.excess.high < 0
    rates = {level: float(np.mean(np.array(p_values) <= level)) for level in (0.02, 0.05, 0.2)}
    # Two standard errors of 240 draws beyond the level.
    assert rates[0.02] <= 0.04, rates
    assert rates[0.05] <= 0.08, rates
    assert rates[0.2] <= 0.26, rates
    for kind in (NEAREST, OTHER):
        assert above[kind] / nulls <= 0.05, (above, below)


@pytest.mark.slow
def test_as_many_as_foretold_are_noticed(worlds: type[World]) -> None:
    each = np.full(60, 2)
    world = worlds.of(4, (each, each), made=60)
    verifier, background, linkage = world.linkage()
    rng = np.random.default_rng(0)
    quality = Quality.of(verifier, background, world.pool, visits(world.pool, 5), rng)
    scan = label_scan(looks_of(linkage), linkage.is_train, linkage.stratum, draws=1_999, rng=rng)
    fewest = fewest_shown(linkage, scan, quality.shown, 0.01, rng)
    assert fewest is not None
    assert 5 <= fewest <= 40
    noticed = []
    for seed in range(24):
        _, _, there = worlds.of(100 + seed, (each, each), made=60, shown=fewest).linkage(seed)
        p = label_scan(looks_of(there), there.is_train, there.stratum, draws=999, rng=rng).p_value
        noticed.append(p <= 0.01)
    assert np.mean(noticed) >= 0.5, noticed
