"""A diffusion on the pixels themselves: EDM preconditioning around a small UNet that sees patches.

It is what most published diffusion models of medical images are, in small. What a CPU affords in minutes is a sketch:
see `PixelDiffusion.leaks` for what was measured, and `PixelDiffusionRecipe.gpu` for the size that deserves the name.

References:
    Ho, Jain, Abbeel 2020, arXiv:2006.11239; Karras, Aittala, Aila, Laine 2022, arXiv:2206.00364.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from synthaudit.errors import UsageError
from synthaudit.generators.denoising_generator import DenoisingGenerator, DenoisingRecipe, Latents
from synthaudit.generators.latent_diffusion import MOST_NOISE
from synthaudit.generators.network_generator import Facts, no_condition, require_at_least
from synthaudit.generators.protocol import Condition, Images, checked_images
from synthaudit.generators.seeding import item_normals

if TYPE_CHECKING:
    from torch import Tensor, nn

    from synthaudit.generators.network_fit import Learner


@dataclass(frozen=True, slots=True)
class PixelDiffusionRecipe(DenoisingRecipe):
    """The settings of a pixel diffusion; what is not said here is said in `DenoisingRecipe`.

    Attributes:
        patch: Side of the square of pixels that become channels; 1 sees each pixel.
        width: Channels of the network at its full side; twice that below. A multiple of 8.
        depth: Blocks at each side of the way down and up.

    Raises:
        UsageError: A setting is out of range, or `size` is no multiple of twice `patch`.
    """

    batch: int = 64
    learning_rate: float = 2e-3
    patch: int = 4
    width: int = 64
    depth: int = 1

    def __post_init__(self) -> None:
        DenoisingRecipe.__post_init__(self)
        require_at_least(self, {"patch": 1, "width": 8, "depth": 1})
        if self.size % (2 * self.patch):
            raise UsageError(f"size must be a multiple of twice the patch, got {self.size} and {self.patch}")
        if self.width % 8:
            raise UsageError(f"width must be a multiple of 8, got {self.width}")

    @staticmethod
    def gpu(size: int = 64) -> PixelDiffusionRecipe:
        """A recipe of a size that a GPU trains in an hour or so; it has not been tried on one."""
        return PixelDiffusionRecipe(
            size=size, batch=256, learning_rate=5e-4, average=0.9995, patch=2, width=128, depth=3, sampler_steps=32
        )


@dataclass(frozen=True, slots=True, eq=False)
class PixelDiffusion(DenoisingGenerator):
    """The pixel diffusion; its latents are its pixels, centered and scaled by two fixed numbers."""

    kind: ClassVar[str] = "pixel-diffusion"
    leaks: ClassVar[str] = (
        "The loss, more than samples. Measured on 64 chest phantoms of 32 px, 64 others held out, 400 steps, 48 CPU "
        "seconds, seed 0: AUC of members by the loss .99 (1.00 at the least of four noise levels, .64 at the "
        "greatest), by the nearest of 256 samples .67; .73 of the samples lay nearer to a member than to anyone held "
        "out. Frechet distance in 32 principal components 1.3 (real .2, pixels drawn one by one 10). Samples have "
        "the layout of a chest under heavy grain, and none was a copy: so little training does not show what a long "
        "one would leak."
    )
    recipe: PixelDiffusionRecipe = field(default_factory=PixelDiffusionRecipe)

    def learner(self, facts: Facts) -> Learner:
        """The denoiser."""
        del facts
        from synthaudit.generators.pixel_diffusion_network import PixelDiffusionLearner

        return PixelDiffusionLearner(self.recipe)

    def bound(self, condition: Tensor, guided: bool) -> nn.Module:
        """The network; it knows no condition."""
        del condition, guided
        return self.network("denoiser")

    def sample(self, n: int, seed: int, condition: Condition | None = None) -> Images:
        """(n, size, size) images; image i depends on `seed` and i only.

        Raises:
            UsageError: Nothing was fitted, or a condition is asked for.
        """
        no_condition(self.kind, condition)
        normal = item_normals(n, self.recipe.size**2, seed)
        return self.decode(self.restored(np.float32(MOST_NOISE) * normal, self.unconditional(n)))

    def encode(self, x: Images) -> NDArray[np.float32]:
        """(n, size * size) pixels, centered and scaled."""
        from synthaudit.generators.pixel_diffusion_network import MIDDLE, SPREAD

        x = checked_images(x, self.spec.shape)
        return np.asarray((x.reshape(len(x), -1) - MIDDLE) / SPREAD, dtype=np.float32)

    def decode(self, z: Latents) -> Images:
        """(n, size, size) images in [0, 1] of centered and scaled pixels."""
        from synthaudit.generators.pixel_diffusion_network import MIDDLE, SPREAD

        pixels = np.clip(z * np.float32(SPREAD) + np.float32(MIDDLE), 0, 1)
        return np.asarray(pixels.reshape(len(z), *self.spec.shape), dtype=np.float32)
