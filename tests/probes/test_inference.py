"""The probe `inference`: attributes that a copy gives away, beside what the population teaches."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from synthaudit.cohort import Cohort
from synthaudit.errors import NotEnoughData
from synthaudit.finding import ChartKind, Finding
from synthaudit.probe import Evidence
from synthaudit.probes.inference import Inference

if TYPE_CHECKING:
    from tests.probes.conftest import Scene


def asked(evidence: Evidence) -> Finding:
    return Inference().run(evidence, evidence.rng("probe inference"))


def told(one: Cohort, seed: int) -> Cohort:
    """What no image shows: a lot drawn for each patient."""
    n = len(one)
    rng = np.random.default_rng(seed)
    columns = {"sex": rng.choice(["F", "M"], n), "smoker": rng.choice(["yes", "no"], n)}
    return replace(one, attributes={name: tuple(map(str, values)) for name, values in columns.items()})


@pytest.fixture(scope="module")
def lots(honest: Scene) -> Scene:
    assert honest.holdout is not None
    return replace(
        honest,
        train=told(honest.train, 0),
        holdout=told(honest.holdout, 1),
        synthetic=told(honest.synthetic, 2),
    )


@pytest.fixture(scope="module")
def found(lots: Scene) -> Finding:
    return asked(lots.evidence())


def value(finding: Finding, name: str) -> float:
    measure = finding.measure(name)
    assert measure is not None
    assert measure.value is not None
    return measure.value


def test_strangers_tell_nothing(found: Finding) -> None:
    assert [one.name for one in found.measures] == [
        "excess",
        "excess_p",
        "train_success",
        "holdout_success",
        "population_success",
        "blind_success",
        "excess[sex]",
        "excess[smoker]",
        "outlier_excess[lowest_density]",
        "outlier_excess[rare_findings]",
        "outlier_excess[extreme_ages]",
    ]
    assert value(found, "excess_p") > 0.05
    assert "are guessed" in found.answer
    (chart,) = found.charts
    assert chart.kind is ChartKind.INTERVALS
    assert [one.name for one in chart.series][-1] == "population model"
    assert any("not a one-off exercise" in limit for limit in found.limits)


def test_a_copier_that_carries_attributes_over_gives_them_away(lots: Scene) -> None:
    n = len(lots.train)
    names = tuple(f"made-{i}" for i in range(n))
    made = replace(
        lots.train, role=lots.synthetic.role, names=names, patients=names, known_patient=np.zeros(n, dtype=bool)
    )
    finding = asked(replace(lots, synthetic=made).evidence())
    assert value(finding, "train_success") == 1.0
    assert value(finding, "population_success") < 0.8
    excess = finding.measure("excess")
    assert excess is not None
    assert excess.low is not None
    assert excess.low > 0.1
    assert "guessed better than those of others" in finding.answer


def test_the_order_of_files_and_the_workers_change_nothing(lots: Scene, found: Finding) -> None:
    again = asked(lots.shuffled(seed=1).evidence(workers=2))
    assert again.measures == found.measures
    assert again.charts == found.charts


def test_nothing_beside_the_synthetic_images_is_said_plainly(honest_evidence: Evidence, lots: Scene) -> None:
    with pytest.raises(NotEnoughData, match=r"found nothing; rows for synthetic images in the metadata table would"):
        asked(honest_evidence)
    other = replace(lots, synthetic=replace(lots.synthetic, attributes={"scanner": ("A", "B") * 10}))
    with pytest.raises(NotEnoughData, match=r"^inference needs a column with 2 to 20 values"):
        asked(other.evidence())
