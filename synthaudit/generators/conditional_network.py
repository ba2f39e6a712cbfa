"""The network of the conditional latent diffusion, and how it learns with and without its condition.

References:
    Ho, Salimans 2022, arXiv:2207.12598 (classifier-free guidance).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import silu

from synthaudit.generators.conditional_columns import Columns
from synthaudit.generators.denoiser import ResidualMlp, denoising_loss
from synthaudit.generators.latent_space import LatentSpace
from synthaudit.generators.network_fit import Part, Step
from synthaudit.generators.pixel_diffusion_network import even_levels
from synthaudit.generators.principal import PrincipalComponents

if TYPE_CHECKING:
    from synthaudit.generators.conditional import ConditionalRecipe


class ConditionalMlp(ResidualMlp):
    """(b, d) noisy latents, (b,) noise conditions and (b, c) conditions in, (b, d) out."""

    def __init__(self, dim: int, conditions: int, width: int, depth: int) -> None:
        super().__init__(dim, width, depth)
        self.asked = nn.Linear(conditions, width)

    def forward(self, x: Tensor, noise: Tensor, asked: Tensor | None = None) -> Tensor:
        """One pass; None asks for nothing and knows not even that."""
        angle = noise[:, None] * self.frequencies
        condition = self.noise(torch.cat([angle.cos(), angle.sin()], dim=1))
        if asked is not None:
            condition = condition + self.asked(asked)
        stream = self.enter(x) + condition
        for norm, first, second in zip(self.norms, self.first, self.second, strict=True):
            stream = stream + second(silu(first(norm(stream) + condition)))
        out: Tensor = self.leave(self.last_norm(stream))
        return out


class Asked(nn.Module):
    """A conditional network with its condition given, and guided by `weight`; 1 is no guidance.

    The preconditioning is affine in what a network returns, so mixing what it returns mixes the denoised latents.
    """

    def __init__(self, network: nn.Module, asked: Tensor, unasked: Tensor, weight: float = 1.0) -> None:
        super().__init__()
        self.network, self.asked, self.unasked, self.weight = network, asked, unasked, weight

    def forward(self, x: Tensor, noise: Tensor) -> Tensor:
        """One pass, or two."""
        out: Tensor = self.network(x, noise, self.asked)
        if self.weight != 1:
            free = self.network(x, noise, self.unasked)
            out = free + self.weight * (out - free)
        return out


class SpaceBuffers(nn.Module):
    """The latent space, where the weights are kept."""

    def __init__(self, space: LatentSpace) -> None:
        super().__init__()
        parts = space.components
        for name in ("mean", "axes", "deviations", "residual"):
            self.register_buffer(name, torch.from_numpy(getattr(parts, name)).clone())
        self.register_buffer("scale", torch.from_numpy(space.scale).clone())

    def space(self, size: int) -> LatentSpace:
        """The latent space of (size, size) images."""
        arrays = {name: np.ascontiguousarray(buffer.cpu().numpy()) for name, buffer in self.named_buffers()}
        scale = arrays.pop("scale")
        return LatentSpace(PrincipalComponents(**arrays, shape=(size, size)), scale)


def blank_space(size: int, learned: int, directions: int) -> LatentSpace:
    """A space of the right shapes, to be filled from a checkpoint."""
    empty = (np.zeros(shape, np.float32) for shape in (size**2, (directions, size**2), directions, size**2))
    mean, axes, deviations, residual = empty
    components = PrincipalComponents(mean, axes, deviations, residual, (size, size))
    return LatentSpace(components, np.ones(learned, np.float32))


@dataclass(frozen=True, slots=True, eq=False)
class ConditionalLearner:
    """How the conditional latent diffusion is trained, on latents that are computed beforehand."""

    recipe: ConditionalRecipe
    columns: Columns
    space: LatentSpace

    def parts(self) -> dict[str, Part]:
        """The space, which stays, and the denoiser."""
        recipe = self.recipe
        network = ConditionalMlp(self.space.dim, self.columns.width, recipe.width, recipe.depth)
        return {
            "space": Part(SpaceBuffers(self.space), learning_rate=None),
            "denoiser": Part(network, recipe.learning_rate, average=recipe.average),
        }

    def step(self, now: Step) -> dict[str, Tensor]:
        """One step on the denoising loss, some columns of some rows left open."""
        clean, asked = now.batch["image"], self._partly_open(now)
        sigma = even_levels(now, len(clean))
        network = Asked(now.networks["denoiser"], asked, asked)
        loss = denoising_loss(network, clean, sigma, now.normal(*clean.shape)).mean()
        now.descend(loss, "denoiser")
        return {"denoising": loss}

    def _partly_open(self, now: Step) -> Tensor:
        asked = now.batch["asked"].clone()
        n, recipe = len(asked), self.recipe
        all_open = now.uniform(n) < recipe.open_all
        for place in self.columns.slices.values():
            opened = all_open | (now.uniform(n) < recipe.open_each)
            left_open = torch.zeros(place.stop - place.start, device=asked.device)
            left_open[-1] = 1
            asked[:, place] = torch.where(opened[:, None], left_open, asked[:, place])
        return asked
