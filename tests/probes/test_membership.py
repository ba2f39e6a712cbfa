"""The probe `membership`: copies give members away, strangers do not, and what n does not support is not measured."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from synthaudit.errors import NotEnoughData
from synthaudit.finding import Assumption, ChartKind, Finding
from synthaudit.membership.attacks import ATTACKS, ENSEMBLE
from synthaudit.policy import PRESETS, RuleResult, Verdict, load_policy
from synthaudit.probe import Evidence
from synthaudit.probes.membership import RATES, Membership

if TYPE_CHECKING:
    from tests.probes.conftest import Scene


def asked(evidence: Evidence) -> Finding:
    return Membership().run(evidence, evidence.rng("probe membership"))


def value(finding: Finding, name: str) -> float:
    found = finding.measure(name)
    assert found is not None
    assert found.value is not None
    return found.value


def judged(finding: Finding, preset: str) -> dict[str, RuleResult]:
    """The rules that read this probe, the input gate being passed."""
    policy = load_policy(preset)
    rules = tuple(replace(one, requires=()) for one in policy.rules if one.measure.startswith("membership/"))
    return {one.rule.id: one for one in replace(policy, rules=rules).judge([finding])}


@pytest.fixture(scope="module")
def found(honest_evidence: Evidence) -> Finding:
    return asked(honest_evidence)


@pytest.fixture(scope="module")
def leaking(honest: Scene) -> Evidence:
    """Every training image, made once."""
    made = replace(
        honest.train,
        role=honest.synthetic.role,
        patients=honest.synthetic.names,
        names=honest.synthetic.names,
        known_patient=np.zeros(len(honest.train), dtype=bool),
    )
    evidence = replace(honest, synthetic=made).evidence()
    return replace(evidence, settings=replace(evidence.settings, relabelings=9_999))


def test_every_attack_has_its_area_and_its_rates(found: Finding) -> None:
    names = [one.name for one in found.measures]
    attacks = (*ATTACKS, ENSEMBLE)
    each = [f"{stem}[{attack}]" for stem in ("auc", *RATES) for attack in attacks]
    assert names == ["p_value", "auc_beyond_chance", "detectable_auc", *each]
    for one in found.measures:
        assert one.note.endswith("does not clear the checkpoint.")
        assert (one.n_patients, one.n_images) == (40, 40)
        if one.name.startswith("auc["):
            assert one.floor == 0.5
            assert one.assumption is Assumption.MODEL_ASSISTED


def test_rates_that_so_few_do_not_support_are_not_measured(found: Finding) -> None:
    rates = [one for one in found.measures if one.name.startswith("tpr")]
    assert [one.value for one in rates] == [None] * 14
    assert {one.not_measured for one in rates} == {
        "needs 100 held-out patients, got 20.",
        "needs 1,000 held-out patients, got 20.",
    }


def test_strangers_leave_attackers_guessing(found: Finding) -> None:
    assert value(found, "p_value") > 0.01
    assert value(found, "auc_beyond_chance") == 0.5
    assert found.answer.startswith("No attack on the images tells who was trained on beyond chance (best AUC 0.")
    assert judged(found, "internal")["membership-from-samples"].verdict is Verdict.PASS
    assert not found.exposures
    assert not found.withheld


def test_silence_from_too_few_is_no_pass(found: Finding) -> None:
    """With 199 relabelings no p-value is as small as the policies ask for."""
    measure = found.measure("detectable_auc")
    assert measure is not None
    assert measure.not_measured == "a p-value of 0.001 needs at least 999 relabelings, got 199"
    for preset in PRESETS:
        assert judged(found, preset)["membership-could-see"].verdict is Verdict.INCONCLUSIVE


def test_members_copied_are_told(leaking: Evidence) -> None:
    finding = asked(leaking)
    assert value(finding, "p_value") == 1e-4
    assert value(finding, "auc[gan_leaks]") == 1.0
    for preset in PRESETS:
        assert judged(finding, preset)["membership-from-samples"].verdict is Verdict.FAIL
    assert finding.answer.startswith("Attacks on the images tell who was trained on better than guessing: AUC 1.00 (")
    (chart,) = finding.charts
    assert chart.kind is ChartKind.ROC
    best = next(one for one in chart.series if one.name == "gan_leaks")
    assert best.x[0] == 1 / 20
    assert set(best.y) == {1.0}


def test_what_is_refuted_but_small_passes_and_what_may_be_large_stays_open(found: Finding) -> None:
    def verdict(low: float, best: float, high: float) -> Verdict:
        measures = tuple(
            replace(one, value=best, low=low, high=high) if one.name == "auc_beyond_chance" else one
            for one in found.measures
        )
        return judged(replace(found, measures=measures), "controlled-release")["membership-from-samples"].verdict

    assert verdict(0.52, 0.555, 0.59) is Verdict.PASS
    assert verdict(0.55, 0.62, 0.7) is Verdict.INCONCLUSIVE
    assert verdict(0.66, 0.8, 0.9) is Verdict.FAIL


def test_the_order_of_files_and_the_workers_change_nothing(honest: Scene, found: Finding) -> None:
    again = asked(honest.shuffled(seed=1).evidence(workers=2))
    assert again.measures == found.measures
    assert again.charts == found.charts


def test_who_is_on_both_sides_takes_no_part(copied_evidence: Evidence) -> None:
    finding = asked(copied_evidence)
    assert {one.n_patients for one in finding.measures} == {copied_evidence.pool.n_patients - 2}


def test_one_side_with_next_to_nobody_is_refused(honest: Scene) -> None:
    assert honest.holdout is not None
    with pytest.raises(NotEnoughData, match=r"^testing attacks needs at least 5 patients on each side, got 20 for"):
        asked(replace(honest, holdout=honest.holdout.subset(range(4))).evidence())
