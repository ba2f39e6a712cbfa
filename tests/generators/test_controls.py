"""Controls: the photocopier tells whom it copied and does; fresh patients are fresh."""

from __future__ import annotations

import numpy as np
import pytest

from synthaudit.cohort import Role
from synthaudit.errors import UsageError
from synthaudit.generators.controls import Copying, FreshPatients, Photocopier
from synthaudit.generators.protocol import Capability, Generator
from synthaudit.phantoms.chest import ChestPopulation

POPULATION = ChestPopulation(seed=5, size=32)
TRAIN = np.stack([POPULATION.image(patient) for patient in range(10)])


def test_a_plain_copy_is_the_image_that_the_truth_names() -> None:
    copier = Photocopier(TRAIN)
    assert isinstance(copier, Generator)
    assert copier.capabilities() == {Capability.SAMPLE}
    np.testing.assert_array_equal(copier.sample(20, 3), TRAIN[copier.copied(20, 3)])
    np.testing.assert_array_equal(copier.sample(5, 3), copier.sample(20, 3)[:5])
    assert len(set(copier.copied(200, 3).tolist())) == 10


def test_altered_copies_can_be_undone() -> None:
    for copying in (Copying.SHIFTED, Copying.MIRRORED, Copying.NOISY):
        copier = Photocopier(TRAIN, copying)
        made, rows = copier.sample(20, 3), copier.copied(20, 3)
        for image, row in zip(made, rows, strict=True):
            original = TRAIN[row]
            assert np.abs(image - original).max() > 0
            if copying is Copying.MIRRORED:
                np.testing.assert_array_equal(image[:, ::-1], original)
            elif copying is Copying.NOISY:
                assert 0.01 < (image - original).std() < 0.03
            else:
                shifts = [np.roll(image, (down, right), (0, 1)) for down in (-1, 0, 1) for right in (-1, 0, 1)]
                assert any(np.array_equal(shift[2:-2, 2:-2], original[2:-2, 2:-2]) for shift in shifts)


def test_a_share_of_copies_among_fresh_patients() -> None:
    fresh = FreshPatients(POPULATION, first=1000)
    copier = Photocopier(TRAIN, share=0.1, otherwise=fresh)
    rows = copier.copied(400, 0)
    assert 0.05 < np.mean(rows >= 0) < 0.16
    made = copier.sample(30, 0)
    honest = np.flatnonzero(rows[:30] < 0)
    np.testing.assert_array_equal(made[honest], fresh.sample(30, 0)[honest])


def test_fresh_patients_are_of_nobody_seen() -> None:
    fresh = FreshPatients(POPULATION, first=1000)
    seen = {fresh.patient(item, seed) for item in range(50) for seed in range(3)}
    assert len(seen) == 150
    assert min(seen) >= 1000
    cohort = fresh.cohort(4, seed=2)
    assert cohort.role is Role.SYNTHETIC
    assert not cohort.known_patient.any()
    assert cohort.attributes == {}
    np.testing.assert_array_equal(np.stack([source.read() for source in cohort.sources]), fresh.sample(4, 2))


def test_wrong_use_is_named() -> None:
    with pytest.raises(UsageError, match=r"share must lie in \[0, 1\], got 2"):
        Photocopier(TRAIN, share=2)
    with pytest.raises(UsageError, match="a share below 1 needs a generator"):
        Photocopier(TRAIN, share=0.5)
    with pytest.raises(UsageError, match=r"training must have shape \(n, h, w\)"):
        Photocopier(TRAIN[:0])
