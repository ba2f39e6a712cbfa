"""Silence for the warnings and logs of decoding libraries, whose texts may carry header values of a patient."""

from __future__ import annotations

import logging
import threading
import warnings
from types import TracebackType

_LIBRARIES = ("PIL", "nibabel", "pydicom", "pylibjpeg", "openjpeg", "rle", "tifffile")
_MODULES = rf"({'|'.join(_LIBRARIES)}|synthaudit\.readers)(\.|$)"
_ABOVE_ALL = logging.CRITICAL + 1


def _nothing(_record: logging.LogRecord) -> bool:
    return False


class _Silence:
    """Context manager, safe to enter from many threads: set by the first in, taken back by the last out.

    `warnings.catch_warnings` alone is not: it is process-wide, and two threads leaving in the wrong order would keep
    the filters of one of them for good.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._saved: warnings.catch_warnings[None] | None = None
        self._levels: dict[str, int] = {}

    def __enter__(self) -> None:
        with self._lock:
            if self._inside == 0:
                self._saved = warnings.catch_warnings()
                self._saved.__enter__()
                warnings.filterwarnings("ignore", module=_MODULES)
                for name in _LIBRARIES:
                    logger = logging.getLogger(name)
                    self._levels[name] = logger.level
                    logger.setLevel(_ABOVE_ALL)
                    # pydicom sets its logger's level when it is first imported, which may be inside.
                    logger.addFilter(_nothing)
            self._inside += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0 and self._saved is not None:
                self._saved.__exit__(kind, error, trace)
                self._saved = None
                for name, level in self._levels.items():
                    logger = logging.getLogger(name)
                    logger.removeFilter(_nothing)
                    if logger.level == _ABOVE_ALL:
                        logger.setLevel(level)


library_warnings_silenced = _Silence()
"""The one silence of the process, as the filters and loggers it guards are the process's."""
