"""Encoders by name: each one's own keys, pooling and preprocessing, against naive twins."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from synthaudit import registry
from synthaudit.encoders import store
from synthaudit.encoders.about import About
from synthaudit.encoders.dinov2 import side_and_file, to_timm
from synthaudit.encoders.frozen_network import normalized
from synthaudit.encoders.inception_fid import _pooled_by, inception_fid
from synthaudit.encoders.named import named_encoder
from synthaudit.encoders.preprocessing import Preprocessing
from synthaudit.encoders.resnets import _by_name, _headless, _sscd
from synthaudit.encoders.xrv import PREPROCESSING, _network
from synthaudit.errors import EncoderError, UsageError

NAMED = {
    "biomedclip": 512,
    "dinov2-vitb14": 768,
    "dinov2-vitl14": 1024,
    "dinov2-vits14": 384,
    "inception-fid": 2048,
    "mobilenetv2-coral": 1280,
    "rad-dino": 768,
    "radimagenet-resnet50": 2048,
    "sscd": 512,
    "xrv-densenet121": 1024,
}


@pytest.mark.parametrize("name", NAMED)
def test_what_is_missing_is_said(name: str) -> None:
    with pytest.raises(EncoderError, match=rf"encoder {name} needs its weights on this machine, found none.* Get "):
        registry.encoder(name)
    with pytest.raises(EncoderError, match="a pickle can run any program"):
        registry.encoder(f"{name}:weights.pth")
    assert registry.encoder_class(name).about.dim == NAMED[name]


def transformers_keys(weights: dict[str, Any], layers: int) -> dict[str, Any]:
    """Weights of timm's network under the keys that transformers would save them with."""
    out = {
        "embeddings.cls_token": weights["cls_token"],
        "embeddings.mask_token": weights["cls_token"][0],
        "embeddings.position_embeddings": weights["pos_embed"],
    }
    for kind in ("weight", "bias"):
        out[f"embeddings.patch_embeddings.projection.{kind}"] = weights[f"patch_embed.proj.{kind}"]
        out[f"layernorm.{kind}"] = weights[f"norm.{kind}"]
        for i in range(layers):
            theirs, ours = f"encoder.layer.{i}", f"blocks.{i}"
            three = weights[f"{ours}.attn.qkv.{kind}"].chunk(3)
            for which, part in zip(("query", "key", "value"), three, strict=True):
                out[f"{theirs}.attention.attention.{which}.{kind}"] = part
            out[f"{theirs}.attention.output.dense.{kind}"] = weights[f"{ours}.attn.proj.{kind}"]
            for same in ("norm1", "norm2", "mlp.fc1", "mlp.fc2"):
                out[f"{theirs}.{same}.{kind}"] = weights[f"{ours}.{same}.{kind}"]
    for i in range(layers):
        for number in (1, 2):
            out[f"encoder.layer.{i}.layer_scale{number}.lambda1"] = weights[f"blocks.{i}.ls{number}.gamma"]
    return out


def test_rad_dinos_keys_become_timms() -> None:
    import timm
    import torch

    with torch.random.fork_rng():
        vit = timm.create_model("vit_tiny_patch16_224", depth=2, img_size=32, num_classes=0, init_values=0.5)
    weights = vit.state_dict()
    there = to_timm(transformers_keys(weights, 2))
    there.pop("mask_token")
    assert there.keys() == weights.keys()
    assert all(torch.equal(there[key], value) for key, value in weights.items())
    assert to_timm(weights).keys() == weights.keys()


def test_the_side_of_dinov2_may_be_chosen() -> None:
    assert side_and_file("d", "") == (518, "")
    assert side_and_file("d", "224") == (224, "")
    assert side_and_file("d", "224@x/y.safetensors") == (224, "x/y.safetensors")
    assert side_and_file("d", "x/224.safetensors") == (518, "x/224.safetensors")
    for side in ("225", "0", "532"):
        with pytest.raises(UsageError, match=f"a multiple of 14, from 14 to 518 pixels, got {side}"):
            side_and_file("d", side)


def test_xrv_is_shown_minus_1024_to_1024() -> None:
    shown = np.zeros((1, 224, 224), dtype=np.float32)
    shown[0, 0, :3] = [0, 0.25, 1]
    np.testing.assert_array_equal(normalized(shown, PREPROCESSING)[0, 0, 0, :3], [-1024, -512, 1024])


