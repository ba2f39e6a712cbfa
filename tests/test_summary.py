"""What an audit says in words: nobody in the tables, the decisive rule first, and what to do now."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthaudit.cohort import Cohort, Role
from synthaudit.finding import Finding, Kind, Measure, Withheld
from synthaudit.generators.made import ArrayImage
from synthaudit.policy import PRESETS, Policy, Rule, RuleResult, Verdict, load_policy
from synthaudit.provenance import keyed_digest
from synthaudit.summary import actions, cohort_summary, reason


def cohort(attributes: dict[str, list[str]], patients: list[str] | None = None) -> Cohort:
    n = len(next(iter(attributes.values())))
    ids = patients or [f"p{i}" for i in range(n)]
    return Cohort(
        role=Role.TRAIN,
        names=tuple(f"{i}.png" for i in range(n)),
        sources=tuple(ArrayImage(np.zeros((8, 8), np.float32)) for _ in range(n)),
        patients=tuple(ids),
        known_patient=np.arange(n) > 0,
        attributes={name: tuple(values) for name, values in attributes.items()},
        pixel_digests=tuple(f"{i:064d}" for i in range(n)),
    )


def table(values: list[str], name: str = "site", patients: list[str] | None = None) -> dict[str, int | None] | None:
    found = cohort_summary(cohort({name: values}, patients), "", b"k").attributes.get(name)
    return None if found is None else dict(found)


def test_counts() -> None:
    one = cohort({"site": ["a"] * 12}, [f"p{i // 2}" for i in range(12)])
    summary = cohort_summary(one, "8 x 8", b"k")
    assert (summary.role, summary.images, summary.patients, summary.images_without_patient) == ("train", 12, 6, 1)
    assert summary.sizes == "8 x 8"
    assert summary.digest == keyed_digest(one.digest, b"k") != one.digest


def test_patients_are_counted_and_not_images() -> None:
    assert table(["a"] * 40, patients=[f"p{i % 11}" for i in range(40)]) == {"a": 11}


def test_small_cells_are_suppressed_and_cannot_be_subtracted() -> None:
    assert table(["a"] * 30 + ["b"] * 10) == {"a": 30, "b": 10}
    assert table(["a"] * 30 + ["b"] * 20 + ["c"] * 9) == {"a": 30, "b": None, "(other values)": None}
    assert table(["a"] * 30 + ["b"] * 3 + ["c"] * 9) == {"a": 30, "(other values)": None}
    assert table(["a"] * 30 + ["b"] * 20 + ["c"] * 3 + ["d"]) == {"a": 30, "b": None, "(other values)": None}
    assert table(["a"] * 9) == {"(other values)": None}


def test_a_value_of_a_few_is_not_written_down() -> None:
    found = table(["North"] * 30 + ["South"] * 12 + ["Meier family practice"])
    assert found == {"North": 30, "South": None, "(other values)": None}
    assert table(["F"] * 30 + ["M"] * 3 + [""] * 2, name="sex") == {"F": None, "M": None, "unknown": None}


def test_labels_are_counted_by_finding_as_the_probes_count_them() -> None:
    """Else one patient would follow: of 21 with an effusion, 20 with nothing else."""
    found = table(["Effusion"] * 20 + ["Effusion|Meier sign"] + ["Mass"] * 15, name="label")
    assert found == {"Effusion": 21, "Mass": None, "(other values)": None}


@given(st.lists(st.sampled_from("aaaaabbbccd"), min_size=1, max_size=80))
def test_no_small_cell_follows_from_the_total(values: list[str]) -> None:
    found = table(values)
    assert found is not None
    shown = {value: count for value, count in found.items() if count is not None}
    assert all(count >= 10 for count in shown.values())
    assert {value: values.count(value) for value in shown} == shown
    hidden = [values.count(value) for value in set(values) - set(shown)]
    assert not shown or not hidden or (len(hidden) > 1 and sum(hidden) >= 10), "the total less the rest"


def test_what_is_shown_and_what_is_not() -> None:
    many = [str(i) for i in range(30)]
    summary = cohort_summary(cohort({"sex": ["F"] * 30, "ward": ["x"] * 30, "site": many}), "", b"k")
    assert set(summary.attributes) == {"sex"}, "an unknown column and one of thirty values are left out"
    assert table([""] * 30) is None, "a column without values says nothing"
    assert table(["a"] * 15 + [""] * 15) == {"a": 15, "unknown": 15}


@pytest.mark.parametrize(
    ("age", "said"),
    [
        ("0", "0-17"),
        ("39.9", "18-39"),
        ("80", "80 and over"),
        ("117", "80 and over"),
        ("-3", "unknown"),
        ("043Y", "unknown"),
        ("nan", "unknown"),
        ("inf", "unknown"),
        ("1e999", "unknown"),
    ],
)
def test_ages_are_in_the_bands_of_the_probes(age: str, said: str) -> None:
    assert table([age] * 12 + ["55"] * 12, name="age") == {said: 12, "40-59": 12}


def results(**verdicts: Verdict) -> list[RuleResult]:
    return [
        RuleResult(Rule(name, f"copies/{name}", f"Says {name}", "r", at_most=0.0), verdict, f"Because {name}.", None)
        for name, verdict in verdicts.items()
    ]


def test_the_first_decisive_rule_is_the_reason() -> None:
    mixed = results(a=Verdict.PASS, b=Verdict.INCONCLUSIVE, c=Verdict.FAIL, d=Verdict.FAIL)
    assert reason(Verdict.FAIL, mixed) == 'Refuted: "Says c". (2 rules in all) Because c.'
    assert reason(Verdict.INCONCLUSIVE, mixed[:2]) == 'Not settled: "Says b". Because b.'
    assert reason(Verdict.PASS, mixed[:1]).startswith("All 1 rules of the policy are met")
    assert reason(Verdict.INCONCLUSIVE, []) == "The policy could not be judged."


def finding(*measures: Measure, withheld: bool = False) -> Finding:
    flagged = (Withheld("made.png", "copies", Kind.DIRECT, 1.0, None),) if withheld else ()
    return Finding("copies", "q", "a", measures, withheld=flagged)


@pytest.mark.parametrize("preset", PRESETS)
def test_every_rule_of_a_preset_that_does_not_pass_calls_for_something(preset: str) -> None:
    policy = load_policy(preset)
    for rule in policy.rules:
        alone = replace(policy, rules=(replace(rule, requires=()),)).judge([])
        said = actions(Verdict.INCONCLUSIVE, alone, [], has_holdout=True)
        assert said != ("Settle the open rules, then audit again.",), rule.id
        assert len(said) == 1, rule.id


def test_what_to_do_now() -> None:
    direct = Policy("n", "p", (Rule("a", "copies/direct_patients", "s", "r", at_most=0.0),))
    breached = [finding(Measure("direct_patients", 3.0), withheld=True)]
    said = actions(Verdict.FAIL, direct.judge(breached), breached, has_holdout=False)
    assert said[0].startswith("Give a holdout")
    assert said[1].startswith("Do not release these images.")
    assert said[-1].startswith("Do not just remove the flagged images")
    clean = [finding(Measure("direct_patients", 0.0))]
    passed = actions(Verdict.PASS, direct.judge(clean), clean, has_holdout=True)
    assert passed[0].startswith("These images may go to the release decision")
    other = Policy("n", "p", (Rule("a", "mine/own", "s", "r", at_most=0.0),))
    assert actions(Verdict.INCONCLUSIVE, other.judge([]), [], has_holdout=True) == (
        "Settle the open rules, then audit again.",
    )
