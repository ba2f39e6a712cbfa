"""Progress on standard error: a bar on a terminal, a line now and then elsewhere, nothing when asked to be quiet."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TextIO, TypeVar

T = TypeVar("T")


@dataclass(slots=True)
class Progress:
    """Tells a waiting person what is being done and how far it is.

    Attributes:
        quiet: Say nothing at all.
        stream: Where to write; a terminal gets bars, anything else one line a stage and one every `every_s` seconds.
        seconds: Stage -> seconds spent, summed over repeated stages; the audit's provenance carries it.
    """

    quiet: bool = True
    stream: TextIO = field(default_factory=lambda: sys.stderr)
    every_s: float = 15.0
    seconds: dict[str, float] = field(default_factory=dict)

    def note(self, message: str) -> None:
        """One line, now."""
        if not self.quiet:
            print(message, file=self.stream, flush=True)

    def track(self, items: Iterable[T], stage: str, total: int) -> Iterator[T]:
        """Yield `items`, counting them against `total` under the name `stage`."""
        started = time.perf_counter()
        try:
            if self.quiet:
                yield from items
            elif self.stream.isatty():
                from tqdm import tqdm

                yield from tqdm(items, desc=stage, total=total, file=self.stream, leave=False, smoothing=0.1)
            else:
                yield from self._lines(items, stage, total, started)
        finally:
            self.seconds[stage] = self.seconds.get(stage, 0.0) + time.perf_counter() - started

    def _lines(self, items: Iterable[T], stage: str, total: int, started: float) -> Iterator[T]:
        said = started
        count = 0
        for item in items:
            yield item
            count += 1
            now = time.perf_counter()
            if now - said >= self.every_s:
                self.note(f"{stage}: {count} of {total}, {now - started:.0f} s")
                said = now
        self.note(f"{stage}: {count} done in {time.perf_counter() - started:.1f} s")
