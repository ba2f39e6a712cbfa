"""`synthaudit audit`: what it hands to the engine, what it prints, and how it ends."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import synthaudit
from synthaudit.audit_record import Audit
from synthaudit.cli.main import run
from synthaudit.errors import OutputError
from synthaudit.probe import Settings

Make = Callable[[str], Audit]


class Engine:
    """Stands in for `synthaudit.audit`; keeps what it was called with."""

    def __init__(self, result: Audit | BaseException) -> None:
        self.result = result
        self.called: dict[str, Any] = {}

    def __call__(self, **arguments: Any) -> Audit:
        self.called = arguments
        if isinstance(self.result, BaseException):
            raise self.result
        return self.result


@pytest.fixture
def engine(make: Make, monkeypatch: pytest.MonkeyPatch) -> Engine:
    made = Engine(make("failing"))
    monkeypatch.setattr(synthaudit, "audit", made, raising=False)
    return made


@pytest.fixture
def unwritten(monkeypatch: pytest.MonkeyPatch) -> None:
    """No reports are drawn: that takes a second each time."""
    monkeypatch.setattr(synthaudit, "write", lambda *_, **__: None, raising=False)


def arguments(images: Path, *more: object) -> list[str]:
    out = images.parent / "out"
    roles = ("--train", images / "train", "--synthetic", images / "synthetic", "--out", out)
    return ["audit", *(str(argument) for argument in (*roles, *more))]


@pytest.mark.parametrize(("kind", "code"), [("passing", 0), ("failing", 1), ("inconclusive", 3), ("empty", 3)])
def test_the_verdict_is_the_exit_code(kind: str, code: int, engine: Engine, make: Make, images: Path) -> None:
    engine.result = make(kind)
    assert run(arguments(images)) == code
    written = json.loads((images.parent / "out" / "evidence.json").read_text())
    assert written["verdict"] == engine.result.verdict.value


@pytest.mark.usefixtures("engine")
def test_it_prints_verdict_reason_open_rules_and_where_the_reports_lie(
    make: Make, images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = make("failing")
    run(arguments(images))
    said = capsys.readouterr()
    flat = " ".join(said.out.split())
    assert flat.startswith(f"FAIL under policy {made.policy}. {made.reason}")
    for result in made.rules:
        assert (f"{result.rule.id}: {result.rule.says}" in flat) == (result.verdict.value != "PASS")
    assert all(action in flat for action in made.actions)
    folder = images.parent / "out"
    assert f"Reports in {folder}: evidence.json, junit.xml, report.pdf, summary.md" in flat
    assert f"{folder}/restricted/" in flat
    assert "out" in said.out
    assert said.err == ""


def test_nothing_printed_names_a_patient(engine: Engine, images: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(arguments(images))
    said = capsys.readouterr()
    result = engine.result
    assert isinstance(result, Audit)
    exposures = [exposure for finding in result.findings for exposure in finding.exposures]
    assert exposures
    named = (
        {e.patient_id for e in exposures} | {e.real_image for e in exposures} | {e.synthetic_image for e in exposures}
    )
    assert [name for name in named if name in said.out + said.err] == []


@pytest.mark.usefixtures("engine")
def test_json_is_the_evidence_and_nothing_else(images: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert run(arguments(images, "--json")) == 1
    assert capfdbinary.readouterr().out == (images.parent / "out" / "evidence.json").read_bytes()


@pytest.mark.usefixtures("unwritten")
def test_the_engine_gets_what_was_asked_for(engine: Engine, images: Path, tmp_path: Path) -> None:
    more = ["--holdout", images / "holdout", "--metadata", tmp_path / "t.csv", "--encoder", "a", "--encoder", "b:c"]
    more += ["--probe", "copies", "--policy", "internal", "--seed", 7, "--workers", 3, "--device", "cuda"]
    more += ["--generator", "latent-diffusion:kept", "--trust-code", "--reference-models", 4]
    more += ["--slices", "every:4", "--neighbors"]
    run(arguments(images, *more, "--cache", tmp_path / "kept", "--allow-download", "--quiet"))
    called = engine.called
    assert called.pop("cache").location == tmp_path / "kept"
    assert called.pop("progress").quiet
    assert called == {
        "generator": "latent-diffusion:kept",
        "trust_code": True,
        "settings": Settings(reference_models=4),
        "train": images / "train",
        "synthetic": images / "synthetic",
        "holdout": images / "holdout",
        "reference": None,
        "metadata": tmp_path / "t.csv",
        "split": None,
        "slices": "every:4",
        "neighbors": True,
        "encoders": ("a", "b:c"),
        "probes": ("copies",),
        "policy": "internal",
        "seed": 7,
        "workers": 3,
        "device": "cuda",
        "offline": False,
    }


@pytest.mark.usefixtures("unwritten")
def test_left_out_means_the_default(engine: Engine, images: Path) -> None:
    run(arguments(images, "--no-cache"))
    assert engine.called["cache"] is False
    assert engine.called["encoders"] == ("descriptor",)
    assert engine.called["probes"] is None
    assert engine.called["policy"] == "controlled-release"
    assert engine.called["offline"] is True
    assert engine.called["generator"] is None
    assert engine.called["settings"] == Settings()
    assert not engine.called["progress"].quiet
    run(arguments(images, "--overwrite"))
    assert engine.called["cache"] is None


@pytest.mark.usefixtures("unwritten")
def test_every_option_of_the_engine_can_be_given(engine: Engine, images: Path) -> None:
    import inspect

    from synthaudit.run_audit import audit

    run(arguments(images))
    assert set(engine.called) == set(inspect.signature(audit).parameters) - {"memo"}


def test_a_taken_folder_is_refused_before_anything_is_computed(
    engine: Engine, images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(arguments(images))
    engine.called = {}
    assert run(arguments(images)) == 2
    assert engine.called == {}
    assert "already holds an audit" in capsys.readouterr().err
    assert run(arguments(images, "--overwrite")) == 1


@pytest.mark.parametrize("place", ["images/synthetic", "images/synthetic/audit", "images/train/a/b"])
def test_the_output_must_not_lie_among_the_images(
    place: str, engine: Engine, images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments(images, "--out", tmp_path / place)) == 2
    assert "--out must lie outside the folders of images" in capsys.readouterr().err
    assert engine.called == {}


def test_a_cache_and_none_contradict(engine: Engine, images: Path, tmp_path: Path) -> None:
    assert run(arguments(images, "--cache", tmp_path, "--no-cache")) == 2
    assert engine.called == {}


def test_models_like_nothing_are_not_trained(engine: Engine, images: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments(images, "--reference-models", 4)) == 2
    assert "name it with --generator" in capsys.readouterr().err
    assert engine.called == {}


@pytest.mark.parametrize(("option", "kept"), [((), "what was embedded is kept; "), (("--no-cache",), "")])
def test_an_interruption_says_how_to_go_on(
    option: tuple[str, ...], kept: str, engine: Engine, images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    engine.result = KeyboardInterrupt()
    assert run(arguments(images, *option)) == 130
    assert capsys.readouterr().err.strip() == f"interrupted; {kept}run the same command to go on"
    assert not (images.parent / "out").exists()


@pytest.mark.usefixtures("engine")
def test_what_cannot_be_written_is_2(
    images: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object, **__: object) -> Path:
        raise OutputError("writing failed: disk full")

    monkeypatch.setattr(synthaudit, "write", full, raising=False)
    assert run(arguments(images)) == 2
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "Error: writing failed: disk full\n")


def test_an_unusable_folder_is_2(images: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments(images, "--quiet")) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("Error: train needs at least one image")


def test_an_unknown_policy_is_2_and_nothing_is_read(images: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments(images, "--policy", "no-such")) == 2
    assert "Error: policy must be one of internal, controlled-release, open-release" in capsys.readouterr().err


def test_a_real_audit_of_a_photocopier(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """From files to files: a generator that hands out its training images is caught on the command line."""
    from synthaudit.cohort import Role
    from synthaudit.phantoms.chest import ChestPopulation
    from synthaudit.phantoms.folder import write_folder

    population = ChestPopulation(seed=5, size=64)
    train = population.cohort(Role.TRAIN, range(24))
    write_folder(train, tmp_path / "train", None)
    write_folder(population.cohort(Role.HOLDOUT, range(100, 124)), tmp_path / "holdout", None)
    write_folder(train.subset(range(6)), tmp_path / "synthetic", None)
    roles = [word for role in ("train", "holdout", "synthetic") for word in (f"--{role}", str(tmp_path / role))]
    settings = ["--probe", "copies", "--policy", "internal", "--workers", "1"]
    assert run(["audit", *roles, *settings, "--out", str(tmp_path / "out")]) == 1
    said = capsys.readouterr()
    assert "no-direct-copies" in said.out
    assert "reading train: 24 done" in said.err
    assert (tmp_path / "out" / "report.pdf").read_bytes().startswith(b"%PDF")
    assert "CHX-0000" not in said.out + said.err
    assert run(["gate", str(tmp_path / "out")]) == 1
