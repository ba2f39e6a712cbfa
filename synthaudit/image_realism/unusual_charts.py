"""The pictures of unusual images: shares with intervals, things put in, and scores."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from synthaudit.finding import Chart, ChartKind, Measure, Series
from synthaudit.image_realism.judged import TO_LOOK_AT, Judged

IMAGES_PER_BIN = 20
SCORE_RANGE = (-1.5, 4.0)
"""Of the chart; what lies beyond is counted at its ends."""


def share_chart(shares: tuple[Measure, ...]) -> Chart:
    """Shares to look at, beside those of held-out images."""
    names = ("all together", "a part stands out", "unusual throughout", "unusual as a whole")
    made = Series(
        "synthetic images",
        names,
        tuple(one.value or 0.0 for one in shares),
        tuple(one.low or 0.0 for one in shares),
        tuple(one.high or 0.0 for one in shares),
    )
    floors = [(name, one.floor) for name, one in zip(names, shares, strict=True) if one.floor is not None]
    in_place = Series("real images in their place", tuple(n for n, _ in floors), tuple(f for _, f in floors))
    return Chart(
        "to_look_at",
        "Images that a reader should look at",
        ChartKind.INTERVALS,
        "",
        "share of the images",
        (made, in_place) if floors else (made,),
        "An image is to be looked at if no more than one real image in twenty is as unusual. Real images: the held-out "
        "ones, or all where nothing was held out.",
        marker=TO_LOOK_AT,
        marker_label="images of fresh patients",
    )


def planted_chart(rest: tuple[Measure, ...]) -> Chart:
    """What of the things put in was found."""
    planted = [one for one in rest if one.name.startswith("planted_found")]
    return Chart(
        "planted_foreign",
        "Foreign things put into real images, and found",
        ChartKind.INTERVALS,
        "",
        "share found",
        (
            Series(
                "found",
                tuple(one.name[len("planted_found[") : -1] for one in planted),
                tuple(one.value or 0.0 for one in planted),
                tuple(one.low or 0.0 for one in planted),
                tuple(one.high or 0.0 for one in planted),
            ),
        ),
        "What is missed here would be missed in synthetic images, too.",
    )


def score_chart(judged: Judged) -> Chart:
    """Scores of real and of synthetic images."""
    real, made = (np.clip(one, *SCORE_RANGE) for one in judged.scores())
    bins = int(np.clip(min(real.size, made.size) // IMAGES_PER_BIN, 5, 22))
    edges = np.linspace(SCORE_RANGE[0], SCORE_RANGE[1], bins + 1)

    def series(name: str, scores: NDArray[np.float64]) -> Series:
        counts, _ = np.histogram(scores, edges)
        return Series(name, tuple(float(x) for x in edges[:-1]), tuple(float(n) for n in counts))

    return Chart(
        "unusual",
        "How unusual images are among real ones",
        ChartKind.HISTOGRAM,
        "score of an image (0: a usual real image; 1: one real image in twenty, in one of several ways)",
        "images",
        (series("real images, among other patients", real), series("synthetic images", made)),
        "Scores beyond the ends are counted in the outer bars.",
    )
