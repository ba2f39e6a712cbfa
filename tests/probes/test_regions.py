"""The probe `regions`: parts put into other images are found, named by side, and not counted twice."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from numpy.typing import NDArray

from synthaudit.cohort import Role
from synthaudit.errors import NotEnoughData
from synthaudit.finding import Finding, Kind
from synthaudit.matching.regions_planted import transplant
from synthaudit.phantoms.chest import ChestPopulation
from synthaudit.probes.regions import Regions
from tests.probes.conftest import SIZE, Scene, cohort, patient_id

Image = NDArray[np.float32]
N = 26


@pytest.fixture(scope="module")
def scene() -> Scene:
    """Two training patients and a held-out one in part, a training patient whole and in part, and two strangers."""
    chest = ChestPopulation(seed=5, size=SIZE)
    rng = np.random.default_rng(5)
    fresh = [chest.image(number) for number in range(500, 506)]
    made = [
        *(transplant(chest.image(donor), fresh[i], 0.5, rng)[0] for i, donor in enumerate((3, 11, 104, 20))),
        *fresh[4:],
        chest.image(20),
    ]
    return Scene(
        cohort(Role.TRAIN, [(number, chest.image(number)) for number in range(N)]),
        cohort(Role.HOLDOUT, [(number, chest.image(number)) for number in range(100, 100 + N)]),
        cohort(Role.SYNTHETIC, [(-1, image) for image in made]),
    )


def run(scene: Scene, workers: int = 1, whole: bool = False) -> Finding:
    """The finding; with `whole`, after the (slower) search for whole copies, else as if that had found nobody."""
    evidence = scene.evidence(workers=workers)
    if not whole:
        nobody = np.zeros(evidence.pool.n_patients, dtype=bool)
        nothing = SimpleNamespace(pairs=(), direct=nobody, proven=nobody, twins=nobody, left_out=nobody)
        evidence.once("copying", lambda: nothing)
    return Regions().run(evidence, evidence.rng("probe regions"))


@pytest.fixture(scope="module")
def finding(scene: Scene) -> Finding:
    return run(scene, whole=True)


def value(finding: Finding, name: str) -> float:
    measure = finding.measure(name)
    assert measure is not None
    assert measure.value is not None
    return measure.value


def test_patients_shown_in_part_are_named_by_side(finding: Finding) -> None:
    named = {one.patient_id: one for one in finding.exposures}
    assert set(named) == {patient_id(3), patient_id(11), patient_id(104)}
    assert named[patient_id(104)].probe == "regions/holdout"
    assert value(finding, "region_patients") == 2
    assert value(finding, "region_holdout_patients") == 1
    assert all(one.kind is Kind.DIRECT and one.flagged for one in finding.exposures)
    assert all(one.pair is not None and one.pair.region is not None for one in finding.exposures)


def test_who_was_found_whole_is_not_counted_again(finding: Finding) -> None:
    assert value(finding, "also_direct") == 1
    assert "found whole" in finding.answer
    assert "made-006.png" not in {one.synthetic_image for one in finding.withheld}
    assert {f"made-{row:03d}.png" for row in range(4)} >= {one.synthetic_image for one in finding.withheld}


def test_planted_parts_are_counted(finding: Finding) -> None:
    measure = finding.measure("sensitivity[region 36 %]")
    assert measure is not None
    assert measure.n_patients == 5
    assert value(finding, "sensitivity[region 36 %]") >= value(finding, "sensitivity[region 10 %]")
    assert value(finding, "mistaken_identity") == 0


def test_swapped_sides_give_the_same_scores(scene: Scene, finding: Finding) -> None:
    again = run(scene.swapped(), workers=2)
    before = {one.patient_id: one.score for one in finding.exposures}
    after = {one.patient_id: one.score for one in again.exposures}
    assert after == before | {patient_id(20): after[patient_id(20)]}  # here counted: nobody was found whole
    assert value(again, "region_holdout_patients") == 3


def test_strangers_are_left_alone() -> None:
    finding = run(Scene.strangers_only(seed=21, n=24, n_synthetic=4))
    assert value(finding, "region_patients") == value(finding, "region_holdout_patients") == 0
    assert not finding.exposures
    assert not finding.withheld
    assert finding.answer == "No part of a synthetic image is a part of a patient's image beyond doubt."


def test_too_few_patients_are_said_to_be_too_few() -> None:
    with pytest.raises(NotEnoughData, match="at least 20 real images"):
        run(Scene.strangers_only(seed=1, n=6))
