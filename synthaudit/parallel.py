"""Map over threads, in order, with bounded memory.

Threads, not processes: decoding (Pillow, OpenCV, pydicom's codecs) and the numeric kernels release the interpreter
lock, and threads share the decoded images.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def default_workers() -> int:
    """The processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def ordered_map(function: Callable[[T], R], items: Iterable[T], workers: int) -> Iterator[R]:
    """Yield `function(item)` for each item, in the order of `items`, at most `4 * workers` ahead of the consumer.

    An exception raised by `function` is raised here, at the place of its item; what was queued behind it is dropped.
    """
    if workers <= 1:
        for item in items:
            yield function(item)
        return
    pool = ThreadPoolExecutor(workers, thread_name_prefix="synthaudit")
    waiting: deque[Future[R]] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) >= 4 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()
        pool.shutdown(wait=True, cancel_futures=True)
