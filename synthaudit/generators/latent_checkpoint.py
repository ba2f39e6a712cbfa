"""Checkpoints of the kinds that have a latent diffusion inside, under a name and a recipe of their own."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import TypeVar

from synthaudit.errors import InputError
from synthaudit.generators.checkpoint import load_checkpoint
from synthaudit.generators.latent_diffusion import Fitted
from synthaudit.generators.latent_space import restored_space
from synthaudit.generators.network_generator import check_device
from synthaudit.generators.recipe import Recipe

R = TypeVar("R", bound=Recipe)


def opened_fit(folder: Path, kind: str, recipe_class: type[R], device: str) -> tuple[R, Fitted]:
    """The recipe and the fit whose checkpoint lies in `folder`; its latent space is one of (size, size) images.

    Raises:
        InputError: There is no checkpoint of this kind, or it is damaged.
        UsageError: The device is unknown.
    """
    card, arrays = load_checkpoint(folder)
    if card.name != kind or set(card.config) != {setting.name for setting in fields(recipe_class)}:
        raise InputError(f"the checkpoint must be one of {kind}, got {card.name}")
    check_device(device)
    recipe = recipe_class(**card.config)
    from synthaudit.generators.denoiser import ResidualMlp
    from synthaudit.generators.training import load_weights

    try:
        space = restored_space(arrays, recipe.size)
        network = ResidualMlp(space.dim, recipe.width, recipe.depth).to(device)
        load_weights(network, arrays, "average.")
    except (KeyError, RuntimeError) as error:
        raise InputError("the weights must fit the recipe on the card, got others") from error
    return recipe, Fitted(card, space, network.requires_grad_(False).eval())
