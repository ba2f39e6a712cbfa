"""Synthetic images that a reader should look at, each with its map beside the nearest real images."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Picture
from PIL.Image import Resampling
from reportlab.lib.units import mm
from reportlab.platypus import Flowable, KeepTogether, Table

from synthaudit.audit_record import Audit
from synthaudit.finding import Doubtful, Unsupported
from synthaudit.reports import blocks, formats, image_realism
from synthaudit.reports.annex_panel import panel

SHADE = np.array([230, 120, 0], dtype=np.float32)
"""Orange, as the outlines of parts: seen on gray by people with any kind of color vision."""
_GAP = 4 * mm
_LEAD = (
    "No more than one real image in twenty is as unusual as these. That is no proof of an error: of images as real as "
    "those of further patients, one in twenty stands here, too. Orange marks what no real image shows at about that "
    "place; the deeper, the farther from all of them."
)
_REASONS = {
    "a part": "A part stands out",
    "throughout": "Unusual throughout (grain, sharpness, contrast), so that the map may show nothing",
    "as a whole": "The image as a whole lies apart from the real ones, whatever the map shows",
}


def section(audit: Audit, width: float) -> list[Flowable]:
    """The heading, and the images that the probe chose to show; nothing where none was judged."""
    images = [one for one in image_realism.ordered(audit) if one.shown is not None]
    judged = any(finding.doubtful for finding in audit.findings)
    if not judged:
        return []
    heading = blocks.section("Synthetic images to look at", room_mm=90)
    if not images:
        return [*heading, blocks.text("None is more unusual than one real image in twenty.")]
    total = sum(one.to_look_at for one in image_realism.ordered(audit))
    shown = f"Shown are {len(images)} of {total}, the most unusual first; image_realism.csv lists all."
    return [
        *heading,
        blocks.text(f"{_LEAD} {shown}"),
        *(KeepTogether(_image(one, one.shown, width)) for one in images if one.shown is not None),
    ]


def _image(one: Doubtful, shown: Unsupported, width: float) -> list[Flowable]:
    pictures = [shown.image, _overlay(shown), *shown.nearest]
    captions = [f"Synthetic: {one.synthetic_image}", "What no real image supports"]
    captions += [f"Real, nearest: {name}" for name in shown.nearest_names]
    columns = max(5, len(pictures))
    room = (width - (columns - 1) * _GAP) / columns
    filler = [blocks.text("")] * (columns - len(pictures))
    cells = [
        [*(panel(picture, room) for picture in pictures), *filler],
        [*(blocks.text(caption, "small") for caption in captions), *filler],
    ]
    grid = Table(
        cells,
        colWidths=[width / columns] * columns,
        hAlign="LEFT",
        style=[
            *blocks.FLUSH,
            ("RIGHTPADDING", (0, 0), (-1, -1), _GAP * (columns - 1) / columns),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 4),
        ],
    )
    return [grid, blocks.text(_judgment(one), "cell"), blocks.space(3)]


def _judgment(one: Doubtful) -> str:
    chances = f"p {formats.probability(one.p_value)}, q {formats.probability(one.q_value)}"
    return (
        f"{_REASONS[one.reason]}. Score {one.score:.2f} (1: one real image in twenty), {chances}; realism score "
        f"{one.realism:.2f}; {one.area:.0%} of its places are farther from every real image than 99 % of the places of "
        "real images are."
    )


def _overlay(shown: Unsupported) -> NDArray[np.uint8]:
    """The image in gray, tinted where the map says so."""
    height, width = shown.image.shape
    shade = Picture.fromarray(np.ascontiguousarray(shown.map)).resize((width, height), Resampling.BILINEAR)
    weight = 0.85 * np.asarray(shade, dtype=np.float32)[..., None] / 255
    gray = np.repeat(shown.image[..., None].astype(np.float32), 3, axis=2)
    return np.asarray(np.round((1 - weight) * gray + weight * SHADE), dtype=np.uint8)
