"""Hard controls: honest ones show nobody's images, leaking ones say whom they show, and do."""

from __future__ import annotations

import numpy as np
import pytest

from synthaudit.errors import UsageError
from synthaudit.generators.controls import FreshPatients
from synthaudit.generators.hard_controls import BlurredPatients, Mixup, OtherHospital, Transplant
from synthaudit.generators.protocol import Capability, Generator
from synthaudit.phantoms.chest import ChestPopulation

POPULATION = ChestPopulation(seed=5, size=32)
TRAIN = np.stack([POPULATION.image(patient) for patient in range(10)])
FRESH = FreshPatients(POPULATION, first=1000)


@pytest.mark.parametrize(
    "control",
    [BlurredPatients(FRESH), OtherHospital(FRESH), Mixup(TRAIN), Transplant(TRAIN, FRESH)],
    ids=["blurred", "other hospital", "mixup", "transplant"],
)
def test_each_is_a_generator_whose_items_depend_on_seed_and_number_only(control: Generator) -> None:
    assert isinstance(control, Generator)
    assert control.capabilities() == {Capability.SAMPLE}
    made = control.sample(6, 3)
    assert made.shape == (6, *control.spec.shape)
    assert made.dtype == np.float32
    assert made.min() >= 0
    assert made.max() <= 1
    np.testing.assert_array_equal(control.sample(2, 3), made[:2])
    assert np.abs(control.sample(6, 4) - made).max() > 0.1
    with pytest.raises(UsageError, match="a control knows no condition"):
        control.sample(1, 0, {"sex": "F"})


def test_blur_takes_detail_and_nothing_else() -> None:
    sharp, blurred = FRESH.sample(8, 1), BlurredPatients(FRESH, sigma=1 / 16).sample(8, 1)
    assert blurred.mean() == pytest.approx(sharp.mean(), rel=0.02)
    assert np.abs(np.diff(blurred)).mean() < 0.7 * np.abs(np.diff(sharp)).mean()


def test_the_other_hospital_shows_other_gray_values_in_a_frame() -> None:
    here, there = FRESH.sample(8, 1), OtherHospital(FRESH).sample(8, 1)
    assert there[:, :2].max() == there[:, -2:].max() == there[:, :, :2].max() == there[:, :, -2:].max() == 0
    np.testing.assert_allclose(there[:, 2:-2, 2:-2], here[:, 2:-2, 2:-2] ** np.float32(0.7), rtol=1e-6)


def test_a_mixture_is_of_the_two_whom_the_truth_names() -> None:
    mixup = Mixup(TRAIN, weight=0.3)
    first, second = mixup.mixed(20, 3).T
    assert (first != second).all()
    assert len(set(first) | set(second)) == len(TRAIN)
    np.testing.assert_allclose(mixup.sample(20, 3), 0.3 * TRAIN[first] + 0.7 * TRAIN[second], atol=1e-6)
    np.testing.assert_array_equal(Mixup(TRAIN, weight=1).sample(20, 3), TRAIN[first])
    assert mixup.mixed(0, 3).shape == (0, 2)


def test_a_transplant_is_in_place_and_of_whom_the_truth_names() -> None:
    transplant = Transplant(TRAIN, FRESH)
    made, around = transplant.sample(20, 3), FRESH.sample(20, 3)
    side = round(0.6 * 32)
    for image, other, (row, top, left) in zip(made, around, transplant.placed(20, 3), strict=True):
        inside = np.zeros((32, 32), dtype=bool)
        inside[top : top + side, left : left + side] = True
        assert inside.sum() == side * side
        np.testing.assert_array_equal(image[inside], TRAIN[row][inside])
        np.testing.assert_array_equal(image[~inside], other[~inside])
    assert len(set(transplant.placed(60, 3)[:, 0])) == len(TRAIN)


def test_wrong_use_is_named() -> None:
    with pytest.raises(UsageError, match="n at least 2, got"):
        Mixup(TRAIN[:1])
    with pytest.raises(UsageError, match=r"weight must lie in \[0, 1\], got 2"):
        Mixup(TRAIN, weight=2)
    with pytest.raises(UsageError, match=r"side must lie in \(0, 1\], got 0"):
        Transplant(TRAIN, FRESH, side=0)
    with pytest.raises(UsageError, match=r"training must have shape \(n, h, w\)"):
        Transplant(TRAIN[:0], FRESH)
