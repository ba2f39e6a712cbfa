"""The networks of the DCGAN and how they play.

Reference: Radford, Metz, Chintala 2016, arXiv:1511.06434. Instead of batch normalization each pixel's channels are
scaled to unit size (Karras et al. 2018, arXiv:1710.10196, 4.2): an image then does not depend on the batch it was made
in, which every claim about a single image needs.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from synthaudit.generators.adversarial import BETAS, FIRST_SIDE, adversarial_step, channels, critic_part
from synthaudit.generators.adversarial_recipe import AdversarialRecipe
from synthaudit.generators.network_fit import Part, Step


class PixelNorm(nn.Module):
    """Channels (axis 1), scaled to a mean square of 1."""

    def forward(self, x: Tensor) -> Tensor:
        """One pass."""
        return x * torch.rsqrt((x**2).mean(dim=1, keepdim=True) + 1e-8)


class Maker(nn.Module):
    """(b, latent) normal vectors in, (b, 1, size, size) images in [-1, 1] out: transposed convolutions."""

    def __init__(self, recipe: AdversarialRecipe) -> None:
        super().__init__()
        widths = channels(recipe.size, recipe.width, recipe.most)
        self.first = nn.Linear(recipe.latent, widths[0] * FIRST_SIDE**2)
        layers: list[nn.Module] = [nn.Unflatten(1, (widths[0], FIRST_SIDE, FIRST_SIDE)), PixelNorm(), nn.LeakyReLU(0.2)]
        for here, there in pairwise(widths):
            layers += [nn.ConvTranspose2d(here, there, 4, stride=2, padding=1), PixelNorm(), nn.LeakyReLU(0.2)]
        self.body = nn.Sequential(*layers, nn.Conv2d(widths[-1], 1, 3, padding=1), nn.Tanh())

    def forward(self, z: Tensor) -> Tensor:
        """One pass."""
        image: Tensor = self.body(self.first(z))
        return image


@dataclass(frozen=True, slots=True)
class DcganLearner:
    """How a DCGAN is trained."""

    recipe: AdversarialRecipe

    def parts(self) -> dict[str, Part]:
        """The two players."""
        recipe = self.recipe
        maker = Part(Maker(recipe), recipe.learning_rate, BETAS, falling=False, average=recipe.average)
        return {"maker": maker, "critic": critic_part(recipe)}

    def step(self, now: Step) -> dict[str, Tensor]:
        """The critic's move, then the maker's."""
        maker = now.networks["maker"]

        def made(n: int) -> Tensor:
            images: Tensor = maker(now.normal(n, self.recipe.latent))
            return images

        return adversarial_step(now, self.recipe, made, ("maker",))
