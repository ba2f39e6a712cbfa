"""Numbers as the published formats carry them: rounded, finite, and never a small count of patients."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

SMALLEST_CELL = 10
"""Counts of patients from 1 up to this are not published."""


def masked(count: int | None) -> int | None:
    """The count, or None where it is too small to be published."""
    return None if count is None or 0 < count < SMALLEST_CELL else int(count)


def rounded(number: float) -> float:
    """Six significant digits; a whole number stays whole and is written without a decimal point."""
    whole = isinstance(number, int) or (abs(number) < 1e15 and float(number).is_integer())
    return int(number) if whole else float(f"{number:.6g}")


def finite(number: float | None) -> float | None:
    """The number rounded, or None where it is not finite."""
    return None if number is None or not math.isfinite(number) else rounded(number)


def finite_only(numbers: Mapping[str, float]) -> dict[str, float]:
    """The finite ones, rounded, by name."""
    return {name: rounded(number) for name, number in sorted(numbers.items()) if math.isfinite(number)}


def plain(value: Any) -> Any:
    """A setting as JSON knows it: sorted, rounded, and nothing but text, numbers, lists and objects.

    Raises:
        TypeError: It is something else, for example a path, which has no place in a public file.
    """
    if isinstance(value, Mapping):
        return {str(name): plain(value[name]) for name in sorted(value, key=str)}
    if isinstance(value, set | frozenset):
        return sorted((plain(item) for item in value), key=str)
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if value is None or isinstance(value, bool | str):
        return str(value) if isinstance(value, str) else value
    if isinstance(value, int | float):
        return finite(value)
    if hasattr(value, "item"):
        return plain(value.item())
    raise TypeError(f"setting must be text, a number, a list or a table of these, got {type(value).__name__}")
