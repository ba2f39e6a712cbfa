"""The probe `reidentification`: other visits of training patients are found, strangers not, and silence is no pass."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from synthaudit.cohort import Cohort, Role
from synthaudit.errors import NotEnoughData
from synthaudit.finding import Assumption, ChartKind, Finding, Kind
from synthaudit.phantoms.chest import ChestPopulation
from synthaudit.policy import Policy, Rule, Verdict
from synthaudit.probe import Evidence, Settings
from synthaudit.probes.reidentification import Reidentification
from tests.probes.conftest import cohort, patient_id

if TYPE_CHECKING:
    from tests.probes.conftest import Scene

PATIENTS, MADE, LATER = 40, 60, 7
SETTINGS = Settings(relabelings=1_999)
LINKAGE = ("linkage_p", "linkage_beyond_chance", "detectable_linkage")
RULES = Policy(
    "test",
    "To judge this probe.",
    (
        Rule("not-found-again", "reidentification/linkage_beyond_chance", "Few are.", "Because.", at_most=0.05),
        Rule(
            *("could-see", "reidentification/detectable_linkage", "It could.", "Because."),
            at_most=0.75,
            bound="value",
            on_breach=Verdict.INCONCLUSIVE,
        ),
    ),
)


def asked(evidence: Evidence) -> Finding:
    return Reidentification().run(evidence, evidence.rng("probe reidentification"))


def value(finding: Finding, name: str) -> float:
    found = finding.measure(name)
    assert found is not None
    assert found.value is not None, found.not_measured
    return found.value


def judged(finding: Finding) -> dict[str, Verdict]:
    return {one.rule.id: one.verdict for one in RULES.judge([finding])}


@pytest.fixture(scope="module")
def population() -> ChestPopulation:
    return ChestPopulation(seed=31, size=64)


@pytest.fixture(scope="module")
def real(population: ChestPopulation) -> tuple[Cohort, Cohort]:
    """Two visits of everyone."""
    people = [[(p, population.image(p, v)) for p in range(n, n + PATIENTS) for v in range(2)] for n in (0, PATIENTS)]
    return cohort(Role.TRAIN, people[0]), cohort(Role.HOLDOUT, people[1])


@pytest.fixture(scope="module")
def honest_scene(scenes: type[Scene], population: ChestPopulation, real: tuple[Cohort, Cohort]) -> Scene:
    """Fresh patients."""
    return scenes(*real, cohort(Role.SYNTHETIC, [(-1, population.image(500 + i)) for i in range(MADE)]))


@pytest.fixture(scope="module")
def strangers(honest_scene: Scene) -> Finding:
    return asked(honest_scene.evidence(settings=SETTINGS))


@pytest.fixture(scope="module")
def leaking(scenes: type[Scene], population: ChestPopulation, real: tuple[Cohort, Cohort]) -> Scene:
    """Another visit of every training patient, that is in no cohort: nobody's picture was copied."""
    made = [(-1, population.image(p, LATER)) for p in range(PATIENTS)]
    made += [(-1, population.image(700 + i)) for i in range(MADE - PATIENTS)]
    return scenes(*real, cohort(Role.SYNTHETIC, made))


@pytest.fixture(scope="module")
def found(leaking: Scene) -> Finding:
    return asked(leaking.evidence(settings=SETTINGS))


def test_persons_are_found_whose_pictures_were_not_copied(found: Finding) -> None:
    assert value(found, "linkage_p") <= 0.001
    for kind in ("nearest_image", "other_visit"):
        excess = found.measure(f"linkage_excess[{kind}]")
        assert excess is not None
        assert excess.low is not None
        assert excess.low > 0.1
    assert found.answer.startswith("Training patients are found again more often than held-out ones (")
    assert judged(found)["not-found-again"] is Verdict.FAIL


def test_those_named_are_those_shown_each_by_their_own_image(found: Finding) -> None:
    named = [one for one in found.exposures if one.flagged]
    assert len(named) >= PATIENTS / 2
    right = 0
    for one in named:
        assert (one.role, one.kind) == (Role.TRAIN, Kind.STATISTICAL)
        row = int(one.synthetic_image.removeprefix("made-").removesuffix(".png"))
        right += row < PATIENTS and one.patient_id == patient_id(row)
    assert right >= 0.8 * len(named)
    p_values = [one.p_value for one in found.exposures]
    assert p_values == sorted(p_values)  # type: ignore[type-var]


def test_strangers_are_not_found_again(strangers: Finding) -> None:
    assert value(strangers, "linkage_p") > 0.01
    beyond = strangers.measure("linkage_beyond_chance")
    assert beyond is not None
    assert (beyond.value, beyond.low, beyond.high) == (0.0, 0.0, 0.0)
    assert strangers.answer.startswith("Training patients are not found again beyond chance (")
    assert judged(strangers) == {"not-found-again": Verdict.PASS, "could-see": Verdict.PASS}
    assert not any(one.flagged for one in strangers.exposures)