@pytest.mark.parametrize(("build", "classifier"), [(_network, True), (_headless, True), (_sscd, False)])
def test_keys_are_torchvisions(build: Callable[[], Any], classifier: bool) -> None:
    import torch
    from torchvision.models import densenet121, resnet50

    with torch.device("meta"):
        found = {key: value.shape for key, value in build().state_dict().items()}
        peer = densenet121() if build is _network else resnet50()
        expected = {key: value.shape for key, value in peer.state_dict().items()}
    if classifier:
        expected = {key: shape for key, shape in expected.items() if not key.startswith(("fc.", "classifier."))}
    assert found.keys() == expected.keys()
    unlike = {key for key in found if found[key] != expected[key]}
    assert unlike == {_network: {"features.conv0.weight"}, _headless: set(), _sscd: {"fc.weight", "fc.bias"}}[build]


def test_radimagenets_numbered_layers_are_named() -> None:
    import torch
    from torch import nn
    from torchvision.models import resnet50

    with torch.device("meta"):
        whole = resnet50()
        saved = {f"backbone.{key}": x for key, x in nn.Sequential(*list(whole.children())[:-1]).state_dict().items()}
    named = {key for key in whole.state_dict() if not key.startswith("fc.")}
    assert set(_by_name(saved)) == named
    assert set(_by_name(dict.fromkeys(named))) == named


def test_sscd_pools_by_a_generalized_mean() -> None:
    import torch

    with torch.device("meta"):
        pool = _sscd().avgpool
    maps = np.random.default_rng(0).normal(size=(2, 3, 4, 5))
    expected = (np.maximum(maps, 1e-6) ** 3).mean(axis=(2, 3), keepdims=True) ** (1 / 3)
    np.testing.assert_allclose(pool(torch.from_numpy(maps)).numpy(), expected)


def test_the_inception_of_the_frechet_distance_pools_as_tensorflow_does() -> None:
    import torch
    from torch.nn.functional import max_pool2d

    with torch.device("meta"):
        network = inception_fid()
    patched = {name for name, block in network.named_children() if "forward" in vars(block)}
    assert patched == {"Mixed_5b", "Mixed_5c", "Mixed_5d", *(f"Mixed_6{x}" for x in "bcde"), "Mixed_7b", "Mixed_7c"}

    class Block:
        """Its branches are the maps, halved and, where pooled, themselves."""

        def _forward(self, maps: Any) -> list[Any]:
            return [maps / 2, maps * float("nan")]

        def branch_pool(self, maps: Any) -> Any:
            return maps

    maps = torch.ones(1, 1, 3, 3)
    average = network.Mixed_5b.forward.args[1]
    # Were the padding counted, the corners would be 4/9.
    assert torch.equal(_pooled_by(Block(), average, maps), torch.cat([maps / 2, maps], 1))
    assert network.Mixed_7c.forward.args[1].func is max_pool2d


def test_a_preprocessing_of_another_kind_is_refused(tmp_path: Path) -> None:
    import torch
    from safetensors.torch import save_file
    from torch import nn

    about = About(what="w", license="l", input="i", dim=3, weights="f")
    save_file({"1.weight": torch.ones(3, 16), "1.bias": torch.zeros(3)}, tmp_path / "m.safetensors")

    def load(side: int = 4, mean: float = 0.5) -> Any:
        return named_encoder(
            "net",
            about,
            "",
            build=lambda: nn.Sequential(nn.Flatten(), nn.Linear(side * side, 3)),
            preprocessing=Preprocessing(side, 1, (mean,), (1.0,)),
            device="cpu",
            offline=True,
        )

    store.add("net", about, tmp_path / "m.safetensors", vouched=True, load=load)
    assert load().dim == 3
    with pytest.raises(EncoderError, match=r"1 of another shape.*the first: 1.weight is of shape \(3, 16\)"):
        load(side=5)
    with pytest.raises(EncoderError, match=r"prepared in its own way, found a preprocessing.json that says another"):
        load(mean=0.4)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["sscd", "radimagenet-resnet50", "xrv-densenet121", "inception-fid", "dinov2-vits14:224"]
)
def test_whole_networks_load_and_encode(name: str, tmp_path: Path) -> None:
    import timm
    import torch
    from safetensors.torch import save_file

    builds: dict[str, Callable[[], Any]] = {
        "sscd": _sscd,
        "radimagenet-resnet50": _headless,
        "xrv-densenet121": _network,
        "inception-fid": inception_fid,
        "dinov2-vits14:224": lambda: timm.create_model("vit_small_patch14_dinov2", num_classes=0),
    }
    with torch.random.fork_rng():
        torch.manual_seed(0)
        save_file(builds[name]().state_dict(), tmp_path / "m.safetensors")
    spec = f"{name}{'@' if ':' in name else ':'}{tmp_path}/m.safetensors"
    encoder: Any = registry.encoder(spec)
    side, channels = encoder.input_size, encoder.channels
    shape = (2, side, side) if channels == 1 else (2, side, side, 3)
    vectors = encoder.encode(np.random.default_rng(0).random(shape).astype(np.float32))
    assert vectors.shape == (2, NAMED[name.partition(":")[0]])
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert encoder.name == name
