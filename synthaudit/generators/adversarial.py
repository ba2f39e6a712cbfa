"""What the adversarial generators share: the critic, the losses, and one step of both players.

References:
    Goodfellow et al. 2014, arXiv:1406.2661 (the non-saturating loss); Mescheder, Geiger, Nowozin 2018, arXiv:1801.04406
    (R1); Karras et al. 2020, arXiv:1912.04958 (R1 in only some steps, multiplied).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from synthaudit.generators.adversarial_recipe import AdversarialRecipe
from synthaudit.generators.network_fit import Part, Step

BETAS = (0.0, 0.99)
"""Of both players' optimizers: momentum makes them chase each other."""

FIRST_SIDE = 4
"""Side at which images begin in a generator and end in a critic."""


class Critic(nn.Module):
    """(b, 1, size, size) images in [-1, 1] in, (b,) logits out: strided convolutions without normalization.

    Nothing in it looks at the rest of the batch, so that an image's logit is its own.
    """

    def __init__(self, size: int, width: int, most: int) -> None:
        super().__init__()
        widths = channels(size, width, most)
        layers: list[nn.Module] = [nn.Conv2d(1, widths[-1], 3, padding=1), nn.LeakyReLU(0.2)]
        for there, here in reversed(list(pairwise(widths))):
            layers += [nn.Conv2d(here, there, 4, stride=2, padding=1), nn.LeakyReLU(0.2)]
        self.body = nn.Sequential(*layers)
        self.last = nn.Linear(widths[0] * FIRST_SIDE**2, 1)
        for layer in self.body:
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, a=0.2)
                nn.init.zeros_(layer.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        """One pass."""
        logit: Tensor = self.last(self.body(x).flatten(1)).squeeze(1)
        return logit


def channels(size: int, width: int, most: int) -> list[int]:
    """Channels at each side from `FIRST_SIDE` to `size`.

    >>> channels(32, 24, 96)
    [96, 96, 48, 24]
    """
    doublings = int(math.log2(size // FIRST_SIDE))
    return [min(width << level, most) for level in reversed(range(doublings + 1))]


def critic_part(recipe: AdversarialRecipe) -> Part:
    """A fresh critic. No average of it is kept: its last state is the one that has seen most."""
    critic = Critic(recipe.size, recipe.width, recipe.most)
    return Part(critic, recipe.learning_rate, BETAS, falling=False, average=None)


def to_signed(x: Tensor) -> Tensor:
    """Pixels in [0, 1] as the networks see them, in [-1, 1]."""
    return 2 * x - 1


def from_signed(x: Tensor) -> Tensor:
    """(b, h, w) pixels in [0, 1] of the (b, 1, h, w) images that a network made."""
    return ((x[:, 0] + 1) / 2).clamp(0, 1)


def critic_loss(real: Tensor, made: Tensor) -> Tensor:
    """Mean logistic loss of (b,) logits of training images and of made ones; 2 log 2 for a critic that sees nothing."""
    return softplus(-real).mean() + softplus(made).mean()


def maker_loss(made: Tensor) -> Tensor:
    """Mean non-saturating loss of the (b,) logits of made images; log 2 for a critic that sees nothing."""
    return softplus(-made).mean()


def r1_penalty(critic: nn.Module, images: Tensor) -> Tensor:
    """Half the mean squared norm of the critic's slope at (b, 1, h, w) training images."""
    images = images.detach().requires_grad_(True)
    (slope,) = torch.autograd.grad(critic(images).sum(), images, create_graph=True)
    return 0.5 * (slope**2).sum(dim=(1, 2, 3)).mean()


def adversarial_step(
    now: Step, recipe: AdversarialRecipe, made: Callable[[int], Tensor], makers: tuple[str, ...]
) -> dict[str, Tensor]:
    """One step of the network "critic" and then of the `makers`; returns the losses of both sides.

    Args:
        now: The step.
        recipe: How often and how hard the critic's slope is punished.
        made: Makes so many images in [-1, 1], new ones at each call.
        makers: The networks that make them.
    """
    critic, real = now.networks["critic"], to_signed(now.batch["image"])
    with torch.no_grad():
        fake = made(len(real))
    loss = critic_loss(critic(real), critic(fake))
    punished = loss
    if now.number % recipe.r1_every == 0:
        punished = loss + recipe.r1_every * recipe.r1_weight * r1_penalty(critic, real)
    now.descend(punished, "critic")
    gain = maker_loss(critic(made(len(real))))
    now.descend(gain, *makers)
    return {"critic": loss, "maker": gain}
