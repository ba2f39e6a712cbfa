"""Does the critic, trained to tell training images from made ones, take the image for a training image?

Reference: Hayes, Melis, Danezis, De Cristofaro 2019, arXiv:1705.07663 (LOGAN).
"""

from __future__ import annotations

import numpy as np

from synthaudit.attacks.attack import Attack, Exposures
from synthaudit.generators.protocol import Capability, Discriminates, Images


def discriminator_exposures(generator: Discriminates, x: Images, seed: int, levels: int) -> Exposures:
    """The critic's logit."""
    del seed, levels
    return {"discriminator": generator.discriminate(x).astype(np.float64)}


DISCRIMINATOR = Attack(
    ("discriminator",),
    "whether the critic takes the image for a training image (LOGAN)",
    frozenset({Capability.DISCRIMINATE}),
    discriminator_exposures,
)
