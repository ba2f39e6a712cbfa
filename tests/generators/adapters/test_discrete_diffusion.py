"""A diffusion whose best denoiser is known in closed form."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from synthaudit.errors import InputError
from synthaudit.generators.adapters.discrete_diffusion import PREDICTIONS, DiscreteDiffusion

if TYPE_CHECKING:
    from torch import Tensor

ALPHA_BAR = np.cumprod(1 - np.linspace(1e-4, 0.02, 1000), dtype=np.float64)
SPREAD = 0.5


def gaussian(prediction: str) -> DiscreteDiffusion:
    """The best network for pixels that are independent and normal with deviation `SPREAD`."""
    import torch

    def network(x: Tensor, steps: Tensor) -> Tensor:
        a = torch.from_numpy(ALPHA_BAR)[steps].float().reshape(-1, 1, 1)
        clean = a.sqrt() * SPREAD**2 / (a * SPREAD**2 + 1 - a) * x
        noise = (x - a.sqrt() * clean) / (1 - a).sqrt()
        return {"sample": clean, "epsilon": noise, "v_prediction": a.sqrt() * noise - (1 - a).sqrt() * clean}[
            prediction
        ]

    return DiscreteDiffusion(network, ALPHA_BAR, prediction, "cpu")


@pytest.mark.parametrize("prediction", PREDICTIONS)
def test_the_expected_clean_image_is_found(prediction: str) -> None:
    made = gaussian(prediction)
    z = np.random.default_rng(0).normal(size=(11, 4, 4)).astype(np.float32)
    for sigma in made.scored_sigmas(3):
        expected = z * SPREAD**2 / (SPREAD**2 + sigma**2)
        assert np.allclose(made.denoised(z, float(sigma)), expected, atol=1e-4)
    assert np.array_equal(made.denoised(z[:2], 1.0), made.denoised(z, 1.0)[:2])


def test_the_error_is_that_of_the_best_denoiser() -> None:
    made = gaussian("epsilon")
    x = np.random.default_rng(1).normal(0, SPREAD, size=(200, 16, 16)).astype(np.float32)
    scores = made.scores(x, seed=0, levels=4)
    # The posterior variance, in units of the noise: SPREAD^2 / (SPREAD^2 + sigma^2).
    expected = SPREAD**2 / (SPREAD**2 + made.scored_sigmas(4) ** 2)
    assert np.allclose(scores.mean(axis=0), expected, rtol=0.06)
    assert np.array_equal(made.scores(x[:3], seed=0, levels=4), scores[:3])
    assert made.scores(x[:0], seed=0, levels=4).shape == (0, 4)
    # An image that this Gaussian does not make fits worse.
    assert (made.scores(x[:5] + 3, seed=0, levels=4)[:, 1:] > scores[:5, 1:]).all()


def test_levels_are_those_that_the_network_knows() -> None:
    made = gaussian("epsilon")
    assert made.scored_sigmas(3) == pytest.approx([0.2, 0.2 * 15**0.5, 3.0], rel=0.02)
    short = DiscreteDiffusion(made.network, ALPHA_BAR[:300], "epsilon", "cpu")
    most = np.sqrt(1 / ALPHA_BAR[299] - 1)
    assert short.scored_sigmas(2) == pytest.approx([0.2, most], rel=0.02)
    last_is_nothing = DiscreteDiffusion(made.network, np.array([0.9, 0.5, 0.0]), "epsilon", "cpu")
    assert last_is_nothing.step_nearest(1e9) == 1


def test_schedules_that_are_none() -> None:
    network = gaussian("epsilon").network
    with pytest.raises(InputError, match=r"^the network must predict one of epsilon, v_prediction, sample, got 'x'$"):
        DiscreteDiffusion(network, ALPHA_BAR, "x", "cpu")
    for levels in (ALPHA_BAR[::-1], ALPHA_BAR[:1], ALPHA_BAR[:, None], ALPHA_BAR + 1):
        with pytest.raises(InputError, match=r"^the noise schedule must fall from below 1, got another$"):
            DiscreteDiffusion(network, levels, "epsilon", "cpu")
