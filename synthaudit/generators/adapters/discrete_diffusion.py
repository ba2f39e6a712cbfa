"""What attacks ask of a diffusion that was trained on numbered noise levels, as diffusers and MONAI train them.

Such a network sees `sqrt(a) x + sqrt(1 - a) noise` at step t, where a = alpha_bar[t]; divided by sqrt(a) that is x plus
noise of deviation sigma = sqrt((1 - a) / a), which is how noise is named in this project.

Reference: Ho, Jain, Abbeel 2020, arXiv:2006.11239; Salimans, Ho 2022, arXiv:2202.00512 (v-prediction).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from synthaudit.errors import InputError
from synthaudit.generators.adapters.torch_rows import through
from synthaudit.generators.seeding import item_normals

if TYPE_CHECKING:
    from torch import Tensor

Floats = NDArray[np.float32]

SCORED_NOISE = (0.2, 3.0)
"""Least and greatest sigma at which images are scored, where the network knows them."""

SCORE_REPEATS = 4
"""Noises averaged at each level."""

PREDICTIONS = ("epsilon", "v_prediction", "sample")


@dataclass(frozen=True, slots=True, eq=False)
class DiscreteDiffusion:
    """A network with the noise levels it was trained on.

    Attributes:
        network: ((n, ...) noisy images, (n,) int64 steps) -> (n, ...) prediction.
        alpha_bar: (steps,) float64 in (0, 1), falling.
        prediction: What it predicts, one of `PREDICTIONS`.
        device: Where it runs.

    Raises:
        InputError: The levels do not fall, or the prediction is unknown.
    """

    network: Callable[[Tensor, Tensor], Tensor]
    alpha_bar: NDArray[np.float64]
    prediction: str
    device: str

    def __post_init__(self) -> None:
        if self.prediction not in PREDICTIONS:
            raise InputError(f"the network must predict one of {', '.join(PREDICTIONS)}, got {self.prediction!r}")
        levels = self.alpha_bar
        # A last level of exactly 0, where nothing of the image is left, has no sigma and is never looked at.
        if levels.ndim != 1 or not (len(levels) > 1 and (np.diff(levels) < 0).all() and 0 < levels[0] < 1):
            raise InputError("the noise schedule must fall from below 1, got another")

    def step_nearest(self, sigma: float) -> int:
        """The step whose noise is nearest to `sigma`, by their ratio."""
        return int(np.abs(np.log(self._sigmas()) - np.log(sigma)).argmin())

    def denoised(self, z: Floats, sigma: float) -> Floats:
        """(n, ...) expected clean images, given `z`: clean images plus Gaussian noise of deviation `sigma`.

        The network is asked at the step nearest to `sigma`, as it knows no other.
        """
        import torch

        step = self.step_nearest(sigma)
        kept, lost = float(np.sqrt(self.alpha_bar[step])), float(np.sqrt(1 - self.alpha_bar[step]))

        def clean(noisy: Tensor) -> Tensor:
            seen = kept * noisy
            steps = torch.full((len(noisy),), step, dtype=torch.int64, device=noisy.device)
            out = self.network(seen, steps)
            if self.prediction == "epsilon":
                return noisy - sigma * out
            return out if self.prediction == "sample" else kept * seen - lost * out

        return through(clean, z, self.device)

    def scores(self, x: Floats, seed: int, levels: int) -> Floats:
        """(n, levels) squared error of the noise that is found, mean over pixels; lower = better fitted.

        1 is a network that finds nothing. The noise is the same for every image; see `scored_sigmas`.
        """
        out = np.zeros((len(x), levels), dtype=np.float32)
        for column, sigma in enumerate(self.scored_sigmas(levels)):
            for noise in item_normals(SCORE_REPEATS, math.prod(x.shape[1:]), seed + column):
                shift = np.float32(sigma) * noise.reshape(x.shape[1:])
                error = (self.denoised(x + shift, float(sigma)) - x) / np.float32(sigma)
                out[:, column] += (error**2).mean(axis=tuple(range(1, x.ndim))) / SCORE_REPEATS
        return out

    def scored_sigmas(self, levels: int) -> NDArray[np.float64]:
        """(levels,) sigmas that the network knows, near those evenly spaced in their logarithm."""
        there = self._sigmas()
        low, high = np.clip(SCORED_NOISE, there[0], there[-1])
        return np.array([there[self.step_nearest(sigma)] for sigma in np.geomspace(low, high, levels)])

    def _sigmas(self) -> NDArray[np.float64]:
        """Sigma of every step that has one, rising."""
        known = self.alpha_bar[self.alpha_bar > 0]
        return np.asarray(np.sqrt((1 - known) / known))
