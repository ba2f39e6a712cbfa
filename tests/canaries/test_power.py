"""How many copied patients it takes: more copies are never harder to find, and what is never found has no limit."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from synthaudit.canaries import power as module
from synthaudit.canaries.planted_measures import Outcome, detection_limit_measure
from synthaudit.canaries.planting import PlantedCopies
from synthaudit.canaries.power import COUNTS, Power, StatisticalHalf, detection_limit, power_curve
from synthaudit.canaries.transforms import TRANSFORMS
from synthaudit.copying import CopyEvidence

NO_EVIDENCE = None  # without the statistical half the evidence is not looked at


def planted(found: int, n: int = 20, decoys: int = 5) -> PlantedCopies:
    """`n` copies of training patients, of which `found` are direct evidence, and decoys, all of them found."""
    total = n + decoys
    return PlantedCopies(
        transform=TRANSFORMS[0],
        patient=np.arange(total, dtype=np.intp),
        of_train=np.arange(total) < n,
        direct=(np.arange(total) < found) | (np.arange(total) >= n),
        wrong=np.zeros(total, dtype=bool),
        similarity=np.zeros(total),
        likeness=np.zeros(total),
    )


def curve(copies: PlantedCopies, seed: int = 0) -> Power:
    evidence: CopyEvidence = NO_EVIDENCE  # type: ignore[assignment]
    return power_curve(evidence, copies, None, np.random.default_rng(seed))


def test_what_is_always_found_is_found_at_once() -> None:
    power = curve(planted(20))
    assert power.counts == COUNTS
    assert power.found == (1.0,) * len(COUNTS)


def test_what_is_never_found_is_found_in_no_number() -> None:
    """Held-out decoys do not count, however well they are found."""
    assert curve(planted(0)).found == (0.0,) * len(COUNTS)


@pytest.mark.parametrize("found", [1, 4, 10, 16])
def test_more_copies_are_found_more_often(found: int) -> None:
    power = curve(planted(found))
    assert power.found == pytest.approx([1 - (1 - found / 20) ** n for n in power.counts])
    assert all(later >= earlier for earlier, later in zip(power.found, power.found[1:], strict=False))


def test_a_curve_agrees_with_copies_drawn_one_by_one() -> None:
    """The naive version: draw whether each copy is found, and look whether any was."""
    rng = np.random.default_rng(5)
    drawn = [(rng.random((4_000, n)) < 4 / 20).any(axis=1).mean() for n in COUNTS]
    assert curve(planted(4)).found == pytest.approx(drawn, abs=0.03)


def test_twenty_planted_do_not_stand_for_all_patients() -> None:
    """One of twenty was found: twenty further copies may hold none that is, though the twenty planted hold one."""
    assert curve(planted(1)).found[-1] < 0.9
    assert detection_limit(planted(1), curve(planted(1)), 0.9).value == 45


def test_no_more_are_planted_than_there_are() -> None:
    assert curve(planted(6, n=6)).counts == (1, 2, 3, 5)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 30).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), st.sampled_from([0.5, 0.9]))
def test_the_limit_lies_in_its_interval(counts: tuple[int, int], probability: float) -> None:
    found, n = counts
    copies = planted(found, n)
    limit = detection_limit(copies, curve(copies), probability)
    assert 1 <= limit.low <= limit.value <= limit.high


def test_limits_of_known_sensitivities() -> None:
    for found, value in ((20, 1), (10, 4), (0, math.inf)):
        copies = planted(found)
        nothing = Power(COUNTS, (0.0,) * len(COUNTS))
        assert detection_limit(copies, nothing, 0.9).value == value
    sure = detection_limit(planted(20), curve(planted(20)), 0.9)
    assert (sure.low, sure.value, sure.high) == (1, 1, 2), "twenty of twenty leave a sensitivity of 83 % possible"
    deaf = detection_limit(planted(0), curve(planted(0)), 0.9)
    assert (deaf.value, deaf.high) == (math.inf, math.inf)


def outcome(copies: PlantedCopies) -> Outcome:
    power = curve(copies)
    return Outcome(copies, power, detection_limit(copies, power, 0.9))


def test_no_hits_and_no_statistics_is_not_measured() -> None:
    measure = detection_limit_measure(outcome(planted(0)))
    assert measure.value is None
    assert measure.not_measured == "no number of copies (unchanged) is found with 90 % probability; 20 were planted"
    seen = detection_limit_measure(outcome(planted(20)))
    assert (seen.low, seen.value, seen.high, seen.n_patients) == (1, 1, 2, 20)


def test_the_statistical_half_counts_where_direct_evidence_fails() -> None:
    statistical = Power(COUNTS, tuple(float(n >= 8) for n in COUNTS))
    limit = detection_limit(planted(0), statistical, 0.9)
    assert limit.value == 8


class NamesFrom:
    """A statistical decision that names someone as soon as so many are copied; counts how often it is asked."""

    def __init__(self, fewest: int) -> None:
        self.fewest, self.asked = fewest, 0

    def names_anyone(self, copies: CopyEvidence, planted: PlantedCopies, chosen: NDArray[np.intp]) -> bool:  # noqa: ARG002
        self.asked += 1
        assert planted.of_train[chosen].all(), "decoys are not copied patients"
        assert len(np.unique(chosen)) == len(chosen)
        return len(chosen) >= self.fewest


def test_the_better_of_sight_and_statistics_counts() -> None:
    evidence: CopyEvidence = NO_EVIDENCE  # type: ignore[assignment]
    for found in (0, 4):
        half: StatisticalHalf = NamesFrom(8)  # type: ignore[assignment]
        power = power_curve(evidence, planted(found), half, np.random.default_rng(0))
        direct = [1 - (1 - found / 20) ** n for n in COUNTS]
        assert power.found == pytest.approx([1.0 if n >= 8 else sight for n, sight in zip(COUNTS, direct, strict=True)])
    unasked = NamesFrom(1)
    power_curve(evidence, planted(20), unasked, np.random.default_rng(0))  # type: ignore[arg-type]
    assert unasked.asked == 0, "what is always seen needs no statistics"


def test_finding_more_never_raises_the_limit() -> None:
    """Sensitivity is evidence for the audit: with every further copy found, each end of the limit falls or stays."""
    statistical = Power(COUNTS, tuple(float(n >= 8) for n in COUNTS))
    limits = [detection_limit(planted(found), statistical, 0.9) for found in range(21)]
    for end in ("low", "value", "high"):
        numbers: NDArray[np.float64] = np.array([getattr(limit, end) for limit in limits])
        assert (numbers[1:] <= numbers[:-1]).all(), end


def test_the_draws_are_many() -> None:
    assert module.DRAWS >= 50
