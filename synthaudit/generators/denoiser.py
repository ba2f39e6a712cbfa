"""The network of the latent diffusion, its preconditioning and its loss.

Reference: Karras, Aittala, Aila, Laine 2022, "Elucidating the design space of diffusion-based generative models",
arXiv:2206.00364 (EDM); equation and table numbers are theirs.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

SIGMA_DATA = 1.0
"""Standard deviation of a latent coordinate; latents are scaled to it."""

P_MEAN, P_STD = -0.4, 1.4
"""Log-normal noise levels in training. EDM's -1.2 and 1.2 are for data of deviation .5; log 2 shifts the mean."""

FREQUENCIES = 32
"""Fourier features of the noise level."""


class ResidualMlp(nn.Module):
    """(b, d) noisy latents and (b,) noise conditions in, (b, d) out: blocks of two layers around a residual stream."""

    frequencies: Tensor

    def __init__(self, dim: int, width: int, depth: int) -> None:
        super().__init__()
        self.register_buffer("frequencies", torch.exp(torch.linspace(math.log(0.25), math.log(16.0), FREQUENCIES)))
        self.noise = nn.Sequential(nn.Linear(2 * FREQUENCIES, width), nn.SiLU(), nn.Linear(width, width))
        self.enter = nn.Linear(dim, width)
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(depth))
        self.first = nn.ModuleList(nn.Linear(width, width) for _ in range(depth))
        self.second = nn.ModuleList(nn.Linear(width, width) for _ in range(depth))
        self.last_norm = nn.LayerNorm(width)
        self.leave = nn.Linear(width, dim)
        for layer in (*self.second, self.leave):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor, noise: Tensor) -> Tensor:
        """One pass."""
        angle = noise[:, None] * self.frequencies
        condition = self.noise(torch.cat([angle.cos(), angle.sin()], dim=1))
        stream = self.enter(x) + condition
        for norm, first, second in zip(self.norms, self.first, self.second, strict=True):
            stream = stream + second(nn.functional.silu(first(norm(stream) + condition)))
        out: Tensor = self.leave(self.last_norm(stream))
        return out


def denoise(network: nn.Module, x: Tensor, sigma: Tensor) -> Tensor:
    """The denoiser D(x; sigma): (b, d) estimate of the clean latents, by EDM's preconditioning (eq. 7, table 1).

    Args:
        network: Maps (b, d) and (b,) to (b, d).
        x: (b, d) latents with noise of deviation `sigma`.
        sigma: (b,) noise levels, positive.
    """
    level = sigma[:, None]
    total = level**2 + SIGMA_DATA**2
    skip = SIGMA_DATA**2 / total
    out = level * SIGMA_DATA * total.rsqrt()
    result: Tensor = skip * x + out * network(x * total.rsqrt(), 0.25 * sigma.log())
    return result


def noise_level(normal: Tensor) -> Tensor:
    """(b,) training noise levels from (b,) standard normal numbers (table 1, log-normal)."""
    return torch.exp(P_MEAN + P_STD * normal)


def denoising_loss(network: nn.Module, clean: Tensor, sigma: Tensor, noise: Tensor) -> Tensor:
    """(b,) weighted squared error of the denoised latents, mean over coordinates; 1 for a network that returns 0.

    Args:
        network: As in `denoise`.
        clean: (b, d) latents.
        sigma: (b,) noise levels.
        noise: (b, d) standard normal.
    """
    restored = denoise(network, clean + sigma[:, None] * noise, sigma)
    weight = (sigma**2 + SIGMA_DATA**2) / (sigma * SIGMA_DATA) ** 2
    return weight * ((restored - clean) ** 2).mean(dim=1)
