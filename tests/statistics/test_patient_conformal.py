"""p-values of images among patients: counted by hand, and nominal for fresh patients however many images each has."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from synthaudit.errors import NotEnoughData
from synthaudit.statistics.conformal import conformal_p
from synthaudit.statistics.patient_conformal import (
    left_out_p,
    more_than_fresh_p,
    patient_conformal_p,
    patient_weights,
    unusual_share,
)


def people(
    rng: np.random.Generator, n: int, most: int, alike: float = 0.7
) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Scores of 1 to `most` images of each of n patients; images of one patient correlate."""
    patient = np.repeat(np.arange(n), rng.integers(1, most + 1, n))
    noise = rng.normal(size=len(patient))
    return np.sqrt(alike) * rng.normal(size=n)[patient] + np.sqrt(1 - alike) * noise, patient


def test_with_one_image_a_patient_it_is_the_conformal_p_value() -> None:
    rng = np.random.default_rng(0)
    real, tested = rng.normal(size=30).round(1), rng.normal(size=12).round(1)
    np.testing.assert_allclose(patient_conformal_p(tested, real, np.arange(30)), conformal_p(tested, real))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**31))
def test_a_real_image_is_compared_with_other_patients(seed: int) -> None:
    rng = np.random.default_rng(seed)
    real, patient = people(rng, 7, 3)
    real = real.round(1)  # with ties
    shuffled = rng.permutation(len(real))
    found = left_out_p(real[shuffled], patient[shuffled])
    for i, row in enumerate(shuffled):
        others = patient != patient[row]
        expected = patient_conformal_p(real[row : row + 1], real[others], patient[others])[0]
        assert found[i] == pytest.approx(expected)


def test_a_patient_counts_once() -> None:
    assert patient_weights(np.array([5, 2, 5, 5])) == pytest.approx([1 / 3, 1, 1 / 3, 1 / 3])
    scores, patient = np.array([1.0] * 50 + [0.0] * 9), np.array([0] * 50 + list(range(1, 10)))
    many = patient_conformal_p(np.array([0.5]), scores, patient)
    assert many[0] == pytest.approx(2 / 11)


def test_fresh_patients_are_unusual_at_the_nominal_rate() -> None:
    rng = np.random.default_rng(1)
    rates = []
    for _ in range(400):
        real, patient = people(rng, 40, 6)
        fresh, _ = people(rng, 40, 1)
        rates.append((patient_conformal_p(fresh, real, patient) <= 0.1).mean())
    # 400 samples of patients, whose thresholds vary with a spread of .05: a standard error of .003. Shares of patients
    # are no whole numbers, which costs up to one half of a patient in forty.
    assert 0.1 - 0.5 / 41 - 0.009 <= np.mean(rates) <= 0.1 + 0.009


@pytest.mark.slow
def test_the_interval_holds_the_nominal_share() -> None:
    rng = np.random.default_rng(2)
    held = above = 0
    for _ in range(400):
        real, patient = people(rng, 80, 4)
        fresh, _ = people(rng, 80, 1)
        _, low, high = unusual_share(fresh, np.arange(len(fresh)), real, patient, 0.05, rng)
        held += low <= 0.05 <= high
        above += low > 0.05
    assert held / 400 >= 0.92
    assert above / 400 <= 0.05


def test_what_is_unusual_is_counted_with_an_interval() -> None:
    rng = np.random.default_rng(3)
    real, patient = people(rng, 60, 3)
    made = np.concatenate([rng.normal(size=30), np.full(30, 9.0)])
    share, low, high = unusual_share(made, np.arange(60), real, patient, 0.05, rng)
    assert 0.5 <= share <= 0.6
    assert 0.3 < low < share < high < 0.8
    assert unusual_share(np.full(9, 9.0), np.arange(9), real, patient, 0.05, rng)[1] == pytest.approx(0.664, abs=1e-3)


def test_slices_of_a_volume_are_drawn_together() -> None:
    rng = np.random.default_rng(4)
    real, patient = people(rng, 60, 1)
    made = np.repeat([9.0, -9.0], 50)
    alone, together = (
        unusual_share(made, unit, real, patient, 0.05, np.random.default_rng(0))
        for unit in (np.arange(100), np.repeat(np.arange(4), 25))
    )
    assert together[2] - together[1] > 3 * (alone[2] - alone[1])


def test_more_than_fresh_patients_give() -> None:
    rng = np.random.default_rng(5)
    found = [
        more_than_fresh_p(int((conformal_p(rng.normal(size=30), rng.normal(size=40)) <= 0.1).sum()), 30, 40, 0.1)
        for _ in range(2_000)
    ]
    for level in (0.05, 0.2):
        assert np.mean(np.array(found) <= level) <= level + 0.015
    assert more_than_fresh_p(20, 30, 40, 0.1) < 1e-6
    with pytest.raises(NotEnoughData, match="need at least 19 real patients, got 12"):
        more_than_fresh_p(1, 30, 12, 0.05)
    with pytest.raises(NotEnoughData, match="at least 1 real patient"):
        patient_conformal_p(np.ones(2), np.empty(0), np.empty(0, dtype=np.intp))
