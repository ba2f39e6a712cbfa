"""An autoencoder whose code has two parts: one tells a group of patients, sex for instance, the other must not.

Hospitals want synthetic images by group, and ask whether the group can be taken out. Here it can be asked for, swapped
and measured: a classifier learns the group from its part of the code, an adversary tries to learn it from the rest, and
the encoder takes from the rest what the adversary learns from. What the adversary finds no more, a better one may: the
rest is not free of the group, it is hidden from networks of this size. The group itself is what leaks by design.

References: Ganin et al. 2016, arXiv:1505.07818 (the reversed gradient).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from synthaudit.cohort import Cohort
from synthaudit.errors import MetadataError, NotEnoughData, UsageError
from synthaudit.generators.network_generator import Examples, Facts, require_at_least
from synthaudit.generators.principal import cohort_images
from synthaudit.generators.protocol import Condition, GeneratorSpec, Images
from synthaudit.generators.seeding import item_normals
from synthaudit.generators.vae import Vae, VaeRecipe
from synthaudit.progress import Progress

if TYPE_CHECKING:
    from torch import Tensor

    from synthaudit.generators.network_fit import Learner

FEWEST = 2
"""Patients of a group without whom it is no group, but someone."""


@dataclass(frozen=True, slots=True)
class StructuredRecipe(VaeRecipe):
    """The settings of a structured autoencoder; what is not said here is said in `VaeRecipe`.

    Attributes:
        latent: Numbers in a code, both parts together.
        group_latent: Those of the group's part.
        attribute: Column that says the group.
        group_weight: Weight of telling the group from its part.
        reversal: Weight of not telling it from the rest.
        adversary_steps: Steps of the adversary in each step.
    """

    group_latent: int = 4
    attribute: str = "sex"
    group_weight: float = 0.05
    reversal: float = 0.05
    adversary_steps: int = 2

    def __post_init__(self) -> None:
        VaeRecipe.__post_init__(self)
        least = {"group_latent": 1, "group_weight": 0.0, "reversal": 0.0, "adversary_steps": 1}
        require_at_least(self, least)
        if self.group_latent >= self.latent:
            raise UsageError(f"group_latent must be below latent, {self.latent}, got {self.group_latent}")


@dataclass(frozen=True, slots=True, eq=False)
class StructuredVae(Vae):
    """The reference autoencoder with a group's part in its code."""

    kind: ClassVar[str] = "structured-vae"
    leaks: ClassVar[str] = "The group, by its part of the code; the checkpoint as that of a vae."
    recipe: StructuredRecipe = field(default_factory=StructuredRecipe)

    @property
    def spec(self) -> GeneratorSpec:
        """What it is."""
        plain = super(StructuredVae, self).spec
        return replace(plain, conditions=(self.recipe.attribute,))

    def facts(self, cohort: Cohort) -> Facts:
        """The groups, sorted, and the share of each among the images whose group is known.

        Raises:
            MetadataError: The table does not have the column.
            NotEnoughData: Fewer than two groups have two patients.
        """
        values = self._values(cohort)
        patients = {value: {cohort.patients[row] for row in np.flatnonzero(values == value)} for value in set(values)}
        groups = sorted(value for value, who in patients.items() if value and len(who) >= FEWEST)
        if len(groups) < 2:
            raise NotEnoughData(
                f"a structured autoencoder needs at least 2 groups of {FEWEST} patients in the column "
                f"{self.recipe.attribute}, got {len(groups)}"
            )
        if len(groups) > 2 * self.recipe.group_latent:
            raise UsageError(f"group_latent must be at least half the number of groups, {len(groups)}")
        counts = [int((values == group).sum()) for group in groups]
        return {"groups": groups, "shares": [count / sum(counts) for count in counts]}

    def examples(self, cohort: Cohort, facts: Facts, progress: Progress) -> Examples:
        """Images, and a row of 1 at each image's group and 0 elsewhere."""
        one_hot = self._values(cohort)[:, None] == np.array(facts["groups"])
        images = cohort_images(cohort, self.recipe.size, progress)[:, None]
        return {"image": images, "group": one_hot.astype(np.float32)}

    def learner(self, facts: Facts) -> Learner:
        """The networks and the step that keeps the parts apart."""
        from synthaudit.generators.structured_network import StructuredLearner

        recipe = self.recipe
        return StructuredLearner(
            size=recipe.size,
            patch=recipe.patch,
            width=recipe.width,
            group_latent=recipe.group_latent,
            rest_latent=recipe.latent - recipe.group_latent,
            groups=len(facts["groups"]),
            beta=recipe.beta,
            group_weight=recipe.group_weight,
            reversal=recipe.reversal,
            adversary_steps=recipe.adversary_steps,
            learning_rate=recipe.learning_rate,
        )

    @property
    def groups(self) -> tuple[str, ...]:
        """The values that a condition may have. They come from patients' records."""
        return tuple(self.card.facts["groups"])

    def sample(self, n: int, seed: int, condition: Condition | None = None) -> Images:
        """(n, size, size) expected images of random codes; image i depends on `seed`, i and `condition` only.

        Args:
            n: How many.
            seed: Of the codes.
            condition: {attribute: group}, or nothing: then groups are as frequent as in training.

        Raises:
            UsageError: Nothing was fitted, or the condition is unknown.
        """
        wanted = self._number(condition) if condition else None
        z = item_normals(n, self.recipe.latent, seed)
        if wanted is None:
            bounds = np.cumsum(self.card.facts["shares"])[:-1]
            chosen = np.array([np.searchsorted(bounds, np.random.default_rng([seed, i, 1]).random()) for i in range(n)])
            shares = np.eye(len(self.groups), dtype=np.float32)[chosen.astype(np.intp)]
        else:
            shares = np.repeat(np.eye(len(self.groups), dtype=np.float32)[[wanted]], n, axis=0)
        return self.decode(z + self._expected(shares))

    def group_part(self, z: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, group_latent) the part of (n, latent) codes that tells the group."""
        return z[:, : self.recipe.group_latent]

    def rest_part(self, z: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, latent - group_latent) the part that must not."""
        return z[:, self.recipe.group_latent :]

    def swapped(self, x: Images, group: str) -> Images:
        """(n, size, size) each image as it would be in `group`: its own rest, and that group's expected part.

        Raises:
            UsageError: There is no such group.
        """
        wanted = self._number({self.recipe.attribute: group})
        z = self.encode(x).copy()
        expected = self._expected(np.eye(len(self.groups), dtype=np.float32)[[wanted]])
        z[:, : self.recipe.group_latent] = self.group_part(expected)
        return self.decode(z)

    def _divergence(self, mean: Tensor, spread: Tensor) -> Tensor:
        """(b,) bound on the divergence of the codes from the mixture of all groups, in nats."""
        import torch

        from synthaudit.generators.structured_network import group_means
        from synthaudit.generators.vae_network import divergence

        shares = torch.tensor(self.card.facts["shares"], device=mean.device)
        corners = group_means(torch.eye(len(shares), device=mean.device), *self._widths())
        apart = torch.stack([divergence(mean, spread, corner) for corner in corners], dim=1)
        return -torch.logsumexp(shares.log() - apart, dim=1)

    def _expected(self, shares: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, latent) expected codes of (n, groups) shares."""
        from synthaudit.generators.structured_network import group_means

        return self.applied(lambda one: group_means(one, *self._widths()))(shares)

    def _widths(self) -> tuple[int, int]:
        return self.recipe.group_latent, self.recipe.latent - self.recipe.group_latent

    def _number(self, condition: Condition) -> int:
        """The number of the group that is asked for."""
        groups = self.groups
        if set(condition) != {self.recipe.attribute}:
            raise UsageError(f"{self.kind} knows the condition {self.recipe.attribute}, got {', '.join(condition)}")
        if (value := condition[self.recipe.attribute]) not in groups:
            raise UsageError(f"{self.recipe.attribute} must be one of the {len(groups)} groups trained on, got {value}")
        return groups.index(value)

    def _values(self, cohort: Cohort) -> NDArray[np.str_]:
        if self.recipe.attribute not in cohort.attributes:
            raise MetadataError(
                f"a structured autoencoder needs the column {self.recipe.attribute} in the table, found none; add it, "
                "or name another by the setting attribute"
            )
        return np.array(cohort.attributes[self.recipe.attribute])
