"""Networks in training: any number of them, each moved and averaged its own way, seeded step by step.

A step's batch and noise are drawn from (seed, step) alone, so no random state is kept: a training restored after k
steps takes the very steps that an uninterrupted one takes after k.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from synthaudit.errors import UsageError
from synthaudit.generators.training import EMA, WARM_UP, learning_rate_factor

Arrays = dict[str, NDArray[Any]]

LOSS_MEMORY = 0.98
"""Share of a reported loss that a step keeps: an average over about the last 50 steps."""


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """One network of a generator, and how it is trained.

    Attributes:
        network: Freshly drawn; the engine has seeded torch before. Its buffers are kept with its weights.
        learning_rate: Of AdamW, at its greatest; None for a network that stays as it is drawn.
        betas: Of AdamW.
        weight_decay: Of AdamW.
        falling: Whether the learning rate falls to nothing by half a cosine; an adversary's should not.
        average: Greatest share of the averaged weights that a step keeps; None to keep no average. Where there is one,
            it is what the fitted generator uses.
    """

    network: nn.Module
    learning_rate: float | None = 2e-3
    betas: tuple[float, float] = (0.9, 0.99)
    weight_decay: float = 0.0
    falling: bool = True
    average: float | None = EMA


@dataclass(slots=True, eq=False)
class Step:
    """What a learner has at hand in one step.

    Attributes:
        number: Steps done before this one.
        planned: Steps in all.
        batch: Name -> (b, ...) the rows of this step, the same rows of each.
        networks: Name -> the network that is moved.
        draw: Random numbers of this step, on the CPU so that every device trains on the same ones.
    """

    number: int
    planned: int
    batch: Mapping[str, Tensor]
    networks: Mapping[str, nn.Module]
    draw: torch.Generator
    _optimizers: Mapping[str, torch.optim.Optimizer]
    _device: str

    def normal(self, *shape: int) -> Tensor:
        """Standard normal numbers of this step."""
        return torch.randn(*shape, generator=self.draw).to(self._device)

    def uniform(self, *shape: int) -> Tensor:
        """Numbers of this step, uniform in [0, 1)."""
        return torch.rand(*shape, generator=self.draw).to(self._device)

    def integers(self, below: int, *shape: int) -> Tensor:
        """Whole numbers of this step, from 0 to `below` - 1."""
        return torch.randint(below, shape, generator=self.draw).to(self._device)

    def descend(self, loss: Tensor, *names: str) -> None:
        """Move the weights of the networks `names` against the gradient of the scalar `loss`, and no others."""
        for name in names:
            if name not in self._optimizers:
                raise UsageError(f"a network that is moved must have a learning rate, got {name}")
        optimizers = [self._optimizers[name] for name in names]
        weights = [p for optimizer in optimizers for group in optimizer.param_groups for p in group["params"]]
        for weight, gradient in zip(weights, torch.autograd.grad(loss, weights, allow_unused=True), strict=True):
            weight.grad = gradient
        for optimizer in optimizers:
            optimizer.step()


class Learner(Protocol):
    """What a kind of generator brings to its training."""

    def parts(self) -> Mapping[str, Part]:
        """Name -> a fresh network and how it is trained; torch's own seed is set before the call."""
        ...

    def step(self, now: Step) -> Mapping[str, Tensor]:
        """Take one step, by `now.descend`; returns the losses to report, by name, scalars."""
        ...


