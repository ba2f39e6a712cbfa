"""Does the loss lie flat around the image, as it does where training has come to rest?

Reference: Nasr, Shokri, Houmansadr 2019, arXiv:1812.00910 (gradient norms; theirs are of the weights, this one is of
the image).
"""

from __future__ import annotations

import numpy as np

from synthaudit.attacks.attack import Attack, Exposures
from synthaudit.generators.protocol import Capability, Differentiates, Images


def gradient_exposures(generator: Differentiates, x: Images, seed: int, levels: int) -> Exposures:
    """Minus the norm of the loss's gradient at the image."""
    slope = generator.gradient(x, seed, levels).reshape(len(x), -1).astype(np.float64)
    return {"gradient": -np.linalg.norm(slope, axis=1)}


GRADIENT = Attack(
    ("gradient",),
    "how steep the loss is around the image",
    frozenset({Capability.DIFFERENTIATE}),
    gradient_exposures,
)
