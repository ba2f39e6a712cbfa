"""The simplest generator: one Gaussian in the space of principal components, in closed form.

It has seen every training image and can copy none, so it is the floor that a better generator must beat, and a member
of every comparison whose leak is small.

Reference: Tipping, Bishop 1999, "Probabilistic principal component analysis", doi:10.1111/1467-9868.00196.
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
from synthaudit.generators.network_generator import check_device, first_card, no_condition, require_at_least
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
from synthaudit.generators.seeding import item_normals
from synthaudit.progress import Progress

_PARTS = ("mean", "axes", "deviations", "residual")


@dataclass(frozen=True, slots=True)
class PpcaRecipe:
    """The settings of probabilistic principal components.

    Attributes:
        components: Directions to keep, at most one fewer than there are images.
        size: Side of the images, in pixels.

    Raises:
        UsageError: A setting is out of range.
    """

    components: int = 96
    size: int = 64

    def __post_init__(self) -> None:
        require_at_least(self, {"components": 1, "size": 8})


@dataclass(frozen=True, slots=True, eq=False)
class Ppca:
    """Probabilistic principal components.

    Attributes:
        recipe: Its settings.
        device: "cpu" or "cuda"; it computes on the CPU whichever.
        space: What was fitted; None before.
        made: The card of the fit; None before.
    """

    kind: ClassVar[str] = "ppca"
    leaks: ClassVar[str] = "The checkpoint, by its likelihood, where images are few; then samples lie near them, too."
    recipe: PpcaRecipe = field(default_factory=PpcaRecipe)
    device: str = "cpu"
    space: PrincipalComponents | None = None
    made: Card | None = None

    @property
    def spec(self) -> GeneratorSpec:
        """What it is."""
        digest = self.made.weights_digest if self.made else ""
        return GeneratorSpec(self.kind, (self.recipe.size, self.recipe.size), checkpoint_digest=digest)

    @property
    def card(self) -> Card:
        """On what it was fitted.

        Raises:
            UsageError: Nothing was fitted.
        """
        if self.made is None:
            raise UsageError("the generator must be fitted first, got a fresh one")
        return self.made

    def capabilities(self) -> frozenset[Capability]:
        """What it can do."""
        return capabilities_of(self)

    def fresh(self) -> Ppca:
        """The same recipe, knowing nothing."""
        return replace(self, space=None, made=None)

    def fit(
        self, cohort: Cohort, budget: Budget, seed: int, *, folder: Path | None = None, progress: Progress | None = None
    ) -> Ppca:
        """The Gaussian of the cohort's images; one step, which takes a second whatever the `budget`.

        Raises:
            UsageError: The device is unknown, or `folder` holds another fit.
            NotEnoughData: Fewer than 3 images.
        """
        del budget
        check_device(self.device)
        from synthaudit.generators.fitting import card_to_resume

        asked = first_card(self.kind, self.recipe, {}, cohort, Budget(steps=1), seed, self.device)
        card = card_to_resume(folder, asked)
        if folder is not None and card.steps:
            return self.load(folder, self.device)
        started = time.perf_counter()
        images = cohort_images(cohort, self.recipe.size, progress or Progress())
        space = fit_principal_components(images, self.recipe.components, np.random.default_rng(seed))
        card = replace(card, steps=1, seconds=round(time.perf_counter() - started, 3))
        arrays: dict[str, NDArray[Any]] = {part: getattr(space, part) for part in _PARTS}
        card = packed(card, arrays)[0] if folder is None else save_checkpoint(folder, card, arrays)
        return replace(self, space=space, made=card)

    @staticmethod
    def from_spec(argument: str = "", *, device: str = "cpu") -> Ppca:
        """A fresh one for "", the one whose checkpoint lies in the folder `argument` otherwise."""
        return Ppca.load(Path(argument), device) if argument else Ppca(device=device)

    @staticmethod
    def load(folder: Path, device: str = "cpu") -> Ppca:
        """The generator whose checkpoint lies in `folder`.

        Raises:
            InputError: There is no checkpoint of this kind, or it is damaged.
        """
        card, arrays = load_checkpoint(folder)
        if card.name != Ppca.kind or set(card.config) != {setting.name for setting in fields(PpcaRecipe)}:
            raise InputError(f"the checkpoint must be one of {Ppca.kind}, got {card.name}")
        check_device(device)
        recipe = PpcaRecipe(**card.config)
        if not set(_PARTS) <= set(arrays) or arrays["mean"].shape != (recipe.size**2,):
            raise InputError("the weights must fit the recipe on the card, got others")
        mean, axes, deviations, residual = (arrays[part] for part in _PARTS)
        space = PrincipalComponents(mean, axes, deviations, residual, (recipe.size, recipe.size))
        return Ppca(recipe, device, space, card)

    def sample(self, n: int, seed: int, condition: Condition | None = None) -> Images:
        """(n, h, w) images; image i depends on `seed` and i only.

        Raises:
            UsageError: Nothing was fitted, or a condition is asked for.
        """
        no_condition(self.kind, condition)
        space = self._fitted()
        k = space.n_components
        normal = item_normals(n, k + space.mean.size, seed)
        return in_chunks(lambda part: space.decode(part[:, :k] * space.deviations, part[:, k:]), normal)

    def score(self, x: Images, seed: int, levels: int) -> NDArray[np.float32]:
        """(n, 1) negative log-likelihood in nats a pixel: a density has one level, whatever `levels`."""
        del seed, levels
        return in_chunks(self._surprise, checked_images(x, self._fitted().shape))

    def encode(self, x: Images) -> NDArray[np.float32]:
        """(n, k) coordinates in standard deviations."""
        space = self._fitted()
        return in_chunks(lambda part: space.encode(part) / space.deviations, checked_images(x, space.shape))

    def decode(self, z: NDArray[np.float32]) -> Images:
        """(n, h, w) images of coordinates in standard deviations."""
        space = self._fitted()
        return in_chunks(lambda part: space.decode(part * space.deviations), z)

    def _surprise(self, x: Images) -> NDArray[np.float32]:
        """(n, 1) negative log-likelihood, in nats a pixel."""
        space = self._fitted()
        flat = x.reshape(len(x), -1).astype(np.float64) - space.mean
        along = flat @ space.axes.T.astype(np.float64)
        d, k = space.mean.size, space.n_components
        variance = space.deviations.astype(np.float64) ** 2
        noise = max(float((space.residual.astype(np.float64) ** 2).sum()) / (d - k), 1e-6)
        off_plane = (flat**2).sum(axis=1) - (along**2).sum(axis=1)
        squared = (along**2 / variance).sum(axis=1) + off_plane / noise
        volume = np.log(variance).sum() + (d - k) * np.log(noise) + d * np.log(2 * np.pi)
        return np.asarray((0.5 * (squared + volume) / d)[:, None], dtype=np.float32)

    def _fitted(self) -> PrincipalComponents:
        if self.space is None:
            raise UsageError("the generator must be fitted first, got a fresh one")
        return self.space
