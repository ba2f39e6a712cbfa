"""Bytes kept in memory up to a limit, those not used for longest let go first."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class BoundedMemory(Generic[T]):
    """Key -> value; safe for threads. The last one is kept whatever its size: it is likely to be asked for again."""

    def __init__(self, limit_bytes: int, size_of: Callable[[T], int]) -> None:
        self._limit, self._size_of = limit_bytes, size_of
        self._kept: OrderedDict[Hashable, T] = OrderedDict()
        self._used = 0
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """What is kept under the key; else what `make` makes, which is then kept."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        # Made outside of the lock: two threads may make the same, which costs time and nothing else.
        value = make()
        size = self._size_of(value)
        with self._lock:
            if key not in self._kept:
                self._kept[key] = value
                self._used += size
                while self._used > self._limit and len(self._kept) > 1:
                    self._used -= self._size_of(self._kept.popitem(last=False)[1])
        return value
