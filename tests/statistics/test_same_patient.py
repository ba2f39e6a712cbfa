"""The same-patient AUC: every pair counted, nothing else; its interval holds where nobody can be told apart."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthaudit.errors import NotEnoughData
from synthaudit.statistics.roc import auc
from synthaudit.statistics.same_patient import _Order, same_patient_auc

SEEDS = st.integers(0, 10_000)


@given(SEEDS, st.integers(5, 12))
def test_it_is_the_auc_over_all_pairs(seed: int, p: int) -> None:
    rng = np.random.default_rng(seed)
    similarity = rng.integers(0, 6, (p, p)).astype(float)
    beside = similarity[~np.eye(p, dtype=bool)]
    found = same_patient_auc(similarity, rng, bootstraps=20)
    assert found.auc == pytest.approx(auc(np.diag(similarity).copy(), beside), abs=1e-12)
    assert (found.n_patients, found.low <= found.high) == (p, True)


@given(SEEDS)
def test_a_weight_is_so_many_draws_of_the_patient(seed: int) -> None:
    """The naive bootstrap: draw patients, form their pairs, leave out pairs of a patient with their own double."""
    rng = np.random.default_rng(seed)
    p = 7
    similarity = rng.integers(0, 9, (p, p)).astype(float)
    drawn = np.concatenate([[0, 1], rng.integers(0, p, p - 2)])
    pairs = similarity[np.ix_(drawn, drawn)]
    expected = auc(similarity[drawn, drawn], pairs[drawn[:, None] != drawn])
    weight = np.bincount(drawn, minlength=p).astype(float)
    assert _Order.of(similarity).auc(weight) == pytest.approx(expected, abs=1e-12)


def test_it_finds_what_is_there() -> None:
    rng = np.random.default_rng(0)
    faces = rng.standard_normal((40, 20))
    first, second = (faces + 0.5 * rng.standard_normal(faces.shape) for _ in range(2))
    found = same_patient_auc(first @ second.T, rng)
    assert found.low > 0.95
    assert same_patient_auc(-(first @ second.T), rng).high < 0.05


def test_chance_lies_in_nineteen_of_twenty_intervals() -> None:
    rng = np.random.default_rng(1)
    held = 0
    for _ in range(200):
        first, second = rng.standard_normal((2, 30, 8))
        found = same_patient_auc(first @ second.T, rng, bootstraps=200)
        held += found.low <= 0.5 <= found.high
    assert held >= 178  # binomial: 190 expected, fewer than 178 once in 3,000 at 95 %


def test_four_patients_are_too_few() -> None:
    with pytest.raises(NotEnoughData, match=r"^a same-patient AUC needs at least 5 patients with two different images"):
        same_patient_auc(np.eye(4), np.random.default_rng(0))
