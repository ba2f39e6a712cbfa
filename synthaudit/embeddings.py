"""Images as vectors: what an encoder is, and the vectors it made of a cohort."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray


@runtime_checkable
class Encoder(Protocol):
    """What every encoder has.

    Attributes:
        name: As the user asked for it, without any path: "descriptor", "openclip:ViT-B-16".
        dim: Length of its vectors.
        fingerprint: Hex digest of weights and preprocessing: equal fingerprints give equal vectors.
    """

    name: str
    dim: int
    fingerprint: str


@runtime_checkable
class PixelEncoder(Encoder, Protocol):
    """An encoder that can be shown any image: needed for planted copies and for query views.

    Attributes:
        input_size: Side of the square canvas it wants, in pixels.
        channels: 1 (gray) or 3 (RGB).
    """

    input_size: int
    channels: Literal[1, 3]

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
