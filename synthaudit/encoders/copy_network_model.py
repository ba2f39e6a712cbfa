"""The copy network itself: fixed looks at the edges of an image, and what is learned of them.

The first layers are fixed: how much edge of each direction there is, in cells of four pixels, over the local contrast;
and the spectra of those maps, of the whole and of nine windows, which a shift leaves as they are. A network that had to
find edges first would not be done in the minutes that an audit gives it. What is learned is a linear map and a residual
layer; the linear map starts as a random projection, which finds copies already, and all that is fitted starts there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor, nn
from torch.nn import functional

PREPROCESSING = "canvas-1, edges-1"
"""Version of what happens to pixels before the first weight; a change of `looks` or `pixels.canvas` changes this."""
FLAT = 1e-4
"""Added to a variance, so that an image that shows nothing is not blown up to noise."""
QUIET = 0.05
"""Added to a spectrum before its logarithm, so that waves that are not there do not count."""
DIRECTIONS = 8
MAPS = DIRECTIONS + 2
CELL = 4
"""Side of a cell, in pixels."""


@dataclass(frozen=True, slots=True)
class Architecture:
    """Sizes of the network.

    Attributes:
        side: Side of the canvas it sees, in pixels; a multiple of 16.
        hidden: Units of the residual layer.
        dim: Length of the vectors.
    """

    side: int = 64
    hidden: int = 512
    dim: int = 128

    def check(self) -> None:
        """Raise ValueError unless these are sizes of a network that this package would make."""
        for name, value, least, most in (
            ("side", self.side, 32, 256),
            ("hidden", self.hidden, 1, 4096),
            ("dim", self.dim, 2, 1024),
        ):
            if type(value) is not int or not least <= value <= most:
                raise ValueError(f"{name} must be whole and from {least} to {most}")
        if self.side % 16:
            raise ValueError("side must be a multiple of 16")

    @property
    def looks(self) -> int:
        """How many numbers an image is before anything learned."""
        cells = self.side // CELL
        half = cells // 2
        return MAPS * (half * half + cells * (half + 1) + 9 * half * (half // 2 + 1))


class CopyNet(nn.Module):
    """Canvases in, unit vectors out."""

    def __init__(self, sizes: Architecture) -> None:
        super().__init__()
        self.scaled = nn.BatchNorm1d(sizes.looks, affine=False)
        self.linear = nn.Linear(sizes.looks, sizes.dim, bias=False)
        nn.init.orthogonal_(self.linear.weight)
        self.inner = nn.Linear(sizes.looks, sizes.hidden, bias=False)
        self.inner_norm = nn.BatchNorm1d(sizes.hidden)
        self.outer = nn.Linear(sizes.hidden, sizes.dim)

    def forward(self, images: Tensor) -> Tensor:
        """(n, dim) rows of unit length, for (n, 1, s, s) canvases in [0, 1]."""
        seen = self.scaled(looks(images))
        bent = self.outer(functional.relu(self.inner_norm(self.inner(seen))))
        return functional.normalize(self.linear(seen) + bent, dim=1)


@torch.no_grad()
def looks(images: Tensor) -> Tensor:
    """(n, d): the edges at half the resolution, and the log spectra of their maps, of the whole and of windows."""
    maps = edges(images)
    half = maps.shape[-1] // 2
    windows = maps.unfold(2, half, half // 2).unfold(3, half, half // 2)
    return torch.cat([functional.avg_pool2d(maps, 2).flatten(1), _spectrum(maps), _spectrum(windows)], dim=1)


def _spectrum(maps: Tensor) -> Tensor:
    """(n, d) log magnitudes of the Fourier coefficients over the last two axes: moved content, same numbers."""
    waves = torch.fft.rfft2(maps - maps.mean(dim=(-2, -1), keepdim=True))
    return torch.log(waves.abs() + QUIET).flatten(1)


def edges(images: Tensor) -> Tensor:
    """(n, 10, s / 4, s / 4): edges of eight directions, local contrast and gray value, a cell each."""
    smooth = _smoothing(images.shape[-1]).to(images.device)
    detail = images - _smoothed(images, smooth)
    power = _smoothed(detail * detail, smooth)
    local = detail / (power + power.mean(dim=(2, 3), keepdim=True) + FLAT).sqrt()
    dx, dy = _slopes(local)
    turns = [2 * math.pi * i / DIRECTIONS for i in range(DIRECTIONS // 2)]
    along = torch.cat([math.cos(turn) * dx + math.sin(turn) * dy for turn in turns], dim=1)
    up = functional.avg_pool2d(functional.relu(along), CELL)
    # Against each direction runs another: relu(-x) = relu(x) - x.
    down = (up - functional.avg_pool2d(along, CELL)).clamp(min=0.0)
    spread = (images.var(dim=(2, 3), keepdim=True) + FLAT).sqrt()
    tone = (images - images.mean(dim=(2, 3), keepdim=True)) / spread
    return torch.cat([torch.cat([up, down], dim=1).sqrt(), functional.avg_pool2d(torch.cat([local, tone], 1), CELL)], 1)


def _slopes(images: Tensor) -> tuple[Tensor, Tensor]:
    """Sobel's derivatives to the right and down; nothing lies beyond the border."""
    padded = functional.pad(images, (1, 1, 1, 1))
    right = padded[..., 2:] - padded[..., :-2]
    below = padded[..., 2:, :] - padded[..., :-2, :]
    dx = right[..., :-2, :] + 2 * right[..., 1:-1, :] + right[..., 2:, :]
    dy = below[..., :-2] + 2 * below[..., 1:-1] + below[..., 2:]
    return dx / 8, dy / 8


def _smoothed(images: Tensor, weights: Tensor) -> Tensor:
    """Rows and columns averaged with these weights; one large product instead of many small ones."""
    return ((images @ weights.T).mT @ weights.T).mT


@lru_cache(maxsize=8)
def _smoothing(side: int) -> Tensor:
    """(side, side) Gaussian weights of a sixteenth of the side, each row summing to 1 up to the border."""
    place = torch.arange(side, dtype=torch.float64) * (16 / side)
    weight = torch.exp(-0.5 * (place[:, None] - place[None]) ** 2)
    return (weight / weight.sum(dim=1, keepdim=True)).float()
