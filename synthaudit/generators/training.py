"""Training of the latent denoiser: seeded step by step, resumable, and the same whether interrupted or not.

Every step draws its batch and its noise from (seed, step) alone, so no random state has to be saved, and a run resumed
from step k takes the very steps that an uninterrupted one takes after k.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from synthaudit.generators.denoiser import ResidualMlp, denoising_loss, noise_level
from synthaudit.generators.recipe import Recipe

WARM_UP = 50
"""Steps over which the learning rate and the memory of the average grow."""

EMA = 0.999
"""Greatest share of the averaged weights that a step keeps."""

TIMED_STEPS = 8
"""Steps taken and thrown away to learn the machine's speed."""

Arrays = dict[str, NDArray[Any]]


@dataclass(slots=True, eq=False)
class Training:
    """A denoiser being trained.

    Attributes:
        network: What the optimizer moves.
        average: Its exponential moving average, which makes the samples.
        optimizer: AdamW.
        step: Steps done.
    """

    network: ResidualMlp
    average: ResidualMlp
    optimizer: torch.optim.AdamW
    step: int = 0

    @staticmethod
    def begin(dim: int, recipe: Recipe, seed: int, device: str) -> Training:
        """An untrained network of (b, dim) latents, its weights drawn from `seed` on the CPU whatever the device."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = ResidualMlp(dim, recipe.width, recipe.depth)
        network.to(device)
        average = copy.deepcopy(network).requires_grad_(False)
        optimizer = torch.optim.AdamW(
            network.parameters(), lr=recipe.learning_rate, betas=(0.9, 0.99), weight_decay=0.0
        )
        return Training(network, average, optimizer)

    def advance(self, latents: Tensor, batch: int, rate: float, planned: int, seed: int) -> float:
        """Take one step on (n, d) `latents`; returns its loss."""
        rows, sigma, noise = _batch(latents, batch, seed, self.step)
        for group in self.optimizer.param_groups:
            group["lr"] = rate * learning_rate_factor(self.step, planned)
        loss = denoising_loss(self.network, latents[rows], sigma, noise).mean()
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        self.step += 1
        keep = min(EMA, self.step / (self.step + 10))
        with torch.no_grad():
            torch._foreach_lerp_(list(self.average.parameters()), list(self.network.parameters()), 1 - keep)
        return float(loss.detach())

    def arrays(self) -> Arrays:
        """All that `restore` needs."""
        moments: Arrays = {}
        for name, parameter in self.network.named_parameters():
            state = self.optimizer.state.get(parameter)
            if state:
                moments[f"moment1.{name}"] = _numpy(state["exp_avg"])
                moments[f"moment2.{name}"] = _numpy(state["exp_avg_sq"])
        return {**weights(self.network, "network."), **weights(self.average, "average."), **moments}

    def restore(self, arrays: Mapping[str, NDArray[Any]], step: int) -> None:
        """Go back to where `arrays` were taken, after `step` steps."""
        load_weights(self.network, arrays, "network.")
        load_weights(self.average, arrays, "average.")
        for name, parameter in self.network.named_parameters():
            self.optimizer.state[parameter] = {
                "step": torch.tensor(float(step)),
                "exp_avg": torch.from_numpy(arrays[f"moment1.{name}"].copy()).to(parameter.device),
                "exp_avg_sq": torch.from_numpy(arrays[f"moment2.{name}"].copy()).to(parameter.device),
            }
        self.step = step


def learning_rate_factor(step: int, planned: int) -> float:
    """Share of the learning rate at `step`: a linear rise, then half a cosine down to nothing."""
    return float(min(1.0, (step + 1) / WARM_UP) * 0.5 * (1 + np.cos(np.pi * step / planned)))


def steps_in(seconds: float, advance: Callable[[], None]) -> int:
    """How many steps this machine takes in `seconds`, from a few that are then thrown away."""
    advance()
    started = time.perf_counter()
    for _ in range(TIMED_STEPS):
        advance()
    return max(1, round(seconds * TIMED_STEPS / (time.perf_counter() - started)))


def weights(network: ResidualMlp, prefix: str) -> Arrays:
    """The network's parameters as arrays, each name behind `prefix`."""
    return {prefix + name: _numpy(parameter) for name, parameter in network.named_parameters()}


def load_weights(network: ResidualMlp, arrays: Mapping[str, NDArray[Any]], prefix: str) -> None:
    """Set the network's parameters from what `weights` gave."""
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            parameter.copy_(torch.from_numpy(arrays[prefix + name].copy()))


def _batch(latents: Tensor, batch: int, seed: int, step: int) -> tuple[Tensor, Tensor, Tensor]:
    """Rows, noise levels and noise of one step, drawn on the CPU so that every device trains on the same ones."""
    state = np.random.SeedSequence([seed, step]).generate_state(1, np.uint64)[0]
    generator = torch.Generator().manual_seed(int(state >> np.uint64(1)))
    rows = torch.randint(len(latents), (batch,), generator=generator)
    # Evenly spread levels instead of independent ones: the same distribution with less noise in the gradient.
    even = (torch.arange(batch) + torch.rand(batch, generator=generator)) / batch
    sigma = noise_level(torch.special.ndtri(even.clamp(1e-6, 1 - 1e-6)))
    noise = torch.randn(batch, latents.shape[1], generator=generator)
    return rows.to(latents.device), sigma.to(latents.device), noise.to(latents.device)


def _numpy(tensor: Tensor) -> NDArray[Any]:
    array: NDArray[Any] = tensor.detach().cpu().numpy().copy()
    return array
