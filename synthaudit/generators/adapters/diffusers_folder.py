"""A pipeline folder of the diffusers library as a generator: `diffusers:DIR`, `diffusers:DIR?steps=50`.

Unconditional pixel diffusions are read: a `UNet2DModel` with a DDPM or DDIM schedule. The classes are chosen here, from
a short list, and the weights are safetensors, so nothing in the folder is executed and no word is needed. Pickled
weights (.bin, .ckpt, .pt) and folders that bring code are refused. Pixels are in [-1, 1], and cut off there, as the
library's own pipelines do it. Images of three channels are turned to gray, and can only be sampled.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from synthaudit.errors import InputError, MissingDependency, UsageError
from synthaudit.generators.adapters.border import Border
from synthaudit.generators.adapters.discrete_diffusion import DiscreteDiffusion
from synthaudit.generators.adapters.remote import chunk_seed
from synthaudit.generators.adapters.torch_rows import (
    ROWS,
    channels_first,
    channels_last,
    digest_of,
    existing_folder,
    on_device,
)
from synthaudit.generators.adapters.uri import Uri
from synthaudit.generators.protocol import (
    Capability,
    Condition,
    GeneratorSpec,
    Images,
    capabilities_of,
    checked_images,
)

if TYPE_CHECKING:
    from torch import Tensor

NETWORK = "UNet2DModel"
SCHEDULES: Mapping[str, int] = {"DDPMScheduler": 1000, "DDIMScheduler": 50}
"""Schedule -> steps of its sampling by default, as in the library's own pipelines."""

PIXELS = Border(-1.0, 1.0, clip=True)


@dataclass(frozen=True, slots=True, eq=False)
class DiffusersFolder:
    """An unconditional pixel diffusion; samples only.

    Attributes:
        network: The UNet.
        schedule: The library's schedule.
        steps: Steps of a sampling.
        made: What it is.
        device: Where it runs.
    """

    network: Any
    schedule: Any
    steps: int
    made: GeneratorSpec
    device: str

    @classmethod
    def from_uri(cls, argument: str, *, device: str, trust_code: bool) -> DiffusersFolder:
        """The generator in the folder; nothing in it is executed.

        Raises:
            UsageError: Nothing is named, or an option or the device is none.
            InputError: There is no such pipeline, or it would execute code.
            MissingDependency: The library is not installed.
        """
        del trust_code
        uri = Uri.parse("diffusers", argument, ("steps",), "DIR")
        folder = existing_folder("diffusers", uri.target)
        asked = uri.whole("steps") if "steps" in uri.options else 0
        name, network, schedule, weights = _loaded(folder)
        sizes = network.config.sample_size
        side = (sizes, sizes) if isinstance(sizes, int) else tuple(sizes)
        channels, out = network.config.in_channels, network.config.out_channels
        if channels not in {1, 3} or out != channels or len(side) != 2:
            raise InputError(f"a network for images of 1 or 3 channels is needed, got {channels} in and {out} out")
        if network.config.class_embed_type or network.config.num_class_embeds:
            raise InputError("an unconditional network is needed, got one with classes; open it by py: or exec:")
        steps = asked or min(SCHEDULES[name], len(schedule.alphas_cumprod))
        if steps > len(schedule.alphas_cumprod):
            raise UsageError(f"option steps of diffusers: must be at most {len(schedule.alphas_cumprod)}, got {steps}")
        spec = GeneratorSpec("diffusers", side, checkpoint_digest=digest_of([weights]))
        kind = GrayDiffusion if channels == 1 else DiffusersFolder
        return kind(network.to(on_device(device)).eval().requires_grad_(False), schedule, steps, spec, device)

    @property
    def spec(self) -> GeneratorSpec:
        """What it is."""
        return self.made

    def capabilities(self) -> frozenset[Capability]:
        """What it can do."""
        return capabilities_of(self)

    def sample(self, n: int, seed: int, condition: Condition | None = None) -> Images:
        """(n, h, w) images; image i depends on `seed`, i and the number of steps.

        Raises:
            UsageError: A condition is asked for.
        """
        if condition:
            raise UsageError("diffusers: knows no condition, got one")
        parts = [np.zeros((0, *self.made.shape), dtype=np.float32)]
        for low in range(0, n, ROWS):
            made = PIXELS.inward(channels_last(self._drawn([chunk_seed(seed, low + i) for i in range(ROWS)])))
            parts.append(made[: n - low])
        return np.concatenate(parts)

    def _drawn(self, seeds: list[int]) -> NDArray[np.float32]:
        """(len(seeds), channels, h, w) images in [-1, 1] or near it, each from random numbers of its own."""
        import torch

        # The numbers are drawn on the CPU, so that another device makes the same images.
        own = [torch.Generator().manual_seed(seed) for seed in seeds]
        shape = (self.network.config.in_channels, *self.made.shape)
        x = torch.stack([torch.randn(shape, generator=generator) for generator in own]).to(self.device)
        self.schedule.set_timesteps(self.steps)
        with torch.inference_mode():
            for step in self.schedule.timesteps:
                x = self.schedule.step(self.network(x, step).sample, step, x, generator=own).prev_sample
        drawn: NDArray[np.float32] = x.float().cpu().numpy()
        return drawn


