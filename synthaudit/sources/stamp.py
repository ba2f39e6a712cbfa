"""Whether a file is still the one that was listed."""

from __future__ import annotations

from pathlib import Path


def stamp_of(path: Path) -> str:
    """Size and time of change; "" where there is no such file."""
    try:
        state = path.stat()
    except OSError:
        return ""
    return f"{state.st_size}-{state.st_mtime_ns}"
