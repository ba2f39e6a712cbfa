"""The trials of `generator_leaks`: one change at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthaudit import Cohort, Role, registry
from synthaudit.generators.conditional import ConditionalLatentDiffusion, ConditionalRecipe
from synthaudit.generators.latent_diffusion import LatentDiffusion
from synthaudit.generators.made import images_cohort
from synthaudit.generators.private_diffusion import PrivateLatentDiffusion
from synthaudit.generators.private_recipe import PrivateRecipe
from synthaudit.generators.protocol import Budget
from synthaudit.generators.recipe import REFERENCE_STEPS, Recipe
from synthaudit.matching.views import View

SIZE = 64
AUGMENTED = 16
"""Altered images of each that stand in for it under augmentation."""

Images = NDArray[np.float32]
Fit = Callable[[Cohort, int], Any]


@dataclass(frozen=True)
class Trial:
    """One generator under one setting.

    Attributes:
        experiment: What is varied.
        setting: To what.
        patients: Training patients, an image each.
        fit: From cohort and seed to the fitted generator; trials that share it share the fitted generator.
        size: Side of the images, in pixels.
        altered: What is done to the fitted generator before it is looked at.
        rare: Share of patients with the rare label.
        label: Only patients with this label are looked at, and samples asked for it; "" for all.
    """

    experiment: str
    setting: str
    patients: int
    fit: Fit
    size: int = 64
    altered: Callable[[Any], Any] = lambda fitted: fitted
    rare: float = 0.0
    label: str = ""


def diffusion(steps: int = REFERENCE_STEPS, augment: bool = False, size: int = SIZE) -> Fit:
    """A fit of the latent diffusion."""

    def fit(cohort: Cohort, seed: int) -> Any:
        shown = augmented(cohort, seed) if augment else cohort
        return LatentDiffusion(Recipe(size=size)).fit(shown, Budget(steps=steps), seed)

    return fit


def private(**recipe: Any) -> Fit:
    """A fit of the private latent diffusion: 64 pixels, 300 steps, whatever the privacy."""

    def fit(cohort: Cohort, seed: int) -> Any:
        return PrivateLatentDiffusion(PrivateRecipe(size=SIZE, patients_a_step=32, **recipe)).fit(
            cohort, Budget(steps=300), seed
        )

    return fit


def kind(name: str, steps: int) -> Fit:
    """A fit of a registered kind with its own settings, at 32 pixels."""

    def fit(cohort: Cohort, seed: int) -> Any:
        fresh = registry.generators()[name].from_spec("")
        return replace(fresh, recipe=replace(fresh.recipe, size=32)).fit(cohort, Budget(steps=steps), seed)

    return fit


def conditional(cohort: Cohort, seed: int) -> Any:
    """A fit of the conditional latent diffusion that shows the rare label as often as its settings say."""
    fresh = ConditionalLatentDiffusion(ConditionalRecipe(size=SIZE, columns=("label",)))
    return fresh.fit(cohort, Budget(steps=REFERENCE_STEPS), seed)


def sampler_steps(n: int) -> Callable[[Any], Any]:
    """The same generator, sampled in n steps."""
    return lambda fitted: replace(fitted, recipe=replace(fitted.recipe, sampler_steps=n))


def augmented(cohort: Cohort, seed: int) -> Cohort:
    """Every image mirrored at random, turned, shifted, enlarged and re-lit `AUGMENTED` times, in place of itself."""
    rng = np.random.default_rng([seed, 1])

    def altered(image: Images) -> Images:
        turned = View(
            bool(rng.integers(2)), rng.uniform(-10, 10), rng.uniform(0.9, 1.15), *rng.uniform(-0.08, 0.08, 2)
        ).apply(image)
        return np.asarray(turned ** rng.uniform(0.7, 1.4), dtype=np.float32)

    images = [altered(source.read()) for source in cohort.sources for _ in range(AUGMENTED)]
    return images_cohort(Role.TRAIN, np.stack(images))


_FEW, _SOME, _MORE = diffusion(), diffusion(), diffusion()
RARE = "cavity"
TRIALS = (
    *(Trial("patients", f"{n:,}", n, {64: _FEW, 256: _MORE}.get(n, diffusion())) for n in (64, 256, 1024, 2048)),
    Trial("steps, 256 patients", "150", 256, diffusion(150)),
    Trial("steps, 256 patients", f"{REFERENCE_STEPS}", 256, _MORE),
    Trial("steps, 256 patients", "2,400", 256, diffusion(2400)),
    Trial("augmentation, 64 patients", "without", 64, _FEW),
    Trial("augmentation, 64 patients", f"{AUGMENTED} of each", 64, diffusion(augment=True)),
    Trial("privacy, 64 patients", "none", 64, private(epsilon=None, noise_multiplier=0.0)),
    *(Trial("privacy, 64 patients", f"epsilon {eps:g}", 64, private(epsilon=eps)) for eps in (32.0, 8.0)),
    *(Trial("sampler steps, 128 patients", f"{n}", 128, _SOME, altered=sampler_steps(n)) for n in (18, 6, 4)),
    *(
        Trial("class, 256 patients, 5 % rare", name, 256, conditional, rare=0.05, label=label)
        for name, label in (("rare", RARE), ("normal", "normal"))
    ),
    Trial("kind, 64 patients, 32 px", "ppca", 64, kind("ppca", 1), 32),
    Trial("kind, 64 patients, 32 px", "vae", 64, kind("vae", 600), 32),
    Trial("kind, 64 patients, 32 px", "dcgan", 64, kind("dcgan", 500), 32),
    Trial("kind, 64 patients, 32 px", "style-gan", 64, kind("style-gan", 500), 32),
    Trial("kind, 64 patients, 32 px", "latent-diffusion", 64, kind("latent-diffusion", 600), 32),
)
