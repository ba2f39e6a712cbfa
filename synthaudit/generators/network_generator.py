"""What all generators made of torch networks have in common: recipe, card, fit, load and checkpoints.

A kind derives from `NetworkGenerator`, names its recipe, and adds `learner` and `sample`, and whatever else it can do:

    @dataclass(frozen=True, slots=True)
    class DotRecipe(NetworkRecipe):
        width: int = 64

        def __post_init__(self) -> None:
            require_at_least(self, {"width": 1})
            NetworkRecipe.__post_init__(self)                # `super()` does not work in a class with slots

    @dataclass(frozen=True, slots=True, eq=False)
    class Dot(NetworkGenerator):
        kind: ClassVar[str] = "dot"                          # as it is registered
        leaks: ClassVar[str] = "The checkpoint; samples at small N."
        recipe: DotRecipe = field(default_factory=DotRecipe)

        def learner(self, facts: Facts) -> Learner:
            from synthaudit.generators.dot_network import DotLearner   # imports torch, so not before it is needed
            return DotLearner(self.recipe)

        def sample(self, n: int, seed: int, condition: Condition | None = None) -> Images:
            no_condition(self.kind, condition)
            make = self.applied(lambda z: self.network("generator")(z)[:, 0].clamp(0, 1))
            return in_chunks(make, item_normals(n, self.recipe.width, seed))
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from synthaudit.cohort import Cohort
from synthaudit.errors import InputError, UsageError
from synthaudit.generators.checkpoint import Card, load_card
from synthaudit.generators.principal import cohort_images
from synthaudit.generators.protocol import Budget, Capability, Condition, GeneratorSpec, capabilities_of
from synthaudit.generators.threads import one_thread
from synthaudit.progress import Progress

if TYPE_CHECKING:
    from _typeshed import DataclassInstance
    from torch import nn

    from synthaudit.generators.network_fit import FittedNetworks, Learner

Facts = Mapping[str, Any]
"""What the data decide and the networks are built by, as it stands in JSON: the values of a condition, a scale."""

Examples = Mapping[str, NDArray[Any]]
"""Name -> (n, ...) rows to learn from; images are (n, 1, h, w) float32 in [0, 1]."""


@dataclass(frozen=True, slots=True)
class NetworkRecipe:
    """The settings that every network generator has.

    Attributes:
        size: Side of the images, in pixels.
        batch: Images a step.
        learning_rate: Of AdamW, at its greatest.
        checkpoint_every: Steps between two checkpoints to resume from.
        keep_every: Steps between two checkpoints that stay; 0 keeps the last alone.

    Raises:
        UsageError: A setting is out of range.
    """

    size: int = 32
    batch: int = 32
    learning_rate: float = 1e-3
    checkpoint_every: int = 200
    keep_every: int = 0

    def __post_init__(self) -> None:
        require_at_least(self, {"size": 8, "batch": 1, "checkpoint_every": 1, "keep_every": 0})
        if not self.learning_rate > 0:
            raise UsageError(f"learning_rate must be positive, got {self.learning_rate}")


@dataclass(frozen=True, slots=True, eq=False)
class NetworkGenerator(ABC):
    """A generator made of torch networks; see the module's text.

    Attributes:
        recipe: Its settings.
        device: "cpu" or "cuda".
        fitted: What it has learned; None for a fresh one.
    """

    kind: ClassVar[str]
    leaks: ClassVar[str] = ""
    recipe: NetworkRecipe = field(default_factory=NetworkRecipe)
    device: str = "cpu"
    fitted: FittedNetworks | None = None

    @abstractmethod
    def learner(self, facts: Facts) -> Learner:
        """The networks and one step of their training, for `network_fit`."""

    def facts(self, cohort: Cohort) -> Facts:
        """What the data decide; it goes on the card, so it must not name anyone. Nothing by default."""
        del cohort
        return {}

    def examples(self, cohort: Cohort, facts: Facts, progress: Progress) -> Examples:
        """What is learned from: the cohort's images as gray canvases by default."""
        del facts
        return {"image": cohort_images(cohort, self.recipe.size, progress)[:, None]}

    @property
    def spec(self) -> GeneratorSpec:
        """What it is."""
        digest = self.fitted.card.weights_digest if self.fitted else ""
        return GeneratorSpec(self.kind, (self.recipe.size, self.recipe.size), checkpoint_digest=digest)

    @property
    def card(self) -> Card:
        """On what it was trained and for how long."""
        return self._fit().card

    def capabilities(self) -> frozenset[Capability]:
        """What it can do."""
        return capabilities_of(self)

    def fresh(self) -> Self:
        """The same recipe, knowing nothing."""
        return replace(self, fitted=None)

    def fit(
        self, cohort: Cohort, budget: Budget, seed: int, *, folder: Path | None = None, progress: Progress | None = None
    ) -> Self:
        """The generator fitted to the cohort; this one is left as it is.

        Args:
            cohort: The training images.
            budget: Steps, or seconds that are turned into steps once the machine's speed is known.
            seed: Of the weights, the batches and the noise.
            folder: Where checkpoints go; a fit that was interrupted there is taken up again.
            progress: Told about each image and each step.

        Raises:
            UsageError: The device is unknown, or `folder` holds another fit.
            NotEnoughData: Fewer than 3 images.
        """
        progress, facts = progress or Progress(), self.facts(cohort)
        card = first_card(self.kind, self.recipe, facts, cohort, budget, seed, self.device)
        return self.fit_to(lambda: self.examples(cohort, facts, progress), card, folder, progress)

    def fit_to(self, examples: Callable[[], Examples], card: Card, folder: Path | None, progress: Progress) -> Self:
        """The generator fitted to `examples`, as the card asks; for kinds whose data are not one cohort's images.

        Args:
            examples: Reads what is learned from; not called for a fit that is done already.
            card: From `first_card`.
            folder: Where checkpoints go.
            progress: Told about each step.
        """
        check_device(self.device)
        from synthaudit.generators.fitting import card_to_resume
        from synthaudit.generators.network_fit import fit_networks

        card = card_to_resume(folder, card)
        if folder is not None and 0 < card.planned_steps <= card.steps:
            return self.load(folder, self.device)
        recipe = self.recipe
        fitted = fit_networks(
            self.learner(card.facts),
            examples(),
            card,
            folder,
            progress,
            batch=recipe.batch,
            checkpoint_every=recipe.checkpoint_every,
            keep_every=recipe.keep_every,
        )
        return replace(self, fitted=fitted)

    def checkpoints(self) -> Iterator[Self]:
        """The generator at every `keep_every`-th step of its fit, the earliest first; each is read when asked for."""
        from synthaudit.generators.network_fit import kept_checkpoints

        folder = self._fit().folder
        for kept in kept_checkpoints(folder) if folder is not None else ():
            yield self.load(kept, self.device)

    @classmethod
    def from_spec(cls, argument: str = "", *, device: str = "cpu") -> Self:
        """A fresh one for "", the one whose checkpoint lies in the folder `argument` otherwise."""
        return cls.load(Path(argument), device) if argument else cls(device=device)

    @classmethod
    def load(cls, folder: Path, device: str = "cpu") -> Self:
        """The generator whose checkpoint lies in `folder`.

        Raises:
            InputError: There is no checkpoint of this kind, or it is damaged.
        """
        card, recipe_class = load_card(folder), type(cls().recipe)
        if card.name != cls.kind or set(card.config) != {setting.name for setting in fields(recipe_class)}:
            raise InputError(f"the checkpoint must be one of {cls.kind}, got {card.name}")
        check_device(device)
        fresh = cls(recipe_class(**card.config), device)
        from synthaudit.generators.network_fit import restored_networks

        return replace(fresh, fitted=restored_networks(fresh.learner(card.facts), folder, device))

    def network(self, name: str) -> nn.Module:
        """The fitted network of this name.

        Raises:
            UsageError: Nothing was fitted.
        """
        return self._fit().networks[name]

    def applied(self, function: Callable[..., Any]) -> Callable[..., NDArray[np.float32]]:
        """The same function of arrays instead of tensors: on this device, without gradients, on one thread."""
        import torch

        def of_arrays(*rows: NDArray[np.float32]) -> NDArray[np.float32]:
            with torch.inference_mode(), one_thread():
                tensors = [torch.from_numpy(array).to(self.device) for array in rows]
                result: NDArray[np.float32] = function(*tensors).float().cpu().numpy()
            return result

        return of_arrays

    def _fit(self) -> FittedNetworks:
        if self.fitted is None:
            raise UsageError("the generator must be fitted first, got a fresh one")
        return self.fitted


