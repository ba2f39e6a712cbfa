"""How common it is, from an imperfect test: covered as often as promised, and refused where the test tells nothing."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from synthaudit.errors import NotEnoughData
from synthaudit.statistics.prevalence import Tally, true_prevalence

TESTED, POSITIVES, NEGATIVES = 25, 20, 40


def test_a_perfect_test_needs_no_correction() -> None:
    one = true_prevalence(Tally(30, 100), Tally(1000, 1000), Tally(1000, 1000))
    assert one.value == pytest.approx(0.3)
    assert (one.low, one.high) == pytest.approx((0.219, 0.396), abs=0.005), "about the usual interval of 30 in 100"


def test_what_a_blunt_test_misses_is_added() -> None:
    """Half of what is there is found: twice as much is there as was found."""
    assert true_prevalence(Tally(10, 100), Tally(50, 100), Tally(1000, 1000)).value == pytest.approx(0.2)


def test_false_alarms_are_taken_out() -> None:
    assert true_prevalence(Tally(5, 100), Tally(100, 100), Tally(95, 100)).value == pytest.approx(0.0)
    assert true_prevalence(Tally(1, 100), Tally(100, 100), Tally(90, 100)).value == 0.0, "never below nothing"


def test_it_agrees_with_counts_drawn_again() -> None:
    """The naive version: draw all three counts again, and correct each time."""
    found, se, sp = Tally(30, 160), Tally(15, 20), Tally(156, 160)
    rng = np.random.default_rng(3)
    drawn = [rng.binomial(one.trials, one.share, 20_000) / one.trials for one in (found, se, sp)]
    corrected = np.clip((drawn[0] + drawn[2] - 1) / (drawn[1] + drawn[2] - 1), 0, 1)
    one = true_prevalence(found, se, sp)
    assert one.value == pytest.approx(float(np.median(corrected)), abs=0.01)
    assert (one.low, one.high) == pytest.approx(np.quantile(corrected, [0.025, 0.975]), abs=0.04)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 200), st.integers(12, 20), st.integers(90, 100))
def test_the_estimate_lies_in_its_interval(found: int, se: int, sp: int) -> None:
    one = true_prevalence(Tally(found, 200), Tally(se, 20), Tally(sp, 100))
    assert 0 <= one.low <= one.value <= one.high <= 1


def test_less_sensitivity_or_fewer_planted_say_less() -> None:
    sharp, blunt, few = (
        true_prevalence(Tally(0, 150), Tally(*se), Tally(150, 150)) for se in ((20, 20), (10, 20), (10, 10))
    )
    assert sharp.value == blunt.value == few.value == 0.0
    assert sharp.high < few.high
    assert sharp.high < blunt.high


@pytest.mark.parametrize(("sensitivity", "specificity"), [(1.0, 1.0), (0.9, 0.97), (0.6, 0.97)])
def test_the_interval_covers_as_promised(sensitivity: float, specificity: float) -> None:
    """Exact coverage: every outcome of the three counts, weighted by how probable it is. Undecidable ones aside."""
    positives, negatives = binom_of(POSITIVES, sensitivity), binom_of(NEGATIVES, specificity)
    weights = {}
    for se, sp in product(range(POSITIVES + 1), range(NEGATIVES + 1)):
        known = positives[se] * negatives[sp]
        for found in range(TESTED + 1) if known > 2e-3 else ():
            counts = Tally(found, TESTED), Tally(se, POSITIVES), Tally(sp, NEGATIVES)
            try:
                weights[found, se, sp] = known, true_prevalence(*counts)
            except NotEnoughData:
                break
    for truth in (0.0, 0.02, 0.1, 0.3, 0.6, 1.0):
        apparent = binom_of(TESTED, truth * sensitivity + (1 - truth) * (1 - specificity))
        total = sum(known * apparent[found] for (found, _, _), (known, _) in weights.items())
        covered = sum(
            known * apparent[found]
            for (found, _, _), (known, one) in weights.items()
            if one.low - 1e-9 <= truth <= one.high + 1e-9
        )
        assert covered / total >= 0.94, truth


def binom_of(n: int, share: float) -> list[float]:
    return [float(p) for p in binom.pmf(np.arange(n + 1), n, share)]


@pytest.mark.parametrize(
    ("found", "se", "sp", "why"),
    [
        (Tally(0, 0), Tally(20, 20), Tally(40, 40), "needs at least 1 tested, got 0"),
        (Tally(0, 9), Tally(9, 9), Tally(40, 40), "needs at least 10 known to be positive, got 9"),
        (Tally(0, 9), Tally(20, 20), Tally(19, 19), "needs at least 20 known to be negative, got 19"),
        (Tally(0, 9), Tally(0, 20), Tally(40, 40), "add up to 1.1 at least, got 0.91"),
        (Tally(0, 9), Tally(10, 20), Tally(20, 40), "add up to 1.1 at least, got 0.61"),
    ],
)
def test_too_little_is_refused(found: Tally, se: Tally, sp: Tally, why: str) -> None:
    with pytest.raises(NotEnoughData, match=why):
        true_prevalence(found, se, sp)


def test_hits_are_part_of_the_trials() -> None:
    with pytest.raises(ValueError, match="hits must lie between 0 and the 3 trials, got 4"):
        Tally(4, 3)
