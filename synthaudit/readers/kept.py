"""The last few volumes that were read, so that a volume is read once and not once for each of its slices."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")

BUDGET_BYTES = 2**28
"""Of all that is kept together; what is larger than that is kept alone."""


@dataclass(slots=True)
class Kept(Generic[T]):
    """What was made from files, last used last; asked for from many threads, each thing is made once.

    Attributes:
        size: Bytes that one takes.
        budget_bytes: Above, what was used longest ago is let go; the last one never is.
    """

    size: Callable[[T], int]
    budget_bytes: int = BUDGET_BYTES
    _held: OrderedDict[Hashable, T] = field(default_factory=OrderedDict)
    _making: dict[Hashable, threading.Lock] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        """What is kept under the key; made now if it is not there. What `make` raises is raised, and nothing kept."""
        with self._lock:
            turn = self._making.setdefault(key, threading.Lock())
        with turn:
            with self._lock:
                if key in self._held:
                    self._held.move_to_end(key)
                    return self._held[key]
            try:
                made = make()
            finally:
                with self._lock:
                    self._making.pop(key, None)
            with self._lock:
                self._held[key] = made
                while len(self._held) > 1 and sum(map(self.size, self._held.values())) > self.budget_bytes:
                    self._held.popitem(last=False)
            return made
