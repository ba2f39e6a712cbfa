"""The settings of the differentially private latent diffusion."""

from __future__ import annotations

from dataclasses import dataclass

from synthaudit.errors import UsageError
from synthaudit.generators.recipe import Recipe

NAME = "private-latent-diffusion"
"""As it is registered."""

ACCOUNTANTS = ("rdp", "prv")
"""Renyi (Mironov, Talwar, Zhang 2019, arXiv:1908.10530), an upper bound; or privacy loss, tighter, and numerical."""

LEAKS = (
    "What its epsilon allows. Measured on 64 patients (chest phantoms of 64 px, 13 to 18 CPU seconds, seeds 0, 1, 2):"
    " AUC of members by the loss .98 to .99 without noise, .55 to .70 at epsilon 32, .52 to .66 at epsilon 8; by the "
    "nearest of 256 samples .64 to .69, .52 to .57 and .49 to .54. No sample was a copy, even without noise."
)
"""What was seen to leak: `python -m benchmarks.generator_leaks`."""

SEEDED, SECRET = "seeded", "secret"


@dataclass(frozen=True, slots=True)
class PrivateRecipe:
    """The settings of a private latent diffusion. Either `epsilon` or `noise_multiplier` is given.

    Attributes:
        size: Side of the images, in pixels.
        components: Principal components of the public images that the network learns.
        texture: Further public components, drawn as Gaussians.
        whitening: As in `Recipe`.
        width: Of the network's layers; the noise grows with the number of weights, so it is small.
        depth: Blocks of two layers.
        patients_a_step: Expected number of patients in a step; each takes part by a coin of its own (Poisson sampling).
        draws: Images, noise levels and noises over which a patient's gradient is averaged in a step; they cost no
            privacy, as the patient is clipped after (Dockhorn et al. 2022, arXiv:2210.09929).
        clip: Greatest Euclidean length of a patient's gradient.
        epsilon: Privacy to be spent by the last step; the noise follows from it.
        noise_multiplier: Deviation of the noise over `clip`; 0 is no privacy, for comparison.
        delta: Of the privacy; well below one over the number of patients.
        accountant: "rdp" or "prv".
        randomness: "seeded" repeats, but whoever knows the seed can take the noise away again; "secret" takes noise and
            sampling from the operating system's entropy, and is the one to release with.
        learning_rate: Of AdamW, at its greatest.
        sampler, sampler_steps, checkpoint_every: As in `Recipe`.

    Raises:
        UsageError: A setting is unknown or out of range.
    """

    size: int = 64
    components: int = 32
    texture: int = 160
    whitening: float = 0.5
    width: int = 128
    depth: int = 2
    patients_a_step: int = 256
    draws: int = 8
    clip: float = 0.5
    epsilon: float | None = 8.0
    noise_multiplier: float | None = None
    delta: float = 1e-5
    accountant: str = "rdp"
    randomness: str = SEEDED
    learning_rate: float = 2e-3
    sampler: str = "heun"
    sampler_steps: int = 18
    checkpoint_every: int = 200

    def __post_init__(self) -> None:
        self.diffusion()  # refuses what it refuses
        for name in ("patients_a_step", "draws"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} must be at least 1, got {getattr(self, name)}")
        if (self.epsilon is None) == (self.noise_multiplier is None):
            raise UsageError("a private recipe needs either epsilon or noise_multiplier, got neither or both")
        if not self.clip > 0 or (self.epsilon is not None and not self.epsilon > 0):
            raise UsageError(f"clip and epsilon must be positive, got {self.clip} and {self.epsilon}")
        if self.noise_multiplier is not None and not self.noise_multiplier >= 0:
            raise UsageError(f"noise_multiplier must be 0 or more, got {self.noise_multiplier}")
        if not 0 < self.delta < 1:
            raise UsageError(f"delta must lie between 0 and 1, got {self.delta}")
        if self.accountant not in ACCOUNTANTS:
            raise UsageError(f"accountant must be one of {', '.join(ACCOUNTANTS)}, got {self.accountant!r}")
        if self.randomness not in (SEEDED, SECRET):
            raise UsageError(f"randomness must be one of {SEEDED}, {SECRET}, got {self.randomness!r}")

    def diffusion(self) -> Recipe:
        """The settings that it shares with the latent diffusion."""
        return Recipe(
            size=self.size,
            components=self.components,
            texture=self.texture,
            whitening=self.whitening,
            width=self.width,
            depth=self.depth,
            batch=self.patients_a_step,
            learning_rate=self.learning_rate,
            sampler=self.sampler,
            sampler_steps=self.sampler_steps,
            checkpoint_every=self.checkpoint_every,
        )
