"""The networks of the translators: a U-net small enough for one core, and a critic that looks at patches."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional


class PairUNet(nn.Module):
    """One image of another: (b, channels, h, w) in, (b, 1, h, w) out; h and w are multiples of `multiple`.

    The image is folded into `patch` x `patch` times as many channels first and unfolded last, which loses nothing and
    costs a core a quarter at 2. The last layer starts at zero, so an untrained network makes zeros: what is added to
    the image of today, to begin with, is no change.

    Args:
        channels: Of the input.
        width: Channels at the finest level; each coarser one has twice as many.
        levels: Number of times that the image is halved.
        patch: Side of the folded squares.
    """

    def __init__(self, channels: int, width: int, levels: int, patch: int) -> None:
        super().__init__()
        widths = [width * 2**level for level in range(levels + 1)]
        self.multiple = patch * 2**levels
        self.fold, self.unfold = nn.PixelUnshuffle(patch), nn.PixelShuffle(patch)
        self.first = nn.Conv2d(channels * patch**2, width, 3, padding=1)
        self.down = nn.ModuleList(_Block(a, a) for a in widths[:-1])
        self.halve = nn.ModuleList(nn.Conv2d(a, b, 2, stride=2) for a, b in pairwise(widths))
        self.middle = _Block(widths[-1], widths[-1])
        self.widen = nn.ModuleList(nn.ConvTranspose2d(b, a, 2, stride=2) for a, b in pairwise(widths))
        self.up = nn.ModuleList(_Block(2 * a, a) for a in widths[:-1])
        self.last = nn.Conv2d(width, patch**2, 3, padding=1)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        """(b, 1, h, w)."""
        x = self.first(self.fold(x))
        kept = []
        for block, halve in zip(self.down, self.halve, strict=True):
            x = block(x)
            kept.append(x)
            x = halve(x)
        x = self.middle(x)
        for block, widen, fine in zip(reversed(self.up), reversed(self.widen), reversed(kept), strict=True):
            x = block(torch.cat([widen(x), fine], dim=1))
        made: Tensor = self.unfold(self.last(x))
        return made


class PatchCritic(nn.Module):
    """Logits of whether each patch of the second image belongs to the first: (b, 2, h, w) in, (b, 1, h/8, w/8) out.

    Reference: Isola, Zhu, Zhou, Efros 2017, arXiv:1611.07004.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(2, width, 4, stride=2, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(width, 2 * width, 4, stride=2, padding=1),
            nn.GroupNorm(4, 2 * width),
            nn.LeakyReLU(0.2),
            nn.Conv2d(2 * width, 4 * width, 4, stride=2, padding=1),
            nn.GroupNorm(4, 4 * width),
            nn.LeakyReLU(0.2),
            nn.Conv2d(4 * width, 1, 3, padding=1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(b, 1, h/8, w/8)."""
        logits: Tensor = self.layers(x)
        return logits


class _Block(nn.Module):
    """Two convolutions around a normalization by groups of channels: what one image gets depends on no other."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.enter = nn.Conv2d(channels, width, 3, padding=1)
        self.norm = nn.GroupNorm(4, width)
        self.leave = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.silu(self.enter(x))
        made: Tensor = x + functional.silu(self.leave(self.norm(x)))
        return made
