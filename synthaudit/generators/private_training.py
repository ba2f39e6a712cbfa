"""One step of private training: each patient's gradient is clipped, the sum is blurred, nobody stands out.

The unit is the patient. All images of a patient go into one gradient, which is clipped as a whole: clipping image by
image would protect an image, and a patient with ten of them a tenth as well.

Reference: Abadi et al. 2016, doi:10.1145/2976749.2978318 (DP-SGD).
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from synthaudit.errors import UsageError
from synthaudit.generators.denoiser import denoising_loss, noise_level
from synthaudit.generators.private_budget import Spending
from synthaudit.generators.private_recipe import SECRET, PrivateRecipe
from synthaudit.generators.training import EMA, Training, learning_rate_factor

PATIENTS_AT_ONCE = 64
"""Patients whose gradients are held in memory together."""

Gradients = dict[str, Tensor]


@dataclass(frozen=True, slots=True, eq=False)
class PatientLatents:
    """Latents in the order of their patients.

    Attributes:
        latents: (n, d), the images of a patient next to each other.
        first: (p,) row of each patient's first image.
        images: (p,) number of each patient's images.
    """

    latents: Tensor
    first: Tensor
    images: Tensor

    @staticmethod
    def of(latents: NDArray[np.float32], patient_index: NDArray[np.intp], device: str) -> PatientLatents:
        """The same of (n, d) latents, whose patients are numbered from 0 without a gap."""
        order = np.argsort(patient_index, kind="stable")
        images = np.bincount(patient_index)
        first = np.cumsum(images) - images
        return PatientLatents(
            torch.from_numpy(latents[order]).to(device), torch.from_numpy(first), torch.from_numpy(images)
        )

    def drawn(self, patients: Tensor, draws: int, generator: torch.Generator) -> Tensor:
        """(b, draws, d) latents of these patients, each drawn from the patient's images."""
        uniform = torch.rand(len(patients), draws, generator=generator)
        rows = self.first[patients, None] + (uniform * self.images[patients, None]).long()
        return self.latents[rows.to(self.latents.device)]


def patient_gradients(network: nn.Module, latents: Tensor, sigma: Tensor, noise: Tensor) -> Gradients:
    """The gradient of each patient's mean denoising loss; parameter name -> (b, *shape).

    A patient's gradient of a layer follows from what went into the layer and the gradient of what came out, so one
    backward pass serves all patients. (`torch.func` does it for any network, and takes four seconds to start.)

    Args:
        network: The denoiser; all its weights are in linear layers and layer norms.
        latents: (b, j, d) of b patients.
        sigma: (b, j) noise levels.
        noise: (b, j, d) standard normal.

    Raises:
        UsageError: A weight lies elsewhere: left out, it would be trained without privacy.
    """
    layers = {name: layer for name, layer in network.named_modules() if isinstance(layer, nn.Linear | nn.LayerNorm)}
    covered = {f"{name}.{own}" for name, layer in layers.items() for own, _ in layer.named_parameters()}
    if covered != {name for name, _ in network.named_parameters()}:
        raise UsageError("a private network must be of linear layers and layer norms alone, got other weights")
    passed: dict[str, tuple[Tensor, Tensor]] = {}

    def note(name: str) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], None]:
        return lambda _, given, out: passed.update({name: (given[0].detach(), out)})

    handles = [layer.register_forward_hook(note(name)) for name, layer in layers.items()]
    try:
        loss = denoising_loss(network, latents.flatten(0, 1), sigma.flatten(), noise.flatten(0, 1))
    finally:
        for handle in handles:
            handle.remove()
    slopes = torch.autograd.grad(loss.sum() / sigma.shape[1], [passed[name][1] for name in layers])
    gradients: Gradients = {}
    for (name, layer), slope in zip(layers.items(), slopes, strict=True):
        given, out = (x.reshape(*sigma.shape, -1) for x in (passed[name][0], slope))
        if isinstance(layer, nn.Linear):
            gradients[f"{name}.weight"] = torch.einsum("bjo,bji->boi", out, given)
        else:
            even = nn.functional.layer_norm(given, layer.normalized_shape, eps=layer.eps)
            gradients[f"{name}.weight"] = (out * even).sum(dim=1)
        gradients[f"{name}.bias"] = out.sum(dim=1)
    return gradients


