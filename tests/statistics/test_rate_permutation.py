"""Comparing rates: nominal where one side is known from more images, and sharp where it succeeds more often."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from synthaudit.errors import NotEnoughData
from synthaudit.statistics.rate_permutation import rate_excess_p


def _null(seed: int, draws: int) -> float:
    """Success is as likely on both sides; the many training patients were tried six times, the others once."""
    rng = np.random.default_rng(seed)
    chance = np.where(rng.random(90) < 0.5, 0.2, 0.7)
    is_member = np.arange(90) < 60
    share = rng.binomial(np.where(is_member, 6, 1), chance) / np.where(is_member, 6, 1)
    return float(rate_excess_p(share[:, None], is_member, draws=draws, rng=rng)[0])


def test_unequal_noise_raises_no_alarm() -> None:
    p = np.array([_null(seed, 59) for seed in range(150)])
    assert (p <= 0.05).mean() <= 0.115  # three standard errors and a half above the level
    assert (p <= 0.05).mean() > 0


@pytest.mark.slow
def test_the_level_is_nominal_where_noise_is_unequal() -> None:
    p = np.array([_null(seed, 199) for seed in range(1_500)])
    assert (p <= 0.05).mean() == pytest.approx(0.05, abs=0.0197)


def test_more_success_is_seen_and_less_is_not() -> None:
    rng = np.random.default_rng(0)
    is_member = np.arange(60) < 30
    share = np.stack([np.where(is_member, 0.9, 0.1), np.where(is_member, 0.1, 0.9), np.full(60, 0.5)], axis=1)
    share = np.where(rng.random(share.shape) < share, 1.0, 0.0)
    p = rate_excess_p(share, is_member, draws=999, rng=rng)
    assert p[0] == 1 / 1000
    assert p[1] == 1.0
    assert 0.01 < p[2] < 0.999


def test_patients_that_were_not_tried_take_no_part() -> None:
    """An attack on some patients is judged as if there were no others, beside one on all of them."""
    rng = np.random.default_rng(1)
    is_member = rng.random(80) < 0.5
    share: NDArray[np.float64] = rng.random((80, 2))
    share[40:, 1] = np.nan
    share[:, 1] += 0.3 * is_member
    both = rate_excess_p(share, is_member, draws=499, rng=np.random.default_rng(2))
    alone = rate_excess_p(share[:40, 1:], is_member[:40], draws=499, rng=np.random.default_rng(3))
    assert both[1] == pytest.approx(alone[0], abs=0.02)
    assert both[1] < 0.02


def test_nothing_varies() -> None:
    is_member = np.arange(20) < 10
    assert rate_excess_p(np.zeros((20, 1)), is_member, draws=99, rng=np.random.default_rng(0))[0] == 1.0
    assert (
        rate_excess_p(is_member[:, None].astype(np.float64), is_member, draws=99, rng=np.random.default_rng(0))[0]
        == 0.01
    )


def test_too_few_are_refused() -> None:
    share = np.array([0.5] * 10 + [np.nan] * 10)[:, None]
    with pytest.raises(NotEnoughData, match="got 10 for training and 0 for holdout"):
        rate_excess_p(share, np.arange(20) < 10, draws=99, rng=np.random.default_rng(0))
