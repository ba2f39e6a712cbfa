"""What happens to a canvas before a network sees it: its size, its channels, and the mean and deviation taken out.

Nothing is guessed: a network shown pixels on another scale than it was trained on still gives vectors, and nobody
would notice. Where neither the architecture nor the file says it, the user must.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from synthaudit.encoders.weights import Weights
from synthaudit.errors import EncoderError

FILE = "preprocessing.json"
VERSION = "canvas-1"
"""Of what comes before: a change of `pixels.canvas` is a change of this."""

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """`(pixel - mean) / std`, for pixels in [0, 1] of a square canvas.

    Attributes:
        input_size: Side of the canvas, in pixels.
        channels: 1 for gray, 3 for RGB.
        mean, std: One number for each channel, for pixels in [0, 1].
    """

    input_size: int
    channels: Literal[1, 3]
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __post_init__(self) -> None:
        if (
            self.channels not in (1, 3)
            or not 1 <= self.input_size <= 4096
            or not len(self.mean) == len(self.std) == self.channels
            or min(self.std) <= 0
        ):
            raise ValueError("input_size, channels (1 or 3), mean and std (positive), one number for each channel")

    def to_json(self) -> str:
        """As the file holds it."""
        return json.dumps(asdict(self), indent=2) + "\n"


def read_preprocessing(name: str, file: Path) -> Preprocessing:
    """The preprocessing that a file tells of.

    Raises:
        EncoderError: It is not there, or does not say what it must.
    """
    try:
        told: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        return Preprocessing(
            input_size=int(told["input_size"]),
            channels=told["channels"],
            mean=tuple(map(float, told["mean"])),
            std=tuple(map(float, told["std"])),
        )
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise EncoderError(
            f"encoder {name} needs {file.name} with how its images are prepared, for example "
            '{"input_size": 224, "channels": 3, "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]} for '
            f"pixels in [0, 1], found {type(error).__name__}"
            + ("" if isinstance(error, OSError | KeyError) else f": {error}")
        ) from error


def preprocessing_beside(name: str, weights: Weights) -> Preprocessing | None:
    """What lies with the weights: preprocessing.json in the store, FILE.json beside a FILE elsewhere; None if nothing.

    Raises:
        EncoderError: The file does not say what it must.
    """
    file = weights.bundle / FILE if weights.bundle else weights.file.with_name(weights.file.name + ".json")
    return read_preprocessing(name, file) if file.is_file() else None


def preprocessing_needed(name: str, weights: Weights) -> Preprocessing:
    """What lies with the weights; for files that do not say themselves how their images are prepared.

    Raises:
        EncoderError: Nothing lies there.
    """
    found = preprocessing_beside(name, weights)
    return found or read_preprocessing(name, weights.file.with_name(weights.file.name + ".json"))
