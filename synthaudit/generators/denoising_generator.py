"""What the diffusion generators of the network engine share: sampling, scores and reconstruction by a denoiser.

A kind adds where it works (`encode`, `decode`, `dim`) and its network (`bound`). Noise levels and preconditioning are
those of `denoiser` and `samplers`, so scores compare with the latent diffusion's.

Reference: Karras, Aittala, Aila, Laine 2022, arXiv:2206.00364.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from synthaudit.errors import UsageError
from synthaudit.generators.chunks import CHUNK, in_chunks
from synthaudit.generators.latent_diffusion import LEAST_NOISE, MOST_NOISE, SCORE_REPEATS, scored_levels
from synthaudit.generators.network_generator import NetworkGenerator, NetworkRecipe, require_at_least
from synthaudit.generators.protocol import Images
from synthaudit.generators.recipe import SAMPLER_NAMES
from synthaudit.generators.seeding import item_normals

if TYPE_CHECKING:
    from torch import Tensor, nn

Latents = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class DenoisingRecipe(NetworkRecipe):
    """The settings of a diffusion; what is not said here is said in `NetworkRecipe`.

    Attributes:
        sampler: "heun" or "dpm-solver-2m".
        sampler_steps: Noise levels passed; few blur a sample and hide copying.
        average: Greatest share of the averaged network that a step keeps.

    Raises:
        UsageError: The sampler is unknown, or a setting is out of range.
    """

    sampler: str = "heun"
    sampler_steps: int = 18
    average: float = 0.995

    def __post_init__(self) -> None:
        NetworkRecipe.__post_init__(self)
        require_at_least(self, {"sampler_steps": 1})
        if self.sampler not in SAMPLER_NAMES:
            raise UsageError(f"sampler must be one of {', '.join(SAMPLER_NAMES)}, got {self.sampler!r}")
        if not 0 <= self.average < 1:
            raise UsageError(f"average must lie in [0, 1), got {self.average}")


@dataclass(frozen=True, slots=True, eq=False)
class DenoisingGenerator(NetworkGenerator):
    """A diffusion; see the module's text."""

    recipe: DenoisingRecipe = field(default_factory=DenoisingRecipe)

    @abstractmethod
    def encode(self, x: Images) -> Latents:
        """(n, d) clean latents; about 1 in deviation, taken together."""

    @abstractmethod
    def decode(self, z: Latents) -> Images:
        """(n, size, size) images of latents."""

    @abstractmethod
    def bound(self, condition: Tensor, guided: bool) -> nn.Module:
        """The network of (b, d) latents and (b,) noise alone, (b, c) `condition` given, with guidance if `guided`."""

    def unconditional(self, n: int) -> Latents:
        """(n, c) conditions that ask for nothing in particular; c is 0 for a kind that knows none."""
        return np.zeros((n, 0), dtype=np.float32)

    def score(self, x: Images, seed: int, levels: int) -> NDArray[np.float32]:
        """(n, levels) denoising error of each image, lower = better fitted; the same noise for every image.

        Args:
            x: (n, size, size) in [0, 1].
            seed: Of the noise.
            levels: Number of noise levels, from the least to the most; see `scored_levels`.
        """
        return self.scores_of(self.encode(x), self.unconditional(len(x)), seed, levels)

    def denoise(self, z: Latents, sigma: float) -> Latents:
        """(n, d) expected clean latents, given `z`: clean latents plus Gaussian noise of deviation `sigma`.

        Raises:
            UsageError: `sigma` is not positive.
        """
        if not sigma > 0:
            raise UsageError(f"sigma must be positive, got {sigma}")
        import torch

        from synthaudit.generators.denoiser import denoise

        def clean(part: Tensor, condition: Tensor) -> Tensor:
            level = torch.full((len(part),), sigma, device=part.device)
            return denoise(self.bound(condition, guided=False), part, level)

        return in_chunks(self.applied(clean), z, self.unconditional(len(z)))

    def reconstruct(self, x: Images, strength: float, seed: int) -> Images:
        """(n, size, size) images disturbed in the latent space and restored, unconditionally.

        Args:
            x: (n, size, size) in [0, 1].
            strength: In [0, 1]; at 0 only what the latent space cannot hold is lost, at 1 nothing of the image stays.
            seed: Of the disturbance; that of image i depends on `seed` and i only.

        Raises:
            UsageError: `strength` lies outside [0, 1].
        """
        if not 0 <= strength <= 1:
            raise UsageError(f"strength must lie in [0, 1], got {strength}")
        z = self.encode(x)
        most = LEAST_NOISE * (MOST_NOISE / LEAST_NOISE) ** strength
        z = z + np.float32(most) * item_normals(len(z), z.shape[1], seed)
        return self.decode(self.restored(z, self.unconditional(len(z)), most))

    def scores_of(self, z: Latents, condition: Latents, seed: int, levels: int) -> NDArray[np.float32]:
        """(n, levels) as `score`, of (n, d) latents given (n, c) conditions."""
        import torch

        from synthaudit.generators.denoiser import denoising_loss

        out = np.zeros((len(z), levels), dtype=np.float32)
        for column, sigma in enumerate(scored_levels(levels)):
            level = torch.full((CHUNK,), sigma, device=self.device)
            for row in item_normals(SCORE_REPEATS, z.shape[1], seed + column):
                shared = torch.from_numpy(row).to(self.device).expand(CHUNK, -1)

                def error(part: Tensor, asked: Tensor, level: Tensor = level, shared: Tensor = shared) -> Tensor:
                    return denoising_loss(self.bound(asked, guided=False), part, level, shared)

                out[:, column] += in_chunks(self.applied(error), z, condition) / SCORE_REPEATS
        return out

    def restored(self, z: Latents, condition: Latents, most: float = MOST_NOISE) -> Latents:
        """(n, d) clean latents of `z`, whose noise has deviation `most`, given (n, c) conditions, with guidance."""
        import torch

        from synthaudit.generators.denoiser import denoise
        from synthaudit.generators.samplers import SAMPLERS, karras_levels

        solve = SAMPLERS[self.recipe.sampler]
        levels = karras_levels(self.recipe.sampler_steps, LEAST_NOISE, most)

        def solved(part: Tensor, asked: Tensor) -> Tensor:
            network = self.bound(asked, guided=True)

            def denoiser(x: Tensor, level: float) -> Tensor:
                return denoise(network, x, torch.full((len(x),), level, device=x.device))

            return solve(denoiser, part, levels)

        return in_chunks(self.applied(solved), z, condition)
