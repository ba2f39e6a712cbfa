"""`synthaudit selftest`: the truth is true, every shipped probe is covered, and one wrong answer ends with 1."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import entry_points

import numpy as np
import pytest

from synthaudit.audit_record import Audit
from synthaudit.cli.main import run
from synthaudit.cohort import Role
from synthaudit.finding import Exposure, Finding, Kind, Measure
from synthaudit.selftest import trial
from synthaudit.selftest.checks import CHECKS, Check, not_covered
from synthaudit.selftest.controls import Control, Sizes, controls
from synthaudit.selftest.readings import LEAK, NOBODY, SOME, SUSPICION, VOID, WRONG, Observation
from synthaudit.selftest.trial import Cell, Trial

TINY = Sizes(patients=6, samples=12, image_px=32)
Make = Callable[[str], Audit]


@pytest.fixture(scope="module")
def cases() -> dict[str, Control]:
    return {one.name: one for one in controls(3, TINY)}


def check(name: str) -> Check:
    return next(one for one in CHECKS if one.name == name)


def exact(case: Control) -> set[str]:
    """Patients of whom a synthetic image is the very image."""
    made = [source.read() for source in case.synthetic.sources]
    return {
        patient
        for cohort in (case.train, case.holdout)
        for source, patient in zip(cohort.sources, cohort.patients, strict=True)
        if any(np.array_equal(source.read(), image) for image in made)
    }


def test_the_truth_is_true(cases: dict[str, Control]) -> None:
    for name in ("copier-plain", "copier-10%", "copier-of-holdout"):
        assert cases[name].shown == exact(cases[name])
        assert cases[name].shown
    assert cases["copier-plain"].shown <= set(cases["copier-plain"].train.patients)
    assert cases["copier-of-holdout"].shown <= set(cases["copier-of-holdout"].holdout.patients)
    for name in ("oracle", "blurred-oracle", "other-hospital", "shifted-by-site"):
        assert cases[name].shown == exact(cases[name]) == set()
    for name in ("copier-shifted", "copier-mirrored", "copier-noisy", "mixup", "transplant"):
        assert cases[name].shown
        assert cases[name].shown <= set(cases[name].train.patients)
        assert exact(cases[name]) == set()


def test_sides_share_nobody_and_honest_images_are_of_nobody_there(cases: dict[str, Control]) -> None:
    for case in cases.values():
        assert not set(case.train.patients) & set(case.holdout.patients)
        assert case.train.role is Role.TRAIN
        assert case.holdout.role is Role.HOLDOUT
        assert case.holdout.known_patient.all()
        assert len(case.synthetic) == TINY.samples
    shifted, usual = cases["shifted-by-site"], cases["oracle"]
    assert shifted.train.pixel_digests == usual.train.pixel_digests
    assert not set(shifted.holdout.pixel_digests) & set(usual.holdout.pixel_digests)
    assert shifted.train.attributes == shifted.holdout.attributes == {}


def test_expectations_name_controls_that_there_are(cases: dict[str, Control]) -> None:
    for one in CHECKS:
        assert set(one.otherwise) | set(one.only) <= set(cases)
        assert all(one.expected(name) for name in cases)


def test_every_shipped_probe_is_covered() -> None:
    shipped = {p.name for p in entry_points(group="synthaudit.probes") if p.dist and p.dist.name == "synthaudit"}
    assert not_covered(tuple(sorted(shipped))) == ()
    assert not_covered(("copies", "mine")) == ("mine",)


@pytest.mark.parametrize(
    ("named", "proven", "word"),
    [
        ((), 0, NOBODY),
        (("right",), 0, SUSPICION),
        (("right",), 1, LEAK),
        (("right", "other"), 1, LEAK),
        (("right", "other"), 2, WRONG),
        (("other",), 1, WRONG),
    ],
)
def test_who_is_named_is_compared_with_who_is_there(
    named: tuple[str, ...], proven: int, word: str, cases: dict[str, Control], make: Make
) -> None:
    case = replace(cases["copier-10%"], shown=frozenset({cases["oracle"].train.patients[0]}))
    ids = {"right": case.train.patients[0], "other": case.train.patients[1]}
    exposures = tuple(
        Exposure(ids[who], Role.TRAIN, "r", "s", "copies", "e", 9.0, None, None, Kind.DIRECT, flagged=True)
        for who in named
    )
    measures = (Measure("direct_patients", len(named), low=proven, high=len(named)),)
    audit = replace(make("passing"), findings=(Finding("copies", "?", "a", measures, exposures=exposures),))
    assert check("copies of training patients").read(audit, case).word == word


def test_one_of_many_is_no_leak_seen(cases: dict[str, Control], make: Make) -> None:
    case = replace(cases["copier-plain"], shown=frozenset(cases["oracle"].train.patients[:4]))
    for n, word in ((2, SOME), (3, LEAK)):
        exposures = tuple(
            Exposure(who, Role.TRAIN, "r", "s", "copies", "e", 9.0, None, None, Kind.DIRECT, flagged=True)
            for who in case.train.patients[:n]
        )
        finding = Finding("copies", "?", "a", (Measure("direct_patients", n, low=n, high=n),), exposures=exposures)
        audit = replace(make("passing"), findings=(finding,))
        assert check("copies of training patients").read(audit, case).word == word


def test_what_did_not_run_is_void(cases: dict[str, Control], make: Make) -> None:
    audit = replace(make("passing"), findings=(), rules=())
    words = {one.name: one.read(audit, cases["oracle"]).word for one in CHECKS if one.probe}
    assert set(words.values()) == {VOID}
    silent = {name for name, word in words.items() if word in check(name).expected("oracle")}
    assert {"copied volumes", "translated patients", "what they teach"} <= silent
    asked = {"copies", "regions", "inputs", "membership", "planted", "encoders", "context", "checkpoint", "extraction"}
    assert not {check(name).probe for name in silent} & {*asked, "hallucination"}


def answered(*words: str) -> Trial:
    cells = tuple(Cell("oracle", f"check {i}", "copies", (NOBODY,), Observation(word)) for i, word in enumerate(words))
    return Trial((("oracle", "fresh patients"),), cells, ("mine",))


@pytest.mark.parametrize(("words", "code"), [((NOBODY, NOBODY), 0), ((NOBODY, LEAK), 1)])
def test_one_wrong_answer_ends_with_1(
    words: tuple[str, ...], code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seeds: list[int] = []

    def stub(seed: int, **_: object) -> Trial:
        seeds.append(seed)
        return answered(*words)

    monkeypatch.setattr(trial, "run_trial", stub)
    assert run(["selftest", "--seed", "7"]) == code
    said = capsys.readouterr().out
    assert ("WRONG" in said) == bool(code)
    assert "Not covered, no truth is declared: mine" in said
    assert run(["selftest", "--json"]) == code
    document = json.loads(capsys.readouterr().out)
    assert document["all_right"] == (code == 0)
    assert [one["right"] for one in document["answers"]] == [word == NOBODY for word in words]
    assert seeds == [7, 0]


@pytest.mark.slow
def test_every_answer_is_right() -> None:
    found = trial.run_trial(0)
    assert [(cell.control, cell.check, cell.observed) for cell in found.wrong] == []
    assert len(found.controls) == 12
    assert found.not_covered == ()