def first_card(
    kind: str, recipe: DataclassInstance, facts: Facts, cohort: Cohort, budget: Budget, seed: int, device: str
) -> Card:
    """The card of a fit that has not begun."""
    return Card(
        name=kind,
        # As it will be read back, or a tuple would differ from its list and no fit could be resumed.
        config=json.loads(json.dumps(asdict(recipe))),
        train_digest=cohort.digest,
        train_images=len(cohort),
        train_patients=cohort.n_patients,
        seed=seed,
        steps=0,
        planned_steps=budget.steps or 0,
        budget_seconds=budget.seconds,
        seconds=0.0,
        device=device,
        sampler="",
        facts=json.loads(json.dumps(facts)),
    )


def require_at_least(recipe: object, least: Mapping[str, float]) -> None:
    """Refuse a recipe whose setting `name` is below `least[name]`.

    Raises:
        UsageError: It is.
    """
    for name, bound in least.items():
        if (value := getattr(recipe, name)) < bound:
            raise UsageError(f"{name} must be at least {bound}, got {value}")


def no_condition(kind: str, condition: Condition | None) -> None:
    """Refuse a condition.

    Raises:
        UsageError: One is asked for.
    """
    if condition:
        raise UsageError(f"{kind} knows no condition, got one")


def check_device(device: str) -> None:
    """Refuse a device that is not there.

    Raises:
        UsageError: It is neither "cpu" nor "cuda", or there is no CUDA device.
    """
    if device == "cuda":
        import torch

        if not torch.cuda.is_available():
            raise UsageError('device "cuda" needs a CUDA device, found none; use "cpu"')
    elif device != "cpu":
        raise UsageError(f'device must be "cpu" or "cuda", got {device!r}')
