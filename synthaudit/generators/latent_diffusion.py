"""A small latent diffusion: principal components, a residual denoiser between them, and Gaussian texture beyond.

It is the reference that leaks on purpose and on demand. Fitted to 64 images it gives most of them back; fitted to 2048
patients it makes new ones, in the same seconds on one core. Components too narrow to be learned from so few images, and
what no component holds, are drawn from their Gaussian, as PPCA draws them: without that texture every sample is
smoother than a real image, and smooth images lie closer to everything, which reads like copying and is not.

Reference: Karras, Aittala, Aila, Laine 2022, arXiv:2206.00364.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from synthaudit.cohort import Cohort
from synthaudit.errors import InputError, UsageError
from synthaudit.generators.checkpoint import Card, load_checkpoint
from synthaudit.generators.chunks import CHUNK, in_chunks
from synthaudit.generators.latent_space import LatentSpace, restored_space
from synthaudit.generators.principal import cohort_images
from synthaudit.generators.protocol import (
    Budget,
    Capability,
    Condition,
    GeneratorSpec,
    Images,
    capabilities_of,
    checked_images,
)
from synthaudit.generators.recipe import LEAKS, NAME, Recipe
from synthaudit.generators.seeding import item_normals
from synthaudit.progress import Progress

if TYPE_CHECKING:
    from torch import Tensor

    from synthaudit.generators.denoiser import ResidualMlp

Latents = NDArray[np.float32]

LEAST_NOISE, MOST_NOISE = 0.01, 40.0
"""Noise levels between which samples are made, in deviations of a latent coordinate."""

SCORED_NOISE = (0.2, 3.0)
"""Noise levels between which images are scored: below, every image is easy; above, every image is the mean."""

SCORE_REPEATS = 4
"""Noises averaged at each level."""


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """What a fit has made: its card, the latent space and the averaged network."""

    card: Card
    space: LatentSpace
    network: ResidualMlp


@dataclass(frozen=True, slots=True, eq=False)
class LatentDiffusion:
    """The reference latent diffusion.

    Attributes:
        recipe: Its settings.
        device: "cpu" or "cuda".
        fitted: What it has learned; None for a fresh one.
    """

    leaks: ClassVar[str] = LEAKS
    recipe: Recipe = field(default_factory=Recipe)
    device: str = "cpu"
    fitted: Fitted | None = None

    @property
    def spec(self) -> GeneratorSpec:
        """What it is."""
        digest = self.fitted.card.weights_digest if self.fitted else ""
        return GeneratorSpec(NAME, (self.recipe.size, self.recipe.size), checkpoint_digest=digest)

    @property
    def card(self) -> Card:
        """On what it was trained and for how long."""
        return self._fit().card

    def capabilities(self) -> frozenset[Capability]:
        """What it can do."""
        return capabilities_of(self)

    def fresh(self) -> LatentDiffusion:
        """The same recipe, knowing nothing."""
        return replace(self, fitted=None)

    def fit(
        self, cohort: Cohort, budget: Budget, seed: int, *, folder: Path | None = None, progress: Progress | None = None
    ) -> LatentDiffusion:
        """The generator fitted to the cohort; this one is left as it is.

        Args:
            cohort: The training images.
            budget: Steps, or seconds that are turned into steps once the machine's speed is known.
            seed: Of the weights, the batches and the noise.
            folder: Where checkpoints go; a fit that was interrupted there is taken up again.
            progress: Told about each image and each step.

        Raises:
            UsageError: The sampler or the device is unknown, or `folder` holds another fit.
            NotEnoughData: Fewer than 3 images.
        """
        self._check_device()
        from synthaudit.generators.fitting import card_to_resume, first_card, run_fit

        progress = progress or Progress()
        card = card_to_resume(folder, first_card(self.recipe, cohort, budget, seed, self.device))
        if folder is not None and 0 < card.planned_steps <= card.steps:
            return LatentDiffusion.load(folder, self.device)
        images = cohort_images(cohort, self.recipe.size, progress)
        return replace(self, fitted=Fitted(*run_fit(images, self.recipe, card, folder, progress)))

    def sample(self, n: int, seed: int, condition: Condition | None = None) -> Images:
        """(n, size, size) images; image i depends on `seed` and i only.

        Raises:
            UsageError: Nothing was fitted, or a condition is asked for.
        """
        if condition:
            raise UsageError(f"{NAME} knows no condition, got one")
        from synthaudit.generators.samplers import karras_levels

        space = self._fit().space
        normal = item_normals(n, space.dim + space.n_texture, seed)
        levels = karras_levels(self.recipe.sampler_steps, LEAST_NOISE, MOST_NOISE)

        def made(part: Images) -> Images:
            z = self._restored(part[:, : space.dim] * np.float32(levels[0]), levels)
            return space.textured(z, part[:, space.dim :])

        return in_chunks(made, normal)

    def score(self, x: Images, seed: int, levels: int) -> NDArray[np.float32]:
        """(n, levels) denoising error of each image, lower = better fitted; the same noise for every image.

        Args:
            x: (n, size, size) in [0, 1].
            seed: Of the noise.
            levels: Number of noise levels, from the least to the most; see `scored_levels`.
        """
        z = self.encode(x)
        out = np.zeros((len(z), levels), dtype=np.float32)
        for column, loss in self._losses(z.shape[1], seed, levels):
            out[:, column] += in_chunks(self._on_device(loss), z) / SCORE_REPEATS
        return out

    def gradient(self, x: Images, seed: int, levels: int) -> Images:
        """Gradient of the mean of `score(x, seed, levels)` with respect to each image; (n, size, size)."""
        import torch

        z = self.encode(x)
        slope = np.zeros_like(z)

        def slopes(rows: Latents, loss: Callable[[Tensor], Tensor]) -> Latents:
            at = torch.from_numpy(rows).to(self.device).requires_grad_(True)
            (found,) = torch.autograd.grad(loss(at).sum(), at)
            array: Latents = found.cpu().numpy()
            return array

        for _, loss in self._losses(z.shape[1], seed, levels):
            slope += in_chunks(partial(slopes, loss=loss), z) / np.float32(levels * SCORE_REPEATS)
        return in_chunks(self._fit().space.pulled_back, slope)

    def denoise(self, z: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
        """(n, k) expected clean latents of `z`: latents, as `encode` gives them, and noise of deviation `sigma`."""
        import torch

        from synthaudit.generators.denoiser import denoise

        network, level = self._fit().network, torch.full((CHUNK,), sigma, device=self.device)
        return in_chunks(self._on_device(lambda rows: denoise(network, rows, level)), z)

    def encode(self, x: Images) -> NDArray[np.float32]:
        """(n, k) latents; about 1 in deviation, taken together."""
        return in_chunks(self._fit().space.encode, checked_images(x, (self.recipe.size, self.recipe.size)))

    def decode(self, z: NDArray[np.float32]) -> Images:
        """(n, size, size) images of latents, without texture."""
        return in_chunks(self._fit().space.decode, z)

    def reconstruct(self, x: Images, strength: float, seed: int) -> Images:
        """(n, size, size) images disturbed in the latent space and restored, without texture.

        Args:
            x: (n, size, size) in [0, 1].
            strength: In [0, 1]; at 0 only what the latent space cannot hold is lost, at 1 nothing of the image stays.
            seed: Of the disturbance; that of image i depends on `seed` and i only.

        Raises:
            UsageError: `strength` lies outside [0, 1].
        """
        if not 0 <= strength <= 1:
            raise UsageError(f"strength must lie in [0, 1], got {strength}")
        from synthaudit.generators.samplers import karras_levels

        most = LEAST_NOISE * (MOST_NOISE / LEAST_NOISE) ** strength
        z = self.encode(x)
        z = z + np.float32(most) * item_normals(len(z), z.shape[1], seed)
        levels = karras_levels(self.recipe.sampler_steps, LEAST_NOISE, most)
        return self.decode(in_chunks(lambda part: self._restored(part, levels), z))

    @staticmethod
    def from_spec(argument: str = "", *, device: str = "cpu") -> LatentDiffusion:
        """A fresh one for "", the one whose checkpoint lies in the folder `argument` otherwise."""
        return LatentDiffusion.load(Path(argument), device) if argument else LatentDiffusion(device=device)

    @staticmethod
    def load(folder: Path, device: str = "cpu") -> LatentDiffusion:
        """The generator whose checkpoint lies in `folder`.

        Raises:
            InputError: There is no checkpoint of a latent diffusion, or it is damaged.
        """
        card, arrays = load_checkpoint(folder)
        if card.name != NAME or set(card.config) != {field.name for field in fields(Recipe)}:
            raise InputError(f"the checkpoint must be one of {NAME}, got {card.name}")
        fresh = LatentDiffusion(Recipe(**card.config), device)
        fresh._check_device()
        from synthaudit.generators.denoiser import ResidualMlp
        from synthaudit.generators.training import load_weights

        try:
            space = restored_space(arrays, fresh.recipe.size)
            network = ResidualMlp(space.dim, fresh.recipe.width, fresh.recipe.depth).to(device)
            load_weights(network, arrays, "average.")
        except (KeyError, RuntimeError) as error:
            raise InputError("the weights must fit the recipe on the card, got others") from error
        return replace(fresh, fitted=Fitted(card, space, network.requires_grad_(False).eval()))

    def _losses(self, dim: int, seed: int, levels: int) -> Iterator[tuple[int, Callable[[Tensor], Tensor]]]:
        """Level by level and noise by noise: the level's number, and the loss of (CHUNK, dim) latents there."""
        import torch

        from synthaudit.generators.denoiser import denoising_loss

        network = self._fit().network
        for column, sigma in enumerate(scored_levels(levels)):
            for row in item_normals(SCORE_REPEATS, dim, seed + column):
                shared = torch.from_numpy(row).to(self.device).expand(CHUNK, -1)
                level = torch.full((CHUNK,), sigma, device=self.device)
                yield column, partial(denoising_loss, network, sigma=level, noise=shared)

    def _restored(self, z: NDArray[np.float32], levels: list[float]) -> NDArray[np.float32]:
        """Latents with noise of deviation `levels[0]`, denoised down to the last level."""
        import torch

        from synthaudit.generators.denoiser import denoise
        from synthaudit.generators.samplers import SAMPLERS

        network, solve = self._fit().network, SAMPLERS[self.recipe.sampler]

        def denoiser(x: Tensor, level: float) -> Tensor:
            return denoise(network, x, torch.full((len(x),), level, device=x.device))

        return self._on_device(lambda part: solve(denoiser, part, levels))(z)

    def _on_device(self, function: Callable[[Tensor], Tensor]) -> Callable[[Latents], Latents]:
        """The same function of arrays, without gradients."""
        import torch

        def of_arrays(rows: Latents) -> Latents:
            with torch.inference_mode():
                result: Latents = function(torch.from_numpy(rows).to(self.device)).cpu().numpy()
            return result

        return of_arrays

    def _check_device(self) -> None:
        if self.device == "cuda":
            import torch

            if not torch.cuda.is_available():
                raise UsageError('device "cuda" needs a CUDA device, found none; use "cpu"')
        elif self.device != "cpu":
            raise UsageError(f'device must be "cpu" or "cuda", got {self.device!r}')

    def _fit(self) -> Fitted:
        if self.fitted is None:
            raise UsageError("the generator must be fitted first, got a fresh one")
        return self.fitted


def scored_levels(levels: int) -> NDArray[np.float64]:
    """(levels,) noise levels at which `score` looks, evenly spaced in their logarithm."""
    return np.geomspace(*SCORED_NOISE, levels)
