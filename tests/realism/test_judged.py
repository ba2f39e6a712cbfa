"""The decisions over all measures: corrected for their number, and one word on variety."""

from __future__ import annotations

import pytest

from synthaudit.realism.judged import Variety, judged, standard_errors
from synthaudit.realism.measured import Result
from synthaudit.realism.notes import ABOUT, Asks
from synthaudit.statistics.relabeling import Compared


def result(stem: str, p_higher: float = 0.5, p_lower: float = 0.5, value: float = 1.0) -> Result:
    return Result(stem, "", Compared(value, 1.0, value - 0.2, value + 0.2, p_higher, p_lower, 40))


def test_a_difference_is_claimed_after_correction_only() -> None:
    alone = judged([result("kid", p_higher=0.04)])
    assert [one.stem for one in alone.far.beyond] == ["kid"]
    among = judged([result("kid", p_higher=0.04), result("spectrum"), result("checkerboard")])
    assert among.far.beyond == ()
    assert among.far.p_value == pytest.approx(0.12)


def test_each_measure_is_asked_the_way_that_is_worse() -> None:
    assert judged([result("precision", p_lower=0.001)]).far.beyond
    assert not judged([result("precision", p_higher=0.001)]).far.beyond
    assert judged([result("kid", p_lower=0.001)]).near.beyond
    assert not judged([result("precision", p_higher=0.001)]).near.beyond
    covering = judged([result("coverage", p_higher=0.001)])
    assert covering.near.beyond, "whoever covers the training images better than other real ones is close to them"
    assert covering.variety is Variety.EVEN


@pytest.mark.parametrize(
    ("results", "word"),
    [
        ([result("recall", p_lower=0.002)], Variety.LESS),
        ([result("ms_ssim", p_higher=0.002)], Variety.LESS),
        ([result("vendi", p_higher=0.002)], Variety.MORE),
        ([result("vendi", p_higher=0.002), result("recall", p_lower=0.002)], Variety.MIXED),
        ([result("recall", p_lower=0.03), result("coverage"), result("vendi")], Variety.EVEN),
    ],
)
def test_variety_in_one_word(results: list[Result], word: Variety) -> None:
    assert judged(results).variety is word


def test_what_was_not_measured_decides_nothing() -> None:
    found = judged([Result("kid", "", None, "too few")])
    assert found.far.p_value is None
    assert found.variety_p is None
    assert found.variety is Variety.EVEN


def test_measures_that_are_context_decide_nothing() -> None:
    context = [stem for stem, about in ABOUT.items() if about.asks is Asks.NOTHING]
    assert {"frechet", "frechet_infinity", "cmmd", "novelty"} <= set(context)
    assert judged([result(stem, 0.001, 0.001) for stem in context]).far.p_value is None


def test_standard_errors_point_to_the_worse_side() -> None:
    for stem, value, expected in (("kid", 1.2, 1.96), ("precision", 0.8, 1.96), ("ms_ssim", 1.2, -1.96)):
        found = standard_errors(result(stem, value=value))
        assert found is not None
        assert found == pytest.approx((expected, 1.96))
    assert standard_errors(Result("kid", "", None, "too few")) is None
