"""One private fit from the first step to the last, over as many interruptions as it takes."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from synthaudit.cohort import Cohort, Role
from synthaudit.errors import UsageError
from synthaudit.generators.checkpoint import CARD, Card, load_card, load_checkpoint, packed, save_checkpoint
from synthaudit.generators.denoiser import ResidualMlp
from synthaudit.generators.latent_space import LatentSpace, scaled_space
from synthaudit.generators.principal import cohort_images, fit_principal_components
from synthaudit.generators.private_budget import Spending, privacy_statement, spending
from synthaudit.generators.private_recipe import NAME, SECRET, PrivateRecipe
from synthaudit.generators.private_training import PatientLatents, advance_privately
from synthaudit.generators.protocol import Budget
from synthaudit.generators.threads import one_thread
from synthaudit.generators.training import Training, steps_in, weights
from synthaudit.progress import Progress
from synthaudit.provenance import keyed_digest, secret_key

PUBLIC_SEED, PUBLIC_PATIENTS = 20_260_301, 1_024
"""The simulated patients whose principal components are the latent space unless public images are given."""

LIKE = ("name", "config", "train_digest", "seed", "budget_seconds", "device")
"""What two cards of one fit have in common."""


@dataclass(frozen=True, slots=True, eq=False)
class PrivateFit:
    """One fit that was asked for.

    Attributes:
        recipe: Its settings.
        cohort: The patients to be protected.
        public: The images that the latent space is made of; of nobody in `cohort`.
        card: Where to begin.
        folder: Where checkpoints go; None keeps none.
    """

    recipe: PrivateRecipe
    cohort: Cohort
    public: Cohort
    card: Card
    folder: Path | None


def public_cohort(size: int) -> Cohort:
    """Simulated patients: public, since they are nobody.

    Their names say so: other simulated patients, who may be in training, are numbered in the same way.
    """
    from synthaudit.phantoms.chest import ChestPopulation

    cohort = ChestPopulation(seed=PUBLIC_SEED, size=size).cohort(Role.REFERENCE, range(PUBLIC_PATIENTS))
    return replace(cohort, patients=tuple(f"public {patient}" for patient in cohort.patients))


def check_public(public: Cohort, cohort: Cohort) -> None:
    """Refuse public images that are in training: the latent space has no privacy to give.

    Raises:
        UsageError: Images or patients are shared.
    """
    images = len(set(public.pixel_digests) & set(cohort.pixel_digests))
    known = {who for who, sure in zip(cohort.patients, cohort.known_patient, strict=True) if sure}
    patients = len(set(public.patients) & known)
    if images or patients:
        raise UsageError(
            f"public images must be of nobody in training, found {images} equal images and {patients} patients in "
            "both; the latent space is not covered by the privacy, so choose images of other people"
        )


def first_private_card(
    recipe: PrivateRecipe, cohort: Cohort, public: Cohort, budget: Budget, seed: int, device: str
) -> Card:
    """The card of a fit that has not begun.

    Its digest of the training images is keyed: whoever knows all patients but one could try that one on a plain digest,
    which is the very thing that the privacy is about.
    """
    unsure = int((~cohort.known_patient).sum())
    return Card(
        name=NAME,
        config=asdict(recipe),
        train_digest=keyed_digest(cohort.digest, secret_key()),
        train_images=len(cohort),
        train_patients=cohort.n_patients,
        seed=seed,
        steps=0,
        planned_steps=budget.steps or 0,
        budget_seconds=budget.seconds,
        seconds=0.0,
        device=device,
        sampler=f"{recipe.sampler}, {recipe.sampler_steps} steps",
        facts={"public": {"digest": public.digest, "images": len(public)}, "images_of_unknown_patients": unsure},
    )


def private_card_to_resume(folder: Path | None, asked: Card) -> Card:
    """The card kept in `folder` if it is of the fit that is asked for; `asked` itself where there is none.

    Raises:
        UsageError: The folder holds another fit.
    """
    if folder is None or not (folder / CARD).exists():
        return asked
    kept = load_card(folder)
    same = all(getattr(kept, name) == getattr(asked, name) for name in LIKE)
    same = same and kept.facts.get("public") == asked.facts["public"]
    if not same or (asked.planned_steps and kept.planned_steps != asked.planned_steps):
        raise UsageError("the folder holds another fit; choose an empty folder, or repeat that fit to resume it")
    return kept


def run_private_fit(fit: PrivateFit, progress: Progress) -> tuple[Card, LatentSpace, ResidualMlp]:
    """Train until the card's plan is done; returns the final card, the latent space and the averaged network."""
    recipe, card, folder = fit.recipe, fit.card, fit.folder
    space = _public_space(recipe, fit.public, progress)
    latents = space.encode(cohort_images(fit.cohort, recipe.size, progress))
    patients = PatientLatents.of(latents, fit.cohort.patient_index, card.device)
    card = _planned(card, recipe, space.dim, patients)
    plan = spending(recipe, fit.cohort.n_patients, card.planned_steps)
    training = Training.begin(space.dim, recipe.diffusion(), card.seed, card.device)
    if card.steps and folder is not None:
        training.restore(load_checkpoint(folder)[1], card.steps)
    planned, before, started = card.planned_steps, card.seconds, time.perf_counter()
    with one_thread():
        for _ in progress.track(range(training.step, planned), "fitting", planned - training.step):
            advance_privately(training, patients, recipe, plan, planned, card.seed)
            spent = round(before + time.perf_counter() - started, 3)
            card = replace(card, steps=training.step, seconds=spent)
            if folder is not None and training.step % recipe.checkpoint_every == 0 and training.step < planned:
                kept = _stated(card, recipe, plan)
                save_checkpoint(folder, kept, {**space.arrays(), **training.arrays()})
    arrays = {**space.arrays(), **weights(training.average, "average.")}
    card = _stated(card, recipe, plan)
    card = packed(card, arrays)[0] if folder is None else save_checkpoint(folder, card, arrays)
    return card, space, training.average.eval()


