"""The generators that a MONAI bundle can hold: an autoencoder, a diffusion on pixels, and one on latents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from synthaudit.generators.adapters.discrete_diffusion import DiscreteDiffusion
from synthaudit.generators.adapters.remote import chunk_seed
from synthaudit.generators.adapters.torch_rows import ROWS, channels_first, channels_last, through
from synthaudit.generators.protocol import Capability, Condition, GeneratorSpec, Images, capabilities_of
from synthaudit.generators.seeding import item_normals

if TYPE_CHECKING:
    from torch import Tensor

Floats = NDArray[np.float32]

SCHEDULES = {"DDPMScheduler": 1000, "DDIMScheduler": 50}
"""Schedule -> steps of a sampling by default, and no more than it was trained on."""


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """What was found in a bundle.

    Attributes:
        autoencoder: encode(x) -> (mean, deviation), decode(z) -> x; None where there is none.
        network: (x, timesteps=) -> prediction; None where there is none.
        schedule: A DDPM or DDIM schedule; None without a network.
        steps: Steps of a sampling.
        scale: What latents are multiplied by before the network sees them.
        latent: (channels, h, w) of the noise.
        device: Where all of it runs.
    """

    autoencoder: Any
    network: Any
    schedule: Any
    steps: int
    scale: float
    latent: tuple[int, ...]
    device: str


@dataclass(frozen=True, slots=True, eq=False)
class Bundle:
    """What all have in common; images are in the bundle's own range.

    Attributes:
        parts: What it is made of.
        made: What it is.
        channels: Of its images.
    """

    parts: Parts
    made: GeneratorSpec
    channels: int

    @property
    def spec(self) -> GeneratorSpec:
        """What it is."""
        return self.made

    def capabilities(self) -> frozenset[Capability]:
        """What it can do."""
        return capabilities_of(self)

    def sample(self, n: int, seed: int, condition: Condition | None = None) -> Images:
        """(n, h, w, channels) images; image i depends on `seed` and i only."""
        del condition
        if self.parts.network is None:
            latents = item_normals(n, int(np.prod(self.parts.latent)), seed).reshape(n, *self.parts.latent)
        else:
            latents = _drawn(self.parts, n, seed)
        return channels_last(decoded(self.parts, latents))


@dataclass(frozen=True, slots=True, eq=False)
class _Latent(Bundle):
    """One with an autoencoder."""

    def encode(self, x: Images) -> Floats:
        """(n, d) mean latents, on the scale that the network sees."""
        return self._latents(x).reshape(len(x), -1)

    def decode(self, z: Floats) -> Images:
        """(n, h, w, channels) images."""
        return channels_last(decoded(self.parts, z.reshape(len(z), *self.parts.latent)))

    def _latents(self, x: Images) -> Floats:
        def mean(images: Tensor) -> Tensor:
            result: Tensor = self.parts.autoencoder.encode(images)[0]
            return result * self.parts.scale

        return through(mean, channels_first(x, self.channels), self.parts.device)


class AutoencoderBundle(_Latent):
    """An autoencoder alone: its latents are taken to be standard normal."""

    def score(self, x: Images, seed: int, levels: int) -> Floats:
        """(n, 1) squared error of the reconstruction from the mean latent, whatever `levels`; lower = better fitted."""
        del seed, levels
        error = decoded(self.parts, self._latents(x)) - channels_first(x, self.channels)
        return np.asarray((error**2).mean(axis=(1, 2, 3))[:, None], dtype=np.float32)


class LatentBundle(_Latent):
    """A diffusion on the latents of an autoencoder."""

    def score(self, x: Images, seed: int, levels: int) -> Floats:
        """(n, levels) error of the noise that is found in the latents, lower = better fitted."""
        return _diffusion(self.parts).scores(self._latents(x), seed, levels)

    def denoise(self, z: Floats, sigma: float) -> Floats:
        """(n, d) expected clean latents."""
        return _diffusion(self.parts).denoised(z.reshape(len(z), *self.parts.latent), sigma).reshape(len(z), -1)


class PixelBundle(Bundle):
    """A diffusion on pixels; its latents are pixels, (n, h * w) on the scale of [0, 1]."""

    def score(self, x: Images, seed: int, levels: int) -> Floats:
        """(n, levels) error of the noise that is found, lower = better fitted."""
        return _diffusion(self.parts).scores(channels_first(x, self.channels), seed, levels)

    def denoise(self, z: Floats, sigma: float) -> Floats:
        """(n, h * w) expected clean pixels."""
        low, high = self.made.value_range
        pixels = channels_first(z.reshape(len(z), *self.made.shape) * np.float32(high - low) + np.float32(low), 1)
        clean = _diffusion(self.parts).denoised(pixels, sigma * (high - low))
        return (clean.reshape(len(z), -1) - np.float32(low)) / np.float32(high - low)


def decoded(parts: Parts, latents: Floats) -> Floats:
    """(n, channels, h, w) images of latents; latents that are pixels are left as they are."""
    if parts.autoencoder is None:
        return latents

    def images(z: Tensor) -> Tensor:
        result: Tensor = parts.autoencoder.decode(z / parts.scale)
        return result

    return through(images, latents, parts.device)


def _drawn(parts: Parts, n: int, seed: int) -> Floats:
    """(n, *latent) latents that the schedule draws, each from random numbers of its own."""
    import torch

    parts.schedule.set_timesteps(parts.steps, device=parts.device)
    drawn = [np.zeros((0, *parts.latent), dtype=np.float32)]
    for low in range(0, n, ROWS):
        own = [torch.Generator(parts.device).manual_seed(chunk_seed(seed, low + i)) for i in range(ROWS)]
        x = torch.stack([torch.randn(parts.latent, generator=each, device=parts.device) for each in own])
        with torch.inference_mode():
            for step in parts.schedule.timesteps:
                out = parts.network(x, timesteps=torch.full((ROWS,), int(step), device=parts.device))
                # One by one: the schedule takes one source of random numbers, and every image has its own.
                rows = [
                    parts.schedule.step(out[i : i + 1], int(step), x[i : i + 1], generator=own[i])[0]
                    for i in range(ROWS)
                ]
                x = torch.cat(rows)
        drawn.append(x.float().cpu().numpy()[: n - low])
    return np.concatenate(drawn)


def _diffusion(parts: Parts) -> DiscreteDiffusion:
    def predicted(x: Tensor, steps: Tensor) -> Tensor:
        out: Tensor = parts.network(x, timesteps=steps)
        return out

    levels = parts.schedule.alphas_cumprod.double().cpu().numpy()
    return DiscreteDiffusion(predicted, levels, str(parts.schedule.prediction_type), parts.device)
