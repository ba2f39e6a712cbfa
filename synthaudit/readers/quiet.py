"""Silence for the warnings of decoding libraries, whose texts may carry header values of a patient."""

from __future__ import annotations

import threading
import warnings
from types import TracebackType

_LIBRARIES = r"(PIL|pydicom|pylibjpeg|openjpeg|rle|tifffile|synthaudit\.readers)(\.|$)"


class _Silence:
    """Context manager, safe to enter from many threads: filters are set by the first in and restored by the last out.

    `warnings.catch_warnings` alone is not: it is process-wide, and two threads leaving in the wrong order would keep
    the filters of one of them for good.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._saved: warnings.catch_warnings[None] | None = None

    def __enter__(self) -> None:
        with self._lock:
            if self._inside == 0:
                self._saved = warnings.catch_warnings()
                self._saved.__enter__()
                warnings.filterwarnings("ignore", module=_LIBRARIES)
            self._inside += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0 and self._saved is not None:
                self._saved.__exit__(kind, error, trace)
                self._saved = None


library_warnings_silenced = _Silence()
"""The one silence of the process, as the filters it guards are the process's."""
