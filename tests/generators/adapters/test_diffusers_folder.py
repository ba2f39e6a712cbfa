"""Pipeline folders of diffusers as generators."""

from __future__ import annotations

import importlib
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from synthaudit import registry
from synthaudit.errors import InputError, UsageError
from synthaudit.generators.adapters.remote import chunk_seed
from synthaudit.generators.protocol import Capability, Denoises, Scores

SIDE = 8


def saved(folder: Path, channels: int = 1, schedule: str = "DDPMScheduler") -> Path:
    """A pipeline with random weights, saved by the library."""
    import torch

    diffusers: Any = importlib.import_module("diffusers")  # untyped
    blocks = {"down_block_types": ("DownBlock2D",) * 2, "up_block_types": ("UpBlock2D",) * 2}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = diffusers.UNet2DModel(
            sample_size=SIDE,
            in_channels=channels,
            out_channels=channels,
            layers_per_block=1,
            block_out_channels=(8, 8),
            norm_num_groups=4,
            **blocks,
        )
    pipeline = getattr(diffusers, schedule.replace("Scheduler", "Pipeline"))
    pipeline(network, getattr(diffusers, schedule)(num_train_timesteps=20)).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved(tmp_path_factory.mktemp("pipeline"))


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(folder, tmp_path / "copy"))


@pytest.mark.slow
@pytest.mark.parametrize(("schedule", "channels"), [("DDPMScheduler", 1), ("DDIMScheduler", 1), ("DDPMScheduler", 3)])
def test_samples_are_those_of_the_library(tmp_path: Path, schedule: str, channels: int) -> None:
    import diffusers
    import torch

    folder = saved(tmp_path, channels, schedule)
    made = registry.generator(f"diffusers:{folder}?steps=5")
    images = made.sample(9, seed=3)
    assert made.spec.shape == (SIDE, SIDE)
    pipeline: Any = getattr(diffusers, schedule.replace("Scheduler", "Pipeline")).from_pretrained(folder)
    pipeline.set_progress_bar_config(disable=True)
    own = [torch.Generator().manual_seed(chunk_seed(3, i)) for i in range(9)]
    theirs = pipeline(batch_size=9, generator=own, num_inference_steps=5, output_type="np").images
    gray = theirs[..., 0] if channels == 1 else theirs @ np.array([0.299, 0.587, 0.114], np.float32)
    assert np.allclose(images, gray, atol=1e-5)
    assert np.array_equal(made.sample(2, seed=3), images[:2])
    assert made.sample(0, seed=3).shape == (0, SIDE, SIDE)
    assert isinstance(made, Scores) == (channels == 1)


@pytest.mark.slow
def test_a_gray_one_can_be_scored_and_denoised(folder: Path) -> None:
    made = registry.generator(f"diffusers:{folder}")
    assert made.capabilities() == {Capability.SAMPLE, Capability.SCORE, Capability.DENOISE}
    assert isinstance(made, Scores)
    assert isinstance(made, Denoises)
    x = np.random.default_rng(0).random((10, SIDE, SIDE), dtype=np.float32)
    scores = made.score(x, seed=0, levels=3)
    assert scores.shape == (10, 3)
    assert np.isfinite(scores).all()
    assert np.array_equal(made.score(x[:2], seed=0, levels=3), scores[:2])
    assert not np.array_equal(made.score(x[:2], seed=1, levels=3), scores[:2])
    with pytest.raises(UsageError, match="images must have shape"):
        made.score(x[:, :4], seed=0, levels=3)
    # Almost no noise leaves almost nothing to take away.
    flat = x.reshape(10, -1)
    assert np.allclose(made.denoise(flat, 1e-4), flat, atol=1e-2)
    with pytest.raises(UsageError, match=r"^sigma must be positive, got 0$"):
        made.denoise(flat, 0)
    with pytest.raises(UsageError, match="knows no condition"):
        made.sample(1, 0, {"sex": "F"})
    with pytest.raises(UsageError, match=r"^option steps of diffusers: must be at most 20, got 21$"):
        registry.generator(f"diffusers:{folder}?steps=21")


def pickle_bomb(file: Path, mark: Path) -> None:
    """A pickle that leaves a mark where it is loaded."""
    import pickle

    class Bomb:
        def __reduce__(self) -> tuple[Any, ...]:
            return open, (str(mark), "w")

    file.write_bytes(pickle.dumps(Bomb()))


@pytest.mark.slow
def test_nothing_in_the_folder_is_executed(copy: Path, tmp_path: Path) -> None:
    weights = copy / "unet" / "diffusion_pytorch_model.safetensors"
    # Beside safetensors a pickle is not looked at; in their place it is refused.
    pickle_bomb(copy / "unet" / "diffusion_pytorch_model.bin", tmp_path / "mark")
    registry.generator(f"diffusers:{copy}")
    weights.rename(tmp_path / "kept")
    with pytest.raises(InputError, match=r"^the weights must be one .safetensors file, found 0 and .bin; save the pip"):
        registry.generator(f"diffusers:{copy}", trust_code=True)
    pickle_bomb(weights, tmp_path / "mark")
    with pytest.raises(InputError, match=r"^the weights must be those of the network that config.json describes"):
        registry.generator(f"diffusers:{copy}")
    shutil.copy(tmp_path / "kept", weights)
    (copy / "unet" / "own.py").write_text("open('mark', 'w')")
    with pytest.raises(InputError, match=r"^a pipeline folder must bring no code, found .py files"):
        registry.generator(f"diffusers:{copy}", trust_code=True)
    assert not (tmp_path / "mark").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        (
            {"num_class_embeds": 3},
            r"^an unconditional network is needed, got one with classes; open it by py: or exec:$",
        ),
        (
            {"in_channels": 2, "out_channels": 2},
            r"^a network for images of 1 or 3 channels is needed, got 2 in and 2 out$",
        ),
    ],
)
def test_networks_of_another_kind_are_refused(copy: Path, changed: dict[str, int], complaint: str) -> None:
    from safetensors.torch import save_file

    diffusers: Any = importlib.import_module("diffusers")  # untyped
    file = copy / "unet" / "config.json"
    config = {**json.loads(file.read_text()), **changed}
    file.write_text(json.dumps(config))
    network = diffusers.UNet2DModel.from_config(config)
    save_file(network.state_dict(), copy / "unet" / "diffusion_pytorch_model.safetensors")
    with pytest.raises(InputError, match=complaint):
        registry.generator(f"diffusers:{copy}")


def index(folder: Path, **parts: object) -> None:
    usual = {"_class_name": "DDPMPipeline", "scheduler": ["diffusers", "DDPMScheduler"]}
    content = {**usual, "unet": ["diffusers", "UNet2DModel"], **parts}
    (folder / "model_index.json").write_text(json.dumps(content))


def test_pipelines_of_another_kind_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^diffusers: must name an existing folder, found none there$"):
        registry.generator(f"diffusers:{tmp_path / 'none'}")
    with pytest.raises(InputError, match=r"^a pipeline folder must hold model_index.json, found none that can be read"):
        registry.generator(f"diffusers:{tmp_path}")
    for wrong in (
        {"unet": ["diffusers", "UNet2DConditionModel"]},
        {"unet": ["my_code", "UNet2DModel"]},
        {"vae": ["diffusers", "AutoencoderKL"]},
        {"scheduler": ["diffusers", "PNDMScheduler"]},
    ):
        index(tmp_path, **wrong)
        with pytest.raises(
            InputError, match=r"^a pipeline of UNet2DModel and DDPMScheduler or DDIMScheduler is needed"
        ):
            registry.generator(f"diffusers:{tmp_path}")
