"""TorchScript files run only when told, and pickles never."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from synthaudit import registry
from synthaudit.encoders import store
from synthaudit.encoders.torchscript import TRUST_VARIABLE, TorchScript
from synthaudit.encoders.weights import WeightsCheck
from synthaudit.errors import EncoderError, UsageError

PREPROCESSING = '{"input_size": 8, "channels": 1, "mean": [0.5], "std": [0.25]}'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A network of one linear layer, saved by torch.jit."""
    import torch
    from torch import nn

    with torch.random.fork_rng(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.manual_seed(0)
        network = nn.Sequential(nn.Flatten(), nn.Linear(64, 3))
        jit: Any = torch.jit  # untyped
        jit.save(jit.trace(network, torch.zeros(2, 1, 8, 8)), str(tmp_path / "net.pt"))
    (tmp_path / "net.pt.json").write_text(PREPROCESSING)
    return tmp_path / "net.pt"


def test_it_runs_only_when_told(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    with monkeypatch.context() as patch:
        patch.setattr(torch.jit, "load", lambda *_, **__: pytest.fail("it ran"))
        with pytest.raises(EncoderError, match=rf"the program in net.pt may run.* or set {TRUST_VARIABLE}=1"):
            TorchScript.from_spec(str(file))
    monkeypatch.setenv(TRUST_VARIABLE, "1")
    encoder = TorchScript.from_spec(str(file))
    assert (encoder.name, encoder.dim, encoder.channels) == ("torchscript:net.pt", 3, 1)
    assert encoder.weights_check is WeightsCheck.UNVERIFIED
    shown = np.random.default_rng(0).random((5, 8, 8)).astype(np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        jit: Any = torch.jit  # untyped
        weight, bias = (x.detach().numpy() for x in jit.load(str(file)).parameters())
    rows = (shown.reshape(5, 64) - 0.5) / 0.25 @ weight.T + bias
    np.testing.assert_allclose(encoder.encode(shown), rows / np.linalg.norm(rows, axis=1, keepdims=True), atol=1e-6)


@pytest.mark.parametrize("trusts_code", [True, False])
def test_trust_is_kept_with_the_file(file: Path, trusts_code: bool) -> None:
    def load() -> object:
        return registry.encoder("torchscript:own")

    options: dict[str, Any] = {"vouched": True, "trusts_code": trusts_code, "load": load}
    if not trusts_code:
        with pytest.raises(EncoderError, match="add it with --trust-code"):
            store.add("torchscript:own", TorchScript.about, file, **options)
        assert store.kept() == {}
        return
    store.add("torchscript:own", TorchScript.about, file, **options)
    encoder = TorchScript.from_spec("own")
    assert (encoder.name, encoder.weights_check) == ("torchscript:own", WeightsCheck.VOUCHED)


def test_a_pickle_is_refused_whatever_it_is_called(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setenv(TRUST_VARIABLE, "1")
    torch.save({"a": torch.zeros(2)}, tmp_path / "state.pt")
    (tmp_path / "plain.pt").write_bytes(b"\x80\x04.")
    for name in ("state.pt", "plain.pt"):
        with pytest.raises(EncoderError, match=rf"needs a file written by torch.jit.save, got {name}, which is none"):
            TorchScript.from_spec(str(tmp_path / name))
    with pytest.raises(EncoderError, match=r"needs its weights on this machine, found none"):
        TorchScript.from_spec("state.bin")


def test_what_is_not_said_is_not_guessed(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TRUST_VARIABLE, "1")
    (file.parent / "net.pt.json").write_text(PREPROCESSING.replace("8", "9"))
    with pytest.raises(EncoderError, match="a network for images of 9 x 9 pixels and 1 channels, got one that stops"):
        TorchScript.from_spec(str(file))
    (file.parent / "net.pt.json").unlink()
    with pytest.raises(EncoderError, match=r"needs net.pt.json with how its images are prepared, for example"):
        TorchScript.from_spec(str(file))
    with pytest.raises(UsageError, match="torchscript must be given as torchscript:FILE or torchscript:NAME"):
        TorchScript.from_spec("")
