"""MONAI bundles as generators."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from synthaudit import registry
from synthaudit.errors import InputError, UsageError
from synthaudit.generators.adapters.monai_bundle import NAMES, opened
from synthaudit.generators.protocol import Capability, Encodes
from synthaudit.generators.seeding import item_normals

SIDE = 8
AUTOENCODER = {
    "_target_": "AutoencoderKL",
    "spatial_dims": 2,
    "in_channels": 1,
    "out_channels": 1,
    "channels": [4, 4],
    "latent_channels": 2,
    "num_res_blocks": 1,
    "norm_num_groups": 2,
    "attention_levels": [False, False],
    "with_encoder_nonlocal_attn": False,
    "with_decoder_nonlocal_attn": False,
}
LATENT = [2, SIDE // 2, SIDE // 2]


def unet(channels: int) -> dict[str, Any]:
    return {
        "_target_": "DiffusionModelUNet",
        "spatial_dims": 2,
        "in_channels": channels,
        "out_channels": channels,
        "channels": [4, 4],
        "attention_levels": [False, False],
        "num_res_blocks": 1,
        "norm_num_groups": 2,
        "num_head_channels": 4,
    }


def scheduler(name: str) -> dict[str, Any]:
    return {"_target_": f"monai.networks.schedulers.{name}", "num_train_timesteps": 10}


def bundle(folder: Path, config: dict[str, Any], **networks: str) -> Path:
    """A bundle of that configuration; for each file in models/, random weights of the named part."""
    import torch
    from safetensors.torch import save_file

    nets: Any = importlib.import_module("monai.networks.nets")
    (folder / "configs").mkdir()
    (folder / "models").mkdir()
    (folder / "configs" / "inference.json").write_text(json.dumps({"bundle_root": ".", **config}))
    for name, part in networks.items():
        settings = dict(config[part])
        with torch.random.fork_rng():
            torch.manual_seed(0)
            weights = getattr(nets, settings.pop("_target_"))(**settings).state_dict()
        if name == "model":
            torch.save(weights, folder / "models" / "model.pt")
        else:
            save_file(weights, folder / "models" / f"{name}.safetensors")
    return folder


@pytest.fixture(autouse=True)
def place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A bundle is opened from inside, as its process has a place of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])


def own(folder: Path, **given: Any) -> Any:
    usual: dict[str, Any] = {"names": NAMES, "latent": None, "scale": None, "steps": 0, "range": [0, 1]}
    return opened({**usual, "folder": str(folder), "device": "cpu", **given})


def x() -> np.ndarray:
    return np.random.default_rng(0).random((9, SIDE, SIDE), dtype=np.float32)


@pytest.mark.slow
def test_an_autoencoder(tmp_path: Path) -> None:
    config = {"autoencoder_def": AUTOENCODER, "latent_shape": LATENT}
    made = own(bundle(tmp_path, config, model="autoencoder_def"))
    assert made.spec.shape == (SIDE, SIDE)
    assert made.capabilities() == {Capability.SAMPLE, Capability.ENCODE, Capability.SCORE}
    images = made.sample(9, seed=1)
    assert np.allclose(images, made.decode(item_normals(9, 32, 1)), atol=1e-6)
    assert np.array_equal(made.sample(2, seed=1), images[:2])
    z = made.encode(x())
    assert z.shape == (9, 32)
    error = ((made.decode(z)[..., 0] - x()) ** 2).mean(axis=(1, 2))
    assert np.allclose(made.score(x(), 0, 3), error[:, None], atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["DDPMScheduler", "DDIMScheduler"])
def test_a_diffusion_on_pixels(tmp_path: Path, name: str) -> None:
    config = {"network_def": unet(1), "noise_scheduler": scheduler(name), "latent_shape": [1, SIDE, SIDE]}
    made = own(bundle(tmp_path, config, model="network_def"), range=[-1, 1])
    assert made.capabilities() == {Capability.SAMPLE, Capability.SCORE, Capability.DENOISE}
    images = made.sample(9, seed=1)
    assert images.shape == (9, SIDE, SIDE, 1)
    assert np.array_equal(made.sample(2, seed=1), images[:2])
    assert not np.array_equal(made.sample(2, seed=2), images[:2])
    scores = made.score(x(), 0, 2)
    assert np.array_equal(made.score(x()[:3], 0, 2), scores[:3])
    flat = x().reshape(9, -1)
    assert np.allclose(made.denoise(flat, 1e-4), flat, atol=1e-2)


@pytest.mark.slow
def test_a_diffusion_on_latents(tmp_path: Path) -> None:
    config = {
        "autoencoder_def": AUTOENCODER,
        "network_def": unet(2),
        "noise_scheduler": scheduler("DDIMScheduler"),
        "latent_shape": LATENT,
        "scale_factor": 0.5,
    }
    folder = bundle(tmp_path, config, model="network_def", model_autoencoder="autoencoder_def")
    made = own(folder)
    assert made.capabilities() == {Capability.SAMPLE, Capability.ENCODE, Capability.SCORE, Capability.DENOISE}
    assert made.sample(2, seed=1).shape == (2, SIDE, SIDE, 1)
    z = made.encode(x())
    assert np.allclose(own(folder, scale=2.0).encode(x()), 4 * z, atol=1e-5)
    assert np.allclose(own(folder, scale=2.0).decode(4 * z), made.decode(z), atol=1e-5)
    assert made.denoise(z, 0.5).shape == z.shape
    assert made.score(x(), 0, 2).shape == (9, 2)
    with pytest.raises(UsageError, match=r"^option steps of monai: must be at most 10, got 11$"):
        own(folder, steps=11)


@pytest.mark.slow
def test_bundles_that_lack_something(tmp_path: Path) -> None:
    config = {
        "network_def": unet(1),
        "noise_scheduler": scheduler("PNDMScheduler"),
        "spare": scheduler("DDPMScheduler"),
    }
    folder = bundle(tmp_path, config, model="network_def")
    with pytest.raises(InputError, match=r"^latent_shape must be \[channels, height, width\] of an image, got None"):
        own(folder)
    with pytest.raises(InputError, match=r"^noise_scheduler must be DDPMScheduler or DDIMScheduler, got PNDMScheduler"):
        own(folder, latent=[1, SIDE, SIDE])
    assert own(folder, latent=[1, SIDE, SIDE], names={**NAMES, "scheduler": "spare"}).sample(1, 0).shape[0] == 1
    with pytest.raises(InputError, match=r"^a bundle must have autoencoder_def or other, found neither; name yours$"):
        own(folder, names={**NAMES, "network": "other"})
    with pytest.raises(InputError, match=r"^a bundle must have configs/train.json or .yaml, found neither"):
        own(folder, names={**NAMES, "config": "train"})
    (folder / "models" / "model.pt").write_bytes(b"\x80\x04cos\nsystem\n(S'touch ran'\ntR.")
    with pytest.raises(InputError, match=r"^models/model.pt must hold the weights of that network, got"):
        own(folder)
    assert not (tmp_path / "ran").exists()
    (folder / "models" / "model.pt").unlink()
    with pytest.raises(InputError, match=r"^a bundle must have models/model.safetensors or .pt, found neither$"):
        own(folder)


@pytest.mark.slow
def test_it_runs_in_a_process_of_its_own(tmp_path: Path) -> None:
    config = {"autoencoder_def": AUTOENCODER, "latent_shape": LATENT, "spare": {"_target_": "scripts.own.Mark"}}
    folder = bundle(tmp_path, config, model="autoencoder_def")
    made = registry.generator(f"monai:{folder}?range=-9,9", trust_code=True)
    assert isinstance(made, Encodes)
    images = made.sample(2, seed=1)
    assert np.allclose(images, own(folder).sample(2, seed=1)[..., 0] / 18 + 0.5, atol=1e-5)


def test_nothing_is_read_without_a_word(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"^monai: needs your word that what the bundle's configuration names may run"):
        registry.generator(f"monai:{tmp_path}")
    with pytest.raises(InputError, match=r"^monai: must name an existing folder, found none there$"):
        registry.generator(f"monai:{tmp_path / 'none'}", trust_code=True)
    with pytest.raises(UsageError, match=r"^option latent of monai: must be CHANNELSxHEIGHTxWIDTH, got '4xb'$"):
        registry.generator(f"monai:{tmp_path}?latent=4xb", trust_code=True)
