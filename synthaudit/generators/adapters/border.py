"""Between a generator's own pixel values and this project's: gray, float32, in [0, 1].

The range is never guessed: it is what the generator states, or what the URI states over it. Samples that leave it show
that it is wrong, and are an error; whoever knows that their generator overshoots says `clip=yes`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthaudit.errors import InputError
from synthaudit.generators.protocol import Images
from synthaudit.pixels import to_gray

TOLERANCE = 1e-3
"""How far samples may leave their range, as a share of it: what rounding may do, and a wrong range does not."""


@dataclass(frozen=True, slots=True)
class Border:
    """Takes images across.

    Attributes:
        low: The generator's pixel value for black, 0 here.
        high: Its value for white, 1 here.
        clip: Whether values outside are cut off in silence.
    """

    low: float = 0.0
    high: float = 1.0
    clip: bool = False

    def inward(self, made: NDArray[Any]) -> Images:
        """(n, h, w) float32 in [0, 1] of (n, h, w), (n, h, w, 1) or (n, h, w, 3) images in the generator's range.

        Raises:
            InputError: They leave the range, or have another shape.
        """
        if made.ndim not in {3, 4} or (made.ndim == 4 and made.shape[-1] not in {1, 3}):
            raise InputError(f"samples must have shape (n, h, w) or (n, h, w, 3), got {made.shape}")
        unit = (made.astype(np.float32) - np.float32(self.low)) / np.float32(self.high - self.low)
        if unit.size and not self.clip:
            least, most = float(unit.min()), float(unit.max())
            # Written so that NaN is outside.
            if not (least >= -TOLERANCE and most <= 1 + TOLERANCE):
                span = self.high - self.low
                raise InputError(
                    f"samples must lie in [{self.low:g}, {self.high:g}], got {self.low + span * least:g} to "
                    f"{self.low + span * most:g}; state their range by range=LOW,HIGH, or cut them off by clip=yes"
                )
        if not np.isfinite(unit).all():
            raise InputError("samples must be finite, got NaN or infinity")
        unit = np.clip(unit, 0, 1)
        if unit.ndim == 4:
            unit = unit[..., 0] if unit.shape[-1] == 1 else to_gray(unit)
        return np.ascontiguousarray(np.clip(unit, 0, 1), dtype=np.float32)

    def outward(self, x: Images) -> Images:
        """Images in the generator's range, of images in [0, 1]."""
        return np.asarray(x * np.float32(self.high - self.low) + np.float32(self.low), dtype=np.float32)
