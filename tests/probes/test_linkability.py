"""The probe `linkability`: two visits, an answer for a clinician, and silence where there is nothing to link."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from synthaudit.cohort import Cohort, Role
from synthaudit.errors import NotEnoughData
from synthaudit.finding import ChartKind, Finding
from synthaudit.generators.made import ArrayImage
from synthaudit.phantoms.chest import ChestPopulation
from synthaudit.probe import Evidence
from synthaudit.probes.linkability import Linkability

if TYPE_CHECKING:
    from tests.probes.conftest import Scene


SIDES = {Role.TRAIN: range(11), Role.HOLDOUT: range(11, 22)}


def in_memory(one: Cohort) -> Cohort:
    return replace(one, sources=tuple(ArrayImage(source.read()) for source in one.sources))


def asked(evidence: Evidence) -> Finding:
    return Linkability().run(evidence, evidence.rng("probe linkability"))


@pytest.fixture(scope="module")
def visits(scenes: type[Scene]) -> Scene:
    """Two visits of eleven patients on each side, and copies of both visits of the training patients."""
    chest = ChestPopulation(seed=5, size=32)
    train, holdout = (in_memory(chest.cohort(role, numbers, 2)) for role, numbers in SIDES.items())
    n = len(train)
    names = tuple(f"made-{i}" for i in range(n))
    made = replace(
        train, role=Role.SYNTHETIC, names=names, patients=names, known_patient=np.zeros(n, dtype=bool), attributes={}
    )
    return scenes(train, holdout, made)


@pytest.fixture(scope="module")
def found(visits: Scene) -> Finding:
    return asked(visits.evidence())


def test_visits_are_linked_by_copies(found: Finding) -> None:
    names = [one.name for one in found.measures]
    assert names == [
        "excess",
        "excess_p",
        *(f"{stem}[visits]" for stem in ("excess", "train_success", "holdout_success", "blind_success")),
        "direct_success[visits]",
        "outlier_excess[lowest_density]",
        "outlier_excess[rare_findings]",
        "outlier_excess[extreme_ages]",
    ]
    shares = [found.measure(f"{side}_success[visits]") for side in ("train", "holdout", "blind")]
    values = [one.value for one in shares if one is not None and one.value is not None]
    assert values[0] > values[1] > 0
    assert values[2] == 0.1
    assert found.answer.startswith("The synthetic images link records of training patients ")
    (chart,) = found.charts
    assert chart.kind is ChartKind.INTERVALS
    assert any("not a one-off exercise" in limit for limit in found.limits)


def test_the_order_of_files_and_the_workers_change_nothing(visits: Scene, found: Finding) -> None:
    again = asked(visits.shuffled(seed=1).evidence(workers=2))
    assert again.measures == found.measures


def test_one_image_each_is_nothing_to_link(honest_evidence: Evidence) -> None:
    with pytest.raises(NotEnoughData, match=r"^linking needs at least 10 patients on each side with two records"):
        asked(honest_evidence)


def test_numbers_are_finite(found: Finding) -> None:
    assert all(np.isfinite(one.value) for one in found.measures if one.value is not None)
