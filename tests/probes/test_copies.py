"""A copier is caught, with the right patients and nobody else; an honest generator is not."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from synthaudit.cohort import Role
from synthaudit.copying import copy_evidence, withheld_q
from synthaudit.finding import Assumption, Finding, Kind, Measure
from synthaudit.patient_statistics import PatientStatistics
from synthaudit.probe import Evidence
from synthaudit.probes.copies import NO_HOLDOUT, Copies

if TYPE_CHECKING:
    from tests.probes.conftest import Scene

STATISTICAL = ("statistical_patients", "global_p", "k_min", "decision_agreement")


def answered(evidence: Evidence) -> Finding:
    return Copies().run(evidence, evidence.rng("probe copies"))


def measure(finding: Finding, name: str) -> Measure:
    found = finding.measure(name)
    assert found is not None, name
    return found


@pytest.fixture(scope="module")
def found(copied_evidence: Evidence) -> Finding:
    return answered(copied_evidence)


def test_plain_mirrored_and_shifted_copies_are_named_and_nobody_else(copied: Scene, found: Finding) -> None:
    direct = {one.patient_id: one for one in found.exposures if one.kind is Kind.DIRECT}
    assert {name for name, one in direct.items() if one.role is Role.TRAIN} == copied.copied
    assert {one.synthetic_image for one in direct.values()} == copied.copies
    assert {one.synthetic_image for one in found.withheld if one.kind is Kind.DIRECT} == copied.copies
    assert all(one.flagged and one.pair is not None for one in direct.values())
    assert measure(found, "direct_patients").value == 3
    assert measure(found, "direct_images").value == 4
    assert measure(found, "synthetic_to_withhold").value == len(found.withheld)
    assert not any(one.flagged for one in found.exposures if one.kind is Kind.STATISTICAL), "the rest is honest"


def test_each_pair_says_how_the_two_were_brought_together(found: Finding) -> None:
    said = {one.synthetic_image: one.pair.transform for one in found.exposures if one.pair is not None}
    assert said["made-004.png"] == "in place"
    assert said["made-005.png"] == "mirrored"
    assert "shifted by" in said["made-006.png"]
    for one in found.exposures:
        if one.pair is not None:
            assert one.pair.similarity > one.pair.threshold
            assert one.pair.difference.mean() < 8, "registered, a copy differs by little"


def test_a_copy_of_a_held_out_patient_is_its_own_finding(copied: Scene, found: Finding) -> None:
    exposed = [one for one in found.exposures if one.role is Role.HOLDOUT]
    assert {one.patient_id for one in exposed} == copied.copied_holdout
    assert {one.probe for one in exposed} == {"copies/holdout"}
    assert measure(found, "direct_holdout_patients").value == 1


def test_who_has_direct_evidence_or_stands_twice_leaves_both_sides(copied: Scene, copied_evidence: Evidence) -> None:
    copies, pool = copy_evidence(copied_evidence), copied_evidence.pool
    left_out = {pool.patient_ids[i] for i in np.flatnonzero(copies.left_out)}
    assert left_out == copied.copied | copied.copied_holdout | copied.twins
    statistics = PatientStatistics.of(copied_evidence, copies, copied_evidence.rng("test"))
    compared = {pool.patient_ids[i] for i in (*statistics.train, *statistics.holdout)}
    assert compared == set(pool.patient_ids) - left_out
    assert measure(answered(copied_evidence), "global_p").n_patients == len(compared)


def test_who_was_left_out_competes_for_no_synthetic_image(copied: Scene, copied_evidence: Evidence) -> None:
    copies = copy_evidence(copied_evidence)
    q, margin = withheld_q(copies, copied_evidence.pool, copied.synthetic.volume_index, copied_evidence.rng("test"))
    assert q.shape == margin.shape == (len(copied.synthetic),)
    assert ((q > 0) & (q <= 1)).all()
    assert (q > 0.1).all(), "what is left is honest"


def test_direct_counts_are_certain_and_say_what_they_rest_on(found: Finding) -> None:
    for name in ("direct_patients", "direct_images", "direct_holdout_patients"):
        one = measure(found, name)
        assert one.low is not None
        assert one.low <= one.value == one.high  # type: ignore[operator]
        assert one.assumption is Assumption.MODEL_ASSISTED
        assert one.n_images == 14


def test_an_honest_generator_is_not_accused(honest_evidence: Evidence) -> None:
    finding = answered(honest_evidence)
    assert finding.withheld == ()
    assert not any(one.flagged for one in finding.exposures)
    counts = ("direct_patients", "direct_images", "direct_holdout_patients", "statistical_patients")
    assert [measure(finding, name).value for name in counts] == [0, 0, 0, 0]
    assert "No synthetic image is a direct copy" in finding.answer


def test_without_a_holdout_direct_copies_are_found_all_the_same(copied: Scene) -> None:
    finding = answered(replace(copied, holdout=None).evidence())
    assert {one.patient_id for one in finding.exposures if one.flagged} == copied.copied
    assert measure(finding, "direct_patients").value == 3
    for name in (*STATISTICAL, "direct_holdout_patients"):
        assert measure(finding, name).value is None
        assert measure(finding, name).not_measured == NO_HOLDOUT
    assert "could not be tested" in finding.answer


def test_with_too_few_images_equal_pixels_are_still_seen(copied: Scene) -> None:
    """Six patients say nothing about how alike strangers are, but a photocopy is a photocopy."""
    assert copied.holdout is not None
    few = replace(copied, train=copied.train.subset(range(6)), holdout=copied.holdout.subset([0, 1, 2]))
    finding = answered(few.evidence())
    assert [one.synthetic_image for one in finding.exposures] == ["made-004.png"]
    assert measure(finding, "direct_patients").assumption is Assumption.UNCALIBRATED
    text = "knowing how alike strangers are needs at least 20 real images that have one, got 9; add holdout images"
    assert text in str(measure(finding, "statistical_patients").not_measured)
    assert "Equal pixels only" in measure(finding, "direct_patients").note


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 112))
def test_honest_generators_are_not_accused(seed: int, scenes: type[Scene]) -> None:
    scene = scenes.strangers_only(seed, n=60)
    finding = answered(scene.evidence(workers=2))
    assert [measure(finding, name).value for name in ("direct_patients", "direct_holdout_patients")] == [0, 0]
    assert measure(finding, "statistical_patients").low == 0
