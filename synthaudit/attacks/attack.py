"""What an attack on a checkpoint is: a question to a generator about images, answered by a score for each image."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthaudit.errors import NotEnoughData
from synthaudit.generators.protocol import Capability, Generator, Images

Exposures = Mapping[str, NDArray[np.float64]]
"""Name of a score -> (n,) float64, higher = more likely trained on."""


@dataclass(frozen=True, slots=True)
class Attack:
    """One way of asking.

    Attributes:
        scores: Names of the scores it gives, the first being its own.
        says: What it looks at, in plain words.
        needs: What the generator must be able to do.
        run: (generator, (n, h, w) images, seed, levels) -> the scores. The random numbers are the same for every image,
            or drawn without looking at it, so that trained-on and other images differ in themselves only.
    """

    scores: tuple[str, ...]
    says: str
    needs: frozenset[Capability]
    run: Callable[[Any, Images, int, int], Exposures]

    def exposures(self, generator: Generator, x: Images, seed: int, levels: int) -> Exposures:
        """The scores of (n, h, w) images in the generator's range.

        Raises:
            NotEnoughData: The generator cannot do what the attack needs, or gave something that is no number.
        """
        lacking = sorted(self.needs - generator.capabilities())
        if lacking:
            raise NotEnoughData(f"this attack needs a generator that can {' and '.join(lacking)}; this one cannot")
        found = self.run(generator, x, seed, levels)
        if not all(values.shape == (len(x),) and np.isfinite(values).all() for values in found.values()):
            raise NotEnoughData("the generator must give one finite number for each image, and did not")
        return found
