"""Pictures of realism: every measure beside another real sample, and the spectrum."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from synthaudit.finding import Chart, ChartKind, Series
from synthaudit.realism.judged import standard_errors
from synthaudit.realism.measured import Result
from synthaudit.realism.notes import Asks
from synthaudit.realism.pictures import Pictures, PictureSides
from synthaudit.statistics.power_spectrum import band_centers

FURTHEST = 12.0
"""Standard errors beyond which a measure is drawn at the edge."""

_REALISM = (
    "Fidelity beside another real sample",
    "standard errors beyond other real images (right: less like the training images)",
    {Asks.FAR, Asks.INSIDE},
)
_VARIETY = (
    "Variety beside as many real images",
    "standard errors from real images (right: more varied)",
    {Asks.VARIED, Asks.COVERS, Asks.REACHES, Asks.ALIKE},
)


def charts(results: Sequence[Result], sides: PictureSides) -> tuple[Chart, ...]:
    """All of them; a chart without points is left out."""
    beside = (_beside(results, name, *what) for name, what in (("realism", _REALISM), ("realism-variety", _VARIETY)))
    return (*(one for one in beside if one is not None), _spectrum(sides))


def _beside(results: Sequence[Result], name: str, title: str, axis: str, asks: set[Asks]) -> Chart | None:
    points = list(_points(results, asks))
    if not points:
        return None
    cut = any(abs(value) > FURTHEST for _, value, _ in points)
    return Chart(
        name,
        title,
        ChartKind.INTERVALS,
        "",
        axis,
        (
            Series(
                "synthetic",
                tuple(label for label, *_ in points),
                tuple(float(np.clip(value, -FURTHEST, FURTHEST)) for _, value, _ in points),
                tuple(float(np.clip(value - reach, -FURTHEST, FURTHEST)) for _, value, reach in points),
                tuple(float(np.clip(value + reach, -FURTHEST, FURTHEST)) for _, value, reach in points),
            ),
        ),
        "Each measure of the synthetic images less that of as many other real images, over the standard error of that "
        "difference, with 95 % intervals; an interval that holds 0 is what chance explains."
        + (f" What lies beyond {FURTHEST:.0f} is drawn there." if cut else ""),
        marker=0.0,
        marker_label="other real images",
    )


def _points(results: Sequence[Result], asks: set[Asks]) -> Iterator[tuple[str, float, float]]:
    encoders = {one.encoder for one in results if one.encoder}
    for one in results:
        place = standard_errors(one) if one.about.asks in asks else None
        if place is not None:
            label = f"{one.about.label}: {one.encoder}" if one.encoder and len(encoders) > 1 else one.about.label
            yield label, *place


def _spectrum(sides: PictureSides) -> Chart:
    x = tuple(round(float(one), 4) for one in band_centers())
    middle = sides.train.bands.mean(axis=0)

    def series(name: str, some: Pictures) -> Series:
        mean = some.bands.mean(axis=0) - middle
        error = 1.96 * some.bands.std(axis=0, ddof=1) / np.sqrt(len(some))
        low, value, high = ([round(float(y), 4) for y in one] for one in (mean - error, mean, mean + error))
        return Series(name, x, tuple(value), tuple(low), tuple(high))

    return Chart(
        "realism-spectrum",
        "Power of coarse and of fine detail",
        ChartKind.LINES,
        "cycles a pixel (left: coarse, right: fine)",
        "decibels, less those of the training images",
        (series("synthetic", sides.made), series("other real images", sides.held)),
        "Mean log power of the middle of the images, with 95 % intervals over images. A line that falls to the right "
        "is blur, one that rises is noise.",
    )
