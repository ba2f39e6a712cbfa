"""The solvers against data whose probability flow is known: a Gaussian's denoiser is linear."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from synthaudit.generators.recipe import SAMPLER_NAMES
from synthaudit.generators.samplers import SAMPLERS, karras_levels

SPREAD = 0.7


def _gaussian(x: Tensor, level: float) -> Tensor:
    return x * (SPREAD**2 / (SPREAD**2 + level**2))


def test_names_are_those_a_recipe_takes() -> None:
    assert tuple(sorted(SAMPLERS)) == SAMPLER_NAMES


@pytest.mark.parametrize("name", SAMPLER_NAMES)
def test_a_gaussian_is_transported_exactly_in_the_limit(name: str) -> None:
    x = torch.linspace(-3, 3, 7, dtype=torch.float64)[:, None] * 40
    exact = x * SPREAD / np.hypot(SPREAD, 40)
    errors = []
    for steps in (20, 40, 80):
        levels = karras_levels(steps, 1e-4, 40.0)
        errors.append(float((SAMPLERS[name](_gaussian, x, levels) - exact).abs().max()))
    assert errors[-1] < 0.01
    # Second order: half the step, about a quarter of the error.
    assert errors[1] < 0.4 * errors[0]
    assert errors[2] < 0.4 * errors[1]


def test_levels_fall_to_zero() -> None:
    levels = karras_levels(18, 0.01, 40.0)
    assert len(levels) == 19
    assert levels[0] == pytest.approx(40)
    assert levels[-2] == pytest.approx(0.01)
    assert levels[-1] == 0
    assert levels == sorted(levels, reverse=True)
    assert karras_levels(1, 0.01, 40.0) == [40.0, 0.0]
