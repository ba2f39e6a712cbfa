"""The probe `context`: every measure beside its floor and a sentence on how it misleads, and none of them a verdict."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from synthaudit.errors import NotEnoughData
from synthaudit.finding import Direction, Finding
from synthaudit.probe import Evidence
from synthaudit.probes.context import Context

if TYPE_CHECKING:
    from tests.probes.conftest import Scene

NAMES = ("dcr_share", "authenticity", "nndr", "c_t", "fld_gap", "percentile_rule")


def asked(evidence: Evidence) -> Finding:
    return Context().run(evidence, evidence.rng("probe context"))


@pytest.fixture(scope="module")
def found(honest_evidence: Evidence) -> Finding:
    return asked(honest_evidence)


def test_every_measure_stands_beside_its_floor(found: Finding) -> None:
    assert tuple(one.name for one in found.measures) == tuple(f"{name}[descriptor]" for name in NAMES)
    for one in found.measures:
        assert one.value is not None
        assert one.floor is not None
        assert one.low is not None
        assert one.high is not None
        assert one.low <= one.floor <= one.high, "nothing was copied"
        assert one.n_patients == 40
        assert one.n_images == 20


def test_every_measure_says_how_it_misleads_and_none_is_good_or_bad(found: Finding) -> None:
    for one in found.measures:
        assert "How it misleads: " in one.note
        assert one.direction is Direction.NEUTRAL
        assert one.p_value is None


def test_the_answer_says_that_no_verdict_rests_on_it(found: Finding) -> None:
    assert found.answer.startswith("As a whole, the synthetic images lie as close to the training as to the held-out")
    assert "No verdict rests on this" in found.answer
    assert not found.exposures
    assert not found.withheld


def test_no_policy_looks_at_it() -> None:
    import synthaudit.policies

    folder = Path(synthaudit.policies.__file__).parent
    policies = [file.read_text(encoding="utf-8") for file in folder.glob("*.toml")]
    assert policies
    assert not any("context/" in policy for policy in policies)


def test_a_photocopier_is_told(honest: Scene) -> None:
    """Every training image made twice."""
    images = [*range(len(honest.train)), *range(len(honest.train))]
    copied = honest.train.subset(images)
    made = replace(
        copied,
        role=honest.synthetic.role,
        names=tuple(f"made-{row}" for row in range(len(images))),
        patients=tuple(f"made-{row}" for row in range(len(images))),
        known_patient=np.zeros(len(images), dtype=bool),
    )
    finding = asked(replace(honest, synthetic=made).evidence())
    by_name = {one.name.partition("[")[0]: one.value for one in finding.measures}
    assert by_name["dcr_share"] == 1.0
    assert by_name["authenticity"] == 0.0
    assert by_name["percentile_rule"] == 1.0
    assert finding.answer.startswith("As a whole, the synthetic images lie closer to the training than")


def test_the_order_of_files_and_the_workers_change_nothing(honest: Scene, found: Finding) -> None:
    assert asked(honest.shuffled(seed=1).evidence(workers=2)).measures == found.measures


def test_another_seed_draws_other_parts(honest: Scene, found: Finding) -> None:
    again = asked(honest.evidence(seed=1))
    assert again.measures != found.measures
    exact = ("authenticity[descriptor]", "nndr[descriptor]")
    for name in exact:
        before, after = found.measure(name), again.measure(name)
        assert before is not None
        assert after is not None
        assert (before.value, before.floor) == (after.value, after.floor)


def test_too_few_patients_are_refused(copied_evidence: Evidence) -> None:
    with pytest.raises(NotEnoughData, match=r"^set-level measures need at least 10 patients on each side and 20"):
        asked(copied_evidence)
