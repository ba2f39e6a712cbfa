"""Values that agree by chance alarm no more often than stated; values of training patients alone are named."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from synthaudit.headers.acquisition import shared_settings
from synthaudit.headers.carry_over import carried_over
from synthaudit.headers.read import HeaderFile, Headers
from synthaudit.headers.record import FileHeader, Said, Topic, Weight
from synthaudit.headers.sealing import Sealer

SEALER = Sealer(b"k")
SIDE = 40
TRIALS = 120


def said(value: object, weight: Weight, name: str = "StudyDate") -> Said:
    return Said("(0008,0020)", name, Topic.DATE, weight, SEALER.seal(name, str(value)))


def files(prefix: str, values: Sequence[Sequence[object]], weight: Weight) -> Headers:
    """One file for each list of values; one patient for each file."""
    made = tuple(
        HeaderFile(
            f"{prefix}{i}", (i,), frozenset({f"{prefix}{i}"}), FileHeader("DICOM", tuple(said(v, weight) for v in own))
        )
        for i, own in enumerate(values)
    )
    return Headers(made, 0, {}, SEALER)


def one_each(values: Sequence[object]) -> list[list[object]]:
    return [[value] for value in values]


def alarms(rng: np.random.Generator, alpha: float, copied: int = 0) -> int:
    """Synthetic dates drawn from the calendar of the real ones, some of them training patients'."""
    train, holdout, made = (list(rng.integers(300, size=n)) for n in (SIDE, SIDE, 60))
    made[:copied] = train[:copied]
    found = carried_over(
        files("s", one_each(made), Weight.COMMON),
        files("t", one_each(train), Weight.COMMON),
        files("h", one_each(holdout), Weight.COMMON),
        alpha=alpha,
    )
    return len({one.file for one in found})


def test_dates_that_agree_by_chance_alarm_at_the_stated_rate() -> None:
    rng = np.random.default_rng(0)
    rate = np.mean([alarms(rng, 0.05) > 0 for _ in range(TRIALS)])
    assert rate <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / TRIALS)


def test_dates_of_many_training_patients_are_no_chance() -> None:
    rng = np.random.default_rng(1)
    assert all(alarms(rng, 0.001, copied=30) >= 15 for _ in range(8))


def compared(synthetic: Sequence[object], train: Sequence[object], holdout: Sequence[object], weight: Weight) -> int:
    sides = [files(p, one_each(v), weight) for p, v in (("s", synthetic), ("t", train), ("h", holdout))]
    return len(carried_over(*sides, alpha=0.001))


@pytest.mark.parametrize("weight", list(Weight))
def test_a_value_of_both_sides_belongs_to_nobody(weight: Weight) -> None:
    assert compared(["x"], ["x", *range(12)], ["x", *range(20, 32)], weight) == 0
    assert compared(["x"], ["x"] * 12, ["x"] * 12, weight) == 0


@pytest.mark.parametrize(("weight", "expected"), [(Weight.COMMON, 0), (Weight.SPECIFIC, 1), (Weight.UNIQUE, 1)])
def test_what_one_agreement_proves(weight: Weight, expected: int) -> None:
    assert compared(["x"], ["x", *range(12)], list(range(20, 32)), weight) == expected


def test_a_specific_value_proves_nothing_once_held_out_ones_agree_as_well() -> None:
    train: list[object] = ["x", *range(12)]
    holdout: list[object] = ["y", *range(20, 32)]
    assert compared(["x", "y"], train, holdout, Weight.SPECIFIC) == 0
    assert compared(["x", "y"], train, holdout, Weight.UNIQUE) == 2


def test_a_specific_value_of_several_training_patients_is_that_sides_only_if_chance_is_no_explanation() -> None:
    rest: list[object] = list(range(100, 120))
    assert compared(["x"], ["x"] * 2 + rest, list(range(200, 222)), Weight.SPECIFIC) == 0
    assert compared(["x"], ["x"] * 12 + rest, list(range(200, 232)), Weight.SPECIFIC) == 1


def test_the_order_of_files_does_not_matter() -> None:
    rng = np.random.default_rng(2)
    train, holdout = list(rng.integers(40, size=20)), list(rng.integers(40, size=20))
    made = list(rng.integers(40, size=30))
    others, ours, theirs = (list(rng.permutation(side)) for side in (made, train, holdout))
    for weight in Weight:
        assert compared(made, train, holdout, weight) == compared(others, ours, theirs, weight)


def test_settings_that_all_exposures_share_prove_nothing() -> None:
    common = [b"kvp", b"distance", b"slope", b"spacing"]
    real = [[*common, *(b"%d-%d" % (k, i) for k in range(4))] for i in range(30)]
    assert shared_settings([common] * 20, real) == []
    (found,) = shared_settings([common] * 19 + [real[7]], real)
    assert (found.file, found.real) == (19, 7)
    assert shared_settings([[*common, b"0-7", b"1-8"]], real) == []
