"""The settings that adversarial generators share."""

from __future__ import annotations

from dataclasses import dataclass

from synthaudit.errors import UsageError
from synthaudit.generators.network_generator import NetworkRecipe, require_at_least

SIZES = (8, 16, 32, 64, 128)
"""Sides that images may have: from 4 they double."""


@dataclass(frozen=True, slots=True)
class AdversarialRecipe(NetworkRecipe):
    """The settings of a generator and its critic; what is not said here is said in `NetworkRecipe`.

    Attributes:
        latent: Width of the normal vector that an image is made of.
        width: Channels of both networks at the full side; they double as the side halves.
        most: Channels they never exceed.
        r1_weight: Of the penalty on the critic's slope.
        r1_every: Steps between two penalties.
        average: Greatest share of the averaged generator that a step keeps.

    Raises:
        UsageError: A setting is out of range.
    """

    batch: int = 16
    latent: int = 64
    width: int = 24
    most: int = 96
    r1_weight: float = 0.5
    r1_every: int = 4
    average: float = 0.98

    def __post_init__(self) -> None:
        NetworkRecipe.__post_init__(self)
        require_at_least(self, {"latent": 1, "width": 1, "most": 1, "r1_weight": 0, "r1_every": 1})
        if self.size not in SIZES:
            raise UsageError(f"size must be one of {', '.join(map(str, SIZES))}, got {self.size}")
        if not 0 <= self.average < 1:
            raise UsageError(f"average must lie in [0, 1), got {self.average}")
