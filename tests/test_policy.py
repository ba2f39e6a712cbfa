"""Three verdicts: what was not measured, or not measured well enough, never passes."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthaudit.errors import PolicyError
from synthaudit.finding import Finding, Measure
from synthaudit.policy import PRESETS, Policy, Rule, Verdict, load_policy, overall, parse

GROWING = ("internal", "controlled-release", "open-release")
HEAD = 'schema = "synthaudit/policy/1"\nname = "n"\npurpose = "p"\n'
RULE = '[[rule]]\nid = "a"\nmeasure = "copies/direct"\nsays = "s"\nrationale = "r"\n'


def rule(**more: Any) -> Rule:
    given_ = {"id": "a", "measure": "copies/direct", "says": "s", "rationale": "r"} | more
    return Rule(**given_)


def judged(one: Rule, measure: Measure | None, not_run: str | None = None) -> tuple[Verdict, str]:
    finding = Finding("copies", "q", "a", () if measure is None else (measure,), not_run=not_run)
    result = Policy("n", "p", (one,)).judge([finding])[0]
    return result.verdict, result.reason


@pytest.mark.parametrize(
    ("low", "value", "high", "at_most", "at_least"),
    [
        (0.0, 1.0, 2.0, "PASS", "INCONCLUSIVE"),
        (1.0, 2.0, 3.0, "INCONCLUSIVE", "INCONCLUSIVE"),
        (2.0, 2.0, 2.0, "PASS", "PASS"),
        (2.1, 3.0, 4.0, "FAIL", "PASS"),
        (0.0, 1.0, 1.9, "PASS", "FAIL"),
        (None, 2.0, None, "PASS", "PASS"),
        (None, 2.5, None, "FAIL", "PASS"),
        (None, 1.5, None, "PASS", "FAIL"),
        (None, math.nan, None, "INCONCLUSIVE", "INCONCLUSIVE"),
        (0.0, 1.0, math.inf, "INCONCLUSIVE", "INCONCLUSIVE"),
        (math.nan, 1.0, math.nan, "INCONCLUSIVE", "INCONCLUSIVE"),
    ],
)
def test_the_interval_is_compared(
    low: float | None, value: float, high: float | None, at_most: str, at_least: str
) -> None:
    measure = Measure("direct", value, low, high)
    assert judged(rule(at_most=2.0), measure)[0] == at_most
    assert judged(rule(at_least=2.0), measure)[0] == at_least


def test_a_rule_on_the_value_leaves_the_interval_aside() -> None:
    measure = Measure("direct", 1.0, 0.0, 9.0)
    assert judged(rule(at_most=2.0, bound="value"), measure)[0] is Verdict.PASS
    assert judged(rule(at_most=0.5, bound="value"), measure)[0] is Verdict.FAIL


def test_a_breach_may_mean_that_the_audit_saw_too_little() -> None:
    blind = rule(at_most=2.0, on_breach=Verdict.INCONCLUSIVE)
    assert judged(blind, Measure("direct", 5.0))[0] is Verdict.INCONCLUSIVE


def test_reasons_are_sentences() -> None:
    measure = Measure("direct", 3.0, 2.5, 4.0, unit="patients", n_patients=7)
    assert judged(rule(at_most=2.0), measure)[1] == ("Measured 3 patients, between 2.5 and 4; at most 2 is asked for.")
    assert judged(rule(at_least=3.5), measure)[1] == (
        "Measured 3 patients, between 2.5 and 4: the interval reaches across the threshold (at least 3.5 is asked for)."
    )
    assert judged(rule(at_most=2.0, minimum_patients=8), measure)[1] == (
        "Not measured: the rule asks for at least 8 patients, and there were 7."
    )
    assert judged(rule(at_most=2.0), None)[1] == "Not measured: the probe did not report it."
    assert judged(rule(at_most=2.0), measure, not_run="too few images")[1] == "Not measured: too few images"
    gone = Measure("direct", None, not_measured="there is no holdout.")
    assert judged(rule(at_most=2.0), gone)[1] == "Not measured: there is no holdout."
    elsewhere = rule(at_most=2.0, measure="other/direct")
    assert judged(elsewhere, measure)[1] == "Not measured: the probe other was not part of this audit."


@pytest.mark.parametrize("patients", [0, 7, 8, 9])
def test_a_minimum_of_patients_is_a_minimum(patients: int) -> None:
    verdict, _ = judged(rule(at_most=2.0, minimum_patients=8), Measure("direct", 0.0, n_patients=patients))
    assert verdict == ("PASS" if patients >= 8 else "INCONCLUSIVE")


@pytest.mark.parametrize("gate_value", [0.0, 5.0, None])
@pytest.mark.parametrize("value", [0.0, 5.0])
def test_a_rule_counts_only_where_those_it_rests_on_pass(gate_value: float | None, value: float) -> None:
    missing = None if gate_value is not None else "why"
    measures = (Measure("gate", gate_value, not_measured=missing), Measure("direct", value))
    gate = rule(id="gate", measure="copies/gate", at_most=1.0)
    policy = Policy("n", "p", (gate, rule(at_most=1.0, requires=("gate",))))
    result = policy.judge([Finding("copies", "q", "a", measures)])[1]
    if gate_value == 0.0:
        assert result.verdict == ("PASS" if value == 0.0 else "FAIL")
    else:
        assert result.verdict is Verdict.INCONCLUSIVE
        assert result.reason.endswith("But this counts for nothing while gate did not pass.")


def test_the_worst_rule_decides() -> None:
    passed, failed, opened = (
        Policy("n", "p", (rule(at_most=1.0),)).judge([Finding("copies", "q", "a", (measure,))])[0]
        for measure in (Measure("direct", 0.0), Measure("direct", 2.0), Measure("direct", 0.0, 0.0, 2.0))
    )
    assert overall([passed, passed]) is Verdict.PASS
    assert overall([passed, opened]) is Verdict.INCONCLUSIVE
    assert overall([opened, failed, passed]) is Verdict.FAIL
    assert overall([]) is Verdict.INCONCLUSIVE, "no rule, no pass"
    assert [verdict.exit_code for verdict in (Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE)] == [0, 1, 3]


# No path from "not measured" to PASS, whatever was found besides.

NUMBERS = st.one_of(st.floats(allow_nan=True, allow_infinity=True), st.sampled_from([0.0, 1.0, 30.0, 100.0]))


@st.composite
def findings_for(draw: st.DrawFn, policy: Policy) -> tuple[list[Finding], set[str]]:
    """Findings with a measure for each rule, in range or not; and the measures that are missing in one way or other."""
    lost: set[str] = set()
    by_probe: dict[str, list[Measure]] = {}
    for name in dict.fromkeys(one.measure for one in policy.rules):
        probe, _, short = name.partition("/")
        measures = by_probe.setdefault(probe, [])
        how = draw(st.sampled_from(["good", "good", "good", "any", "none", "absent"]))
        if how in ("none", "absent"):
            lost.add(name)
        if how == "good":
            good = next(0.0 if one.at_most is not None else 1e6 for one in policy.rules if one.measure == name)
            measures.append(Measure(short, good, n_patients=10**6))
        elif how == "any":
            low, high = draw(st.none() | NUMBERS), draw(st.none() | NUMBERS)
            measures.append(Measure(short, draw(NUMBERS), low, high, n_patients=draw(st.integers(0, 200))))
        elif how == "none":
            measures.append(Measure(short, None, not_measured="why"))
    findings = []
    for probe, measures in by_probe.items():
        how = draw(st.sampled_from(["run", "run", "run", "not run", "absent"]))
        if how != "run":
            lost |= {one.measure for one in policy.rules if one.measure.startswith(f"{probe}/")}
        if how != "absent":
            findings.append(Finding(probe, "q", "a", tuple(measures), not_run="why" if how == "not run" else None))
    return findings, lost


@pytest.mark.parametrize("preset", PRESETS)
@given(data=st.data())
def test_what_was_not_measured_never_passes(preset: str, data: st.DataObject) -> None:
    policy = load_policy(preset)
    findings, lost = data.draw(findings_for(policy))
    results = policy.judge(findings)
    assert [result.rule for result in results] == list(policy.rules)
    for result in results:
        if result.rule.measure in lost:
            assert result.verdict is Verdict.INCONCLUSIVE
        assert result.reason
    verdict = overall(results)
    assert not (lost and verdict is Verdict.PASS)
    if not lost and any(r.verdict is not Verdict.PASS for r in results):
        assert verdict is not Verdict.PASS


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_passes_when_all_is_well_and_never_on_an_empty_audit(preset: str) -> None:
    policy = load_policy(preset)
    by_probe: dict[str, list[Measure]] = {}
    for one in policy.rules:
        probe, _, name = one.measure.partition("/")
        by_probe.setdefault(probe, []).append(Measure(name, one.threshold, n_patients=10**6))
    findings = [Finding(probe, "q", "a", tuple(measures)) for probe, measures in by_probe.items()]
    assert overall(policy.judge(findings)) is Verdict.PASS
    assert overall(policy.judge([])) is Verdict.INCONCLUSIVE
    for gone in findings:
        assert overall(policy.judge([f for f in findings if f is not gone])) is Verdict.INCONCLUSIVE


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_are_complete(preset: str) -> None:
    policy = load_policy(preset)
    assert policy.name == preset
    for one in policy.rules:
        assert one.says
        assert one.rationale.endswith(".")
        assert math.isfinite(one.threshold)
    statistical = next(one for one in policy.rules if one.measure == "copies/statistical_patients")
    gates = {one.id: one.measure for one in policy.rules}
    assert {gates[gate] for gate in statistical.requires} >= {
        "inputs/holdout_patients",
        "inputs/exchangeability_p",
    }, "closeness to training counts for nothing unless the sides are alike"
    asks = {one.measure for one in policy.rules}
    assert {"copies/direct_patients", "planted/detection_limit[plain]"} <= asks
    for one in policy.rules:
        if one.measure.startswith(("planted/", "inputs/")):
            assert one.on_breach is Verdict.INCONCLUSIVE, "to see too little is no harm done"


@pytest.mark.parametrize(
    ("preset", "probes"),
    [
        ("checkpoint-release", {"checkpoint", "extraction"}),
        ("three-risks", {"reidentification", "singling-out", "linkability", "inference"}),
        ("training-data", {"hallucination", "utility", "bias"}),
    ],
)
def test_what_asks_for_more_asks_for_all_that_released_images_must_satisfy(preset: str, probes: set[str]) -> None:
    images, wider = (load_policy(name).rules for name in ("controlled-release", preset))
    assert wider[: len(images)] == images
    assert {one.measure.partition("/")[0] for one in wider[len(images) :]} == probes
    assert not any(one.measure.partition("/")[0] in probes for one in images)


def test_presets_grow_stricter() -> None:
    for measure in ("inputs/holdout_patients",):
        thresholds = [
            next(one.threshold for one in load_policy(preset).rules if one.measure == measure) for preset in GROWING
        ]
        assert thresholds == sorted(thresholds)
    limits = [
        {one.measure: one.threshold for one in load_policy(preset).rules if one.measure.startswith("planted/")}
        for preset in GROWING
    ]
    for looser, stricter in pairwise(limits):
        assert set(looser) <= set(stricter)
        assert all(stricter[measure] <= looser[measure] for measure in looser)


BAD_RULES = [
    ("at_most = 1\nlimit = 2\n", "rule a has unknown keys limit; known are at_least, at_most, bound, id, measure"),
    ("", "rule a needs exactly one of at_most and at_least, as a finite number, got neither"),
    (
        "at_most = 1\nat_least = 1\n",
        "needs exactly one of at_most and at_least, as a finite number, got ['at_most', 'at_least",
    ),
    ("at_most = true\n", "rule a needs exactly one of at_most and at_least, as a finite number, got ['at_most']"),
    ('at_most = "1"\n', "rule a needs exactly one of at_most and at_least, as a finite number, got ['at_most']"),
    ('at_most = 1\nbound = "low"\n', 'rule a: bound must be "interval" or "value", got \'low\''),
    ('at_most = 1\non_breach = "pass"\n', 'rule a: on_breach must be "fail" or "inconclusive", got \'pass\''),
    ("at_most = 1\nminimum_patients = -1\n", "rule a: minimum_patients must be a whole number >= 0, got -1"),
    ("at_most = 1\nminimum_patients = 1.5\n", "rule a: minimum_patients must be a whole number >= 0, got 1.5"),
    ("at_most = 1\nminimum_patients = true\n", "rule a: minimum_patients must be a whole number >= 0, got True"),
    ('at_most = 1\nrequires = ["b"]\n', "rule a: requires must list ids of rules above it, got ['b']"),
    ('at_most = 1\nrequires = ["a"]\n', "rule a: requires must list ids of rules above it, got ['a']"),
    ('at_most = 1\nrequires = "a"\n', "rule a: requires must list ids of rules above it, got 'a'"),
    ('at_most = 1\nrequires = [["a"]]\n', "rule a: requires must list ids of rules above it, got [['a']]"),
    ("at_most = inf\n", "rule a needs exactly one of at_most and at_least, as a finite number, got ['at_most']"),
    ("at_least = -inf\n", "rule a needs exactly one of at_most and at_least, as a finite number, got ['at_least']"),
    ("at_most = nan\n", "rule a needs exactly one of at_most and at_least, as a finite number, got ['at_most']"),
    (
        f"at_most = 1{'0' * 400}\n",
        "rule a needs exactly one of at_most and at_least, as a finite number, got ['at_most']",
    ),
]


@pytest.mark.parametrize(("more", "text"), BAD_RULES, ids=range(len(BAD_RULES)))
def test_what_a_rule_must_not_say(more: str, text: str) -> None:
    with pytest.raises(PolicyError) as error:
        parse(HEAD + RULE + more, "mine.toml")
    assert str(error.value).startswith("policy mine.toml, rule a")
    assert text in str(error.value)


@pytest.mark.parametrize("key", ["id", "measure", "says", "rationale"])
def test_what_a_rule_must_say(key: str) -> None:
    lines = [line for line in RULE.splitlines() if not line.startswith(f"{key} ")]
    with pytest.raises(PolicyError, match=rf"^policy x, rule (a|1) needs {key} as text, got None$"):
        parse(HEAD + "\n".join([*lines, "at_most = 1"]), "x")
    with pytest.raises(PolicyError, match=rf"needs {key} as text, got '  '$"):
        parse(HEAD + "\n".join([*lines, f'{key} = "  "', "at_most = 1"]), "x")


def test_a_measure_is_named_with_its_probe() -> None:
    with pytest.raises(PolicyError, match=r"rule a: measure must be written probe/measure, got 'direct'$"):
        parse(HEAD + RULE.replace("copies/direct", "direct") + "at_most = 1", "x")


BAD_FILES = [
    ("rule = [", "policy x must be TOML: "),
    ("", 'policy x needs schema = "synthaudit/policy/1", got None'),
    ('schema = "synthaudit/policy/2"', "policy x needs schema = \"synthaudit/policy/1\", got 'synthaudit/policy/2'"),
    (HEAD, "policy x needs at least one [[rule]]; a policy without rules would pass everything"),
    (HEAD + "rule = 3", "policy x needs at least one [[rule]]"),
    (HEAD + "rule = [3]", "policy x needs at least one [[rule]]"),
    (HEAD + 'strict = "no"\n' + RULE, "policy x has unknown keys strict; known are schema, name, purpose, rule"),
    (HEAD.replace('"n"', "3") + RULE, "policy x needs name as text, got 3"),
    (HEAD.replace('"p"', '""') + RULE, "policy x needs purpose as text, got ''"),
    (HEAD + (RULE + "at_most = 1\n") * 2, "policy x has two rules with the id 'a'; ids must differ"),
]


@pytest.mark.parametrize(("content", "text"), BAD_FILES, ids=range(len(BAD_FILES)))
def test_what_is_no_policy(content: str, text: str) -> None:
    with pytest.raises(PolicyError) as error:
        parse(content, "x")
    assert str(error.value).startswith(text)


def test_a_file_is_read_and_a_missing_one_is_not(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(HEAD + RULE + "at_most = 1\n", encoding="utf-8")
    assert load_policy(file).rules == (rule(at_most=1.0),)
    assert load_policy(str(file)) == load_policy(file)
    presets = ", ".join(PRESETS)
    with pytest.raises(PolicyError, match=rf"^policy must be one of {presets} or a TOML file, got 'no': no such file$"):
        load_policy(tmp_path / "no")
    with pytest.raises(PolicyError, match=r"got '.*': no such file$"):
        load_policy(tmp_path)
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(PolicyError, match=r"^policy mine\.toml must be UTF-8 text, and is not$"):
        load_policy(file)


def test_rules_are_judged_in_the_order_of_the_file() -> None:
    policy = load_policy("internal")
    assert [result.rule.id for result in policy.judge([])] == [one.id for one in policy.rules]
    assert replace(policy, rules=()).judge([]) == ()
