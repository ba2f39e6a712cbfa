"""timm's architectures: the vectors are timm's own, and weights must be those of the architecture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from synthaudit import registry
from synthaudit.embeddings import PixelEncoder
from synthaudit.encoders.frozen_network import FrozenNetwork
from synthaudit.encoders.timm_models import Timm
from synthaudit.encoders.weights import WeightsCheck
from synthaudit.errors import EncoderError, UsageError


def images(n: int, side: int = 160) -> NDArray[np.float32]:
    return np.random.default_rng(0).random((n, side, side, 3)).astype(np.float32)


def network(seed: int = 0) -> Any:
    import timm
    import torch

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return timm.create_model("test_vit", num_classes=7).eval()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    from safetensors.torch import save_file

    save_file(network().state_dict(), tmp_path / "model.safetensors")
    return tmp_path / "model.safetensors"


def change(file: Path, **tensors: Any) -> None:
    """Replace tensors of the file; None takes one out."""
    from safetensors.torch import load_file, save_file

    found = {**load_file(file), **{key.replace("__", "."): value for key, value in tensors.items()}}
    save_file({key: value for key, value in found.items() if value is not None}, file)


def test_vectors_are_those_of_timm_before_its_classifier(file: Path) -> None:
    import torch

    encoder = Timm.from_spec(f"test_vit@{file}")
    assert isinstance(encoder, PixelEncoder)
    assert (encoder.name, encoder.dim, encoder.input_size, encoder.channels) == ("timm:test_vit", 64, 160, 3)
    shown = images(3)
    peer = network()
    with torch.inference_mode():
        # timm normalizes this architecture's images from [0, 1] to [-1, 1].
        tokens = peer.forward_features(torch.from_numpy(shown).permute(0, 3, 1, 2) * 2 - 1)
        rows = torch.nn.functional.normalize(peer.forward_head(tokens, pre_logits=True), dim=-1).numpy()
    np.testing.assert_allclose(encoder.encode(shown), rows, atol=2e-6)
    assert np.ptp(rows @ rows.T) > 1e-4
    np.testing.assert_array_equal(encoder.encode(shown), Timm.from_spec(f"test_vit@{file}").encode(shown))
    assert encoder.encode(images(0)).shape == (0, 64)
    with pytest.raises(UsageError, match=r"images must be of shape \(n, 160, 160, 3\), got \(1, 32, 32, 3\)"):
        encoder.encode(images(1, 32))


def test_a_file_that_nobody_vouched_for_is_unverified(file: Path) -> None:
    encoder = registry.encoder(f"timm:test_vit@{file}")
    assert isinstance(encoder, FrozenNetwork)
    assert encoder.weights_check is WeightsCheck.UNVERIFIED


def test_the_fingerprint_covers_weights_architecture_and_preprocessing(file: Path) -> None:
    first = Timm.from_spec(f"test_vit@{file}").fingerprint
    assert Timm.from_spec(f"test_vit@{file}").fingerprint == first
    own = file.with_name(file.name + ".json")
    own.write_text('{"input_size": 160, "channels": 3, "mean": [0, 0, 0], "std": [1, 1, 1]}')
    second = Timm.from_spec(f"test_vit@{file}")
    assert second.preprocessing.mean == (0.0, 0.0, 0.0)
    own.unlink()
    change(file, norm__bias=network(1).norm.bias.detach() + 1)
    assert len({first, second.fingerprint, Timm.from_spec(f"test_vit@{file}").fingerprint}) == 3


def test_weights_of_another_architecture_are_named(file: Path) -> None:
    import torch

    change(file, norm__bias=None)
    with pytest.raises(EncoderError, match=r"1 missing, 0 of another shape, 0 not expected; the first: norm.bias is m"):
        Timm.from_spec(f"test_vit@{file}")
    change(file, norm__bias=torch.zeros(63))
    with pytest.raises(EncoderError, match=r"the first: norm.bias is of shape \(63,\) instead of \(64,\)"):
        Timm.from_spec(f"test_vit@{file}")
    change(file, norm__bias=torch.zeros(64), wings=torch.zeros(2))
    with pytest.raises(EncoderError, match=r"1 not expected; the first: wings is not expected"):
        Timm.from_spec(f"test_vit@{file}")
    file.write_bytes(file.read_bytes()[:-5])
    with pytest.raises(EncoderError, match=r"needs a whole safetensors file, model.safetensors is none"):
        Timm.from_spec(f"test_vit@{file}")


def test_building_a_network_draws_from_nobody_elses_randomness(file: Path) -> None:
    import torch

    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    Timm.from_spec(f"test_vit@{file}")
    assert torch.equal(torch.rand(2), expected)


def test_specifications_that_are_none(file: Path) -> None:
    for argument in ("", f"@{file}", "hf-hub:org/name"):
        with pytest.raises(UsageError, match="timm must be given as timm:ARCHITECTURE"):
            Timm.from_spec(argument)
    for architecture in ("no_such", "test_vit.no_such_tag"):
        with pytest.raises(EncoderError, match=f"an architecture that timm knows .* got {architecture}"):
            Timm.from_spec(f"{architecture}@{file}")
    with pytest.raises(UsageError, match="device must be cpu, cuda or cuda:i, got teapot"):
        Timm.from_spec(f"test_vit@{file}", device="teapot")
    with pytest.raises(EncoderError, match=r"found none \(nothing was downloaded: offline\)"):
        Timm.from_spec("test_vit")


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"input_size": 160, "channels": 3, "mean": [0, 0], "std": [1, 1]}', '{"input_size": "x"}']
)
def test_a_preprocessing_that_says_too_little_is_refused(file: Path, text: str) -> None:
    file.with_name(file.name + ".json").write_text(text)
    with pytest.raises(EncoderError, match=r"needs model.safetensors.json with how its images are prepared"):
        Timm.from_spec(f"test_vit@{file}")


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of the hub."""
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


def test_the_hubs_cache_is_read_offline_and_proves_nothing(file: Path, hub: Path) -> None:
    commit = "0" * 40
    repository = hub / "models--timm--test_vit.r160_in1k"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text(commit)
    (repository / "snapshots" / commit).mkdir(parents=True)
    file.rename(repository / "snapshots" / commit / "model.safetensors")
    encoder = Timm.from_spec("test_vit")
    assert (encoder.name, encoder.weights_check) == ("timm:test_vit", WeightsCheck.UNVERIFIED)


def test_downloads_are_asked_for_only_if_allowed(file: Path, hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    asked: list[tuple[str, str, bool]] = []

    def fetched(repository: str, name: str, *, local_files_only: bool) -> str:
        asked.append((repository, name, local_files_only))
        return str(file)

    assert not hub.exists()
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", fetched)
    Timm.from_spec("test_vit", offline=True)
    Timm.from_spec("test_vit", offline=False)
    place = ("timm/test_vit.r160_in1k", "model.safetensors")
    assert asked == [(*place, True), (*place, False)]
