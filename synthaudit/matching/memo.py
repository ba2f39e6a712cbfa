"""What was computed of a query, or of a pair, so that audits of one data set need not do it again.

A benchmark audits the same images under many splits: the pool changes, and with it the candidates, but a pair of images
registers as it did before. Everything is kept under digests of pixels, so it holds whatever the images are called.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class Memo:
    """Results by key; grows without bound, so it is for as long as one data set is worked on.

    Threads may compute the same thing twice; the results are equal.

    Attributes:
        keeps: False for one that forgets at once.
    """

    keeps: bool = True
    _known: dict[Hashable, Any] = field(default_factory=dict)

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        """The value of `make()`, from the first call with this key."""
        if not self.keeps:
            return make()
        if key not in self._known:
            self._known[key] = make()
        value: T = self._known[key]
        return value

    def __contains__(self, key: Hashable) -> bool:
        return key in self._known

    def __len__(self) -> int:
        return len(self._known)


NOTHING = Memo(keeps=False)
"""For a single audit."""


def image_digest(image: NDArray[np.float32]) -> str:
    """Digest of an image's shape and gray values."""
    return hashlib.blake2b(np.ascontiguousarray(image).data, digest_size=16, key=repr(image.shape).encode()).hexdigest()
