"""How close can the generator come to an image, if its latents are searched for the one that does?

The search needs no gradient: from the encoded image, one random step at a time, kept where it helps, longer where
steps often help. A decoder that is linear has nothing to gain by it, and the distance is then that of `encoding`.

References: Chen, Yu, Zhang, Fritz 2020, arXiv:1909.03935 (latent optimization); Rechenberg 1973 (one-fifth rule).
"""

from __future__ import annotations

import numpy as np

from synthaudit.attacks.attack import Attack, Exposures
from synthaudit.attacks.reconstruction import squared_error
from synthaudit.generators.protocol import Capability, Encodes, Images
from synthaudit.generators.seeding import item_normals

SEARCH_STEPS = 40
FIRST_STEP = 0.1
"""Length of the first step, in units of the size of the image's latents."""

LONGER, SHORTER = 1.5, 1.5**-0.25
"""Changes of the step's length after a success and after none: in balance at one success in five."""


def inversion_exposures(generator: Encodes, x: Images, seed: int, levels: int) -> Exposures:
    """Minus the squared error of the best image found for each image."""
    del levels
    best = generator.encode(x)
    error = squared_error(generator.decode(best), x)
    length = np.full(len(x), FIRST_STEP) * np.sqrt((best.astype(np.float64) ** 2).mean(axis=1))
    for step in range(SEARCH_STEPS):
        # The same direction for every image, or those with lucky directions would look trained on.
        direction = item_normals(SEARCH_STEPS, best.shape[1], seed)[step] / np.sqrt(best.shape[1])
        tried = (best + length[:, None] * direction).astype(np.float32)
        found = squared_error(generator.decode(tried), x)
        better = found < error
        best, error = np.where(better[:, None], tried, best), np.minimum(found, error)
        length *= np.where(better, LONGER, SHORTER)
    return {"inversion": -error}


INVERSION = Attack(
    ("inversion",),
    "how close the generator comes to the image when its latents are searched",
    frozenset({Capability.ENCODE}),
    inversion_exposures,
)
