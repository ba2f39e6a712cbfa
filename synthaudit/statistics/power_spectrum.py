"""How much of a picture's contrast lies in coarse and in fine detail, and whether a grid lies over it.

Generators betray themselves by their spectrum: what is blurred lacks power at high frequencies, and layers that enlarge
by two or four leave a regular pattern: peaks, or gaps, where no anatomy has any. Neither is seen by an encoder that
looks at small canvases. The spectrum has lost where things are, so a picture with a right one may show nonsense.

Reference:
    Durall et al. 2020, arXiv 2003.01826 (spectra of generated images). Odena et al. 2016, doi 10.23915/distill.00003
    (checkerboards).
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from synthaudit.errors import UsageError

BANDS = 16
"""Equally wide rings from the mean to half a cycle a pixel, the finest pattern that pixels can show."""
LEAST_SIDE = 32
QUANTIZATION = (1.0 / 255.0) ** 2 / 12.0
"""Power that rounding to 8 bits adds everywhere; added to all, so that what is finer than that decides nothing."""
LATTICE = ((0, 2), (2, 0), (2, 2), (0, 1), (1, 0), (1, 1), (1, 2), (2, 1), (1, -1))
"""Frequencies, down and across, in quarters of a cycle a pixel, at which enlarging by two or by four shows."""
_NEAR, _AROUND = 1, 3
"""Half sides of a peak, and of the gap around it, in steps of frequency."""

Image = NDArray[np.floating]
Floats = NDArray[np.float64]


def power(image: Image) -> Floats:
    """(s, s) power at each frequency, in squared gray values for each pixel, from the mean upward as `fft2` has it.

    Args:
        image: (s, s) in [0, 1], s even and at least 32. Its edges are faded out, so that they leave no cross.

    Raises:
        UsageError: It has another shape.
    """
    side = image.shape[0]
    if image.ndim != 2 or image.shape[1] != side or side % 2 or side < LEAST_SIDE:
        raise UsageError(f"image must be square with an even side of at least {LEAST_SIDE} pixels, got {image.shape}")
    window = _window(side)
    faded = (np.asarray(image, dtype=np.float64) - float((window * image).sum() / window.sum())) * window
    return np.asarray(np.abs(np.fft.fft2(faded)) ** 2 / (window**2).sum() + QUANTIZATION)


def band_decibels(spectrum: Floats) -> Floats:
    """(16,) mean power of each ring, coarsest first, in decibels (10 log10); the corners beyond them are left out."""
    ring, counts = _rings(spectrum.shape[0])
    sums = np.bincount(ring.ravel(), weights=spectrum.ravel(), minlength=BANDS + 1)[:BANDS]
    return np.asarray(10.0 * np.log10(sums / counts))


def band_centers() -> Floats:
    """(16,) middle of each ring, in cycles a pixel."""
    return np.asarray((np.arange(BANDS) + 0.5) * 0.5 / BANDS)


def grid_decibels(spectrum: Floats) -> Floats:
    """(9,) how far the power at each frequency of the lattice stands above that around it, in decibels.

    Layers that spread and overlap leave peaks; enlarging by repetition leaves gaps. Pictures without a grid have some
    decibels, too, where an axis or the border of the spectrum lies; so it is read beside that of real images.
    """
    side = spectrum.shape[0]
    decibels = 10.0 * np.log10(spectrum)
    reach = max(_AROUND + 2, side // 16)
    found = []
    for down, across in LATTICE:
        rows = (down * side // 4 + np.arange(-reach, reach + 1)) % side
        columns = (across * side // 4 + np.arange(-reach, reach + 1)) % side
        box = decibels[np.ix_(rows, columns)]
        apart = np.maximum.outer(np.abs(np.arange(-reach, reach + 1)), np.abs(np.arange(-reach, reach + 1)))
        peak = 10.0 * np.log10(spectrum[np.ix_(rows, columns)][apart <= _NEAR].mean())
        found.append(peak - np.median(box[apart > _AROUND]))
    return np.array(found)


@lru_cache
def _window(side: int) -> Floats:
    one = np.hanning(side + 2)[1:-1]
    return np.outer(one, one)


@lru_cache
def _rings(side: int) -> tuple[NDArray[np.intp], Floats]:
    """(s, s) ring of each frequency, 16 for none; and (16,) how many frequencies each ring has."""
    one = np.fft.fftfreq(side)
    radius = np.hypot(one[:, None], one)
    # Each ring has its upper edge: at the least side, the coarsest would be empty without it.
    ring = np.clip(np.ceil(radius * 2 * BANDS - 1e-9).astype(np.intp) - 1, 0, BANDS)
    ring[0, 0] = BANDS  # the mean
    return ring, np.bincount(ring.ravel(), minlength=BANDS + 1)[:BANDS].astype(np.float64)
