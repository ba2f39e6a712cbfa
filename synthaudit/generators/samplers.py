"""From noise to latents along the probability-flow ODE: Heun's second order, and DPM-Solver++(2M).

Both are deterministic given the starting noise. Few steps blur a sample, and blur hides copying (on phantoms six steps
showed half of the copies that eighteen Heun steps showed), so whoever reports a leak rate reports the steps.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor

Denoiser = Callable[[Tensor, float], Tensor]
"""(b, d) noisy latents and their noise level in, (b, d) clean estimate out."""


def karras_levels(steps: int, least: float, greatest: float, rho: float = 7.0) -> list[float]:
    """`steps` noise levels from `greatest` down to `least`, then 0 (EDM, arXiv:2206.00364, eq. 5)."""
    if steps == 1:
        return [greatest, 0.0]
    low, high = least ** (1 / rho), greatest ** (1 / rho)
    return [(high + i / (steps - 1) * (low - high)) ** rho for i in range(steps)] + [0.0]


def heun(denoiser: Denoiser, x: Tensor, levels: list[float]) -> Tensor:
    """EDM's algorithm 1: two evaluations a step, one in the last.

    Args:
        denoiser: The denoiser.
        x: (b, d) latents with noise of deviation `levels[0]`.
        levels: Falling noise levels, the last is 0.
    """
    for now, then in pairwise(levels):
        slope = (x - denoiser(x, now)) / now
        ahead = x + (then - now) * slope
        if then > 0:
            slope = 0.5 * (slope + (ahead - denoiser(ahead, then)) / then)
            ahead = x + (then - now) * slope
        x = ahead
    return x


def dpm_solver_2m(denoiser: Denoiser, x: Tensor, levels: list[float]) -> Tensor:
    """DPM-Solver++(2M): one evaluation a step, second order from the one before.

    Reference: Lu, Zhou, Bao, Chen, Li, Zhu 2022, arXiv:2211.01095, algorithm 2, with alpha = 1 and sigma = level.

    Args:
        denoiser: The denoiser.
        x: (b, d) latents with noise of deviation `levels[0]`.
        levels: Falling noise levels, the last is 0.
    """
    before: Tensor | None = None
    step_before = 0.0
    for now, then in pairwise(levels):
        clean = denoiser(x, now)
        if then == 0:
            return clean
        step = float(torch.log(torch.tensor(now / then, dtype=torch.float64)))
        guess = clean if before is None else clean + 0.5 * step / step_before * (clean - before)
        x = (then / now) * x + (1 - then / now) * guess
        before, step_before = clean, step
    return x


SAMPLERS: dict[str, Callable[[Denoiser, Tensor, list[float]], Tensor]] = {"heun": heun, "dpm-solver-2m": dpm_solver_2m}
"""By the name in a configuration."""
