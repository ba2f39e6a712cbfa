"""Anomaly detection by partial noise: what a diffusion of lesion-free images does not give back is anomalous.

An image is disturbed in the latent space and restored by a latent diffusion that has only seen healthy ones; what
differs then is the anomaly, or whatever else it has not seen: another scanner differs too. Nobody is diagnosed by it.
It is here because it can leak: a training image is restored better than a stranger's, so it looks less anomalous.

References:
    Wyatt, Leach, Schmon, Willcocks 2022, "AnoDDPM", doi:10.1109/CVPRW56347.2022.00080; Karras, Aittala, Aila, Laine
    2022, arXiv:2206.00364.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from synthaudit.cohort import Cohort
from synthaudit.errors import UsageError
from synthaudit.generators.checkpoint import Card
from synthaudit.generators.latent_checkpoint import opened_fit
from synthaudit.generators.latent_diffusion import Fitted, LatentDiffusion
from synthaudit.generators.network_generator import check_device, first_card, no_condition
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
from synthaudit.generators.recipe import Recipe
from synthaudit.progress import Progress

MAP_LEVELS = 3
"""Strengths averaged for a map."""


@dataclass(frozen=True, slots=True)
class AnomalyRecipe(Recipe):
    """The settings of an anomaly detector; what is not said here is said in `Recipe`.

    Attributes:
        mildest, strongest: Strengths of the disturbance between which images are scored, as `reconstruct` has them. Too
            mild, and lesions are given back; too strong, and the patient is not.

    Raises:
        UsageError: A setting is out of range.
    """

    mildest: float = 0.3
    strongest: float = 0.5

    def __post_init__(self) -> None:
        Recipe.__post_init__(self)
        if not 0 <= self.mildest <= self.strongest <= 1:
            raise UsageError(f"mildest and strongest must rise within [0, 1], got {self.mildest} and {self.strongest}")


@dataclass(frozen=True, slots=True, eq=False)
class Anomaly:
    """The reference anomaly detector.

    Measured on brain phantoms (FLAIR, 32 px; 256 healthy patients of population seed 3 to learn from, 64 more to
    compare with, 64 with lesions of seed 4; 32 components, width 128, depth 2, 400 steps, seed 0; 1 CPU second). In
    brackets the baseline, the distance from the mean image, each pixel in its standard deviations: AUC .90 (.80) for
    lesions and 1.00 (.97) for ghosts of motion; average precision of lesion pixels .66 (.65), 2 % of all. So patients
    are told apart better, and lesions are drawn hardly better. Nearly all of it is the latent space: without any noise
    its projection gives .91 and .66, and stronger noise than the default loses lesions and patients alike.

    Attributes:
        recipe: Its settings.
        device: "cpu" or "cuda".
        fitted: What it has learned; None for a fresh one.
    """

    kind: ClassVar[str] = "anomaly"
    leaks: ClassVar[str] = (
        "Members look less anomalous. Measured on brain phantoms (FLAIR, 32 px, 32 components, 400 steps, seed 0), "
        "members against 64 strangers: AUC 1.00 when fitted to 64 images, .73 when fitted to 256; the projection onto "
        "the components alone gives 1.00 and .75."
    )
    recipe: AnomalyRecipe = field(default_factory=AnomalyRecipe)
    device: str = "cpu"
    fitted: Fitted | None = None

    @property
    def spec(self) -> GeneratorSpec:
        """What it is."""
        return replace(self._diffusion.spec, name=self.kind)

    @property
    def card(self) -> Card:
        """On what it was trained and for how long."""
        return self._diffusion.card

    def capabilities(self) -> frozenset[Capability]:
        """What it can do."""
        return capabilities_of(self)

    def fresh(self) -> Anomaly:
        """The same recipe, knowing nothing."""
        return replace(self, fitted=None)

    def fit(
        self, cohort: Cohort, budget: Budget, seed: int, *, folder: Path | None = None, progress: Progress | None = None
    ) -> Anomaly:
        """The detector fitted to the cohort; this one is left as it is.

        Args:
            cohort: Images without what is to be found. That is for the caller to see to: lesions shown here are normal.
            budget: Steps, or seconds that are turned into steps once the machine's speed is known.
            seed: Of the weights, the batches and the noise.
            folder: Where checkpoints go; a fit that was interrupted there is taken up again.
            progress: Told about each image and each step.

        Raises:
            UsageError: The device is unknown, or `folder` holds another fit.
            NotEnoughData: Fewer than 3 images.
        """
        check_device(self.device)
        from synthaudit.generators.fitting import card_to_resume, run_fit

        progress, recipe = progress or Progress(), self.recipe
        asked = first_card(self.kind, recipe, {}, cohort, budget, seed, self.device)
        asked = replace(asked, sampler=f"{recipe.sampler}, {recipe.sampler_steps} steps")
        card = card_to_resume(folder, asked)
        if folder is not None and 0 < card.planned_steps <= card.steps:
            return Anomaly.load(folder, self.device)
        images = cohort_images(cohort, recipe.size, progress)
        return replace(self, fitted=Fitted(*run_fit(images, recipe, card, folder, progress)))

    def sample(self, n: int, seed: int, condition: Condition | None = None) -> Images:
        """(n, size, size) images like those it was fitted to; image i depends on `seed` and i only."""
        no_condition(self.kind, condition)
        return self._diffusion.sample(n, seed)

    def reconstruct(self, x: Images, strength: float, seed: int) -> Images:
        """(n, size, size) images disturbed in the latent space and restored, without texture.

        Args:
            x: (n, size, size) in [0, 1].
            strength: In [0, 1]; at 0 only what the latent space cannot hold is lost, at 1 nothing of the image stays.
            seed: Of the disturbance; that of image i depends on `seed` and i only.
        """
        return self._diffusion.reconstruct(x, strength, seed)

    def score(self, x: Images, seed: int, levels: int) -> NDArray[np.float32]:
        """(n, levels) mean squared residual, from the mildest strength to the strongest; higher = more anomalous.

        A residual is measured against how much the training images differ at that pixel, so that edges, which nothing
        restores, do not drown the rest; squared, so that a small bright lesion counts more than a little everywhere.
        """
        return np.stack([(part**2).mean(axis=(1, 2)) for part in self._residuals(x, seed, levels)], axis=1)

    def anomaly_map(self, x: Images, seed: int) -> NDArray[np.float32]:
        """(n, size, size) residual of each pixel, averaged over three strengths; higher = more anomalous, no unit."""
        return np.asarray(np.mean(self._residuals(x, seed, MAP_LEVELS), axis=0), dtype=np.float32)

    @staticmethod
    def from_spec(argument: str = "", *, device: str = "cpu") -> Anomaly:
        """A fresh one for "", the one whose checkpoint lies in the folder `argument` otherwise."""
        return Anomaly.load(Path(argument), device) if argument else Anomaly(device=device)

    @staticmethod
    def load(folder: Path, device: str = "cpu") -> Anomaly:
        """The detector whose checkpoint lies in `folder`.

        Raises:
            InputError: There is no checkpoint of this kind, or it is damaged.
        """
        recipe, fitted = opened_fit(folder, Anomaly.kind, AnomalyRecipe, device)
        return Anomaly(recipe, device, fitted)

    def _residuals(self, x: Images, seed: int, levels: int) -> list[NDArray[np.float32]]:
        """(n, size, size) residuals at each of `levels` strengths."""
        usual = self._usual()
        x = checked_images(x, self.spec.shape)
        strengths = np.linspace(self.recipe.mildest, self.recipe.strongest, levels)
        return [np.abs(x - self.reconstruct(x, float(strength), seed)) / usual for strength in strengths]

    def _usual(self) -> NDArray[np.float32]:
        """(size, size) deviation of each pixel among the training images."""
        if self.fitted is None:
            raise UsageError("the generator must be fitted first, got a fresh one")
        components = self.fitted.space.components
        along = (components.deviations[:, None] * components.axes) ** 2
        deviation = np.sqrt(components.residual**2 + along.sum(axis=0))
        # Where nothing ever differs (air), a division by next to nothing would make the least noise an anomaly.
        floor = max(float(np.mean(deviation)), 1e-3)
        return np.asarray((deviation + floor).reshape(components.shape), dtype=np.float32)

    @property
    def _diffusion(self) -> LatentDiffusion:
        """The latent diffusion inside."""
        return LatentDiffusion(self.recipe, self.device, self.fitted)
