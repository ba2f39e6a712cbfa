"""The ways images are turned and cut before they are compared, so that an altered copy still finds its source.

A *view* turns the query: mirrored, shifted, rotated. A *window* cuts the real image, so that a cropped and enlarged
copy is compared with what it shows, and not with itself shrunk inside an invented border.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class View:
    """A mirror and a similarity transform of a square canvas, about its center.

    Attributes:
        flip: Mirror left and right first.
        rotation_deg: Counter-clockwise.
        zoom: Above 1 enlarges.
        dx, dy: Shift to the right and down, as a share of the side.
    """

    flip: bool = False
    rotation_deg: float = 0.0
    zoom: float = 1.0
    dx: float = 0.0
    dy: float = 0.0

    def matrix(self, size: int) -> NDArray[np.float32]:
        """(2, 3) map from the mirrored canvas's pixels to the view's, for a side of `size` pixels."""
        import cv2

        center = size / 2 - 0.5
        matrix = cv2.getRotationMatrix2D((center, center), self.rotation_deg, self.zoom)
        matrix[:, 2] += np.array([self.dx * size, self.dy * size])
        return np.asarray(matrix, dtype=np.float32)

    def apply(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """The view of a (size, size) or (size, size, c) canvas; what comes in from outside repeats the border."""
        import cv2

        if self.flip:
            image = np.ascontiguousarray(image[:, ::-1])
        if (self.rotation_deg, self.zoom, self.dx, self.dy) == (0.0, 1.0, 0.0, 0.0):
            return np.ascontiguousarray(image)
        size = image.shape[0]
        warped = cv2.warpAffine(
            image, self.matrix(size), (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        return np.asarray(warped, dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Window:
    """A square part of a square canvas.

    Attributes:
        share: Side, as a share of the canvas's.
        left, top: Where it begins, as shares of the canvas's side.
    """

    share: float = 1.0
    left: float = 0.0
    top: float = 0.0

    def cut(self, image: NDArray[np.float32], side: int) -> NDArray[np.float32]:
        """The (side, side) or (side, side, c) window of a canvas of side `round(side / share)`: pixels as they are."""
        x, y = (round(offset * image.shape[0]) for offset in (self.left, self.top))
        return image[y : y + side, x : x + side]

    def matrix(self, size: int) -> NDArray[np.float32]:
        """(2, 3) map from the window, enlarged to `size` pixels, to the canvas of that side."""
        middle = (self.share - 1) / 2
        return np.array(
            [[self.share, 0, self.left * size + middle], [0, self.share, self.top * size + middle]], dtype=np.float32
        )


@dataclass(frozen=True, slots=True)
class Start:
    """Under which view, and in which window of the real image, a pair looked most alike."""

    view: View = View()
    window: Window = Window()

    def matrix(self, size: int) -> NDArray[np.float32]:
        """(2, 3) map from the mirrored query's pixels to the real image's, for a side of `size` pixels."""
        last = np.array([[0, 0, 1]])
        both = np.vstack([self.window.matrix(size), last]) @ np.vstack([self.view.matrix(size), last])
        return np.asarray(both[:2], dtype=np.float32)


def _upright() -> tuple[View, ...]:
    corners = tuple(product((1, -1), (1, -1)))
    return (
        View(),
        View(rotation_deg=6.0),
        View(rotation_deg=-6.0),
        View(zoom=1.15),
        View(zoom=0.84),
        *(View(dx=0.055 * a, dy=0.055 * b) for a, b in corners),
        *(View(zoom=0.84, dx=0.05 * a, dy=0.05 * b) for a, b in corners),
    )


MANY: tuple[View, ...] = tuple(
    View(flip, v.rotation_deg, v.zoom, v.dx, v.dy) for flip in (False, True) for v in _upright()
)
"""For encoders that cost less than a millisecond an image: registration starts within its reach for turns of 9 degrees,
shifts of 8 % and crops to 80 %. Chosen on one half of the patients of four public sets."""


def _between() -> tuple[View, ...]:
    """Half a step along each axis, and crops too mild for a window: what lies between the other views."""
    axes, corners = ((1, 0), (-1, 0), (0, 1), (0, -1)), tuple(product((1, -1), (1, -1)))
    half = [View(dx=0.0275 * a, dy=0.0275 * b) for a, b in axes]
    mild = [View(zoom=0.94, dx=0.027 * a, dy=0.027 * b) for a, b in corners]
    return tuple(View(flip, v.rotation_deg, v.zoom, v.dx, v.dy) for flip in (False, True) for v in (*half, *mild))


BESIDE_WINDOWS: tuple[View, ...] = tuple(v for v in MANY if v.zoom >= 1 or not v.dx) + _between()
"""Where the real images are cut into windows: those find the crops, which leaves time for finer steps."""

_STEPS = (0.0, 0.08, 0.16)
WINDOWS: tuple[Window, ...] = tuple(Window(0.84, left, top) for top in _STEPS for left in _STEPS)
"""Crops of 80 to 90 % lie within registration's reach of one of these (all of 40 crops of each of two public sets were
among the first eight candidates, against .71 and .88 with shrunken queries)."""

FEW: tuple[View, ...] = (View(), View(flip=True))
"""For networks."""
