"""One fit of any generator made of torch networks, from the first step to the last, over any number of interruptions.

A kind of generator brings a `Learner`: its networks, and one step. It gets budgets in steps or seconds, checkpoints,
resumption with the identical result, averaged weights, common seeds and progress:

    class Autoencoding:                                      # a Learner; in a module that may import torch at its top
        def parts(self) -> dict[str, Part]:                  # torch is seeded by the engine before this call
            return {"encoder": Part(Encoder(), learning_rate=1e-3),           # moved by AdamW, averaged (EMA)
                    "critic": Part(Critic(), learning_rate=2e-4, average=None, falling=False),
                    "mean": Part(PixelMean(), learning_rate=None)}            # stays; its buffers are kept all the same

        def step(self, now: Step) -> dict[str, Tensor]:
            x = now.batch["image"]                           # (b, 1, h, w); "label" (b, c), "source", ... likewise
            fake = now.networks["encoder"](now.normal(len(x), 8))             # random numbers only from `now`
            judged = softplus(now.networks["critic"](fake.detach())).mean()
            now.descend(judged, "critic")                    # gradients for this network alone
            fooled = softplus(-now.networks["critic"](fake)).mean()
            now.descend(fooled, "encoder")
            return {"critic": judged, "encoder": fooled}     # reported; the card carries their running mean

    fitted = fit_networks(Autoencoding(), {"image": pixels}, card, folder, progress, batch=32, checkpoint_every=200)
    fitted.networks["encoder"]                               # averaged, eval mode, no gradients for its weights

Most kinds derive from `network_generator.NetworkGenerator`, which calls this and gives them card, load, fit, fresh,
spec and checkpoints for a recipe and these two methods. The contract:

- Whatever a step draws comes from `now` (or, as dropout does, from torch's own generator, seeded at every step), never
  from numpy or time, and a learner keeps no state of its own: then a fit cut anywhere ends in the same weights.
- All that a network is built by must be in the recipe (`card.config`) or, where the data decide it, in `card.facts`: a
  checkpoint is loaded by building the networks anew and filling them.
- Everything is float32, eager, channels_last for images; one thread. On a GPU kernels are asked to be deterministic.
- A folder holds the last checkpoint with the optimizer's state while the fit lasts, and the kept networks alone when it
  is done; `keep_every` leaves those of every k-th step in `checkpoints/step-000200/`, each a checkpoint of its own.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from synthaudit.errors import InputError, NotEnoughData, UsageError
from synthaudit.generators.checkpoint import Card, load_checkpoint, packed, save_checkpoint
from synthaudit.generators.network_training import (
    Learner,
    NetworkTraining,
    Part,
    Step,
    fresh_networks,
    load_networks,
    network_arrays,
)
from synthaudit.generators.threads import one_thread
from synthaudit.generators.training import steps_in
from synthaudit.progress import Progress

__all__ = ["FittedNetworks", "Learner", "Part", "Step", "fit_networks", "kept_checkpoints", "restored_networks"]

KEPT = "checkpoints"

FEWEST = 3
"""Images from which anything is learned."""


@dataclass(frozen=True, slots=True, eq=False)
class FittedNetworks:
    """What a fit has made.

    Attributes:
        card: On what it was trained and for how long.
        networks: Name -> network, averaged where its part asks for it; in eval mode, its weights without gradients.
        folder: Where its checkpoint lies; None if it lies nowhere.
    """

    card: Card
    networks: Mapping[str, nn.Module]
    folder: Path | None


def fit_networks(
    learner: Learner,
    examples: Mapping[str, NDArray[Any]],
    card: Card,
    folder: Path | None,
    progress: Progress,
    *,
    batch: int,
    checkpoint_every: int,
    keep_every: int = 0,
) -> FittedNetworks:
    """Train until the card's plan is done.

    Args:
        learner: Whose networks are trained.
        examples: Name -> (n, ...) float32 or integers, row for row: images as (n, 1, h, w), and what goes with each.
        card: Where to begin; with steps done, their state is read from `folder`.
        folder: Where checkpoints go; None keeps none.
        progress: Told about each step.
        batch: Rows a step.
        checkpoint_every: Steps between two checkpoints to resume from.
        keep_every: Steps between two checkpoints that stay; 0 keeps the last alone.

    Raises:
        NotEnoughData: Fewer than 3 rows.
        UsageError: A loss stops being finite.
    """
    data = _on_device(examples, card.device)
    gpus = [torch.cuda.current_device()] if card.device == "cuda" else []
    with one_thread(), torch.random.fork_rng(devices=gpus), _deterministic():
        training = NetworkTraining.begin(learner, card.seed, card.device)
        if card.planned_steps == 0:
            card = replace(card, planned_steps=_planned(card, training, data, batch))
            training = NetworkTraining.begin(learner, card.seed, card.device)
        if card.steps and folder is not None:
            training.restore(load_checkpoint(folder)[1], card.steps, card.losses)
        planned, before, started = card.planned_steps, card.seconds, time.perf_counter()
        for _ in progress.track(range(training.step, planned), "fitting", planned - training.step):
            training.advance(data, batch, planned)
            spent = round(before + time.perf_counter() - started, 3)
            card = replace(card, steps=training.step, seconds=spent, losses=dict(training.losses))
            if folder is not None and keep_every and training.step % keep_every == 0:
                kept = folder / KEPT / f"step-{training.step:06d}"
                save_checkpoint(kept, card, network_arrays(training.kept()))
            if folder is not None and training.step % checkpoint_every == 0 and training.step < planned:
                save_checkpoint(folder, card, training.arrays())
    networks = training.kept()
    # The optimizer's state is of no more use; without it the checkpoint is a quarter as large.
    arrays = network_arrays(networks)
    card = packed(card, arrays)[0] if folder is None else save_checkpoint(folder, card, arrays)
    return FittedNetworks(card, _at_rest(networks), folder)


def restored_networks(learner: Learner, folder: Path, device: str) -> FittedNetworks:
    """The fitted networks whose checkpoint lies in `folder`; of an unfinished fit, those of its last checkpoint.

    Raises:
        InputError: The checkpoint is damaged, or of other networks.
    """
    card, arrays = load_checkpoint(folder)
    networks = fresh_networks(learner, device)
    try:
        load_networks(networks, arrays)
    except (KeyError, RuntimeError) as error:
        raise InputError("the weights must fit the recipe on the card, got others") from error
    return FittedNetworks(card, _at_rest(networks), folder)


def kept_checkpoints(folder: Path) -> tuple[Path, ...]:
    """The folders of the checkpoints that a fit in `folder` has left on its way, the earliest first."""
    return tuple(sorted((folder / KEPT).glob("step-*")))


def _planned(card: Card, trial: NetworkTraining, data: Mapping[str, Tensor], batch: int) -> int:
    """The steps that the card's seconds become on this machine."""
    if card.budget_seconds is None:
        raise UsageError("a budget needs either steps or seconds, got neither or both")
    return steps_in(card.budget_seconds, lambda: trial.advance(data, batch, 10**6))


def _on_device(examples: Mapping[str, NDArray[Any]], device: str) -> dict[str, Tensor]:
    lengths = {len(rows) for rows in examples.values()}
    if len(lengths) != 1:
        raise UsageError(f"examples must have one row for each image, got {sorted(lengths)} rows")
    if min(lengths) < FEWEST:
        raise NotEnoughData(f"a generator needs at least {FEWEST} images to learn from, got {min(lengths)}")
    return {name: torch.from_numpy(np.ascontiguousarray(rows)).to(device) for name, rows in examples.items()}


def _deterministic() -> Any:
    """The GPU's convolutions the same way each time; the CPU's are."""
    return torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False)


def _at_rest(networks: Mapping[str, nn.Module]) -> dict[str, nn.Module]:
    return {name: network.requires_grad_(False).eval() for name, network in networks.items()}
