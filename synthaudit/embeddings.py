"""Images as vectors: what an encoder is, when it must be fitted first, and the vectors it made of a cohort."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from synthaudit.progress import Progress


@runtime_checkable
class Encoder(Protocol):
    """What every encoder has."""

    @property
    def name(self) -> str:
        """As the user asked for it, without any path: "descriptor", "openclip:ViT-B-16"."""
        ...

    @property
    def dim(self) -> int:
        """Length of its vectors."""
        ...

    @property
    def fingerprint(self) -> str:
        """Hex digest of weights and preprocessing: equal fingerprints give equal vectors."""
        ...


@runtime_checkable
class PixelEncoder(Encoder, Protocol):
    """An encoder that can be shown any image: needed for planted copies and for query views."""

    @property
    def input_size(self) -> int:
        """Side of the square canvas it wants, in pixels."""
        ...

    @property
    def channels(self) -> Literal[1, 3]:
        """1 for gray, 3 for RGB."""
        ...

    @property
    def fast(self) -> bool:
        """True if an image costs a millisecond or less on one core: queries are then looked up under many views."""
        ...

    def encode(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, dim) float32 rows of unit length, for (n, s, s) gray or (n, s, s, 3) RGB canvases in [0, 1]."""
        ...


@runtime_checkable
class TableEncoder(Encoder, Protocol):
    """An encoder whose vectors were made elsewhere: it knows the user's images only."""

    def rows(self, role: str, names: Sequence[str]) -> NDArray[np.float32]:
        """(n, dim) float32 rows of unit length, for the images of that role with these names, in this order."""
        ...


@dataclass(frozen=True, eq=False)
class RealImages:
    """The real images of an audit, without a word on who was trained on: all that an encoder may be fitted on.

    Attributes:
        digests: (n,) SHA-256 (hex) of each image's pixels, distinct and sorted.
        patients: (n,) whose image each is, as numbers in order of first appearance.
        read: Row -> the decoded image, (h, w) or (h, w, 3) float32 in [0, 1].
    """

    digests: tuple[str, ...]
    patients: NDArray[np.intp]
    read: Callable[[int], NDArray[np.float32]]

    def __len__(self) -> int:
        return len(self.digests)


@runtime_checkable
class UnfittedEncoder(Protocol):
    """An encoder that must be fitted on the real images of an audit before it can encode."""

    @property
    def name(self) -> str:
        """As the user asked for it; the fitted encoder bears the same name."""
        ...

    def fitted(
        self, images: RealImages, *, seed: int, folder: Path | None, workers: int, progress: Progress
    ) -> PixelEncoder:
        """The encoder, fitted; the same whichever side each image stands on.

        Args:
            images: Training and holdout images together.
            seed: Of every random choice.
            folder: Where a fit may be kept for the next audit of these images; None keeps nothing.
            workers: Threads that decode; nothing else depends on it.
            progress: Told how far it is.

        Raises:
            EncoderError: There are too few images.
        """
        ...


@dataclass(frozen=True, eq=False)
class Embeddings:
    """Vectors of a cohort, row for row.

    Attributes:
        encoder: Name of the encoder.
        fingerprint: Its fingerprint.
        vectors: (n, d) float32, rows of unit length; possibly memory-mapped.
    """

    encoder: str
    fingerprint: str
    vectors: NDArray[np.float32]

    def __len__(self) -> int:
        return int(self.vectors.shape[0])