def clipped_sum(network: nn.Module, latents: Tensor, sigma: Tensor, noise: Tensor, clip: float) -> Gradients:
    """The sum of the patients' gradients, none of them longer than `clip`; parameter name -> gradient.

    Args:
        network, latents, sigma, noise: As in `patient_gradients`.
        clip: Greatest Euclidean length of a patient's gradient, over all parameters together.
    """
    each = patient_gradients(network, latents, sigma, noise)
    length = torch.stack([g.flatten(1).square().sum(dim=1) for g in each.values()]).sum(dim=0).sqrt()
    shrink = (clip / length.clamp_min(1e-12)).clamp(max=1.0)
    return {name: torch.tensordot(shrink, gradient, dims=1) for name, gradient in each.items()}


def advance_privately(
    training: Training, patients: PatientLatents, recipe: PrivateRecipe, plan: Spending, planned: int, seed: int
) -> int:
    """Take one private step; returns how many patients took part (never to be told to anybody).

    Args:
        training: What is trained; its step decides what is drawn.
        patients: All patients; each takes part with probability `plan.rate`.
        recipe: The settings.
        plan: The noise.
        planned: Steps of the whole training.
        seed: Of sampling and noise, unless the recipe's randomness is secret.
    """
    generator = step_generator(recipe, seed, training.step)
    chosen = torch.nonzero(torch.rand(len(patients.first), generator=generator) < plan.rate)[:, 0]
    device = patients.latents.device
    total = {name: torch.zeros_like(parameter) for name, parameter in training.network.named_parameters()}
    for latents, sigma, noise in _parts(patients, chosen, recipe.draws, generator):
        part = clipped_sum(training.network, latents, sigma.to(device), noise.to(device), recipe.clip)
        for name, gradient in part.items():
            total[name] += gradient
    # By the number expected, not the number drawn: that one is private.
    expected = plan.rate * len(patients.first)
    for name, parameter in training.network.named_parameters():
        blur = torch.randn(parameter.shape, generator=generator).to(device)
        parameter.grad = (total[name] + plan.noise_multiplier * recipe.clip * blur) / expected
    _descend(training, recipe.learning_rate, planned)
    return len(chosen)


def step_generator(recipe: PrivateRecipe, seed: int, step: int) -> torch.Generator:
    """The random numbers of one step: of (seed, step), or of the operating system, never to be repeated."""
    if recipe.randomness == SECRET:
        return torch.Generator().manual_seed(secrets.randbits(63))
    state = np.random.SeedSequence([seed, step]).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(state >> np.uint64(1)))


def _parts(
    patients: PatientLatents, chosen: Tensor, draws: int, generator: torch.Generator
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Latents, noise levels and noise of the chosen patients, a bounded number at a time."""
    for part in torch.split(chosen, PATIENTS_AT_ONCE) if len(chosen) else ():
        latents = patients.drawn(part, draws, generator)
        # Evenly spread levels for each patient: the same distribution with less noise in the patient's gradient.
        even = (torch.arange(draws) + torch.rand(len(part), draws, generator=generator)) / draws
        sigma = noise_level(torch.special.ndtri(even.clamp(1e-6, 1 - 1e-6)))
        yield latents, sigma, torch.randn(latents.shape, generator=generator)


def _descend(training: Training, rate: float, planned: int) -> None:
    """Move the weights along the gradients they carry, and their average after them."""
    for group in training.optimizer.param_groups:
        group["lr"] = rate * learning_rate_factor(training.step, planned)
    training.optimizer.step()
    training.optimizer.zero_grad(set_to_none=True)
    training.step += 1
    keep = min(EMA, training.step / (training.step + 10))
    with torch.no_grad():
        torch._foreach_lerp_(list(training.average.parameters()), list(training.network.parameters()), 1 - keep)
