"""Standard deviations told by other patients: as computed one patient at a time, and fair to new images."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from synthaudit.statistics.patient_left_out import PRIOR_IMAGES, on_usual_scale, standardized_apart


def test_it_is_what_leaving_each_patient_out_gives() -> None:
    rng = np.random.default_rng(0)
    real, other = rng.normal(size=(11, 2, 3)), rng.normal(size=(4, 2, 3))
    patient = np.array([3, 1, 1, 0, 2, 2, 2, 3, 4, 5, 5])
    own, rest = standardized_apart(real, patient, other)

    def alone(x: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
        n, variance = len(others), others.var(axis=0)
        variance = (n * variance + PRIOR_IMAGES * variance.mean()) / (n + PRIOR_IMAGES)
        return np.asarray((x - others.mean(axis=0)) / np.sqrt(variance * (1 + 1 / n)))

    for row in range(11):
        np.testing.assert_allclose(own[row], alone(real[row], real[patient != patient[row]]))
    for row in range(4):
        np.testing.assert_allclose(rest[row], alone(other[row], real))


def test_few_patients_do_not_make_new_images_look_unusual() -> None:
    """The highest of many places: real images and new ones of the same kind must come out alike."""
    rng = np.random.default_rng(1)
    higher = []
    for _ in range(200):
        values = rng.normal(size=(24, 60)) * rng.uniform(0.5, 2, 60)
        own, rest = standardized_apart(values[:12], np.arange(12), values[12:])
        higher.append((rest.max(axis=1)[:, None] > own.max(axis=1)).mean())
    assert np.mean(higher) == pytest.approx(0.5, abs=0.03)


def test_a_place_where_all_agree_is_no_surprise() -> None:
    own, rest = standardized_apart(np.zeros((5, 3)), np.arange(5), np.zeros((2, 3)))
    assert not own.any()
    assert not rest.any()


def test_the_most_unusual_image_does_not_set_its_own_mark() -> None:
    """Of ten columns the highest: as often above the real images' 5 % mark as real images are."""
    rng = np.random.default_rng(2)
    passed = []
    for _ in range(120):
        values = rng.normal(size=(80, 10))
        own, (fresh,) = on_usual_scale(values[:40], np.arange(40), [values[40:]], least=0.05)
        passed.append((fresh.max(axis=1) > np.sort(own.max(axis=1))[-4]).mean())
    assert np.mean(passed) == pytest.approx(4 / 41, abs=0.018)
    own, (fresh,) = on_usual_scale(values[:40], np.repeat(np.arange(20), 2), [values[:1]], least=0.05)
    np.testing.assert_allclose(own[0], on_usual_scale(values[2:40], np.arange(38), [values[:1]], least=0.05)[1][0][0])
    assert not np.allclose(own[0], fresh[0])
