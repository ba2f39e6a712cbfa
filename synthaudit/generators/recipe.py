"""The settings of the latent diffusion."""

from __future__ import annotations

from dataclasses import dataclass

from synthaudit.errors import UsageError

NAME = "latent-diffusion"
"""As it is registered."""

REFERENCE_STEPS = 600
"""Steps after which a default recipe gives back most of 64 images and none of 2048; half a minute on one core."""

LEAKS = (
    "Samples and loss, by how few the patients are and how long it learns. Measured on chest phantoms of 64 px, 600 "
    "steps, 30 to 48 CPU seconds, seeds 0, 1, 2: of 64 patients .95 to .98 have a copy among 256 samples, of 256 "
    "patients .04 to .09, of 1,024 nobody; AUC of members by the loss 1.00, 1.00, .58 to .70, and .49 to .55 with "
    "2,048. With 256 patients and 2,400 steps .23 to .40 have a copy; with 64 patients and 16 altered images of each "
    "nobody. Sampled in 4 steps instead of 18, .02 to .09 of 128 patients have a copy instead of .59 to .66, by the "
    "same weights."
)
"""What was seen to leak: `python -m benchmarks.generator_leaks`."""

SAMPLER_NAMES = ("dpm-solver-2m", "heun")


@dataclass(frozen=True, slots=True)
class Recipe:
    """The settings of a latent diffusion.

    Attributes:
        size: Side of the images, in pixels.
        components: Principal components that the network learns, at most one fewer than there are images.
        texture: Further components, drawn as Gaussians.
        whitening: 0 leaves each component its own width, 1 gives all the same; between, the weight of fine structure.
        width: Of the network's layers.
        depth: Blocks of two layers.
        batch: Latents a step.
        learning_rate: Of AdamW, at its greatest.
        sampler: "heun" or "dpm-solver-2m".
        sampler_steps: Noise levels passed; few blur a sample and hide copying.
        checkpoint_every: Steps between two checkpoints.

    Raises:
        UsageError: The sampler is unknown, or a setting is out of range.
    """

    size: int = 64
    components: int = 96
    texture: int = 160
    whitening: float = 0.5
    width: int = 512
    depth: int = 4
    batch: int = 256
    learning_rate: float = 2e-3
    sampler: str = "heun"
    sampler_steps: int = 18
    checkpoint_every: int = 200

    def __post_init__(self) -> None:
        if self.sampler not in SAMPLER_NAMES:
            raise UsageError(f"sampler must be one of {', '.join(SAMPLER_NAMES)}, got {self.sampler!r}")
        least = {"size": 8, "texture": 0}
        for name in ("size", "components", "texture", "width", "depth", "batch", "sampler_steps", "checkpoint_every"):
            value, bound = getattr(self, name), least.get(name, 1)
            if value < bound:
                raise UsageError(f"{name} must be at least {bound}, got {value}")
        if not 0 <= self.whitening <= 1:
            raise UsageError(f"whitening must lie in [0, 1], got {self.whitening}")
        if not self.learning_rate > 0:
            raise UsageError(f"learning_rate must be positive, got {self.learning_rate}")
