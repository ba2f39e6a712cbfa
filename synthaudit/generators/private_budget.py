"""What a private training spends: epsilon from noise, sampling rate and steps, by a well-kept accountant."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from synthaudit.errors import MissingDependency, UsageError
from synthaudit.generators.private_recipe import SECRET, PrivateRecipe


@dataclass(frozen=True, slots=True)
class Spending:
    """How a training spends privacy: the Poisson-sampled Gaussian mechanism, step after step.

    Attributes:
        noise_multiplier: Deviation of the noise over the clip.
        rate: Probability that a patient takes part in a step.
    """

    noise_multiplier: float
    rate: float


def spending(recipe: PrivateRecipe, patients: int, steps: int) -> Spending:
    """The noise with which `steps` steps on so many patients spend the recipe's epsilon, or the noise it names.

    Raises:
        MissingDependency: Opacus is not installed.
        UsageError: No noise is enough for the epsilon, or delta is not below one over the number of patients.
    """
    if recipe.delta >= 1 / patients:
        raise UsageError(
            f"delta must be below 1 / patients, got {recipe.delta} for {patients} patients; at such a delta, giving "
            "one patient away whole would count as private"
        )
    rate = min(1.0, recipe.patients_a_step / patients)
    if recipe.epsilon is None:
        return Spending(recipe.noise_multiplier or 0.0, rate)
    with _opacus() as opacus:
        try:
            noise = opacus.accountants.utils.get_noise_multiplier(
                target_epsilon=recipe.epsilon,
                target_delta=recipe.delta,
                sample_rate=rate,
                steps=steps,
                accountant=recipe.accountant,
            )
        except ValueError as error:
            raise UsageError(f"epsilon must be one that some noise reaches, got {recipe.epsilon}") from error
    return Spending(float(noise), rate)


def epsilon_spent(recipe: PrivateRecipe, plan: Spending, steps: int) -> float | None:
    """The epsilon of `steps` steps at the recipe's delta; None where there is no noise, hence no privacy.

    Raises:
        MissingDependency: Opacus is not installed.
    """
    if plan.noise_multiplier == 0:
        return None
    with _opacus() as opacus:
        accountant = opacus.accountants.create_accountant(mechanism=recipe.accountant)
        accountant.history = [(plan.noise_multiplier, plan.rate, steps)]
        return float(accountant.get_epsilon(delta=recipe.delta))


def privacy_statement(recipe: PrivateRecipe, plan: Spending, steps: int) -> dict[str, Any]:
    """What the card says of the privacy of the weights after `steps` steps; nothing of it depends on an image."""
    return {
        "epsilon": epsilon_spent(recipe, plan, steps),
        "delta": recipe.delta,
        "unit": "patient",
        "neighbors": "one patient added or removed, with all images",
        "accountant": recipe.accountant,
        "noise_multiplier": plan.noise_multiplier,
        "sampling": "Poisson",
        "rate": plan.rate,
        "clip": recipe.clip,
        "steps": steps,
        "holds": (
            "while what the operating system drew stays unknown"
            if recipe.randomness == SECRET
            else "for audits and repetition; whoever knows the seed knows the noise: release a fit of secret randomness"
        ),
        "taken_as_public": "the number of patients and of images, and the settings",
    }


@contextmanager
def _opacus() -> Iterator[Any]:
    """The package, with its advice about orders off: an order at the edge gives a larger epsilon, never a smaller."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            import opacus.accountants.utils
        except ImportError as error:
            raise MissingDependency(
                "private training needs the package opacus, found none; pip install synthaudit[dp]"
            ) from error
        yield opacus
