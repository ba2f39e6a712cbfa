"""The network of the pixel diffusion: a small UNet that sees square patches of pixels as channels.

Patches (Shi et al. 2016, arXiv:1609.05158, space to depth) save a CPU sixteenfold at a side of 4; a learned map of the
place is added at the entrance, since radiographs are taken in one position and a small network cannot count from the
border.

References:
    Ho, Jain, Abbeel 2020, arXiv:2006.11239 (the UNet); Karras, Aittala, Aila, Laine 2022, arXiv:2206.00364.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, pixel_shuffle, pixel_unshuffle, silu

from synthaudit.generators.denoiser import FREQUENCIES, denoising_loss, noise_level
from synthaudit.generators.network_fit import Part, Step

if TYPE_CHECKING:
    from synthaudit.generators.pixel_diffusion import PixelDiffusionRecipe

MIDDLE, SPREAD = 0.5, 0.3
"""Pixels in [0, 1] become (pixel - MIDDLE) / SPREAD. Fixed, so that nothing but the network is fitted to anyone."""

GROUP = 8
"""Channels normalized together."""


class Block(nn.Module):
    """Two convolutions around which features pass unchanged; the noise level scales and shifts between them."""

    def __init__(self, width: int, condition: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.GroupNorm(width // GROUP, width) for _ in range(2))
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        self.level = nn.Linear(condition, 2 * width)
        for layer in (self.second, self.level):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """One pass."""
        scale, shift = self.level(condition)[:, :, None, None].chunk(2, dim=1)
        inner = self.first(silu(self.norms[0](x)))
        inner = self.second(silu(self.norms[1](inner) * (1 + scale) + shift))
        out: Tensor = x + inner
        return out


class PatchUnet(nn.Module):
    """(b, size * size) noisy pixels and (b,) noise conditions in, (b, size * size) out."""

    frequencies: Tensor

    def __init__(self, recipe: PixelDiffusionRecipe) -> None:
        super().__init__()
        width, side, pixels = recipe.width, recipe.size // recipe.patch, recipe.patch**2
        self.size, self.patch = recipe.size, recipe.patch
        self.register_buffer("frequencies", torch.exp(torch.linspace(math.log(0.25), math.log(16.0), FREQUENCIES)))
        self.noise = nn.Sequential(nn.Linear(2 * FREQUENCIES, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU())
        self.place = nn.Parameter(torch.zeros(1, width, side, side))
        self.enter = nn.Conv2d(pixels, width, 3, padding=1)
        self.fine = nn.ModuleList(Block(width, width) for _ in range(recipe.depth))
        self.down = nn.Conv2d(width, 2 * width, 3, stride=2, padding=1)
        self.coarse = nn.ModuleList(Block(2 * width, width) for _ in range(2 * recipe.depth))
        self.up = nn.Conv2d(2 * width, width, 3, padding=1)
        self.join = nn.Conv2d(2 * width, width, 1)
        self.finer = nn.ModuleList(Block(width, width) for _ in range(recipe.depth))
        self.norm = nn.GroupNorm(width // GROUP, width)
        self.leave = nn.Conv2d(width, pixels, 3, padding=1)
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(self.leave.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor, noise: Tensor) -> Tensor:
        """One pass."""
        angle = noise[:, None] * self.frequencies
        condition = self.noise(torch.cat([angle.cos(), angle.sin()], dim=1))
        patches = pixel_unshuffle(x.reshape(-1, 1, self.size, self.size), self.patch)
        fine = self.enter(patches.contiguous(memory_format=torch.channels_last)) + self.place
        for block in self.fine:
            fine = block(fine, condition)
        coarse = self.down(fine)
        for block in self.coarse:
            coarse = block(coarse, condition)
        raised = self.up(interpolate(coarse, size=fine.shape[2:], mode="nearest"))
        fine = self.join(torch.cat([fine, raised], dim=1))
        for block in self.finer:
            fine = block(fine, condition)
        return pixel_shuffle(self.leave(silu(self.norm(fine))), self.patch).flatten(1)


@dataclass(frozen=True, slots=True)
class PixelDiffusionLearner:
    """How the pixel diffusion is trained."""

    recipe: PixelDiffusionRecipe

    def parts(self) -> dict[str, Part]:
        """The denoiser."""
        return {"denoiser": Part(PatchUnet(self.recipe), self.recipe.learning_rate, average=self.recipe.average)}

    def step(self, now: Step) -> dict[str, Tensor]:
        """One step on the denoising loss."""
        clean = (now.batch["image"].flatten(1) - MIDDLE) / SPREAD
        loss = denoising_loss(now.networks["denoiser"], clean, even_levels(now, len(clean)), now.normal(*clean.shape))
        now.descend(loss.mean(), "denoiser")
        return {"denoising": loss.mean()}


def even_levels(now: Step, n: int) -> Tensor:
    """(n,) noise levels, evenly spread instead of independent: one distribution, and less noise in the gradient."""
    even = (torch.arange(n, device=now.batch["image"].device) + now.uniform(n)) / n
    return noise_level(torch.special.ndtri(even.clamp(1e-6, 1 - 1e-6)))
