"""Does the generator know an image better than it should? Its own loss, at fixed levels and with common random numbers.

A denoiser restores the images it was trained on with less error than others; a variational autoencoder gives them a
higher bound on their likelihood; a density gives them more density. `score` is that error, whatever the kind.

Reference: Carlini et al. 2023, arXiv:2301.13188 (loss at fixed noise); Hayes et al. 2019, arXiv:1705.07663 (first on
generators).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from synthaudit.attacks.attack import Attack, Exposures
from synthaudit.generators.protocol import Capability, Images, Scores


def loss_exposures(generator: Scores, x: Images, seed: int, levels: int) -> Exposures:
    """Exposure by the mean loss over all levels, and by the level that gives an image away most."""
    losses = generator.score(x, seed, levels).astype(np.float64)
    return {"loss": -losses.mean(axis=1), "loss_peak": peak(-losses)}


def peak(exposures: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,) greatest over the levels of (n, levels) exposures, each level standardized over all images together.

    Levels differ in how much they tell, and in which images they tell of; the mean drowns a single level that tells.

    >>> peak(np.array([[0.0, 5.0], [2.0, 5.0]])).tolist()
    [0.0, 1.0]
    """
    spread = exposures.std(axis=0)
    return np.asarray(((exposures - exposures.mean(axis=0)) / np.where(spread > 0, spread, 1.0)).max(axis=1))


LOSS = Attack(
    ("loss", "loss_peak"),
    "the generator's own loss at fixed noise levels, with the same noise for every image",
    frozenset({Capability.SCORE}),
    loss_exposures,
)
