"""The private diffusion's public images: of nobody in training, and refused if they are."""

from __future__ import annotations

import pytest

from synthaudit.cohort import Role
from synthaudit.errors import UsageError
from synthaudit.generators.private_fitting import check_public, public_cohort
from synthaudit.phantoms.chest import ChestPopulation


def test_simulated_patients_in_training_are_not_the_public_ones() -> None:
    check_public(public_cohort(16), ChestPopulation(seed=0, size=16).cohort(Role.TRAIN, range(8)))


def test_a_patient_on_both_sides_is_refused() -> None:
    people = ChestPopulation(seed=0, size=16).cohort(Role.TRAIN, range(8))
    with pytest.raises(UsageError, match="found 3 equal images and 3 patients in both"):
        check_public(people.subset(range(3)), people)
