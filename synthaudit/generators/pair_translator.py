"""What the translators have in common: a U-net from one image to another, and no image without an input."""

from __future__ import annotations

from dataclasses import dataclass, field

from synthaudit.errors import UsageError
from synthaudit.generators.network_generator import NetworkGenerator, NetworkRecipe, require_at_least
from synthaudit.generators.protocol import Capability, Condition, Images, capabilities_of


@dataclass(frozen=True, slots=True)
class PairRecipe(NetworkRecipe):
    """The settings of a translator's U-net.

    Attributes:
        width: Channels at the finest level.
        levels: Number of times that the image is halved.
        patch: Side of the squares that the image is folded into first; 1 folds nothing and takes longer.

    Raises:
        UsageError: A setting is out of range, or the image cannot be halved so often.
    """

    size: int = 64
    batch: int = 8
    width: int = 24
    levels: int = 2
    patch: int = 2

    def __post_init__(self) -> None:
        require_at_least(self, {"width": 4, "levels": 1, "patch": 1})
        if self.width % 4:
            raise UsageError(f"width must be a multiple of 4, got {self.width}")
        multiple = self.patch * 2**self.levels
        if self.size % multiple:
            raise UsageError(f"size must be a multiple of {multiple} for this patch and these levels, got {self.size}")
        NetworkRecipe.__post_init__(self)


@dataclass(frozen=True, slots=True, eq=False)
class PairTranslator(NetworkGenerator):
    """Makes one image of another."""

    recipe: PairRecipe = field(default_factory=PairRecipe)

    def capabilities(self) -> frozenset[Capability]:
        """What it can do; without an image to start from, nothing."""
        return capabilities_of(self) - {Capability.SAMPLE}

    def sample(self, n: int, seed: int, condition: Condition | None = None) -> Images:
        """Nothing: there is no output without an input.

        Raises:
            UsageError: Always.
        """
        del n, seed, condition
        raise UsageError(f"{self.kind} makes one image of another and samples none; use translate")
