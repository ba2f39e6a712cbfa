"""`synthaudit probes`, `encoders list` and `policies`: what there is, in words."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from synthaudit import registry
from synthaudit.cli.main import run
from synthaudit.cli.policies import in_words
from synthaudit.policy import PRESETS, load_policy, parse


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert run(arguments) == 0
    return " ".join(capsys.readouterr().out.split())


def test_probes_come_with_their_questions(capsys: pytest.CaptureFixture[str]) -> None:
    said = printed(capsys, "probes")
    assert [p.name for p in registry.probes() if f"{p.name} {p.question}" not in said] == []


def test_encoders_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    said = printed(capsys, "encoders", "list")
    assert [name for name in registry.names("encoders") if name not in said] == []
    assert "descriptor The embedded default" in said


@pytest.mark.parametrize("kind", ["probes", "encoders"])
def test_a_broken_plug_in_hides_no_other(
    kind: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def points(group: str) -> list[EntryPoint]:
        there = {"broken": "no_such_module:X", "later": "synthaudit.probes.copies:Copies"}
        return [EntryPoint(name, value, group) for name, value in there.items()]

    monkeypatch.setattr("synthaudit.registry.entry_points", points)
    monkeypatch.setattr("importlib.metadata.entry_points", points)
    said = printed(capsys, *(["probes"] if kind == "probes" else ["encoders", "list"]))
    assert "broken not usable:" in said
    assert "later Are patients" in said


def test_policies_are_listed_with_their_purpose(capsys: pytest.CaptureFixture[str]) -> None:
    said = printed(capsys, "policies")
    assert [name for name in PRESETS if f"{name} {load_policy(name).purpose}" not in said] == []


@pytest.mark.parametrize("name", PRESETS)
def test_a_policy_in_words_leaves_nothing_out(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    said = printed(capsys, "policies", name)
    for rule in load_policy(name).rules:
        assert f"{rule.id}: {rule.says}." in said
        assert rule.measure in said
        assert f"{rule.threshold:g}" in said
        assert " ".join(rule.rationale.split()) in said
        assert all(other in in_words(rule) for other in rule.requires)


RULE = """
schema = "synthaudit/policy/1"
name = "n"
purpose = "p"
[[rule]]
id = "first"
measure = "a/b"
says = "s"
rationale = "r"
at_most = 0
[[rule]]
id = "second"
measure = "a/c"
says = "s"
rationale = "r"
"""


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (
            "at_most = 0.5",
            "PASS if the upper end of the interval of a/c is at most 0.5, FAIL if the whole interval lies beyond that, "
            "INCONCLUSIVE between, and INCONCLUSIVE if it was not measured.",
        ),
        (
            'at_least = 3\nbound = "value"',
            "PASS if a/c is at least 3, FAIL otherwise, and INCONCLUSIVE if it was not measured.",
        ),
        (
            'at_least = 3\nbound = "value"\non_breach = "inconclusive"',
            "PASS if a/c is at least 3, INCONCLUSIVE otherwise, and if it was not measured.",
        ),
        (
            'at_most = 3\nbound = "value"\nminimum_patients = 30\nrequires = ["first"]',
            "PASS if a/c is at most 3, FAIL otherwise, and INCONCLUSIVE if it was not measured or rests on fewer than "
            "30 patients or counts for nothing because first did not pass.",
        ),
    ],
)
def test_a_rule_in_words(more: str, words: str) -> None:
    assert in_words(parse(RULE + more, "test").rules[1]) == words


def test_a_policy_of_ones_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "own.toml").write_text(RULE + "at_most = 1")
    assert printed(capsys, "policies", str(tmp_path / "own.toml")).startswith("n: p first: s.")


def test_no_such_policy(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["policies", "no-such"]) == 2
    assert "policy must be one of" in capsys.readouterr().err
