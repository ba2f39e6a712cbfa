"""Counterfactual explanation: the same patient's image with more of a finding, or with less of it.

An autoencoder's code is moved along the gradient of a classifier until the classifier's logit has gained what was asked
for; the change of the decoded image is added to the image. Autoencoder and classifier are the simplest ones: principal
components and a logistic regression, so the direction is the same for everybody and the fit takes a second. It explains
that classifier, not the disease: what goes along with the finding in the training images (age, scanner) moves too.

What it makes shows the patient that it is given, by design, and is to be handled as that patient's image.

Reference: Cohen, Brooks, En, Zucker, Pareek, Lungren, Chaudhari 2021, "Gifsplanation via latent shift",
arXiv:2102.09475.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from synthaudit.cohort import Cohort
from synthaudit.errors import InputError, UsageError
from synthaudit.generators.checkpoint import Card, load_checkpoint, packed, save_checkpoint
from synthaudit.generators.chunks import in_chunks
from synthaudit.generators.counterfactual_label import chosen_finding, fit_logistic, has_finding
from synthaudit.generators.network_generator import check_device, first_card, require_at_least
from synthaudit.generators.principal import PrincipalComponents, cohort_images, fit_principal_components
from synthaudit.generators.protocol import (
    Budget,
    Capability,
    Condition,
    GeneratorSpec,
    Images,
    capabilities_of,
    checked_images,
)
from synthaudit.progress import Progress

ROUNDS = 8
"""Times that the shift is lengthened by what the limits of the gray scale took away."""

_PARTS = ("mean", "axes", "deviations", "residual")


@dataclass(frozen=True, slots=True)
class CounterfactualRecipe:
    """The settings of a counterfactual.

    Attributes:
        components: Directions of the code, at most one fewer than there are images.
        size: Side of the images, in pixels.
        column: Attribute that names the finding; several in a cell are joined by "|".
        finding: What `translate` adds; "" takes the second most frequent, as the most frequent is to have none.
        fewest_patients: That must have the finding, and not have it.
        penalty: Of the classifier's squared weights.
        gain: Of the logit, in `translate`; negative takes the finding away.

    Raises:
        UsageError: A setting is out of range.
    """

    components: int = 48
    size: int = 64
    column: str = "label"
    finding: str = ""
    fewest_patients: int = 5
    penalty: float = 1.0
    gain: float = 4.0

    def __post_init__(self) -> None:
        require_at_least(self, {"components": 1, "size": 8, "fewest_patients": 1})
        if not self.penalty > 0:
            raise UsageError(f"penalty must be positive, got {self.penalty}")
        if not 0 < abs(self.gain) <= 50:
            raise UsageError(f"gain must lie in [-50, 50] and not be 0, got {self.gain}")


@dataclass(frozen=True, slots=True, eq=False)
class FittedCounterfactual:
    """What a fit has made: its card, the space of the codes, and the classifier's weights, the intercept last."""

    card: Card
    space: PrincipalComponents
    weights: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Counterfactual:
    """The reference counterfactual.

    Measured on chest phantoms (32 px, population seed 3, finding cardiomegaly, 512 training patients, 80 of them with
    it; 128 other patients with two visits, those images without it; gain 4; 2 CPU seconds). The logit gains 4.00 in the
    median, and that of a judge fitted to 512 others' pixels 1.2 on average, and in every image; a change as large
    along random components gives it .02, in 57 % of images. The nearest of all inputs is the image's own for all, and
    apart from that the patient's other visit for 75 %, as before the shift (72 % at gain 8).

    Attributes:
        recipe: Its settings.
        device: "cpu" or "cuda"; it computes on the CPU whichever.
        fitted: What it has learned; None for a fresh one.
    """

    kind: ClassVar[str] = "counterfactual"
    leaks: ClassVar[str] = (
        "Its input, by design. No pull toward a training patient was found: on chest phantoms (32 px, seed 3, gain 4) "
        "the nearest training image becomes another one for 33 % of images when fitted to 64 patients and 21 % with "
        "512, but for 32 % and 25 % after a change as large along random components. The classifier knows its members: "
        "with 64 patients it tells their finding with AUC 1.00, that of strangers with .93."
    )
    recipe: CounterfactualRecipe = field(default_factory=CounterfactualRecipe)
    device: str = "cpu"
    fitted: FittedCounterfactual | None = None

    @property
    def spec(self) -> GeneratorSpec:
        """What it is."""
        digest = self.fitted.card.weights_digest if self.fitted else ""
        return GeneratorSpec(self.kind, (self.recipe.size, self.recipe.size), checkpoint_digest=digest)

    @property
    def card(self) -> Card:
        """On what it was fitted; `facts["finding"]` comes from patients' records: not for a public report."""
        return self._fit().card

    def capabilities(self) -> frozenset[Capability]:
        """What it can do; without an image to start from, it makes none."""
        return capabilities_of(self) - {Capability.SAMPLE}

    def fresh(self) -> Counterfactual:
        """The same recipe, knowing nothing."""
        return replace(self, fitted=None)

    def fit(
        self, cohort: Cohort, budget: Budget, seed: int, *, folder: Path | None = None, progress: Progress | None = None
    ) -> Counterfactual:
        """The code and the classifier of the cohort; one step, which takes a second whatever the `budget`.

        Raises:
            UsageError: The device is unknown, or `folder` holds another fit.
            MetadataError: The cohort has not the recipe's column.
            NotEnoughData: Fewer than 3 images, or too few patients with the finding or without.
        """
        del budget
        check_device(self.device)
        from synthaudit.generators.fitting import card_to_resume

        recipe = self.recipe
        finding = chosen_finding(cohort, recipe.column, recipe.finding, recipe.fewest_patients)
        facts = {"finding": finding}
        card = card_to_resume(folder, first_card(self.kind, recipe, facts, cohort, Budget(steps=1), seed, self.device))
        if folder is not None and card.steps:
            return self.load(folder, self.device)
        started = time.perf_counter()
        images = cohort_images(cohort, recipe.size, progress or Progress())
        space = fit_principal_components(images, recipe.components, np.random.default_rng(seed))
        truth = has_finding(cohort, recipe.column, finding)
        counted = 1 / np.bincount(cohort.patient_index)[cohort.patient_index]
        weights = fit_logistic(space.encode(images) / space.deviations, truth, counted, recipe.penalty)
        card = replace(card, steps=1, seconds=round(time.perf_counter() - started, 3))
        arrays: dict[str, NDArray[Any]] = {part: getattr(space, part) for part in _PARTS}
        arrays["weights"] = weights
        card = packed(card, arrays)[0] if folder is None else save_checkpoint(folder, card, arrays)
        return replace(self, fitted=FittedCounterfactual(card, space, weights))

    @staticmethod
    def from_spec(argument: str = "", *, device: str = "cpu") -> Counterfactual:
        """A fresh one for "", the one whose checkpoint lies in the folder `argument` otherwise."""
        return Counterfactual.load(Path(argument), device) if argument else Counterfactual(device=device)

    @staticmethod
    def load(folder: Path, device: str = "cpu") -> Counterfactual:
        """The counterfactual whose checkpoint lies in `folder`.

        Raises:
            InputError: There is no checkpoint of this kind, or it is damaged.
        """
        card, arrays = load_checkpoint(folder)
        kind, settings = Counterfactual.kind, {setting.name for setting in fields(CounterfactualRecipe)}
        if card.name != kind or set(card.config) != settings:
            raise InputError(f"the checkpoint must be one of {kind}, got {card.name}")
        check_device(device)
        recipe = CounterfactualRecipe(**card.config)
        if not {*_PARTS, "weights"} <= set(arrays) or arrays["mean"].shape != (recipe.size**2,):
            raise InputError("the weights must fit the recipe on the card, got others")
        mean, axes, deviations, residual = (arrays[part] for part in _PARTS)
        space = PrincipalComponents(mean, axes, deviations, residual, (recipe.size, recipe.size))
        return Counterfactual(recipe, device, FittedCounterfactual(card, space, arrays["weights"]))

    def sample(self, n: int, seed: int, condition: Condition | None = None) -> Images:
        """Nothing: there is no output without an input.

        Raises:
            UsageError: Always.
        """
        del n, seed, condition
        raise UsageError(f"{self.kind} makes one image of another and samples none; use translate")

    def translate(self, x: Images, seed: int) -> Images:
        """(n, size, size) the images with the recipe's gain of the logit, row for row; nothing in it is random."""
        del seed
        return self.shifted(x, self.recipe.gain)

    def shifted(self, x: Images, gain: float) -> Images:
        """(n, size, size) the images, changed until the logit of the finding has gained `gain`; negative takes it away.

        What the code does not hold of an image stays as it is. The gray scale ends at 0 and 1, so the gain falls short
        where the shift runs into its ends.
        """
        space, slope = self._fit().space, self._fit().weights[:-1]
        direction = (slope / float(slope @ slope)).astype(np.float32) * space.deviations
        change = (direction @ space.axes).reshape(space.shape)

        def moved(part: Images) -> Images:
            length = np.full(len(part), gain, dtype=np.float32)
            before, made = self._logits(part), part
            for _ in range(ROUNDS):
                made = np.clip(part + length[:, None, None] * change, 0, 1)
                length += np.float32(gain) - (self._logits(made) - before)
            return made

        return in_chunks(moved, checked_images(x, space.shape))

    def logit(self, x: Images) -> NDArray[np.float32]:
        """(n,) log-odds of the finding, as the classifier sees them."""
        return in_chunks(self._logits, checked_images(x, self._fit().space.shape))

    def encode(self, x: Images) -> NDArray[np.float32]:
        """(n, k) codes in standard deviations."""
        space = self._fit().space
        return in_chunks(lambda part: space.encode(part) / space.deviations, checked_images(x, space.shape))

    def decode(self, z: NDArray[np.float32]) -> Images:
        """(n, size, size) images of codes in standard deviations."""
        space = self._fit().space
        return in_chunks(lambda part: space.decode(part * space.deviations), z)

    def _logits(self, x: Images) -> NDArray[np.float32]:
        fitted = self._fit()
        code = fitted.space.encode(x) / fitted.space.deviations
        return np.asarray(code @ fitted.weights[:-1] + fitted.weights[-1], dtype=np.float32)

    def _fit(self) -> FittedCounterfactual:
        if self.fitted is None:
            raise UsageError("the generator must be fitted first, got a fresh one")
        return self.fitted
