"""What an attack achieves, and on whom it cannot be said."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from synthaudit.attackers.measures import answer, chart, headline, of_each, of_outliers
from synthaudit.attackers.success import Excess, Success
from synthaudit.finding import ChartKind
from synthaudit.statistics.newcombe import newcombe_difference

IS_TRAIN = np.arange(60) < 30


def success(*columns: NDArray[np.float64], weight: float = 1.0) -> Success:
    share = np.stack(columns, axis=1)
    names = ("first", "second", "third")[: len(columns)]
    p = np.linspace(0.01, 0.5, len(columns))
    return Success(names, share, np.full(share.shape, weight), IS_TRAIN, (0.1,) * len(columns), p, np.full(60, 2))


def hits(train: int, holdout: int) -> NDArray[np.float64]:
    found = np.zeros(60)
    found[:train] = found[30 : 30 + holdout] = 1.0
    return found


def test_the_excess_is_newcombes() -> None:
    found = success(hits(12, 3)).excess(0)
    assert found is not None
    assert (found.value, found.low, found.high) == pytest.approx(newcombe_difference(12, 30, 3, 30))
    assert (found.train, found.holdout) == pytest.approx((0.4, 0.1))


def test_those_who_were_tried_in_half_the_draws_count_half() -> None:
    found = success(hits(12, 3), weight=0.5).excess(0)
    assert found is not None
    assert (found.value, found.low, found.high) == pytest.approx(newcombe_difference(6, 15, 1.5, 15))


def test_the_highest_holds_whichever_attack_is_highest() -> None:
    both = success(hits(12, 3), hits(9, 5))
    highest = both.highest()
    each = [both.excess(i, level=0.975) for i in (0, 1)]
    assert highest is not None
    assert each[0] is not None
    assert each[1] is not None
    assert highest.value == each[0].value
    assert highest.low == max(each[0].low, each[1].low)
    assert highest.high == max(each[0].high, each[1].high)
    # Of an attack tried on few, less is known: it may be the higher one.
    few = np.where(np.arange(60) % 30 < 12, hits(4, 1), np.nan)
    wide = success(hits(12, 3), few)
    second, widest = wide.excess(1, level=0.975), wide.highest()
    assert second is not None
    assert widest is not None
    assert widest.value == each[0].value
    assert widest.high == second.high > each[0].high


def test_measures_carry_what_makes_them_believable() -> None:
    both = success(hits(12, 3), hits(9, 5))
    measures = {one.name: one for one in [*headline(both, "Note."), *of_each(both, {"first": "First."})]}
    assert list(measures) == [
        "excess",
        "excess_p",
        *(
            f"{stem}[{a}]"
            for a in ("first", "second")
            for stem in ("excess", "train_success", "holdout_success", "blind_success")
        ),
    ]
    assert measures["excess_p"].value == pytest.approx(0.02)
    assert measures["excess[second]"].p_value == pytest.approx(0.5)
    assert measures["excess"].floor == 0.0
    assert (measures["excess"].n_patients, measures["excess"].n_images) == (60, 120)
    assert (measures["train_success[first]"].n_patients, measures["train_success[first]"].value) == (30, 0.4)
    assert measures["blind_success[first]"].value == 0.1


def test_fewer_than_ten_on_a_side_are_not_told_of() -> None:
    groups = {"lowest_density": np.arange(60) % 3 == 0, "rare_findings": np.arange(60) < 36, "extreme_ages": IS_TRAIN}
    both = success(hits(12, 3))
    found = {one.name: one for one in of_outliers(both, groups)}
    assert found["outlier_excess[lowest_density]"].n_patients == 20
    assert found["outlier_excess[rare_findings]"].value is None
    assert found["outlier_excess[rare_findings]"].not_measured == (
        "needs at least 10 such patients on each side who can be compared, got 30 and fewer than 10."
    )
    assert found["outlier_excess[rare_findings]"].n_patients == 0
    some = np.where(np.arange(60) < 40, hits(3, 3), np.nan)
    some[39] = np.nan
    assert success(some).highest() is None
    assert list(headline(success(some), "")) == []


def test_the_chart_shows_training_holdout_and_guessing() -> None:
    drawn = chart(success(hits(12, 3), hits(9, 5)), "name", "Title", "share", "Caption.")
    assert drawn.kind is ChartKind.INTERVALS
    assert [one.name for one in drawn.series] == ["training patients", "held-out patients", "blind guess"]
    assert drawn.series[0].x == ("first", "second")
    assert drawn.series[0].y == pytest.approx((0.4, 0.3))


@pytest.mark.parametrize(
    ("low", "high", "starts", "ends"),
    [
        (0.05, 0.4, "It leaks: 40% against 10% of us,", "5 to 40 percentage points."),
        (-0.05, 0.12, "Nothing: 40% against 10% of us,", "at most 12 percentage points."),
        (-0.3, -0.1, "Nothing: 40% against 10% of us,", "at most 0 percentage points."),
        (-0.1, 0.5, "Too few patients took part to tell whether it leaks: 40% against", "-10 to 50 percentage points."),
    ],
)
def test_the_answer_is_yes_no_or_that_it_cannot_be_told(low: float, high: float, starts: str, ends: str) -> None:
    said = answer(Excess(0.3, low, high, 0.4, 0.1, 30, 30), "It leaks", "Nothing", "us")
    assert said.startswith(starts)
    assert said.endswith(ends)
    assert answer(None, "It leaks", "Nothing", "us") == "Too few patients can be compared to tell."
