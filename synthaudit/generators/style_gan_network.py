"""The networks of the style-based GAN, how they play, and how an image is sought in them.

A mapping network bends normal vectors into styles; a style scales the channels before each convolution, and the sizes
that this would give are divided out again, which equals scaling the convolution's weights. Written from the papers.

References:
    Karras, Laine, Aila 2019, arXiv:1812.04948; Karras et al. 2020, arXiv:1912.04958, section 2 and figure 2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, leaky_relu

from synthaudit.generators.adversarial import (
    BETAS,
    FIRST_SIDE,
    adversarial_step,
    channels,
    critic_part,
    from_signed,
)
from synthaudit.generators.dcgan_network import PixelNorm
from synthaudit.generators.network_fit import Part, Step

if TYPE_CHECKING:
    from synthaudit.generators.style_gan import StyleGanRecipe

MAPPING_PACE = 0.1
"""Learning rate of the mapping network, as a share of the others' (1 % in the 2019 paper, which trains for days)."""

INVERSION_RATE = 0.05
"""Of Adam, in the search for a style."""


class Mapping(nn.Sequential):
    """(b, latent) normal vectors in, (b, style) styles out."""

    def __init__(self, latent: int, style: int, depth: int) -> None:
        layers: list[nn.Module] = [PixelNorm()]
        for layer in range(depth):
            linear = nn.Linear(style if layer else latent, style)
            nn.init.kaiming_normal_(linear.weight, a=0.2)
            nn.init.zeros_(linear.bias)
            layers += [linear, nn.LeakyReLU(0.2)]
        super().__init__(*layers)


class StyledConv(nn.Module):
    """A convolution whose input channels a style scales; with `demodulated`, outputs keep their size whatever it is."""

    def __init__(self, into: int, out: int, style: int, side: int, demodulated: bool = True) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(out, into, side, side) / math.sqrt(into * side * side))
        self.scale = nn.Linear(style, into)
        nn.init.normal_(self.scale.weight, std=1 / math.sqrt(style))
        nn.init.ones_(self.scale.bias)
        self.demodulated = demodulated

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """(b, out, h, w) of (b, into, h, w) features and (b, style) styles."""
        scale = self.scale(w)
        x = nn.functional.conv2d(x * scale[:, :, None, None], self.weight, padding="same")
        if self.demodulated:
            size = (scale**2) @ (self.weight**2).sum(dim=(2, 3)).T
            x = x * torch.rsqrt(size + 1e-8)[:, :, None, None]
        return x


class Layer(nn.Module):
    """A styled convolution, noise, bias and rectifier."""

    def __init__(self, into: int, out: int, style: int) -> None:
        super().__init__()
        self.conv = StyledConv(into, out, style, 3)
        self.noise = nn.Parameter(torch.zeros(()))
        self.bias = nn.Parameter(torch.zeros(out))

    def forward(self, x: Tensor, w: Tensor, noise: Tensor) -> Tensor:
        """One pass; `noise` is (b, 1, h, w)."""
        x = self.conv(x, w) + self.noise * noise + self.bias[:, None, None]
        return leaky_relu(x, 0.2) * math.sqrt(2)


class Synthesis(nn.Module):
    """(b, style) styles and (b, noise_width) noise in, (b, 1, size, size) images about [-1, 1] out."""

    def __init__(self, recipe: StyleGanRecipe) -> None:
        super().__init__()
        widths, style = channels(recipe.size, recipe.width, recipe.most), recipe.style
        self.constant = nn.Parameter(torch.randn(1, widths[0], FIRST_SIDE, FIRST_SIDE))
        self.first = Layer(widths[0], widths[0], style)
        self.growing = nn.ModuleList(Layer(here, there, style) for here, there in pairwise(widths))
        self.refining = nn.ModuleList(Layer(there, there, style) for there in widths[1:])
        self.gray = nn.ModuleList(StyledConv(width, 1, style, 1, demodulated=False) for width in widths)
        self.sides = [FIRST_SIDE, *(FIRST_SIDE << level for level in range(1, len(widths)) for _ in range(2))]

    @property
    def noise_width(self) -> int:
        """Standard normal numbers that an image takes beside its style."""
        return sum(side**2 for side in self.sides)

    def forward(self, w: Tensor, noise: Tensor) -> Tensor:
        """One pass; every resolution adds its part of the image."""
        parts = torch.split(noise, [side**2 for side in self.sides], dim=1)
        maps = iter(part.reshape(-1, 1, side, side) for part, side in zip(parts, self.sides, strict=True))
        x = self.first(self.constant.expand(len(w), -1, -1, -1), w, next(maps))
        image: Tensor = self.gray[0](x, w)
        for grow, refine, gray in zip(self.growing, self.refining, list(self.gray)[1:], strict=True):
            x = grow(_doubled(x), w, next(maps))
            x = refine(x, w, next(maps))
            image = _doubled(image) + gray(x, w)
        return image


@dataclass(frozen=True, slots=True)
class StyleGanLearner:
    """How a style-based GAN is trained."""

    recipe: StyleGanRecipe

    def parts(self) -> dict[str, Part]:
        """Mapping and synthesis on one side, the critic on the other."""
        recipe, rate = self.recipe, self.recipe.learning_rate
        mapping = Mapping(recipe.latent, recipe.style, recipe.depth)
        return {
            "mapping": Part(mapping, MAPPING_PACE * rate, BETAS, falling=False, average=recipe.average),
            "synthesis": Part(Synthesis(recipe), rate, BETAS, falling=False, average=recipe.average),
            "critic": critic_part(recipe),
        }

    def step(self, now: Step) -> dict[str, Tensor]:
        """The critic's move, then the maker's."""
        mapping, synthesis = now.networks["mapping"], now.networks["synthesis"]
        width = sum(side**2 for side in synthesis.sides)  # type: ignore[union-attr]

        def made(n: int) -> Tensor:
            styles = mapping(now.normal(n, self.recipe.latent))
            images: Tensor = synthesis(styles, now.normal(n, width))
            return images

        return adversarial_step(now, self.recipe, made, ("mapping", "synthesis"))


def nearest_style(synthesis: nn.Module, x: Tensor, starts: Tensor, noise_width: int, steps: int) -> Tensor:
    """(b, style) styles whose images, without noise, lie nearest to the images `x`; each row is sought on its own.

    Args:
        synthesis: The fitted network.
        x: (b, h, w) pixels in [0, 1].
        starts: (m, style) styles; the search for each image begins at that of them whose image is nearest.
        noise_width: Of the network.
        steps: Of Adam, on the squared distance.
    """
    with torch.inference_mode(False), torch.enable_grad():
        # Tensors made in inference mode cannot take part in a gradient; clones made outside of it can.
        target, silence = x.clone(), torch.zeros(len(x), noise_width, device=x.device)
        with torch.no_grad():
            first = from_signed(synthesis(starts.clone(), torch.zeros(len(starts), noise_width, device=x.device)))
            nearest = torch.cdist(target.flatten(1), first.flatten(1)).argmin(dim=1)
        w = starts.clone()[nearest].requires_grad_(True)
        optimizer = torch.optim.Adam([w], lr=INVERSION_RATE)
        for step in range(steps):
            optimizer.param_groups[0]["lr"] = INVERSION_RATE * 0.5 * (1 + math.cos(math.pi * step / steps))
            loss = ((from_signed(synthesis(w, silence)) - target) ** 2).sum()
            (w.grad,) = torch.autograd.grad(loss, [w])
            optimizer.step()
    return w.detach()


def _doubled(x: Tensor) -> Tensor:
    return interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
