"""What a copy may look like: many images altered at once, each in its own way.

These are the alterations that generators are known to make of an image they kept: moved, cropped, bent, mirrored,
toned, blurred, noisy, compressed, blended with another, or pasted in part into another. They train the copy network;
the planted copies that measure this audit are made elsewhere, one at a time and at stated strengths.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True, slots=True)
class Strengths:
    """How far, and how often, images are altered; probabilities are of each image alone.

    Attributes:
        flip, upside_down, move, elastic, tone, blur, noise, jpeg, waves, blend, transplant: Probabilities.
        rotation_deg, shift, zoom, bend: Greatest turn, shift (share of the side), zoom (as its logarithm; a crop is a
            zoom above 1) and displacement of the elastic field (share of the side).
        gamma: Greatest gamma, as its logarithm.
        contrast: Greatest change of contrast, as its logarithm.
        sigma: Greatest standard deviation of the noise, in shares of the gray scale.
        blend_least: Least share of the image in a blend.
        region_least: Least share of the area in a transplant.
    """

    flip: float = 0.5
    upside_down: float = 0.05
    move: float = 0.6
    elastic: float = 0.25
    tone: float = 0.35
    blur: float = 0.15
    noise: float = 0.2
    jpeg: float = 0.1
    waves: float = 0.15
    blend: float = 0.15
    transplant: float = 0.15
    rotation_deg: float = 16.0
    shift: float = 0.13
    zoom: float = 0.45
    bend: float = 0.05
    gamma: float = 0.8
    contrast: float = 0.4
    sigma: float = 0.12
    blend_least: float = 0.45
    region_least: float = 0.2


@dataclass(frozen=True, slots=True, eq=False)
class Altered:
    """A batch of altered images.

    Attributes:
        images: (n, 1, s, s) in [0, 1].
        partner: (n,) the row of the batch that each was blended with or pasted into.
        share: (n,) how much of the image is left beside its partner; 1 where there is none.
    """

    images: Tensor
    partner: Tensor
    share: Tensor


def alter(images: Tensor, strengths: Strengths, generator: torch.Generator) -> Altered:
    """Every image altered in its own way.

    Args:
        images: (n, 1, s, s) in [0, 1], on any device.
        strengths: How far and how often.
        generator: On the CPU: the same choices on every device.
    """
    draw = _Draw(len(images), images.device, generator)
    x = _moved(images, strengths, draw)
    x, partner, share = _mixed(x, strengths, draw)
    x = _toned(x, strengths, draw)
    x = _subset(x, draw.chosen(strengths.blur), lambda part: _blurred(part, draw))
    x = _subset(x, draw.chosen(strengths.waves), lambda part: _fewer_waves(part, draw))
    sigma = draw.uniform(0.0, strengths.sigma) * draw.chosen(strengths.noise)
    x = x + sigma.view(-1, 1, 1, 1) * draw.normal_like(x)
    x = _subset(x.clamp(0.0, 1.0), draw.chosen(strengths.jpeg), lambda part: _compressed(part, draw))
    return Altered(x.clamp(0.0, 1.0), partner, share)


@dataclass(frozen=True, slots=True, eq=False)
class _Draw:
    """Random numbers, one an image, drawn on the CPU."""

    n: int
    device: torch.device
    generator: torch.Generator

    def uniform(self, low: float, high: float, n: int | None = None) -> Tensor:
        n = self.n if n is None else n
        return (low + (high - low) * torch.rand(n, generator=self.generator)).to(self.device)

    def chosen(self, probability: float) -> Tensor:
        return (torch.rand(self.n, generator=self.generator) < probability).to(self.device)

    def normal_like(self, x: Tensor) -> Tensor:
        return torch.randn(x.shape, generator=self.generator).to(self.device)


def _subset(x: Tensor, chosen: Tensor, change: object) -> Tensor:
    """The batch with the chosen images changed."""
    rows = chosen.nonzero()[:, 0]
    if not len(rows):
        return x
    out = x.clone()
    out[rows] = change(x[rows])  # type: ignore[operator]
    return out


def _moved(x: Tensor, s: Strengths, draw: _Draw) -> Tensor:
    """Mirrored, turned, shifted, zoomed and bent, in one resampling; the border is repeated outside."""
    n, side = len(x), x.shape[-1]
    move = draw.chosen(s.move)
    angle = draw.uniform(-1, 1) * draw.chosen(0.6) * move * math.radians(s.rotation_deg)
    # A zoom of 1.6 shows 62 % of the side; enlarging is far more common than shrinking.
    zoom = torch.exp(draw.uniform(-0.4, 1.0) * s.zoom * draw.chosen(0.7) * move)
    mirror = 1.0 - 2.0 * draw.chosen(s.flip).float()
    upside = 1.0 - 2.0 * draw.chosen(s.upside_down).float()
    reach = s.shift * 2 + (1 - 1 / zoom).clamp(min=0)
    chosen = draw.chosen(0.7) * move
    dx, dy = draw.uniform(-1, 1) * reach * chosen, draw.uniform(-1, 1) * reach * chosen
    cos, sin = torch.cos(angle) / zoom, torch.sin(angle) / zoom
    matrix = torch.stack(
        [torch.stack([cos * mirror, -sin * mirror, dx], 1), torch.stack([sin * upside, cos * upside, dy], 1)], 1
    )
    grid = functional.affine_grid(matrix, [n, 1, side, side], align_corners=False)
    bent = draw.chosen(s.elastic).float() * draw.uniform(0.3, 1.0) * s.bend * 2
    coarse = torch.randn(n, 2, 6, 6, generator=draw.generator).to(x.device) * bent.view(-1, 1, 1, 1) * 0.6
    field = functional.interpolate(coarse, size=(side, side), mode="bicubic", align_corners=False)
    return functional.grid_sample(
        x, grid + field.permute(0, 2, 3, 1), mode="bilinear", padding_mode="border", align_corners=False
    )


def _mixed(x: Tensor, s: Strengths, draw: _Draw) -> tuple[Tensor, Tensor, Tensor]:
    """Blended with another image of the batch, or a region pasted into it."""
    n, side = len(x), x.shape[-1]
    turn = int(torch.randint(1, max(2, n), (1,), generator=draw.generator))
    partner = (torch.arange(n, device=x.device) + turn) % n
    other = x[partner]
    blend = draw.chosen(s.blend)
    weight = torch.where(blend, draw.uniform(s.blend_least, 0.9), torch.ones(n, device=x.device))
    mask = weight.view(-1, 1, 1, 1).expand(n, 1, side, side)
    paste = draw.chosen(s.transplant) & ~blend
    area = draw.uniform(s.region_least, 0.8)
    ratio = torch.exp(draw.uniform(-0.4, 0.4))
    height, width = (area * ratio).sqrt().clamp(max=1.0), (area / ratio).sqrt().clamp(max=1.0)
    top, left = draw.uniform(0, 1) * (1 - height), draw.uniform(0, 1) * (1 - width)
    place = (torch.arange(side, device=x.device) + 0.5) / side
    # A soft border of some pixels: a generator leaves no hard edge.
    soft = side * draw.uniform(0.08, 1.0).view(-1, 1)
    rows = (torch.minimum(place - top[:, None], (top + height)[:, None] - place) * soft + 0.5).clamp(0, 1)
    columns = (torch.minimum(place - left[:, None], (left + width)[:, None] - place) * soft + 0.5).clamp(0, 1)
    region = (rows[:, :, None] * columns[:, None, :])[:, None]
    # Half of the time the region is what is foreign.
    region = torch.where((draw.chosen(0.5) & (area < 0.6)).view(-1, 1, 1, 1), 1 - region, region)
    mask = torch.where(paste.view(-1, 1, 1, 1), region, mask)
    share = mask.mean(dim=(1, 2, 3))
    return x * mask + other * (1 - mask), partner, share


def _toned(x: Tensor, s: Strengths, draw: _Draw) -> Tensor:
    """Another gamma, contrast and brightness."""
    chosen = draw.chosen(s.tone)
    gamma = torch.exp(draw.uniform(-1, 1) * s.gamma * chosen).view(-1, 1, 1, 1)
    gain = torch.exp(draw.uniform(-1, 1) * s.contrast * chosen).view(-1, 1, 1, 1)
    lift = (draw.uniform(-0.1, 0.1) * chosen).view(-1, 1, 1, 1)
    return ((x.clamp(1e-4, 1.0).pow(gamma) - 0.5) * gain + 0.5 + lift).clamp(0.0, 1.0)


def _blurred(x: Tensor, draw: _Draw) -> Tensor:
    """A Gaussian blur of one width for all these images, between half and 2.5 % of the side."""
    side = x.shape[-1]
    sigma = side * float(draw.uniform(0.005, 0.025, 1))
    half = max(1, math.ceil(2.5 * sigma))
    kernel = torch.exp(-0.5 * (torch.arange(-half, half + 1, device=x.device) / sigma) ** 2)
    kernel = kernel / kernel.sum()
    padded = functional.pad(x, (half, half, half, half), mode="replicate")
    rows = functional.conv2d(padded, kernel.view(1, 1, -1, 1))
    return functional.conv2d(rows, kernel.view(1, 1, 1, -1))


@lru_cache(maxsize=8)
def _cosines(side: int) -> Tensor:
    """(side, side) orthonormal DCT-II."""
    order, place = torch.arange(side)[:, None], torch.arange(side)[None]
    matrix = torch.cos(math.pi * (place + 0.5) * order / side) * math.sqrt(2 / side)
    matrix[0] /= math.sqrt(2)
    return matrix


def _fewer_waves(x: Tensor, draw: _Draw) -> Tensor:
    """Only the lowest DCT coefficients: what a narrow latent space keeps of an image."""
    side = x.shape[-1]
    cosines = _cosines(side).to(x.device)
    kept = side * draw.uniform(0.12, 0.5, len(x)).view(-1, 1, 1, 1)
    order = torch.arange(side, device=x.device)
    low = (order[:, None] < kept) & (order[None] < kept)
    return cosines.T @ ((cosines @ x @ cosines.T) * low) @ cosines


def _compressed(x: Tensor, draw: _Draw) -> Tensor:
    """As JPEG does it: 8 x 8 blocks, DCT, coarser steps for higher frequencies."""
    n, side = len(x), x.shape[-1]
    cosines = _cosines(8).to(x.device)
    blocks = x.view(n, side // 8, 8, side // 8, 8).permute(0, 1, 3, 2, 4)
    order = torch.arange(8, device=x.device)
    steps = (16 + 9 * (order[:, None] + order[None])) / 255
    steps = steps * torch.exp(draw.uniform(-1.0, 1.6, n)).view(-1, 1, 1, 1, 1)
    coded = torch.round((cosines @ blocks @ cosines.T) / steps) * steps
    return (cosines.T @ coded @ cosines).permute(0, 1, 3, 2, 4).reshape(n, 1, side, side)
