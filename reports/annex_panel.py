"""One image on a page of the annex, with a part of it framed."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Picture
from PIL import ImageDraw
from PIL.Image import Resampling
from reportlab.lib.units import mm
from reportlab.platypus import Flowable, Image

PANEL_HEIGHT = 54 * mm
LARGEST_PIXELS = 640
"""Panels are shown no larger than this, which is finer than print; the files hold the rest."""
OUTLINED_PIXELS = 512
"""Panels with an outline are enlarged to about this, so that the line is thin."""
OUTLINE = (230, 120, 0)
"""Orange: seen on black and white, by people with any kind of color vision."""
Region = tuple[int, int, int, int]


def panel(image: NDArray[np.uint8], width: float, region: Region | None = None) -> Flowable:
    """The image, no wider than this and no higher than a row; with the part framed, if there is one.

    Args:
        image: (h, w) or (h, w, 3) uint8.
        width: Room there is, in points.
        region: (left, top, right, bottom) in pixels.
    """
    picture = Picture.fromarray(np.ascontiguousarray(image))
    if region is not None:
        picture = _outlined(picture, region)
    picture.thumbnail((LARGEST_PIXELS, LARGEST_PIXELS))
    content = BytesIO()
    picture.save(content, format="PNG")
    content.seek(0)
    scale = min(width / picture.width, PANEL_HEIGHT / picture.height)
    return Image(content, width=picture.width * scale, height=picture.height * scale, hAlign="LEFT")


def _outlined(picture: Picture.Image, region: Region) -> Picture.Image:
    """The picture with the part framed, just outside it where there is room: the part itself stays free to look at."""
    scale = max(1, round(OUTLINED_PIXELS / max(picture.size)))
    enlarged = picture.resize((picture.width * scale, picture.height * scale), Resampling.NEAREST).convert("RGB")
    line = max(1, max(enlarged.size) // 160)
    left, top, right, bottom = (scale * edge for edge in region)
    frame = (
        max(0, left - line),
        max(0, top - line),
        min(enlarged.width, right + line) - 1,
        min(enlarged.height, bottom + line) - 1,
    )
    ImageDraw.Draw(enlarged).rectangle(frame, outline=OUTLINE, width=line)
    return enlarged