def _public_space(recipe: PrivateRecipe, public: Cohort, progress: Progress) -> LatentSpace:
    """The latent space of the public images alone: it is the same whoever is in training."""
    images = cohort_images(public, recipe.size, progress)
    rng = np.random.default_rng(PUBLIC_SEED)
    components = fit_principal_components(images, recipe.components + recipe.texture, rng)
    return scaled_space(components, recipe.components, recipe.whitening)


def _planned(card: Card, recipe: PrivateRecipe, dim: int, patients: PatientLatents) -> Card:
    """The card with the steps that its seconds become on this machine."""
    if card.planned_steps:
        return card
    if card.budget_seconds is None:
        raise UsageError("a budget needs either steps or seconds, got neither or both")
    # Timed on latents of nobody: what a patient's images do to the clock is then not on the card.
    nobody = PatientLatents(torch.zeros(len(patients.latents), dim), patients.first, patients.images)
    trial = Training.begin(dim, recipe.diffusion(), card.seed, "cpu")
    plan = Spending(1.0, min(1.0, recipe.patients_a_step / len(patients.first)))
    steps = steps_in(card.budget_seconds, lambda: _discard(advance_privately(trial, nobody, recipe, plan, 10**6, 0)))
    return replace(card, planned_steps=steps)


def _discard(_: int) -> None:
    """Forget how many patients took part."""


def _stated(card: Card, recipe: PrivateRecipe, plan: Spending) -> Card:
    """The card with what the steps done have spent; a seed that nothing secret came from would mislead."""
    facts: dict[str, Any] = {**card.facts, "privacy": privacy_statement(recipe, plan, card.steps)}
    if recipe.randomness == SECRET:
        facts["seed"] = "of the first weights alone"
    return replace(card, facts=facts)
