"""The probe `extraction`: a copier gives its patients away, an honest generator no one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from synthaudit.finding import Finding, Kind
from synthaudit.generators.controls import Copying, FreshPatients, Photocopier
from synthaudit.generators.protocol import Generator
from synthaudit.phantoms.chest import ChestPopulation
from synthaudit.probe import Evidence, Settings
from synthaudit.probes.extraction import Extraction

if TYPE_CHECKING:
    from tests.probes.conftest import Scene

FRESH = FreshPatients(ChestPopulation(seed=11, size=64), first=5_000)


def asked(evidence: Evidence, generator: Generator, n: int) -> Finding:
    settings: Settings = replace(evidence.settings, extracted_images=n)
    evidence = replace(evidence, generator=generator, settings=settings)
    return Extraction().run(evidence, evidence.rng("probe extraction"))


@pytest.fixture(scope="module")
def told(copied_evidence: Evidence) -> Finding:
    """Copies of four training patients and a held-out one, a little altered, among fresh patients."""
    train, holdout = copied_evidence.train, copied_evidence.holdout
    assert holdout is not None
    pictures = [*(train.sources[i].read() for i in range(0, 12, 3)), holdout.sources[0].read()]
    copier = Photocopier(np.stack(pictures), Copying.NOISY, share=0.5, otherwise=FRESH)
    return asked(copied_evidence, copier, 40)


def test_a_copier_gives_its_patients_away(told: Finding, copied_evidence: Evidence) -> None:
    patients, others = told.measure("extracted_patients"), told.measure("extracted_holdout_patients")
    assert patients is not None
    assert others is not None
    copied = {copied_evidence.train.patients[i] for i in range(0, 12, 3)}
    named = {one.patient_id for one in told.exposures if one.role == "train"}
    assert (patients.value, patients.high) == (len(copied), len(copied))
    assert named == copied
    assert others.value == 1
    said = f"Yes: {len(copied)} training patients can be shown side by side with one of 40 images made for this audit"
    assert told.answer.startswith(said)
    assert all(one.kind is Kind.DIRECT and one.flagged and one.pair is not None for one in told.exposures)
    assert {one.probe for one in told.exposures} == {"extraction", "extraction/holdout"}


def test_what_is_published_names_nobody(told: Finding, copied_evidence: Evidence) -> None:
    public = repr((told.answer, told.measures, told.charts, told.limits))
    ids = (*copied_evidence.train.patients, *copied_evidence.train.names)
    assert [name for name in ids if name in public] == []


def test_an_honest_generator_gives_no_one_away(copied_evidence: Evidence) -> None:
    found = asked(copied_evidence, FRESH, 40)
    for name in ("extracted_patients", "extracted_holdout_patients"):
        measure = found.measure(name)
        assert measure is not None
        assert (measure.value, measure.low, measure.high) == (0, 0, 0)
    assert found.exposures == ()
    assert found.answer.startswith("Among 40 images made for this audit, none made again and again is a copy of")


@pytest.mark.slow
def test_without_a_holdout_training_patients_are_still_found(scenes: type[Scene]) -> None:
    scene = replace(scenes.with_copies(), holdout=None)
    evidence = scene.evidence()
    copier = Photocopier(np.stack([scene.train.sources[i].read() for i in (0, 4)]))
    found = asked(evidence, copier, 8)
    patients, others = found.measure("extracted_patients"), found.measure("extracted_holdout_patients")
    assert patients is not None
    assert patients.value == 2
    assert others is not None
    assert others.not_measured == "there is no holdout; give real images of other patients with --holdout"
