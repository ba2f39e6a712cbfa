"""The latent diffusion with differential privacy: DP-SGD on the denoiser, and a latent space of public images.

It is the reference that must not leak: whatever an attack on it finds has to stay under the epsilon on its card. The
guarantee is for a patient with all images, and for the whole checkpoint: principal components fitted to patients would
give them away unblurred, so they come from simulated patients, or from images that the user declares public.

The price is paid in fidelity: with a few hundred patients little more than their mean and their spread is learned.

Reference: Abadi et al. 2016, doi:10.1145/2976749.2978318; Dockhorn, Cao, Vahdat, Kreis 2022, arXiv:2210.09929.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from synthaudit.cohort import Cohort
from synthaudit.errors import InputError
from synthaudit.generators.checkpoint import Card, load_checkpoint
from synthaudit.generators.latent_diffusion import Fitted, LatentDiffusion
from synthaudit.generators.latent_space import restored_space
from synthaudit.generators.network_generator import check_device, no_condition
from synthaudit.generators.private_recipe import LEAKS, NAME, PrivateRecipe
from synthaudit.generators.protocol import Budget, Capability, Condition, GeneratorSpec, Images, capabilities_of
from synthaudit.progress import Progress


@dataclass(frozen=True, slots=True, eq=False)
class PrivateLatentDiffusion:
    """The reference latent diffusion with differential privacy.

    Attributes:
        recipe: Its settings, the privacy among them.
        device: "cpu" or "cuda".
        public: Images whose principal components become the latent space; simulated patients if None. They are not
            protected.
        fitted: What it has learned; None for a fresh one.
    """

    leaks: ClassVar[str] = LEAKS
    recipe: PrivateRecipe = field(default_factory=PrivateRecipe)
    device: str = "cpu"
    public: Cohort | None = None
    fitted: Fitted | None = None

    @property
    def spec(self) -> GeneratorSpec:
        """What it is."""
        return replace(self._diffusion.spec, name=NAME)

    @property
    def card(self) -> Card:
        """On what it was trained; `facts["privacy"]` states epsilon, delta, unit, accountant and steps."""
        return self._diffusion.card

    def capabilities(self) -> frozenset[Capability]:
        """What it can do."""
        return capabilities_of(self)

    def fresh(self) -> PrivateLatentDiffusion:
        """The same recipe, knowing nothing."""
        return replace(self, fitted=None)

    def fit(
        self, cohort: Cohort, budget: Budget, seed: int, *, folder: Path | None = None, progress: Progress | None = None
    ) -> PrivateLatentDiffusion:
        """The generator fitted to the cohort; this one is left as it is.

        Args:
            cohort: The training images; their patients are protected, images of unknown patients one by one.
            budget: Steps, or seconds that are turned into steps once the machine's speed is known.
            seed: Of the weights, and of sampling and noise unless the recipe's randomness is secret.
            folder: Where checkpoints go; a fit that was interrupted there is taken up again.
            progress: Told about each image and each step.

        Raises:
            MissingDependency: Opacus, which counts the privacy spent, is not installed.
            UsageError: The device is unknown, `folder` holds another fit, delta is too large for so few patients, or
                the public images are not of other people.
        """
        check_device(self.device)
        from synthaudit.generators.private_fitting import (
            PrivateFit,
            check_public,
            first_private_card,
            private_card_to_resume,
            public_cohort,
            run_private_fit,
        )

        progress = progress or Progress()
        public = self.public if self.public is not None else public_cohort(self.recipe.size)
        check_public(public, cohort)
        asked = first_private_card(self.recipe, cohort, public, budget, seed, self.device)
        card = private_card_to_resume(folder, asked)
        if folder is not None and 0 < card.planned_steps <= card.steps:
            return replace(PrivateLatentDiffusion.load(folder, self.device), public=self.public)
        fit = PrivateFit(self.recipe, cohort, public, card, folder)
        return replace(self, fitted=Fitted(*run_private_fit(fit, progress)))

    def sample(self, n: int, seed: int, condition: Condition | None = None) -> Images:
        """(n, size, size) images; image i depends on `seed` and i only."""
        no_condition(NAME, condition)
        return self._diffusion.sample(n, seed)

    def score(self, x: Images, seed: int, levels: int) -> NDArray[np.float32]:
        """(n, levels) denoising error of each image, lower = better fitted; the same noise for every image."""
        return self._diffusion.score(x, seed, levels)

    def gradient(self, x: Images, seed: int, levels: int) -> Images:
        """Gradient of the mean of `score(x, seed, levels)` with respect to each image; (n, size, size)."""
        return self._diffusion.gradient(x, seed, levels)

    def denoise(self, z: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
        """(n, k) expected clean latents of `z`: latents, as `encode` gives them, and noise of deviation `sigma`."""
        return self._diffusion.denoise(z, sigma)

    def encode(self, x: Images) -> NDArray[np.float32]:
        """(n, k) latents, along the principal components of the public images."""
        return self._diffusion.encode(x)

    def decode(self, z: NDArray[np.float32]) -> Images:
        """(n, size, size) images of latents, without texture."""
        return self._diffusion.decode(z)

    def reconstruct(self, x: Images, strength: float, seed: int) -> Images:
        """(n, size, size) images disturbed in the latent space and restored, without texture."""
        return self._diffusion.reconstruct(x, strength, seed)

    @staticmethod
    def from_spec(argument: str = "", *, device: str = "cpu") -> PrivateLatentDiffusion:
        """A fresh one for "", the one whose checkpoint lies in the folder `argument` otherwise."""
        if argument:
            return PrivateLatentDiffusion.load(Path(argument), device)
        return PrivateLatentDiffusion(device=device)

    @staticmethod
    def load(folder: Path, device: str = "cpu") -> PrivateLatentDiffusion:
        """The generator whose checkpoint lies in `folder`; needs no Opacus.

        Raises:
            InputError: There is no checkpoint of a private latent diffusion, or it is damaged.
        """
        card, arrays = load_checkpoint(folder)
        if card.name != NAME or set(card.config) != {field.name for field in fields(PrivateRecipe)}:
            raise InputError(f"the checkpoint must be one of {NAME}, got {card.name}")
        recipe = PrivateRecipe(**card.config)
        check_device(device)
        from synthaudit.generators.denoiser import ResidualMlp
        from synthaudit.generators.training import load_weights

        try:
            space = restored_space(arrays, recipe.size)
            network = ResidualMlp(space.dim, recipe.width, recipe.depth).to(device)
            load_weights(network, arrays, "average.")
        except (KeyError, RuntimeError) as error:
            raise InputError("the weights must fit the recipe on the card, got others") from error
        fitted = Fitted(card, space, network.requires_grad_(False).eval())
        return PrivateLatentDiffusion(recipe, device, fitted=fitted)

    @property
    def _diffusion(self) -> LatentDiffusion:
        """The latent diffusion that what was learned makes."""
        return LatentDiffusion(self.recipe.diffusion(), self.device, self.fitted)
