"""One fit of the latent diffusion from the first step to the last, over as many interruptions as it takes."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch

from synthaudit.cohort import Cohort
from synthaudit.errors import UsageError
from synthaudit.generators.checkpoint import CARD, Card, load_card, load_checkpoint, packed, save_checkpoint
from synthaudit.generators.denoiser import ResidualMlp
from synthaudit.generators.latent_space import LatentSpace, scaled_space
from synthaudit.generators.principal import Floats, fit_principal_components
from synthaudit.generators.protocol import Budget
from synthaudit.generators.recipe import NAME, Recipe
from synthaudit.generators.threads import one_thread
from synthaudit.generators.training import Training, steps_in, weights
from synthaudit.progress import Progress


def first_card(recipe: Recipe, cohort: Cohort, budget: Budget, seed: int, device: str) -> Card:
    """The card of a fit that has not begun."""
    return Card(
        name=NAME,
        config=asdict(recipe),
        train_digest=cohort.digest,
        train_images=len(cohort),
        train_patients=cohort.n_patients,
        seed=seed,
        steps=0,
        planned_steps=budget.steps or 0,
        budget_seconds=budget.seconds,
        seconds=0.0,
        device=device,
        sampler=f"{recipe.sampler}, {recipe.sampler_steps} steps",
    )


def card_to_resume(folder: Path | None, asked: Card) -> Card:
    """The card kept in `folder` if it is of the fit that is asked for; `asked` itself where there is none.

    Raises:
        UsageError: The folder holds another fit.
    """
    if folder is None or not (folder / CARD).exists():
        return asked
    kept = load_card(folder)
    alike = ("name", "config", "facts", "train_digest", "seed", "budget_seconds", "device")
    same = all(getattr(kept, name) == getattr(asked, name) for name in alike)
    # A budget in seconds is known by its seconds: the steps they become differ from run to run.
    if not same or (asked.planned_steps and kept.planned_steps != asked.planned_steps):
        raise UsageError("the folder holds another fit; choose an empty folder, or repeat that fit to resume it")
    return kept


def run_fit(
    images: Floats, recipe: Recipe, card: Card, folder: Path | None, progress: Progress
) -> tuple[Card, LatentSpace, ResidualMlp]:
    """Train until the card's plan is done; returns the final card, the latent space and the averaged network.

    Args:
        images: (n, size, size) float32 training images.
        recipe: The settings.
        card: Where to begin; with steps done, their state is read from `folder`.
        folder: Where checkpoints go; None keeps none.
        progress: Told about each step.
    """
    rng = np.random.default_rng(card.seed)
    components = fit_principal_components(images, recipe.components + recipe.texture, rng)
    space = scaled_space(components, recipe.components, recipe.whitening)
    latents = torch.from_numpy(space.encode(images)).to(card.device)

    def advance(training: Training, planned: int) -> None:
        training.advance(latents, recipe.batch, recipe.learning_rate, planned, card.seed)

    training = Training.begin(space.dim, recipe, card.seed, card.device)
    if card.planned_steps == 0:
        card = replace(card, planned_steps=_planned(card, training, advance))
        training = Training.begin(space.dim, recipe, card.seed, card.device)
    if card.steps and folder is not None:
        training.restore(load_checkpoint(folder)[1], card.steps)
    planned, before, started = card.planned_steps, card.seconds, time.perf_counter()
    with one_thread():
        for _ in progress.track(range(training.step, planned), "fitting", planned - training.step):
            advance(training, planned)
            spent = round(before + time.perf_counter() - started, 3)
            card = replace(card, steps=training.step, seconds=spent)
            if folder is not None and training.step % recipe.checkpoint_every == 0 and training.step < planned:
                save_checkpoint(folder, card, {**space.arrays(), **training.arrays()})
    # The optimizer's state is of no more use; without it the checkpoint is a quarter as large.
    arrays = {**space.arrays(), **weights(training.average, "average.")}
    card = packed(card, arrays)[0] if folder is None else save_checkpoint(folder, card, arrays)
    return card, space, training.average.eval()


def _planned(card: Card, trial: Training, advance: Callable[[Training, int], None]) -> int:
    """The steps that the card's seconds become on this machine."""
    if card.budget_seconds is None:
        raise UsageError("a budget needs either steps or seconds, got neither or both")
    return steps_in(card.budget_seconds, lambda: advance(trial, 10**6))