def test_every_number_has_what_it_needs(strangers: Finding) -> None:
    names = [one.name for one in strangers.measures]
    assert len(names) == len(set(names)) <= 25
    for one in strangers.measures:
        if one.value is None:
            assert one.not_measured
            continue
        assert one.note
        assert one.n_patients >= 40
        assert one.n_images >= one.n_patients
        if one.name not in {"linkage_p", "detectable_linkage"}:
            assert one.low is not None
            assert one.high is not None
            assert one.low <= one.value <= one.high
        if one.name != "linkage_p" and one.name not in {"detectable_linkage", "recognized_if_shown"}:
            assert one.floor is not None
    assert {one.assumption for one in strangers.measures if one.name == "linkage_p"} == {Assumption.EXACT}
    tpr = strangers.measure("verifier_tpr_at_0.1pct_fpr")
    assert tpr is not None
    assert tpr.not_measured == (
        "a rate at 0.1 % false matches needs at least 101 patients with two different images, got 80"
    )


def test_charts_put_training_beside_held_out_patients(found: Finding) -> None:
    linkage, places, roc = found.charts
    assert (linkage.kind, places.kind, roc.kind) == (ChartKind.INTERVALS, ChartKind.LINES, ChartKind.ROC)
    assert [one.name for one in linkage.series] == ["training patients", "held-out patients"]
    assert [len(one.x) for one in places.series] == [20] * 5
    for one in places.series:
        assert (np.diff(one.y) >= -1e-12).all()


def test_the_order_of_files_and_the_workers_change_nothing(honest_scene: Scene, strangers: Finding) -> None:
    again = asked(honest_scene.shuffled(seed=1).evidence(workers=2, settings=SETTINGS))
    assert again.measures == strangers.measures
    assert again.charts == strangers.charts


@pytest.mark.slow
def test_too_few_relabelings_see_nothing(honest_scene: Scene) -> None:
    finding = asked(honest_scene.evidence(settings=replace(SETTINGS, relabelings=199)))
    assert judged(finding)["could-see"] is Verdict.INCONCLUSIVE


def test_people_with_one_image_each_are_not_asked_about(honest: Scene) -> None:
    with pytest.raises(NotEnoughData) as refused:
        asked(honest.evidence())
    assert str(refused.value) == (
        "finding a person again needs at least 15 patients with 2 different images each, to learn on and to be judged "
        "by; found 0. Give more images of the same patients, or patient ids, if there are any"
    )


def test_a_verifier_that_tells_nobody_apart_answers_nothing(
    scenes: type[Scene], population: ChestPopulation, honest_scene: Scene
) -> None:
    """Ids dealt at random: no two images of a patient are of one person."""
    sides = []
    for role, first in ((Role.TRAIN, 800), (Role.HOLDOUT, 840)):
        sides.append(cohort(role, [(first + i // 2, population.image(2 * first + i)) for i in range(40)]))
    finding = asked(scenes(sides[0], sides[1], honest_scene.synthetic).evidence(settings=SETTINGS))
    assert finding.answer.startswith("Not answered: on these images the verifier does not tell people apart (AUC ")
    for name in LINKAGE:
        measure = finding.measure(name)
        assert measure is not None
        assert measure.value is None
        assert measure.not_measured is not None
        assert measure.not_measured.startswith("the verifier does not tell people apart on these images (AUC ")
    assert set(judged(finding).values()) == {Verdict.INCONCLUSIVE}
    assert not finding.exposures
    assert [one.name for one in finding.charts] == ["verifier_roc"]


@pytest.mark.slow
def test_who_is_on_both_sides_takes_no_part(scenes: type[Scene], population: ChestPopulation, leaking: Scene) -> None:
    """A held-out patient whose very picture was trained on under another id, and that patient."""
    train = leaking.train
    assert leaking.holdout is not None
    people = [(PATIENTS + i // 2, population.image(PATIENTS + i // 2, i % 2)) for i in range(2 * PATIENTS)]
    people[0] = (PATIENTS, population.image(3, 0))
    finding = asked(scenes(train, cohort(Role.HOLDOUT, people), leaking.synthetic).evidence(settings=SETTINGS))
    measure = finding.measure("linkage_p")
    assert measure is not None
    assert measure.n_patients == 2 * PATIENTS - 2


def test_a_holdout_of_the_training_pictures_is_refused(scenes: type[Scene], honest_scene: Scene) -> None:
    """The same pictures under other ids: nobody is left to compare with."""
    again = replace(
        honest_scene.train, role=Role.HOLDOUT, patients=tuple(f"again-{one}" for one in honest_scene.train.patients)
    )
    with pytest.raises(NotEnoughData, match="choose other patients for the holdout"):
        asked(scenes(honest_scene.train, again, honest_scene.synthetic).evidence(settings=SETTINGS))
