"""A convolutional variational autoencoder: blurred samples, and a checkpoint that names its members.

Its codes are pulled toward one Gaussian and its decoder answers with the mean of all images that share a code, so a
sample is no copy. Its bound on the likelihood, though, is raised on the training images and no others; whoever has the
checkpoint reads from it who was trained on. It is the reference for that difference between the two accesses.

Measured (chest phantoms at 64 px, seed 3; 64 patients trained on, 600 steps, seed 0): by the bound, members stand apart
from 256 others completely (AUC 1.00; so they do for `ppca` with as many numbers). Of 256 samples 91 % lie nearer to a
member than to any of 64 others, for `ppca` 78 %: samples of a few patients are not free of them either. Held-out images
have a better bound than under `ppca` (-1.16 against -.71 nats a pixel) and a worse reconstruction (squared error .0048
against .0028).

What it is not: sharp. What a code of some dozens of numbers does not hold is averaged away, and smooth images lie
nearer to everything. Draw no conclusion on realism from it.

References: Kingma, Welling 2014, arXiv:1312.6114; `beta`: Higgins et al. 2017, "beta-VAE" (ICLR).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from synthaudit.errors import UsageError
from synthaudit.generators.chunks import CHUNK, in_chunks
from synthaudit.generators.network_generator import (
    Facts,
    NetworkGenerator,
    NetworkRecipe,
    no_condition,
    require_at_least,
)
from synthaudit.generators.protocol import Condition, Images, checked_images
from synthaudit.generators.seeding import item_normals
from synthaudit.generators.threads import one_thread

if TYPE_CHECKING:
    from torch import Tensor

    from synthaudit.generators.network_fit import Learner

SCORE_REPEATS = 4
"""Codes drawn of an image to score it, by the same random numbers for every image."""


@dataclass(frozen=True, slots=True)
class VaeRecipe(NetworkRecipe):
    """The settings of a variational autoencoder.

    Attributes:
        patch: Side of the patches that the networks see the image in; `size` must be twice a multiple of it.
        latent: Numbers in a code.
        width: Channels of the patches; twice and four times as many below.
        beta: Weight of the divergence of the codes from the prior; above 1 sacrifices detail for an even latent space.
    """

    size: int = 64
    patch: int = 4
    latent: int = 32
    width: int = 32
    learning_rate: float = 4e-3
    beta: float = 1.0

    def __post_init__(self) -> None:
        NetworkRecipe.__post_init__(self)
        require_at_least(self, {"patch": 1, "latent": 1, "width": 1, "beta": 0.0})
        if self.size % (2 * self.patch):
            raise UsageError(f"size must be a multiple of {2 * self.patch} with patch {self.patch}, got {self.size}")


@dataclass(frozen=True, slots=True, eq=False)
class Vae(NetworkGenerator):
    """The reference variational autoencoder."""

    kind: ClassVar[str] = "vae"
    leaks: ClassVar[str] = (
        "The checkpoint, by its bound on the likelihood; samples of few patients lie near them, blurred."
    )
    recipe: VaeRecipe = field(default_factory=VaeRecipe)

    def learner(self, facts: Facts) -> Learner:
        """Encoder, decoder and the step that raises the bound."""
        del facts
        from synthaudit.generators.vae_network import VaeLearner

        recipe = self.recipe
        return VaeLearner(recipe.size, recipe.patch, recipe.width, recipe.latent, recipe.beta, recipe.learning_rate)

    def sample(self, n: int, seed: int, condition: Condition | None = None) -> Images:
        """(n, size, size) expected images of random codes; image i depends on `seed` and i only.

        Raises:
            UsageError: Nothing was fitted, or a condition is asked for.
        """
        no_condition(self.kind, condition)
        return self.decode(item_normals(n, self.recipe.latent, seed))

    def encode(self, x: Images) -> NDArray[np.float32]:
        """(n, latent) expected codes."""
        return in_chunks(self.applied(lambda part: self.network("encoder")(part)[0]), self._checked(x))

    def decode(self, z: NDArray[np.float32]) -> Images:
        """(n, size, size) expected images of codes, in [0, 1]."""
        return in_chunks(self.applied(lambda part: self.network("decoder")(part)[:, 0].clamp(0, 1)), z)

    def reconstruct(self, x: Images, strength: float, seed: int) -> Images:
        """(n, size, size) images whose codes were mixed with noise, then decoded.

        Args:
            x: (n, size, size) in [0, 1].
            strength: In [0, 1]; at 0 only what a code cannot hold is lost, at 1 nothing of the image stays.
            seed: Of the noise; that of image i depends on `seed` and i only.

        Raises:
            UsageError: `strength` lies outside [0, 1].
        """
        if not 0 <= strength <= 1:
            raise UsageError(f"strength must lie in [0, 1], got {strength}")
        z = self.encode(x)
        noise = item_normals(len(z), z.shape[1], seed)
        return self.decode(np.float32(np.sqrt(1 - strength**2)) * z + np.float32(strength) * noise)

    def score(self, x: Images, seed: int, levels: int) -> NDArray[np.float32]:
        """(n, 2) the two parts of the negative bound on the log-likelihood, in nats a pixel, lower = better fitted.

        The first column is the reconstruction, the second the divergence of the code; their sum is the bound, with
        `beta` = 1 whatever the recipe trained with. There are two, whatever `levels`.

        Args:
            x: (n, size, size) in [0, 1].
            seed: Of the codes that are drawn; the same numbers for every image.
            levels: Not used.
        """
        del levels
        normal = item_normals(SCORE_REPEATS, self.recipe.latent, seed)
        return in_chunks(self.applied(lambda part: self._parts_of_bound(part, normal)), self._checked(x))

    def gradient(self, x: Images, seed: int, levels: int) -> Images:
        """Gradient of the mean of `score(x, seed, levels)` over its columns with respect to each image."""
        import torch

        del levels
        normal = item_normals(SCORE_REPEATS, self.recipe.latent, seed)

        def of_chunk(part: NDArray[np.float32]) -> NDArray[np.float32]:
            with torch.enable_grad(), one_thread():
                image = torch.from_numpy(part).to(self.device).requires_grad_(True)
                (slope,) = torch.autograd.grad(self._parts_of_bound(image, normal).mean(dim=1).sum(), image)
            result: NDArray[np.float32] = slope[:, 0].cpu().numpy()
            return result

        return in_chunks(of_chunk, self._checked(x))

    def _parts_of_bound(self, x: Tensor, normal: NDArray[np.float32]) -> Tensor:
        """(b, 2) reconstruction and divergence, in nats a pixel."""
        import torch

        from synthaudit.generators.vae_network import code, surprise_of

        mean, spread = self.network("encoder")(x)
        surprise = torch.zeros(len(x), device=x.device)
        for row in torch.from_numpy(normal).to(x.device):
            drawn = code(mean, spread, row.expand(CHUNK, -1))
            surprise = surprise + surprise_of(self.network("decoder"), x, drawn) / len(normal)
        return torch.stack([surprise, self._divergence(mean, spread) / x[0].numel()], dim=1)

    def _divergence(self, mean: Tensor, spread: Tensor) -> Tensor:
        """(b,) divergence of the codes from the prior, in nats."""
        from synthaudit.generators.vae_network import divergence

        return divergence(mean, spread)

    def _checked(self, x: Images) -> Images:
        """(n, 1, size, size)."""
        return checked_images(x, self.spec.shape)[:, None]
