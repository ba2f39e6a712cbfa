"""The copy network itself: gradient directions, a linear map of them, and a small residual network that adds to it.

The first layer is fixed: how much edge of each direction there is, in cells of four pixels, over the local contrast. A
network that had to find edges first would not be done in the minutes that an audit gives it. The linear map starts as a
random projection, which finds copies already; all that is fitted starts from there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor, nn
from torch.nn import functional

PREPROCESSING = "canvas-1, edges-1"
"""Version of what happens to pixels before the first weight; a change of `edges` or `pixels.canvas` changes this."""
FLAT = 1e-4
"""Added to a variance, so that an image that shows nothing is not blown up to noise."""
DIRECTIONS = 8
CELL = 4
"""Side of a cell, in pixels."""
REDUCED = 32
"""Channels of the last maps that keep their place in the image on the way to the vector."""


@dataclass(frozen=True, slots=True)
class Architecture:
    """Sizes of the network.

    Attributes:
        side: Side of the canvas it sees, in pixels; a multiple of 16.
        widths: Channels of its three stages, on a quarter, an eighth and a sixteenth of the side.
        blocks: Residual blocks of each stage.
        dim: Length of the vectors.
    """

    side: int = 64
    widths: tuple[int, int, int] = (32, 64, 128)
    blocks: tuple[int, int, int] = (0, 1, 1)
    dim: int = 128

    def check(self) -> None:
        """Raise ValueError unless these are sizes of a network that this package would make."""
        for name, value, least, most in (
            ("side", self.side, 32, 256),
            ("dim", self.dim, 2, 1024),
            *(("widths", width, 1, 512) for width in self.widths),
            *(("blocks", blocks, 0, 8) for blocks in self.blocks),
        ):
            if type(value) is not int or not least <= value <= most:
                raise ValueError(f"{name} must be whole and from {least} to {most}")
        if self.side % 16 or len(self.widths) != 3 or len(self.blocks) != 3:
            raise ValueError("side must be a multiple of 16, with three widths and three numbers of blocks")


class Block(nn.Module):
    """Two 3 x 3 convolutions and a way around them."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.first_norm = nn.BatchNorm2d(width)
        self.second = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.second_norm = nn.BatchNorm2d(width)
        nn.init.zeros_(self.second_norm.weight)

    def forward(self, x: Tensor) -> Tensor:
        """(n, c, h, w) to the same shape."""
        y = functional.relu(self.first_norm(self.first(x)))
        return functional.relu(x + self.second_norm(self.second(y)))


class Down(nn.Sequential):
    """Half the side, another width."""

    def __init__(self, before: int, width: int) -> None:
        super().__init__(nn.Conv2d(before, width, 2, stride=2, bias=False), nn.BatchNorm2d(width), nn.ReLU())


class CopyNet(nn.Module):
    """Canvases in, unit vectors out.

    Three ways lead to a vector. The linear map of the edges and the last maps keep where things are in the image; GeM
    pooling of the last maps (Radenovic et al. 2019, doi 10.1109/TPAMI.2018.2846566) lets the strongest response
    anywhere speak, which is what a crop or a transplanted region leaves of an image.
    """

    def __init__(self, sizes: Architecture) -> None:
        super().__init__()
        stem, _, last = sizes.widths
        layers: list[nn.Module] = [
            nn.BatchNorm2d(DIRECTIONS + 2),
            nn.Conv2d(DIRECTIONS + 2, stem, 3, padding=1, bias=False),
            nn.BatchNorm2d(stem),
            nn.ReLU(),
        ]
        before = stem
        for stage, (width, blocks) in enumerate(zip(sizes.widths, sizes.blocks, strict=True)):
            if stage:
                layers.append(Down(before, width))
            layers.extend(Block(width) for _ in range(blocks))
            before = width
        self.body = nn.Sequential(*layers)
        inputs = (DIRECTIONS + 2) * (sizes.side // 8) ** 2
        self.scaled = nn.BatchNorm1d(inputs, affine=False)
        self.direct = nn.Linear(inputs, sizes.dim, bias=False)
        nn.init.orthogonal_(self.direct.weight)
        self.power = nn.Parameter(torch.tensor([3.0]))
        self.pooled = nn.Linear(last, sizes.dim)
        self.reduced = nn.Conv2d(last, REDUCED, 1)
        self.placed = nn.Linear(REDUCED * (sizes.side // 16) ** 2, sizes.dim)

    def forward(self, images: Tensor) -> Tensor:
        """(n, dim) rows of unit length, for (n, 1, s, s) canvases in [0, 1]."""
        seen = edges(images)
        direct = self.direct(self.scaled(functional.avg_pool2d(seen, 2).flatten(1)))
        maps = self.body(seen.contiguous(memory_format=torch.channels_last))
        power = self.power.clamp(1.0, 8.0)
        gem = maps.clamp(min=1e-6).pow(power).mean(dim=(2, 3)).pow(1 / power)
        return functional.normalize(direct + self.pooled(gem) + self.placed(self.reduced(maps).flatten(1)), dim=1)


@torch.no_grad()
def edges(images: Tensor) -> Tensor:
    """(n, 10, s / 4, s / 4): edges of eight directions, local contrast and gray value, a cell each."""
    smooth = _smoothing(images.shape[-1]).to(images.device)
    detail = images - smooth @ images @ smooth.T
    power = smooth @ (detail * detail) @ smooth.T
    local = detail / (power + power.mean(dim=(2, 3), keepdim=True) + FLAT).sqrt()
    along = functional.conv2d(local, _directions().to(images.device), padding=1)
    spread = (images.var(dim=(2, 3), keepdim=True) + FLAT).sqrt()
    tone = (images - images.mean(dim=(2, 3), keepdim=True)) / spread
    cells = functional.avg_pool2d(functional.relu(along), CELL).sqrt()
    return torch.cat([cells, functional.avg_pool2d(torch.cat([local, tone], dim=1), CELL)], dim=1)


@lru_cache(maxsize=8)
def _smoothing(side: int) -> Tensor:
    """(side, side) Gaussian weights of a sixteenth of the side, each row summing to 1 up to the border."""
    place = torch.arange(side, dtype=torch.float64) * (16 / side)
    weight = torch.exp(-0.5 * (place[:, None] - place[None]) ** 2)
    return (weight / weight.sum(dim=1, keepdim=True)).float()


@lru_cache(maxsize=1)
def _directions() -> Tensor:
    """(8, 1, 3, 3) Sobel filters, turned."""
    across = torch.tensor([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]]) / 8
    angles = [2 * math.pi * i / DIRECTIONS for i in range(DIRECTIONS)]
    return torch.stack([math.cos(a) * across + math.sin(a) * across.T for a in angles])[:, None]
