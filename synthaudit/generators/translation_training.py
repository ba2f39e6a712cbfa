"""What one step of a translator's training is: L1 to the target, and an adversary if the recipe asks for one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from synthaudit.generators.network_training import Part, Step
from synthaudit.generators.translation_network import PairUNet, PatchCritic

if TYPE_CHECKING:
    from synthaudit.generators.progression import ProgressionRecipe
    from synthaudit.generators.translation import TranslationRecipe

SCALE_YEARS = 10.0
"""Interval that a progression's network is shown as 1."""

REACH = 8
"""The greatest shift of an image that is moved is its side divided by this."""


@dataclass(frozen=True)
class TranslationLearner:
    """A U-net from source to target; with an adversarial weight, a critic of patches beside it (least squares)."""

    recipe: TranslationRecipe

    def parts(self) -> Mapping[str, Part]:
        """The translator, and the critic if there is one."""
        recipe = self.recipe
        unet = PairUNet(1, recipe.width, recipe.levels, recipe.patch)
        parts = {"translator": Part(unet, recipe.learning_rate)}
        if recipe.adversarial > 0:
            critic = PatchCritic(recipe.width)
            parts["critic"] = Part(critic, recipe.learning_rate, betas=(0.5, 0.99), falling=False, average=None)
        return parts

    def step(self, now: Step) -> Mapping[str, Tensor]:
        """L1, and what the critic makes of it."""
        source, target = now.batch["source"], now.batch["target"]
        made = now.networks["translator"](source)
        error = (made - target).abs().mean()
        if "critic" not in now.networks:
            now.descend(error, "translator")
            return {"l1": error}
        critic = now.networks["critic"]
        real, fake = (critic(torch.cat([source, image], dim=1)) for image in (target, made.detach()))
        judged = ((real - 1) ** 2).mean() + (fake**2).mean()
        now.descend(judged, "critic")
        fooled = ((critic(torch.cat([source, made], dim=1)) - 1) ** 2).mean()
        now.descend(error + self.recipe.adversarial * fooled, "translator")
        return {"l1": error, "critic": judged, "fooled": fooled}


@dataclass(frozen=True)
class ProgressionLearner:
    """A U-net of the image and the years to come, whose output is what changes."""

    recipe: ProgressionRecipe

    def parts(self) -> Mapping[str, Part]:
        """The network of the change."""
        recipe = self.recipe
        return {"change": Part(PairUNet(2, recipe.width, recipe.levels, recipe.patch), recipe.learning_rate)}

    def step(self, now: Step) -> Mapping[str, Tensor]:
        """L1 to the follow-up."""
        source, target = now.batch["source"], now.batch["target"]
        if self.recipe.moved:
            source, target = moved(torch.cat([source, target], dim=1), now).chunk(2, dim=1)
        made = progressed(now.networks["change"], source, now.batch["years"])
        error = (made - target).abs().mean()
        now.descend(error, "change")
        return {"l1": error}


def moved(images: Tensor, now: Step) -> Tensor:
    """(b, c, h, w) images, all alike mirrored or not and shifted, what leaves on one side coming back on the other.

    One move a step is enough where there are hundreds, and costs nothing.
    """
    reach = images.shape[-1] // REACH
    down, right = (int(shift) - reach for shift in now.integers(2 * reach + 1, 2))
    images = torch.roll(images, (down, right), dims=(2, 3))
    return images.flip(3) if int(now.integers(2, 1)) else images


def progressed(change: nn.Module, source: Tensor, years: Tensor) -> Tensor:
    """(b, 1, h, w) image of (b, 1, h, w) `source` (b, 1) `years` later; after no time it is the source itself."""
    step = (years / SCALE_YEARS)[:, :, None, None]
    grown: Tensor = source + step * change(torch.cat([source, step.expand_as(source)], dim=1))
    return grown
