"""`synthaudit gate`: judging again, and comparing with an earlier audit."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthaudit.audit_record import Audit, Provenance
from synthaudit.cli.comparison import compare
from synthaudit.cli.main import run
from synthaudit.evidence_file import dump
from synthaudit.finding import Direction, Finding, Measure
from synthaudit.policy import Verdict

Make = Callable[[str], Audit]
Save = Callable[[str], Path]
HIGH, LOW, NEUTRAL = Direction.HIGHER_IS_WORSE, Direction.LOWER_IS_WORSE, Direction.NEUTRAL

EMPTY = Audit(
    *(Verdict.INCONCLUSIVE, "Nothing was judged.", (), "none", "", (), {}, (), (), ()),
    Provenance("0", 0, "2026-01-01T00:00:00Z", 0.0, {}, "", "", {}, {}),
)
POLICY = """
schema = "synthaudit/policy/1"
name = "odd"
purpose = "Only for tests."
[[rule]]
id = "some"
measure = "copies/direct_patients"
says = "Few patients are copied"
rationale = "None."
at_most = {at_most}
"""


@pytest.mark.parametrize(("kind", "code"), [("passing", 0), ("failing", 1), ("inconclusive", 3), ("empty", 3)])
@pytest.mark.parametrize("name", ["", "evidence.json"])
def test_the_audit_is_judged_by_its_own_rules(kind: str, code: int, name: str, save: Save) -> None:
    assert run(["gate", str(save(kind) / name)]) == code


def test_every_rule_is_printed_with_its_reason(save: Save, make: Make, capsys: pytest.CaptureFixture[str]) -> None:
    run(["gate", str(save("failing"))])
    said = " ".join(capsys.readouterr().out.split())
    for result in make("failing").rules:
        assert re.search(
            rf"{result.verdict.value} {re.escape(f'{result.rule.id}: {result.rule.says}')} (Not m|M)easured", said
        )


@pytest.mark.parametrize(("at_most", "code"), [(1_000_000, 0), (0, 1)])
def test_another_policy(
    at_most: int, code: int, save: Save, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "odd.toml").write_text(POLICY.format(at_most=at_most))
    assert run(["gate", str(save("failing")), "--policy", str(tmp_path / "odd.toml")]) == code
    said = capsys.readouterr().out
    assert "under policy odd" in said
    assert "The audit itself concluded FAIL under policy open-release." in said


def test_a_verdict_that_was_tampered_with_is_not_believed(save: Save, capsys: pytest.CaptureFixture[str]) -> None:
    file = save("failing") / "evidence.json"
    document = json.loads(file.read_text())
    document["verdict"] = "PASS"
    for rule in document["rules"]:
        rule["verdict"] = "PASS"
    file.write_text(json.dumps(document))
    assert run(["gate", str(file)]) == 1
    assert "The audit itself concluded PASS" in capsys.readouterr().out


def test_json_holds_rules_and_verdict_and_nothing_else_is_printed(
    save: Save, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["gate", str(save("failing")), "--json"]) == 1
    said = json.loads(capsys.readouterr().out)
    assert (said["schema"], said["verdict"], said["baseline"]) == ("synthaudit/gate/1", "FAIL", None)
    assert {rule["rule"] for rule in said["rules"]} >= {"no-direct-copies"}


def test_rules_that_cannot_be_judged_are_no_bug(save: Save, capsys: pytest.CaptureFixture[str]) -> None:
    file = save("failing") / "evidence.json"
    document = json.loads(file.read_text())
    document["rules"][0]["requires"] = [document["rules"][-1]["rule"]]
    file.write_text(json.dumps(document))
    assert run(["gate", str(file)]) == 2
    assert "must require rules above them only" in capsys.readouterr().err
    assert run(["gate", str(file), "--policy", "internal"]) in (1, 3)


@pytest.mark.parametrize("what", ["nothing", "folder", "text", "other-json"])
def test_what_is_no_audit_is_2(what: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = tmp_path / "x"
    if what == "folder":
        place.mkdir()
    elif what != "nothing":
        place.write_text("{}" if what == "other-json" else "not json")
    assert run(["gate", str(place)]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("Error: AUDIT must be" if what in ("nothing", "folder") else "Error: evidence must be")


def with_measures(audit: Audit, *measures: Measure) -> Audit:
    return replace(audit, findings=(Finding("probe", "?", "!", measures=measures),), rules=audit.rules[:0])


def score(value: float | None, low: float | None = None, high: float | None = None, way: Direction = HIGH) -> Measure:
    return Measure("score", value, low, high, direction=way, not_measured=None if value is not None else "not today")


@pytest.mark.parametrize(
    ("now", "before", "verdict", "listed"),
    [
        (score(0.9, 0.8, 1.0), score(0.5, 0.4, 0.6), Verdict.FAIL, "regressions"),
        (score(0.6, 0.5, 0.7), score(0.5, 0.4, 0.6), Verdict.PASS, "worsened"),
        (score(0.7, 0.6, 0.8), score(0.5, 0.4, 0.6), Verdict.PASS, "worsened"),
        (score(0.9), score(0.5), Verdict.PASS, "worsened"),
        (score(0.9, 0.8, 1.0), score(0.5), Verdict.PASS, "worsened"),
        (score(0.9, 0.8, 1.0), score(0.95, 0.94, 0.96), Verdict.PASS, None),
        (score(0.1, 0.0, 0.2, LOW), score(0.5, 0.4, 0.6, LOW), Verdict.FAIL, "regressions"),
        (score(0.9, 0.8, 1.0, LOW), score(0.5, 0.4, 0.6, LOW), Verdict.PASS, None),
        (score(0.9, 0.8, 1.0, NEUTRAL), score(0.5, 0.4, 0.6, NEUTRAL), Verdict.PASS, None),
        (score(1, 1, 1), score(0, 0, 0), Verdict.FAIL, "regressions"),
        (score(None), score(0.5, 0.4, 0.6), Verdict.INCONCLUSIVE, "lost"),
        (score(0.5, 0.4, 0.6), score(None), Verdict.PASS, None),
    ],
)
def test_a_regression_lies_beyond_both_intervals(
    now: Measure, before: Measure, verdict: Verdict, listed: str | None, make: Make
) -> None:
    compared = compare(with_measures(make("empty"), now), with_measures(make("empty"), before))
    assert compared.verdict is verdict
    filled = [name for name in ("regressions", "worsened", "lost") if getattr(compared, name)]
    assert filled == ([] if listed is None else [listed])


@given(
    st.sampled_from([HIGH, LOW, NEUTRAL]),
    st.tuples(*[st.floats(0, 1)] * 3).map(sorted),
    st.tuples(*[st.floats(0, 1)] * 3).map(sorted),
)
def test_never_worse_both_ways(way: Direction, a: list[float], b: list[float]) -> None:
    one, two = (with_measures(EMPTY, score(v, low, high, way)) for low, v, high in (a, b))
    worse = [bool(c.regressions or c.worsened) for c in (compare(one, two), compare(two, one))]
    assert sum(worse) == (0 if way is NEUTRAL or a[1] == b[1] else 1)
    assert compare(one, one).verdict is Verdict.PASS


def test_a_probe_that_did_not_run_is_lost(make: Make) -> None:
    before = with_measures(make("empty"), score(0.5, 0.4, 0.6))
    now = replace(before, findings=(replace(before.findings[0], not_run="no holdout"),))
    assert compare(now, before).lost == ("probe/score",)


def test_the_baseline_decides_with_the_policy(
    save: Save, make: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    passing = str(save("passing"))
    assert run(["gate", passing, "--baseline", passing]) == 0
    assert "no measure became worse" in capsys.readouterr().out
    clean = make("passing")
    copied = replace(clean.findings[1].measures[0], value=3.0, low=3.0, high=3.0)
    findings = (clean.findings[0], replace(clean.findings[1], measures=(copied,)), clean.findings[2])
    worse = replace(clean, findings=findings)
    (tmp_path / "worse.json").write_bytes(dump(worse))
    lax = tmp_path / "odd.toml"
    lax.write_text(POLICY.format(at_most=1_000_000))
    capsys.readouterr()
    assert run(["gate", str(tmp_path / "worse.json"), "--policy", str(lax)]) == 0
    capsys.readouterr()
    told = ["gate", str(tmp_path / "worse.json"), "--policy", str(lax), "--baseline", passing]
    assert run(told) == 1
    said = capsys.readouterr().out
    assert "copies/direct_patients: 0, now 3 patients" in said
    assert said.rstrip().endswith("FAIL, policy and comparison taken together.")
    assert run([*told, "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert (document["verdict"], document["policy"]["verdict"]) == ("FAIL", "PASS")
    assert [change["measure"] for change in document["baseline"]["regressions"]] == ["copies/direct_patients"]


def test_what_cannot_be_compared_is_said(make: Make) -> None:
    before = make("passing")
    train = replace(before.cohorts["train"], digest="0" * 64)
    now = replace(before, cohorts={"train": train}, encoders=())
    assert compare(now, before).differences == (
        "the train images differ, or their digests were made with another key.",
        "only one of the two audits had a holdout cohort.",
        "the encoders differ, so that scores cannot be compared.",
    )
