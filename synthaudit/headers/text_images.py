"""Which images of a cohort have text burned in, and what an optional reader makes of it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from synthaudit.cohort import Cohort
from synthaudit.headers.burned_in import Box, TextRow, text_rows
from synthaudit.headers.patterns import id_words, looks_like, name_pairs
from synthaudit.headers.read import Headers
from synthaudit.headers.record import Said, Topic, Weight
from synthaudit.headers.sealing import IDENTITY, Sealer
from synthaudit.parallel import ordered_map
from synthaudit.pixels import to_gray
from synthaudit.progress import Progress

BURNED_IN = "burned-in text"
MOST_CROPS_READ = 24
"""Crops given to the reader of text: each takes a fraction of a second."""
READING_S = 5.0
MOST_ROWS = 8
_CROP_HEIGHT = 64
"""Pixels to which a crop is enlarged before it is read."""


@dataclass(frozen=True, slots=True, eq=False)
class BurnedIn:
    """An image with text in it.

    Attributes:
        row: Of the cohort.
        rows: What was found, longest first, at most a few.
        crop: (h, w) uint8, the longest, upright.
        looks_like: What of a person the text read looks like; "" if like nothing, or if nothing was read.
        words: Keyed digests of the words read that may be an id or a name.
        was_read: Whether a reader found letters in it.
    """

    row: int
    rows: tuple[TextRow, ...]
    crop: NDArray[np.uint8] = field(repr=False)
    looks_like: str = ""
    words: tuple[bytes, ...] = field(default=(), repr=False)
    was_read: bool = False


def images_with_text(
    cohort: Cohort, chosen: Sequence[int], *, workers: int = 1, progress: Progress | None = None
) -> list[BurnedIn]:
    """Those of the chosen images that have a row of letters somewhere, in their order."""
    progress = progress or Progress()

    def look(row: int) -> BurnedIn | None:
        image = cohort.sources[row].read()
        rows = text_rows(image)
        return (
            BurnedIn(row, tuple(rows[:MOST_ROWS]), crop(image, rows[0].box, upright=rows[0].upright)) if rows else None
        )

    stage = f"text in {cohort.role.value} images"
    found = ordered_map(look, progress.track(list(chosen), stage, len(chosen)), workers)
    return [one for one in found if one is not None]


def crop(image: NDArray[np.float32], box: Box, *, upright: bool) -> NDArray[np.uint8]:
    """The part of an image within a box, and some of what is around; text that stands on its side is laid down."""
    left, top, right, bottom = box
    high = min(right - left, bottom - top)
    # Letters at the ends are the ones most easily missed.
    along, across = 2 * high, max(4, high // 3)
    aside, above = (along, across) if upright else (across, along)
    part = to_gray(image)[max(0, top - above) : bottom + above, max(0, left - aside) : right + aside]
    shown = np.clip(part * 255 + 0.5, 0, 255).astype(np.uint8)
    return np.ascontiguousarray(shown if upright else np.rot90(shown))


def with_burned_in(headers: Headers, found: Sequence[BurnedIn]) -> Headers:
    """The headers, and beside them the words that were read in the images, to be compared like a header's."""
    words = {one.row: one.words for one in found if one.words}
    files = []
    for file in headers.files:
        read = tuple(word for row in file.rows for word in words.get(row, ()))
        said = (Said("pixels", BURNED_IN, Topic.BURNED_IN, Weight.COMMON, b"", read),) if read else ()
        files.append(replace(file, header=replace(file.header, said=(*file.header.said, *said))))
    return replace(headers, files=tuple(files))


def can_read() -> bool:
    """Whether Tesseract is installed here."""
    return shutil.which("tesseract") is not None


def as_read(found: Sequence[BurnedIn], sealer: Sealer) -> list[BurnedIn]:
    """The same, the first crops read by Tesseract where it is installed; the text itself is not kept.

    Crops only, one line each, and with a time-out: on the texture of a whole image it takes half a minute to read junk.
    """
    if not can_read():
        return list(found)
    return [_read(one, sealer) for one in found[:MOST_CROPS_READ]] + list(found[MOST_CROPS_READ:])


def _read(one: BurnedIn, sealer: Sealer) -> BurnedIn:
    text = line_of(one.crop)
    solid = sum(sign.isalnum() for sign in text)
    words = [sealer.seal(IDENTITY, word) for word in (*id_words(text), *name_pairs(text))]
    return BurnedIn(one.row, one.rows, one.crop, looks_like(text), tuple(words), solid >= 3)


def line_of(picture: NDArray[np.uint8]) -> str:
    """The line of text in a crop as Tesseract reads it; "" if it reads nothing, or not in time."""
    import cv2

    scale = max(1.0, _CROP_HEIGHT / picture.shape[0])
    large = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    if large.mean() < 128:
        large = 255 - large
    encoded = cv2.imencode(".png", large)[1].tobytes()
    command = ["tesseract", "stdin", "stdout", "--psm", "7"]
    try:
        # One thread each: more would fight for the same cores.
        alone = {**os.environ, "OMP_THREAD_LIMIT": "1"}
        done = subprocess.run(command, input=encoded, capture_output=True, timeout=READING_S, check=False, env=alone)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.decode("utf-8", "replace").strip()
