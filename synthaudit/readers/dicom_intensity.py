"""From stored values of DICOM to [0, 1], by fixed rules for each modality.

The file's own window is not used: it is a choice of whoever looked at the image, and two copies of one image may carry
two. CT has a fixed window in Hounsfield units. MR, PET and scintigraphy have a window by percentiles, of the whole
volume and not of each slice: otherwise an empty slice would be stretched to noise, and the slices of one volume would
not fit each other. All else has the whole range of the bits stored. More than 8 bits are kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

CT_WINDOW_HU = (-1024.0, 3071.0)
"""The 12 bits of a CT scanner: air to dense bone."""
PERCENTILES = (0.5, 99.5)
"""Of a volume whose values have no unit (MR), or no upper end (PET, scintigraphy)."""
PERCENTILE_MODALITIES = frozenset({"MR", "PT", "NM"})
LEAST_MERGED = 2**18
"""Distinct values that gather before they are merged with those of other images."""
WHOLE_RANGE_BITS_MAX = 16
"""Above, no image fills the range of its bits; it has a window by percentiles."""

RULES = {
    "CT": f"{CT_WINDOW_HU[0]:g} to {CT_WINDOW_HU[1]:g} HU",
    "MR, PT, NM": f"percentiles {PERCENTILES[0]:g} and {PERCENTILES[1]:g} of the volume, padding left out",
    "other": "the whole range of the bits stored",
}
"""Modality -> how its values are brought to [0, 1]; for an audit's provenance."""

Window = tuple[float, float]
"""Rescaled values that become 0 and 1."""


class Slope(NamedTuple):
    """Rescaled value = slope * stored value + intercept; `is_given` False where neither is in the header."""

    slope: float
    intercept: float
    is_given: bool


class Tally(NamedTuple):
    """Distinct rescaled values, ascending, and how often each was seen."""

    values: NDArray[np.float64]
    counts: NDArray[np.int64]


def number(holder: Any, keyword: str, otherwise: float) -> float:
    """A finite number of the header; `otherwise` where it has none."""
    try:
        value = float(holder.get(keyword, otherwise))
    except Exception:  # a value that does not fit its type is no value
        return otherwise
    return value if np.isfinite(value) else otherwise


def has_percentile_window(dataset: Any) -> bool:
    """Whether the window of an image depends on the values of its whole volume."""
    is_gray = str(dataset.get("PhotometricInterpretation", "")).startswith("MONOCHROME")
    is_open = str(dataset.get("Modality", "")) in PERCENTILE_MODALITIES
    return is_gray and (is_open or number(dataset, "BitsStored", 0) > WHOLE_RANGE_BITS_MAX)


def tally(values: NDArray[Any], dataset: Any, slope: Slope) -> Tally:
    """The rescaled values of one image, without the padding outside its field of view; all if all is padding."""
    seen, counts = np.unique(values, return_counts=True)
    inside = ~_is_padding(seen, dataset)
    if inside.any():
        seen, counts = seen[inside], counts[inside]
    rescaled = seen.astype(np.float64) * slope.slope + slope.intercept
    order = np.argsort(rescaled, kind="stable")
    return Tally(rescaled[order], counts[order].astype(np.int64))


def together(tallies: Iterable[Tally]) -> Tally:
    """The tally of all images of a volume; empty without any. Memory holds its distinct values about three times."""
    total, waiting, size = Tally(np.empty(0), np.empty(0, np.int64)), list[Tally](), 0
    for one in tallies:
        waiting.append(one)
        size += len(one.values)
        # Merged when as much has gathered as is there already: so each value is sorted a few times, not once an image.
        if size > max(len(total.values), LEAST_MERGED):
            total, waiting, size = _merged([total, *waiting]), [], 0
    return _merged([total, *waiting])


def _merged(parts: Sequence[Tally]) -> Tally:
    values, place = np.unique(np.concatenate([part.values for part in parts]), return_inverse=True)
    counts = np.zeros(len(values), np.int64)
    np.add.at(counts, place, np.concatenate([part.counts for part in parts]))
    return Tally(values, counts)


def percentile_window(total: Tally) -> Window:
    """The percentiles, as numpy's `percentile` gives them of all values; the whole range where these are equal."""
    low, high = (_quantile(total, percentile / 100) for percentile in PERCENTILES)
    return (low, high) if high > low else (float(total.values[0]), float(total.values[-1]))


def fixed_window(dataset: Any, slope: Slope, largest: float) -> Window:
    """The window of an image whose values have a meaning by themselves.

    Args:
        dataset: The header.
        slope: Of the image.
        largest: Largest stored value; only asked for where a table in the header replaces the stored values.
    """
    is_hounsfield = str(dataset.get("RescaleType") or "HU") in ("HU", "HU_MOD") and slope.is_given
    if str(dataset.get("Modality", "")) == "CT" and is_hounsfield:
        return CT_WINDOW_HU
    bits = int(dataset.BitsStored)
    least = -(2 ** (bits - 1)) if dataset.PixelRepresentation == 1 else 0
    if dataset.get("ModalityLUTSequence"):
        least, bits = 0, max(8, int(np.ceil(np.log2(largest + 1))))
    low, high = sorted(end * slope.slope + slope.intercept for end in (least, least + 2**bits - 1))
    return low, high


def gray_unit(values: NDArray[Any], slope: Slope, window: Window) -> NDArray[np.float32]:
    """Stored gray values in [0, 1], before MONOCHROME1 is inverted."""
    rescaled = values.astype(np.float64) * slope.slope + slope.intercept
    low, high = window
    unit = (rescaled - low) / (high - low) if high > low else np.zeros_like(rescaled)
    return np.clip(unit, 0, 1).astype(np.float32)


def _quantile(total: Tally, share: float) -> float:
    """Linear between the two nearest ranks, rounded as numpy rounds it."""
    ends = np.cumsum(total.counts)
    place = share * float(ends[-1] - 1)
    below = int(np.floor(place))
    low, high = (
        float(total.values[np.searchsorted(ends, rank, side="right")]) for rank in (below, min(below + 1, ends[-1] - 1))
    )
    part = place - below
    return high - (high - low) * (1 - part) if part >= 0.5 else low + (high - low) * part


def _is_padding(values: NDArray[Any], dataset: Any) -> NDArray[np.bool_]:
    """Which stored values stand for no image: the padding value, or all from it to its range limit."""
    ends = [number(dataset, name, np.nan) for name in ("PixelPaddingValue", "PixelPaddingRangeLimit")]
    if dataset.PixelRepresentation == 1:
        # Without the type in the file, a signed number may have been read as an unsigned one.
        bits = int(dataset.BitsAllocated)
        ends = [end - 2**bits if end >= 2 ** (bits - 1) else end for end in ends]
    if np.isnan(ends[0]):
        return np.zeros(values.shape, np.bool_)
    low, high = (ends[0], ends[0]) if np.isnan(ends[1]) else (min(ends), max(ends))
    return np.asarray((values >= low) & (values <= high), dtype=np.bool_)
