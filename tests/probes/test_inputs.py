"""Are both sides drawn alike and kept apart? A planted difference and a planted person on both sides are found."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from synthaudit.cohort import Cohort
from synthaudit.finding import Finding, Measure
from synthaudit.generators.made import ArrayImage
from synthaudit.policy import PRESETS, Policy, Verdict, load_policy
from synthaudit.probe import Evidence, Need
from synthaudit.probes.inputs import Inputs
from synthaudit.readers.scan import pixel_digest

if TYPE_CHECKING:
    from tests.probes.conftest import Scene


def answered(evidence: Evidence) -> Finding:
    return Inputs().run(evidence, evidence.rng("probe inputs"))


def told(evidence: Evidence, train: Cohort, holdout: Cohort) -> Evidence:
    """The same images under other tables: what is known of strangers need not be computed again."""
    return replace(evidence, train=train, holdout=holdout)


def measure(finding: Finding, name: str) -> Measure:
    found = finding.measure(name)
    assert found is not None, name
    return found


def test_it_needs_a_holdout() -> None:
    assert Inputs.needs == frozenset({Need.HOLDOUT})


def test_a_person_on_both_sides_is_counted(copied: Scene, copied_evidence: Evidence) -> None:
    assert copied.holdout is not None
    finding = answered(copied_evidence)
    assert measure(finding, "overlap").value == 1 / copied.holdout.n_patients
    assert measure(finding, "overlap").n_patients == copied.holdout.n_patients
    assert measure(finding, "holdout_patients").value == copied.holdout.n_patients
    assert "show up among the training patients" in finding.answer


def test_different_people_are_not_taken_for_one(honest_evidence: Evidence) -> None:
    """Small images of strangers look alike (.95 at 64 pixels), and are of strangers all the same."""
    finding = answered(honest_evidence)
    assert measure(finding, "overlap").value == 0
    assert measure(finding, "exchangeability_p[images]").value > 0.01  # type: ignore[operator]
    assert finding.answer.startswith("Yes")


def re_lit(cohort: Cohort) -> Cohort:
    """As from another scanner, which leaves a bright collimator edge at the left."""
    images = []
    for source in cohort.sources:
        image = source.read().copy()
        image[:, :6] = 1.0
        images.append(image)
    return replace(
        cohort,
        sources=tuple(ArrayImage(image) for image in images),
        pixel_digests=tuple(pixel_digest(image) for image in images),
    )


def test_another_scanner_is_noticed(honest: Scene) -> None:
    assert honest.holdout is not None
    holdout = replace(re_lit(honest.holdout), attributes={"site": ("a", "b") * 10})
    train = replace(honest.train, attributes={"site": ("b", "a") * 10})
    evidence = replace(honest, train=train, holdout=holdout, synthetic=honest.synthetic.subset([0])).evidence()
    finding = answered(evidence)
    assert measure(finding, "exchangeability_auc[images]").low > 0.5  # type: ignore[operator]
    assert finding.answer.startswith("No")
    for preset in PRESETS:
        gate = next(rule for rule in load_policy(preset).rules if rule.measure.startswith("inputs/exchangeability_p"))
        result = Policy("n", "p", (gate,)).judge([finding])[0]
        assert result.verdict is Verdict.INCONCLUSIVE, "too few relabelings would leave the gate open for ever"


@pytest.mark.parametrize(
    ("train", "holdout", "differs"),
    [
        (["site A"], ["site B"], True),
        (["site A", "site B"], ["site B", "site A"], False),
        (["30", "31", ""], ["80", "81", "82"], True),
        (["inf", "nan", "3", "4"], ["3", "nan", "4", "inf"], False),
    ],
    ids=["other site", "same sites", "other age", "odd numbers"],
)
def test_recorded_attributes_are_compared(
    honest: Scene, honest_evidence: Evidence, train: list[str], holdout: list[str], differs: bool
) -> None:
    assert honest.holdout is not None
    rng = np.random.default_rng(0)
    tables = [
        replace(cohort, attributes={"site": tuple(str(v) for v in rng.choice(values, len(cohort)))})
        for cohort, values in ((honest.train, train), (honest.holdout, holdout))
    ]
    finding = answered(told(honest_evidence, *tables))
    p = measure(finding, "exchangeability_p[attributes]").value
    assert p is not None
    assert (p <= 0.01) == differs


def test_without_attributes_nothing_is_said_of_them(honest_evidence: Evidence) -> None:
    found = measure(answered(honest_evidence), "exchangeability_auc[attributes]")
    assert found.value is None
    assert found.not_measured == "no attribute that varies between patients was given"


def test_images_without_a_patient_id_are_a_limit(honest: Scene, honest_evidence: Evidence) -> None:
    unknown = honest.train.known_patient.copy()
    unknown[:3] = False
    assert honest.holdout is not None
    finding = answered(told(honest_evidence, replace(honest.train, known_patient=unknown), honest.holdout))
    assert finding.limits[0].startswith("3 real images came without a patient id")
