"""`synthaudit encoders list|verify|add`: what a person types on a machine without a network."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from synthaudit import registry
from synthaudit.cli.main import run
from synthaudit.encoders.weights import file_sha256


@pytest.fixture(autouse=True)
def own_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SYNTHAUDIT_ENCODERS", str(tmp_path / "store"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    return tmp_path / "store"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Random weights of a small architecture of timm."""
    import timm
    import torch
    from safetensors.torch import save_file

    with torch.random.fork_rng():
        save_file(timm.create_model("test_vit").state_dict(), tmp_path / "model.safetensors")
    return tmp_path / "model.safetensors"


def listed(capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, Any]]:
    assert run(["encoders", "list", "--json"]) == 0
    return {row["name"]: row for row in json.loads(capsys.readouterr().out)}


def test_weights_are_added_listed_and_verified(
    file: Path, own_store: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    digest = file_sha256(file)
    (tmp_path / "terms").write_text("terms")
    asked = ["--from", str(file), "--sha256", digest, "--license", str(tmp_path / "terms"), "--source", "a friend"]
    assert run(["encoders", "add", "timm:test_vit", *asked]) == 0
    assert capsys.readouterr().out == f"timm:test_vit is kept here; weights given, SHA-256 {digest}\n"
    kept = own_store / "timm--test_vit"
    assert {path.name for path in kept.iterdir()} == {
        "LICENSE",
        "MANIFEST.json",
        "model.safetensors",
        "preprocessing.json",
    }
    told = json.loads((kept / "MANIFEST.json").read_text())
    assert (told["name"], told["source"], told["check"]) == ("timm:test_vit", "a friend", "given")
    assert str(tmp_path) not in (kept / "MANIFEST.json").read_text()
    row = listed(capsys)["timm:test_vit"]
    assert (row["state"], row["check"], row["sha256"]) == ("ready", "given", digest)
    assert run(["encoders", "list"]) == 0
    assert f"ready; weights given, SHA-256 {digest}" in " ".join(capsys.readouterr().out.split())
    assert run(["encoders", "verify"]) == 0
    assert capsys.readouterr().out == "timm:test_vit: as it was added\n"
    assert getattr(registry.encoder("timm:test_vit"), "weights_check") == "given"  # noqa: B009

    content = bytearray((kept / "model.safetensors").read_bytes())
    content[-1] ^= 1
    (kept / "model.safetensors").write_bytes(content)
    assert run(["encoders", "verify", "timm:test_vit"]) == 1
    assert capsys.readouterr().out == "timm:test_vit: model.safetensors was changed\n"
    assert run(["encoders", "verify", "--json"]) == 1
    assert json.loads(capsys.readouterr().out) == {"timm:test_vit": ["model.safetensors was changed"]}
    assert run(["encoders", "verify", "sscd"]) == 2
    assert "encoder must be one that is kept here (timm:test_vit), got sscd" in capsys.readouterr().err


def test_weights_that_nobody_vouched_for_are_kept_with_a_warning(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["encoders", "add", "timm:test_vit", "--from", str(file)]) == 0
    said = capsys.readouterr()
    assert "weights unverified" in said.out
    assert "an audit with it ends INCONCLUSIVE at best" in said.err
    assert run(["encoders", "add", "timm:test_vit", "--from", str(file), "--vouch", "--replace", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["check"] == "vouched"
    said_elsewhere = file.with_name("own.json")
    said_elsewhere.write_text('{"input_size": 160, "channels": 3, "mean": [0, 0, 0], "std": [1, 1, 1]}')
    asked = ["--from", str(file), "--vouch", "--replace", "--preprocessing", str(said_elsewhere)]
    before: Any = registry.encoder("timm:test_vit")
    assert run(["encoders", "add", "timm:test_vit", *asked]) == 0
    after: Any = registry.encoder("timm:test_vit")
    assert after.fingerprint != before.fingerprint


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["timm:test_vit", "--sha256", "0" * 64], "it is another file, or was damaged on its way"),
        (["timm:resnet10t"], "the weights of its own architecture"),
        (["sscd:x"], "weights for sscd are added as sscd, got sscd:x"),
        (["timm"], "weights for timm are added as timm:NAME, got timm"),
        (["descriptor"], "encoder descriptor needs no weights, so there is nothing to add"),
        (["no-such"], "encoder must be one of"),
        (["timm:test_vit", "--trust-code"], "--trust-code is for files that hold a program"),
        (["onnx:net"], "needs weights as .onnx, got model.safetensors"),
    ],
)
def test_what_cannot_be_used_is_not_kept(
    file: Path, own_store: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    assert run(["encoders", "add", *arguments, "--from", str(file)]) == 2
    assert says in " ".join(capsys.readouterr().err.split())
    assert not own_store.exists() or list(own_store.iterdir()) == []


def test_a_pickle_is_refused_unread(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.mkfifo(tmp_path / "weights.pth")  # to open it would block
    assert run(["encoders", "add", "sscd", "--from", str(tmp_path / "weights.pth")]) == 2
    assert "a pickle can run any program when it is loaded. Convert it once" in capsys.readouterr().err


def test_everything_named_is_listed_with_its_license_and_its_state(capsys: pytest.CaptureFixture[str]) -> None:
    rows = listed(capsys)
    assert set(rows) == set(registry.names("encoders"))
    named = [row for row in rows.values() if row["license"]]
    assert len(named) >= 15
    assert [row["name"] for row in named if not row["input"] or "get" not in row["says"]] == []
    assert rows["descriptor"]["state"] == "ready"
    assert rows["sscd"]["state"] == "needs weights"
    assert rows["onnx"]["state"] in ("needs a file", "extra not installed")


def test_an_extra_that_is_not_installed_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("synthaudit.encoders.states.find_spec", lambda _: None)
    row = listed(capsys)["onnx"]
    assert (row["state"], row["says"]) == ("extra not installed", "needs an extra: pip install 'synthaudit[onnx]'")


def test_a_damaged_folder_is_shown_and_hides_no_other(own_store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (own_store / "sscd").mkdir(parents=True)
    (own_store / "gone--x").mkdir()
    rows = listed(capsys)
    assert rows["sscd"]["state"] == "damaged"
    assert rows["gone:x"]["what"].startswith("not usable: UsageError: encoder must be one of")
    assert run(["encoders", "verify"]) == 1


def test_nothing_kept_is_nothing_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["encoders", "verify"]) == 0
    assert capsys.readouterr().out == "No weights are kept on this machine.\n"