@dataclass(slots=True, eq=False)
class NetworkTraining:
    """The networks of a learner in training.

    Attributes:
        learner: Takes the steps.
        networks: Name -> what the optimizers move.
        averages: Name -> moving average of those that have one.
        step: Steps done.
        losses: Name -> running mean of what the learner reports.
    """

    learner: Learner
    seed: int
    device: str
    parts: Mapping[str, Part]
    networks: dict[str, nn.Module]
    averages: dict[str, nn.Module]
    optimizers: dict[str, torch.optim.Optimizer]
    step: int = 0
    losses: dict[str, float] = field(default_factory=dict)

    @staticmethod
    def begin(learner: Learner, seed: int, device: str) -> NetworkTraining:
        """Untrained networks, drawn from `seed` on the CPU whatever the device."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            parts = learner.parts()
        networks = {name: _placed(part.network, device) for name, part in parts.items()}
        averages, optimizers = dict[str, nn.Module](), dict[str, torch.optim.Optimizer]()
        for name, part in parts.items():
            if part.average is not None and part.learning_rate is not None:
                averages[name] = copy.deepcopy(networks[name]).requires_grad_(False)
            if part.learning_rate is None:
                networks[name].requires_grad_(False)
                continue
            optimizers[name] = torch.optim.AdamW(
                networks[name].parameters(), lr=part.learning_rate, betas=part.betas, weight_decay=part.weight_decay
            )
        return NetworkTraining(learner, seed, device, parts, networks, averages, optimizers)

    def advance(self, examples: Mapping[str, Tensor], batch: int, planned: int) -> None:
        """Take one step on `batch` rows of the (n, ...) `examples`, drawn with replacement.

        Raises:
            UsageError: A loss is not finite.
        """
        seed = step_seed(self.seed, self.step)
        draw = torch.Generator().manual_seed(seed)
        # What the networks draw by themselves, such as dropout, comes from the step, too. Not by torch.manual_seed:
        # where there is no GPU it keeps every call for the one that might still come.
        torch.default_generator.manual_seed(seed)
        if self.device == "cuda":
            torch.cuda.manual_seed(seed)
        n = len(next(iter(examples.values())))
        rows = torch.randint(n, (batch,), generator=draw).to(self.device)
        drawn = {name: _channels_last(rows_of[rows]) for name, rows_of in examples.items()}
        self._set_rates(planned)
        now = Step(self.step, planned, drawn, self.networks, draw, self.optimizers, self.device)
        for name, loss in self.learner.step(now).items():
            value = float(loss.detach())
            if not np.isfinite(value):
                raise UsageError(f"the loss {name} must be finite, got {value} at step {self.step}; learn more slowly")
            self.losses[name] = LOSS_MEMORY * self.losses.get(name, value) + (1 - LOSS_MEMORY) * value
        self.step += 1
        self._average()

    def kept(self) -> dict[str, nn.Module]:
        """Name -> what the fitted generator uses: the average where there is one."""
        return {name: self.averages.get(name, network) for name, network in self.networks.items()}

    def arrays(self) -> Arrays:
        """All that `restore` needs: the networks, their averages, and the optimizers' moments."""
        arrays = network_arrays(self.kept())
        for name in self.averages:
            arrays |= _state(self.networks[name], f"moving.{name}.")
        for name, optimizer in self.optimizers.items():
            for which, parameter in self.networks[name].named_parameters():
                for moment, value in optimizer.state.get(parameter, {}).items():
                    arrays[f"optimizer.{name}.{which}.{moment}"] = _numpy(value)
        return arrays

    def restore(self, arrays: Mapping[str, NDArray[Any]], step: int, losses: Mapping[str, float]) -> None:
        """Go back to where `arrays` were taken, after `step` steps."""
        load_networks(self.kept(), arrays)
        for name in self.averages:
            _load(self.networks[name], arrays, f"moving.{name}.")
        for name, optimizer in self.optimizers.items():
            for which, parameter in self.networks[name].named_parameters():
                prefix = f"optimizer.{name}.{which}."
                moments = {key[len(prefix) :]: array for key, array in arrays.items() if key.startswith(prefix)}
                for moment, array in moments.items():
                    value = torch.from_numpy(array.copy())
                    # AdamW counts on the CPU, and keeps the moments beside the weights and in their order.
                    like = torch.zeros(()) if moment == "step" else torch.empty_like(parameter)
                    optimizer.state[parameter][moment] = _filled(like.detach(), value)
        self.step, self.losses = step, dict(losses)

    def _set_rates(self, planned: int) -> None:
        for name, optimizer in self.optimizers.items():
            part = self.parts[name]
            rising = min(1.0, (self.step + 1) / WARM_UP)
            factor = learning_rate_factor(self.step, planned) if part.falling else rising
            for group in optimizer.param_groups:
                group["lr"] = (part.learning_rate or 0.0) * factor

    @torch.no_grad()
    def _average(self) -> None:
        for name, average in self.averages.items():
            keep = min(self.parts[name].average or 0.0, self.step / (self.step + 10))
            moved = self.networks[name]
            torch._foreach_lerp_(list(average.parameters()), list(moved.parameters()), 1 - keep)
            for kept, current in zip(average.buffers(), moved.buffers(), strict=True):
                kept.copy_(current)


def step_seed(seed: int, step: int) -> int:
    """The seed of one step's random numbers; two steps of two seeds share none."""
    state = np.random.SeedSequence([seed, step]).generate_state(1, np.uint64)[0]
    return int(state >> np.uint64(1))


def network_arrays(networks: Mapping[str, nn.Module]) -> Arrays:
    """The weights and buffers of the networks as arrays."""
    arrays: Arrays = {}
    for name, network in networks.items():
        arrays |= _state(network, f"kept.{name}.")
    return arrays


def load_networks(networks: Mapping[str, nn.Module], arrays: Mapping[str, NDArray[Any]]) -> None:
    """Set the networks from what `network_arrays` gave.

    Raises:
        KeyError, RuntimeError: The arrays are of other networks.
    """
    for name, network in networks.items():
        _load(network, arrays, f"kept.{name}.")


def fresh_networks(learner: Learner, device: str) -> dict[str, nn.Module]:
    """The learner's networks, to be filled from a checkpoint."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return {name: _placed(part.network, device) for name, part in learner.parts().items()}


def _placed(network: nn.Module, device: str) -> nn.Module:
    network = network.to(device)
    # Convolutions of images are faster so; those of volumes know no such order.
    if all(parameter.ndim <= 4 for parameter in network.parameters()):
        network = network.to(memory_format=torch.channels_last)
    return network


def _channels_last(rows: Tensor) -> Tensor:
    return rows.contiguous(memory_format=torch.channels_last) if rows.ndim == 4 else rows


def _state(network: nn.Module, prefix: str) -> Arrays:
    return {prefix + name: _numpy(value) for name, value in network.state_dict().items()}


def _load(network: nn.Module, arrays: Mapping[str, NDArray[Any]], prefix: str) -> None:
    with torch.no_grad():
        for name, value in network.state_dict().items():
            _filled(value, torch.from_numpy(arrays[prefix + name].copy()))


def _filled(place: Tensor, value: Tensor) -> Tensor:
    # What was written without axes is read with one.
    return place.copy_(value if place.ndim else value.reshape(()))


def _numpy(tensor: Tensor) -> NDArray[Any]:
    array: NDArray[Any] = tensor.detach().cpu().contiguous().numpy().copy()
    return array
