"""`synthaudit demo`: what it makes, what it makes again, and when it says that all is well."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import synthaudit
from synthaudit.audit_record import Audit
from synthaudit.cli.demo import Sizes, whole
from synthaudit.cli.main import run
from synthaudit.generators.latent_diffusion import LatentDiffusion

Make = Callable[[str], Audit]
TINY = Sizes(leaky_patients=6, safe_patients=9, holdout_patients=4, samples=3, steps=2, image_px=16)


class Auditor:
    """Stands in for `synthaudit.audit`: the first call finds the leak, the second none."""

    def __init__(self, make: Make, *kinds: str) -> None:
        self.make, self.kinds = make, kinds
        self.calls: list[dict[str, Any]] = []

    def __call__(self, **arguments: Any) -> Audit:
        self.calls.append(arguments)
        return self.make(self.kinds[len(self.calls) - 1])


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.import_module("synthaudit.cli.demo"), "Sizes", lambda: TINY)
    monkeypatch.setattr(synthaudit, "write", lambda *_, **__: None, raising=False)


@pytest.fixture
def fits(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many images each fit was given."""
    seen: list[int] = []
    fit = LatentDiffusion.fit

    def counted(self: LatentDiffusion, cohort: Any, *rest: Any, **more: Any) -> LatentDiffusion:
        seen.append(len(cohort))
        return fit(self, cohort, *rest, **more)

    monkeypatch.setattr(LatentDiffusion, "fit", counted)
    return seen


def auditing(make: Make, monkeypatch: pytest.MonkeyPatch, *kinds: str) -> Auditor:
    auditor = Auditor(make, *kinds)
    monkeypatch.setattr(synthaudit, "audit", auditor, raising=False)
    return auditor


@pytest.mark.parametrize(
    ("leaky", "safe", "code"),
    [
        ("failing", "passing", 0),
        ("failing", "inconclusive", 0),
        ("failing", "failing", 1),
        ("passing", "passing", 1),
        ("inconclusive", "passing", 1),
    ],
)
def test_it_succeeds_only_if_the_leak_alone_is_found(
    leaky: str,
    safe: str,
    code: int,
    make: Make,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    auditing(make, monkeypatch, leaky, safe)
    assert run(["demo", "--out", str(tmp_path / "demo"), "--quiet"]) == code
    said = capsys.readouterr()
    assert said.err == ""
    lines = said.out.splitlines()
    for line, kind, name in zip(lines, (leaky, safe), ("leaky", "safe"), strict=False):
        verdict, report = make(kind).verdict.value, tmp_path / "demo" / name / "audit" / "report.pdf"
        assert line.startswith(f"{name} generator (")
        assert line.endswith(f"patients): {verdict}, see {report}")
    assert lines[2].startswith("As it should be" if code == 0 else "NOT as it should be")


def test_each_audit_gets_its_own_patients_and_images(
    make: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    auditor = auditing(make, monkeypatch, "failing", "passing")
    run(["demo", "--out", str(tmp_path), "--seed", "3", "--quiet"])
    for call, trained_on in zip(auditor.calls, (TINY.leaky_patients, TINY.safe_patients), strict=True):
        counts = [len(list(call[role].glob("*.png"))) for role in ("train", "holdout", "synthetic")]
        assert counts == [trained_on, TINY.holdout_patients, TINY.samples]
        rows = call["metadata"].read_text().splitlines()
        assert len(rows) == 1 + trained_on + TINY.holdout_patients
        assert call["seed"] == 3
        assert call["cache"].location == tmp_path / "cache"
    trained, held = ({f.name for f in auditor.calls[1][role].iterdir()} for role in ("train", "holdout"))
    assert trained.isdisjoint(held)


def test_what_is_there_is_used_and_the_audit_is_made_anew(
    make: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, fits: list[int]
) -> None:
    for _ in range(2):
        auditor = auditing(make, monkeypatch, "failing", "passing")
        assert run(["demo", "--out", str(tmp_path), "--quiet"]) == 0
        assert len(auditor.calls) == 2
    assert fits == [TINY.leaky_patients, TINY.safe_patients]


def test_an_interrupted_demo_goes_on(
    make: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, fits: list[int], capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(**_: object) -> Audit:
        raise KeyboardInterrupt

    monkeypatch.setattr(synthaudit, "audit", interrupt, raising=False)
    assert run(["demo", "--out", str(tmp_path), "--quiet"]) == 130
    assert "what was made is kept; run the same command to go on" in capsys.readouterr().err
    auditing(make, monkeypatch, "failing", "passing")
    assert run(["demo", "--out", str(tmp_path), "--quiet"]) == 0
    assert fits == [TINY.leaky_patients, TINY.safe_patients]


def test_training_keeps_to_one_thread(make: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import torch

    seen, fit = [], LatentDiffusion.fit

    def watched(*arguments: Any, **more: Any) -> LatentDiffusion:
        seen.append(torch.get_num_threads())
        return fit(*arguments, **more)

    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        monkeypatch.setattr(LatentDiffusion, "fit", watched)
        auditing(make, monkeypatch, "failing", "passing")
        run(["demo", "--out", str(tmp_path), "--quiet"])
        assert (seen, torch.get_num_threads()) == ([1, 1], 2)
    finally:
        torch.set_num_threads(before)


def test_a_folder_is_whole_or_not_there(tmp_path: Path) -> None:
    def fails_midway(folder: Path) -> None:
        (folder / "half").write_text("")
        raise KeyboardInterrupt

    folder = tmp_path / "made"
    with pytest.raises(KeyboardInterrupt):
        whole(folder, fails_midway)
    assert not folder.exists()
    whole(folder, lambda place: (place / "all").touch())
    assert [file.name for file in folder.iterdir()] == ["all"]
    assert [file.name for file in tmp_path.iterdir()] == ["made"]


def test_another_seed_is_another_demo(
    make: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, fits: list[int], capsys: pytest.CaptureFixture[str]
) -> None:
    auditing(make, monkeypatch, *["failing", "passing"] * 2)
    assert run(["demo", "--out", str(tmp_path), "--quiet"]) == 0
    assert run(["demo", "--out", str(tmp_path), "--seed", "1", "--quiet"]) == 2
    assert "must hold no demo of another seed or version, found one" in capsys.readouterr().err
    assert run(["demo", "--out", str(tmp_path), "--seed", "1", "--overwrite", "--quiet"]) == 0
    assert json.loads((tmp_path / "demo.json").read_text())["seed"] == 1
    assert len(fits) == 4


def test_other_peoples_files_are_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "leaky").mkdir()
    (tmp_path / "leaky" / "thesis.txt").write_text("years of work")
    assert run(["demo", "--out", str(tmp_path), "--overwrite", "--quiet"]) == 2
    assert "must be empty or hold a demo, found other files" in capsys.readouterr().err
    assert (tmp_path / "leaky" / "thesis.txt").exists()


@pytest.mark.parametrize("content", ["{", "[1]", '"x"'])
def test_a_damaged_stamp_is_another_demo(content: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "demo.json").write_text(content)
    assert run(["demo", "--out", str(tmp_path), "--quiet"]) == 2
    assert "must hold no demo of another seed or version" in capsys.readouterr().err