@dataclass(frozen=True, slots=True, eq=False)
class GrayDiffusion(DiffusersFolder):
    """One of gray images, which can be scored and denoised too; its latents are pixels, (n, h * w) in [0, 1]."""

    def score(self, x: Images, seed: int, levels: int) -> NDArray[np.float32]:
        """(n, levels) error of the noise that is found, lower = better fitted; the same noise for every image."""
        pixels = PIXELS.outward(checked_images(x, self.made.shape))
        return self._diffusion().scores(channels_first(pixels, 1), seed, levels)

    def denoise(self, z: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
        """(n, h * w) expected clean pixels, given pixels plus noise of deviation `sigma`, all on the scale of [0, 1].

        Raises:
            UsageError: `sigma` is not positive.
        """
        if not sigma > 0:
            raise UsageError(f"sigma must be positive, got {sigma}")
        noisy = PIXELS.outward(z.reshape(-1, 1, *self.made.shape))
        clean = self._diffusion().denoised(noisy, sigma * (PIXELS.high - PIXELS.low))
        return np.asarray((clean.reshape(len(z), -1) - PIXELS.low) / (PIXELS.high - PIXELS.low), dtype=np.float32)

    def _diffusion(self) -> DiscreteDiffusion:
        def predicted(x: Tensor, steps: Tensor) -> Tensor:
            out: Tensor = self.network(x, steps).sample
            return out

        levels = self.schedule.alphas_cumprod.double().numpy()
        return DiscreteDiffusion(predicted, levels, self.schedule.config.prediction_type, self.device)


def _loaded(folder: Path) -> tuple[str, Any, Any, Path]:
    """Name of the schedule, network, schedule, and the file of the weights."""
    if list(folder.rglob("*.py")):
        raise InputError("a pipeline folder must bring no code, found .py files; it is not executed here")
    index = _json(folder / "model_index.json")
    parts = {name: part for name, part in index.items() if isinstance(part, list) and any(part)}
    name = str(parts.get("scheduler", ["", ""])[-1])
    if set(parts) != {"unet", "scheduler"} or parts["unet"] != ["diffusers", NETWORK] or name not in SCHEDULES:
        raise InputError(
            f"a pipeline of {NETWORK} and {' or '.join(SCHEDULES)} is needed, got "
            f"{', '.join(str(part[-1]) for part in parts.values()) or 'nothing'}; open others by py: or exec:"
        )
    weights = sorted((folder / "unet").glob("*.safetensors"))
    if len(weights) != 1:
        others = sorted({file.suffix for file in (folder / "unet").glob("*") if file.suffix != ".json"})
        raise InputError(
            f"the weights must be one .safetensors file, found {len(weights)} and {', '.join(others) or 'no other'}; "
            f"save the pipeline with safe_serialization=True"
        )
    try:
        import diffusers
    except ImportError as error:
        raise MissingDependency("diffusers: needs diffusers; install synthaudit[diffusers]") from error
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    network = getattr(diffusers, NETWORK).from_config(_json(folder / "unet" / "config.json"))
    schedule = getattr(diffusers, name).from_config(_json(folder / "scheduler" / "scheduler_config.json"))
    try:
        network.load_state_dict(load_file(weights[0]))
    except (RuntimeError, SafetensorError) as error:
        raise InputError("the weights must be those of the network that config.json describes, got others") from error
    return name, network, schedule, weights[0]


def _json(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        content = None
    if not isinstance(content, dict):
        raise InputError(
            f"a pipeline folder must hold {file.name}, found none that can be read; save the pipeline again"
        )
    return content
