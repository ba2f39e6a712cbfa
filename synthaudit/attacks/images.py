"""Real images as the generator knows images: of its size, in its range of values."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from synthaudit.errors import NotEnoughData
from synthaudit.generators.protocol import GeneratorSpec, Images
from synthaudit.pixels import canvas, to_gray


def generator_images(images: Iterable[NDArray[np.float32]], spec: GeneratorSpec) -> Images:
    """(n, h, w) float32 images in the generator's range, of (h, w) or (h, w, 3) images in [0, 1] of any size.

    A square generator sees each image whole, in gray: padded to a square with its own border's median, then averaged or
    interpolated to size, as the reference generators read what they are trained on. One that is not square sees images
    of exactly its size only. Values are stretched from [0, 1] to the generator's range; whoever trained it on another
    window has to hand the audit images in that window.

    Raises:
        NotEnoughData: The generator makes volumes, does not say of what size its images are, or is not square and
            the images have another size.
    """
    if len(spec.shape) != 2 or min(spec.shape) < 1:
        made = "volumes" if len(spec.shape) == 3 else "images of a size that it does not tell"
        raise NotEnoughData(f"real images can only be shown to a generator of images of a known size, got {made}")
    height, width = spec.shape
    low, high = spec.value_range
    shown = []
    for image in images:
        gray = canvas(image, height) if height == width else to_gray(image)
        if gray.shape != spec.shape:
            raise NotEnoughData(
                f"a generator that is not square can be shown images of its size ({height} x {width}) only, got others"
            )
        shown.append(low + gray * (high - low))
    return np.stack(shown).astype(np.float32)


def display_images(x: Images, spec: GeneratorSpec) -> NDArray[np.float32]:
    """The generator's images in [0, 1], as the audit reads images."""
    low, high = spec.value_range
    return np.asarray(np.clip((x - low) / (high - low), 0, 1), dtype=np.float32)
