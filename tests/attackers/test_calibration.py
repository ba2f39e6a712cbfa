"""Under the null no attack alarms more often than it says; what was planted is found, with the right sign and size.

Sides of unequal size, with unequally many images of each patient, and generators that know nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from synthaudit.attackers.guessing import guessing_success, secrets
from synthaudit.attackers.holdings import Holdings
from synthaudit.attackers.isolating import isolating_success
from synthaudit.attackers.linking import linked, linking_success
from synthaudit.attackers.outliers import outlier_groups
from synthaudit.attackers.success import Excess, Success
from synthaudit.attackers.views import natural_views

from .worlds import world

Attack = Callable[[Holdings, int], Success]
DRAWS = 99


def singling_out(held: Holdings, seed: int) -> Success:
    return isolating_success(held, DRAWS, np.random.default_rng(seed))[0]


def linkability(held: Holdings, seed: int) -> Success:
    rng = np.random.default_rng(seed)
    views = natural_views(held)
    return linking_success(held, views, [linked(held, one, rng) for one in views], DRAWS, rng)


def inference(held: Holdings, seed: int) -> Success:
    return guessing_success(held, secrets(held), DRAWS, np.random.default_rng(seed))


ATTACKS = (singling_out, linkability, inference)


def nulls(n: int) -> Iterator[Holdings]:
    """More patients now on one side, now on the other; more images of each likewise."""
    for seed in range(n):
        sides = ((50, 32), (32, 50))[seed % 2]
        images = (((1, 4), (1, 3)), ((2, 3), (1, 4)))[seed // 2 % 2]
        yield world(seed, n=sides, images=images, n_made=(60, 30)[seed % 3 == 0])


def alarms(attack: Attack, n: int) -> tuple[float, float, list[float]]:
    """Share of nulls with an interval above 0, with a p-value of at most .05, and the mean excess of each attack."""
    found = [attack(held, seed) for seed, held in enumerate(nulls(n))]
    above = [(one.highest() or nothing()).low > 0 for one in found]
    size = [np.mean([(one.excess(i) or nothing()).value for one in found]) for i in range(len(found[0].attacks))]
    return float(np.mean(above)), float(np.mean([one.p_value <= 0.05 for one in found])), [float(s) for s in size]


def nothing() -> Excess:
    return Excess(0.0, -1.0, 1.0, 0.0, 0.0, 0.0, 0.0)


@pytest.mark.parametrize("attack", ATTACKS)
def test_few_nulls_raise_few_alarms(attack: Attack) -> None:
    above, below_level, _ = alarms(attack, 6)
    assert above <= 1 / 6
    assert below_level <= 2 / 6


@pytest.mark.slow
@pytest.mark.parametrize("attack", ATTACKS)
def test_alarms_are_nominal_over_nulls(attack: Attack) -> None:
    """The interval is of 95 %, so 2.5 % may lie above 0; 200 nulls allow for 3 standard errors."""
    above, below_level, sizes = alarms(attack, 200)
    assert above <= 0.025 + 3 * np.sqrt(0.025 * 0.975 / 200)
    assert below_level <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 200)
    assert np.abs(sizes).max() < 0.025


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_photocopier_is_seen_with_its_size(attack: Attack) -> None:
    """It copies an image of everybody, with what is written beside it: nearly all are hit who can be."""
    held = world(1, n=(80, 70), images=((2, 2), (2, 2)), n_made=80, kind="copier")
    found = attack(held, 0)
    best = found.highest()
    assert best is not None
    assert best.low > 0
    assert found.p_value <= 0.05
    if attack is singling_out:
        assert best.train > 0.9
        assert best.value == pytest.approx(best.train - best.holdout)
    if attack is inference:
        assert best.value > 0.3  # one of two images of everybody was copied


@pytest.mark.parametrize("attack", ATTACKS)
def test_with_labels_exchanged_the_excess_is_as_far_below_zero(attack: Attack) -> None:
    """The generator copied the held-out patients: nothing is said of training patients, and the sign turns."""
    one, other = (world(2, n=(50, 50), kind="copier", swap=swap) for swap in (False, True))
    mine, theirs = attack(one, 0), attack(other, 0)
    for i in range(len(mine.attacks)):
        a, b = mine.excess(i), theirs.excess(i)
        assert a is not None
        assert b is not None
        assert a.value == pytest.approx(-b.value, abs=1e-9)
        assert (a.low, a.high) == pytest.approx((-b.high, -b.low), abs=1e-9)
    assert theirs.p_value > 0.5


def test_a_generator_that_copies_one_minority_is_seen_in_the_minority() -> None:
    """Who has a cavity is copied, and nobody else: of all patients that is little, of these it is everybody."""
    held = world(1, n=(400, 400), images=((1, 1), (1, 1)), n_made=300, kind="minority")
    groups = outlier_groups(held)
    for attack in (singling_out, inference):
        found = attack(held, 0)
        few, everybody = found.highest(groups["rare_findings"]), found.highest()
        assert few is not None
        assert everybody is not None
        assert few.low > 0.15
        assert everybody.value < 0.15
