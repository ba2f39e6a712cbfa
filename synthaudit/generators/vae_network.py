"""The networks of the variational autoencoder, its bound on the likelihood, and one step of its training.

References: Kingma, Welling 2014, "Auto-encoding variational Bayes", arXiv:1312.6114. The noise of the pixels is learned
with the rest, so that `beta` = 1 means what it says: Rybkin, Daniilidis, Levine 2021, arXiv:2006.13202.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn

from synthaudit.generators.network_fit import Part, Step

LEAST_NOISE = 0.01
"""Standard deviation of a pixel, of full scale, below which no decoder may claim to know it."""

FIRST_NOISE = 0.1
"""What the learned deviation begins at: small enough that the code is not given up for nothing at the start."""

MIDDLE, CONTRAST = 0.5, 4.0
"""The networks see and make images around 0 and of about unit contrast; raw ones took five times the steps."""

BETAS = (0.9, 0.95)
"""Of AdamW: the scale of the gradients falls as the learned noise does."""

SPREAD = (-12.0, 4.0)
"""Limits of the logarithm of a code's variance."""


def side_lengths(size: int, patch: int) -> list[int]:
    """Sides of the feature maps, from the patches of the image down to the first that is at most 4 or odd."""
    sides = [size // patch]
    while sides[-1] > 4 and sides[-1] % 2 == 0:
        sides.append(sides[-1] // 2)
    return sides


class ConvEncoder(nn.Module):
    """(b, 1, size, size) images in; mean and log-variance of their codes out, (b, latent) each."""

    def __init__(self, size: int, patch: int, width: int, latent: int) -> None:
        super().__init__()
        sides = side_lengths(size, patch)
        widths = [width * 2 ** min(level, 2) for level in range(len(sides))]
        layers: list[nn.Module] = [nn.PixelUnshuffle(patch), _convolution(patch**2, width)]
        for before, after in pairwise(widths):
            layers += [_convolution(before, after, stride=2), _convolution(after, after)]
        self.body = nn.Sequential(*layers, nn.Flatten())
        self.leave = nn.Linear(widths[-1] * sides[-1] ** 2, 2 * latent)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """One pass."""
        mean, spread = self.leave(self.body(CONTRAST * (x - MIDDLE))).chunk(2, dim=1)
        return mean, spread.clamp(*SPREAD)


class ConvDecoder(nn.Module):
    """(b, latent) codes in, (b, 1, size, size) expected images out; `log_noise` is the deviation around them."""

    def __init__(self, size: int, patch: int, width: int, latent: int) -> None:
        super().__init__()
        sides = side_lengths(size, patch)
        widths = [width * 2 ** min(level, 2) for level in range(len(sides))]
        self.enter = nn.Linear(latent, widths[-1] * sides[-1] ** 2)
        layers: list[nn.Module] = [nn.Unflatten(1, (widths[-1], sides[-1], sides[-1]))]
        for before, after in pairwise(widths[::-1]):
            layers += [_convolution(before, before), nn.Upsample(scale_factor=2), _convolution(before, after)]
        leave = nn.Conv2d(width, patch**2, 3, padding=1)
        self.body = nn.Sequential(*layers, _convolution(width, width), leave, nn.PixelShuffle(patch))
        self.log_noise = nn.Parameter(torch.tensor(math.log(FIRST_NOISE)))

    def forward(self, z: Tensor) -> Tensor:
        """One pass."""
        image: Tensor = MIDDLE + self.body(self.enter(z))
        return image


def surprise_of(decoder: nn.Module, x: Tensor, z: Tensor) -> Tensor:
    """(b,) negative log-likelihood of the images given their codes, in nats a pixel."""
    log_noise = cast(Tensor, decoder.log_noise).clamp(min=math.log(LEAST_NOISE))
    squared = ((x - decoder(z)) / log_noise.exp()) ** 2
    surprise: Tensor = 0.5 * squared.flatten(1).mean(dim=1) + log_noise + 0.5 * math.log(2 * math.pi)
    return surprise


def code(mean: Tensor, spread: Tensor, normal: Tensor) -> Tensor:
    """(b, latent) codes drawn from Gaussians of `mean` and log-variance `spread` with standard normal numbers."""
    return mean + (0.5 * spread).exp() * normal


def divergence(mean: Tensor, spread: Tensor, prior: Tensor | float = 0.0) -> Tensor:
    """(b,) Kullback-Leibler divergence, in nats, of the code's Gaussian from one of mean `prior` and deviation 1."""
    return 0.5 * ((mean - prior) ** 2 + spread.exp() - 1 - spread).sum(dim=1)


@dataclass(frozen=True, slots=True)
class VaeLearner:
    """Raises the bound on the likelihood of the images.

    Attributes:
        size, patch, width, latent: Of the networks.
        beta: Weight of the divergence.
        learning_rate: Of AdamW, at its greatest.
    """

    size: int
    patch: int
    width: int
    latent: int
    beta: float
    learning_rate: float

    def parts(self) -> dict[str, Part]:
        """Encoder and decoder, averaged."""
        encoder = ConvEncoder(self.size, self.patch, self.width, self.latent)
        decoder = ConvDecoder(self.size, self.patch, self.width, self.latent)
        rate = self.learning_rate
        return {"encoder": Part(encoder, rate, BETAS), "decoder": Part(decoder, rate, BETAS)}

    def step(self, now: Step) -> dict[str, Tensor]:
        """One step on now.batch["image"], (b, 1, size, size)."""
        x = now.batch["image"]
        mean, spread = now.networks["encoder"](x)
        drawn = code(mean, spread, now.normal(*mean.shape))
        surprise = surprise_of(now.networks["decoder"], x, drawn).mean()
        far = divergence(mean, spread).mean() / x[0].numel()
        now.descend(surprise + self.beta * far, "encoder", "decoder")
        return {"reconstruction": surprise, "divergence": far}


def _convolution(before: int, after: int, stride: int = 1) -> nn.Module:
    return nn.Sequential(nn.Conv2d(before, after, 3, stride, padding=1), nn.SiLU())
