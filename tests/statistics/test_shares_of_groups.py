"""Shares in clusters, their ratio, odds ratios and predicted classes: laws, published figures, calibration."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from synthaudit.errors import NotEnoughData
from synthaudit.statistics.clustered_share import Share, clustered_shares
from synthaudit.statistics.odds_ratio import log_odds_ratio, ratio_of_odds_ratios
from synthaudit.statistics.predicted_shares import Confusions, solved, undone, unexplained
from synthaudit.statistics.prevalence import Tally, true_prevalence
from synthaudit.statistics.share_ratio import detectable_ratio, equal_shares_p, share_ratio_interval


@given(st.lists(st.booleans(), min_size=1, max_size=30))
def test_single_images_are_binomial_trials(hits: list[bool]) -> None:
    hit = np.array(hits)
    alike, by_image = clustered_shares(hit, np.arange(len(hits)))
    for one in (alike, by_image):
        assert one.value == pytest.approx(hit.mean())
        assert one.trials == pytest.approx(len(hits))


def test_images_of_one_patient_are_one_patient() -> None:
    """Each image doubled: the share stays, and so does what is known of it."""
    rng = np.random.default_rng(0)
    hit = rng.random(60) < 0.4
    alike, by_image = clustered_shares(np.repeat(hit, 2), np.repeat(np.arange(60), 2))
    assert alike.trials == pytest.approx(60)
    assert by_image.trials == pytest.approx(60)
    assert by_image.value == pytest.approx(hit.mean())


def test_who_comes_often_weighs_by_images_only() -> None:
    hit = np.array([True] * 9 + [False] * 1)
    alike, by_image = clustered_shares(hit, np.array([0] * 9 + [1]))
    assert (alike.value, by_image.value) == (0.5, 0.9)
    assert alike.trials == 2
    assert by_image.trials < 10


def test_the_score_interval_is_koopmans() -> None:
    """His example: 36 of 40 against 16 of 80."""
    low, high = share_ratio_interval(Share(36 / 40, 40), Share(16 / 80, 80))
    assert (round(low, 2), round(high, 2)) == (2.94, 7.15)


@given(
    st.integers(0, 30),
    st.integers(30, 60),
    st.integers(1, 40),
    st.integers(40, 80),
    st.sampled_from([0.9, 0.95, 0.999]),
)
@settings(max_examples=40)
def test_the_score_interval_holds_the_ratio_and_grows_with_the_level(
    a: int, n: int, b: int, m: int, level: float
) -> None:
    share, base = Share(a / n, n), Share(b / m, m)
    low, high = share_ratio_interval(share, base, level)
    assert 0 <= low <= share.value / base.value <= high
    wider = share_ratio_interval(share, base, 1 - (1 - level) / 2)
    assert wider[0] <= low + 1e-9
    assert wider[1] >= high - 1e-9


def test_the_score_interval_covers_as_promised() -> None:
    """Of a group of 12 %, in samples of 80 and 60, at ratio 1 and at ratio 1/3: within what 800 draws allow."""
    rng = np.random.default_rng(1)
    for ratio in (1.0, 1 / 3):
        inside = 0
        for _ in range(400):
            share = Share(rng.binomial(80, 0.24 * ratio) / 80, 80)
            base = Share(max(1, rng.binomial(60, 0.24)) / 60, 60)
            low, high = share_ratio_interval(share, base)
            inside += low <= ratio <= high
        assert inside >= binom.ppf(0.001, 400, 0.94)


def test_equal_shares_are_refuted_no_more_often_than_the_level_says() -> None:
    rng = np.random.default_rng(2)
    p = [
        equal_shares_p(Share(rng.binomial(50, 0.2) / 50, 50), Share(rng.binomial(70, 0.2) / 70, 70)) for _ in range(200)
    ]
    assert np.sum(np.array(p) <= 0.05) <= binom.ppf(0.999, 200, 0.05)
    assert np.sum(np.array(p) <= 0.2) > 10, "silence would be no calibration either"


def test_without_trials_there_is_no_ratio() -> None:
    with pytest.raises(NotEnoughData, match=r"^a ratio of shares needs trials on both sides, got 0 and 5$"):
        share_ratio_interval(Share(0.0, 0.0), Share(0.2, 5))
    with pytest.raises(NotEnoughData, match=r"^a share needs at least 1 image, got 0$"):
        clustered_shares(np.zeros(0, dtype=bool), np.zeros(0, dtype=np.intp))


def test_what_is_detectable_is_detected_four_times_in_five() -> None:
    base = Share(0.4, 300)
    ratio = detectable_ratio(base, 300, 0.01)
    rng = np.random.default_rng(3)
    seen = sum(
        equal_shares_p(Share(rng.binomial(300, 0.4 * ratio) / 300, 300), Share(rng.binomial(300, 0.4) / 300, 300))
        <= 0.01
        for _ in range(150)
    )
    assert 0.68 < seen / 150 < 0.92
    assert detectable_ratio(Share(0.05, 30), 30, 0.001) == 0.0


def test_odds_ratios_agree_where_only_the_margins_differ() -> None:
    """Twice the women, and thrice the finding: the same tie."""
    table = np.array([[40.0, 60.0], [20.0, 80.0]])
    found = ratio_of_odds_ratios(table * np.array([[2.0], [1.0]]) * np.array([3.0, 1.0]), table)
    assert found.value == pytest.approx(1.0, abs=0.02)
    assert found.p_value > 0.9
    turned = ratio_of_odds_ratios(table[::-1], table)
    assert turned.value < 0.3
    assert turned.p_value < 0.001
    low, high = turned.interval()
    assert low < turned.value < high < 1


def test_an_empty_cell_leaves_a_finite_odds_ratio() -> None:
    log, variance = log_odds_ratio(np.array([[0.0, 10.0], [5.0, 5.0]]))
    assert math.isfinite(log)
    assert variance > 2


def test_odds_ratios_alarm_no_more_often_than_the_level_says() -> None:
    rng = np.random.default_rng(4)
    cells = np.array([0.08, 0.4, 0.12, 0.4])
    p = np.array(
        [
            ratio_of_odds_ratios(
                rng.multinomial(150, cells).reshape(2, 2).astype(float),
                rng.multinomial(120, cells).reshape(2, 2).astype(float),
            ).p_value
            for _ in range(600)
        ]
    )
    assert binom.ppf(0.001, 600, 0.02) <= np.sum(p <= 0.05) <= binom.ppf(0.999, 600, 0.05)


def test_two_classes_are_undone_as_rogan_and_gladen_did() -> None:
    confusion = np.array([[[0.9, 0.1], [0.2, 0.8]]])
    found = np.array([[0.62, 0.38]])
    expected = true_prevalence(Tally(62, 100), Tally(90, 100), Tally(80, 100)).value
    assert undone(found, confusion)[0, 0] == pytest.approx(expected, abs=1e-6)
    assert solved(found, confusion)[0, 0] == pytest.approx(expected)


@settings(max_examples=20)
@given(st.integers(0, 10_000))
def test_what_confusion_made_is_undone(seed: int) -> None:
    rng = np.random.default_rng(seed)
    true = rng.dirichlet(np.ones(4))
    confusion = 0.7 * np.eye(4) + 0.3 * rng.dirichlet(np.ones(4), 4)
    found = (true @ confusion)[None]
    assert solved(found, confusion[None])[0] == pytest.approx(true, abs=1e-9)
    assert undone(found, confusion[None])[0] == pytest.approx(true, abs=0.02)


def test_shares_stay_shares_where_the_inverse_leaves_them() -> None:
    confusion = np.array([[[0.8, 0.2], [0.3, 0.7]]])
    found = np.array([[0.1, 0.9]])
    assert solved(found, confusion)[0, 0] < 0
    assert undone(found, confusion)[0] == pytest.approx([0.0, 1.0], abs=1e-3)


def test_every_patient_weighs_one_in_a_confusion() -> None:
    true = np.array([0, 0, 0, 0, 0, 1, 1, -1])
    predicted = np.array([0, 0, 0, 0, 1, 1, 0, 1])
    patient = np.array([0, 0, 0, 0, 1, 2, 3, 3])
    confusions = Confusions.of(true, predicted, patient, 2)
    assert confusions.matrix()[0] == pytest.approx(np.array([[0.5, 0.5], [0.5, 0.5]]))
    doubled = confusions.matrix(np.array([[3.0, 1.0, 1.0, 0.0]]))
    assert doubled[0] == pytest.approx(np.array([[0.75, 0.25], [0.0, 1.0]]))


def test_what_no_mixture_explains_is_told() -> None:
    """Kinds 0 to 3: two classes, each sure or not. A sample of unsure ones alone is neither class's nor a mixture."""
    rng = np.random.default_rng(6)
    true = np.repeat([0, 1], 200)
    kind = 2 * true + (rng.random(400) < 0.2)
    confusions = Confusions.of(true, kind, np.arange(400), 2, 4)
    mixed = np.array([0.64, 0.16, 0.16, 0.04])
    assert unexplained(mixed, confusions, 300, rng) < 0.02
    assert unexplained(np.array([0.2, 0.3, 0.2, 0.3]), confusions, 300, rng) > 0.3


def test_a_coin_tells_no_class() -> None:
    rng = np.random.default_rng(5)
    true, coin = rng.integers(0, 2, 200), rng.integers(0, 2, 200)
    guessed = Confusions.of(true, coin, np.arange(200), 2)
    known = Confusions.of(true, true, np.arange(200), 2)
    assert guessed.youden(1) < 0.1
    assert known.youden(1) > 0.9
    with pytest.raises(NotEnoughData, match=r"^a confusion needs patients of both kinds, got 0 and 200$"):
        Confusions.of(true * 0, true * 0, np.arange(200), 2).youden(1)
