"""Numbers as a reader who is no statistician wants to see them: whole counts, percent, and no powers of ten."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal

from synthaudit.finding import Measure
from synthaudit.policy import Rule, Verdict

NONE = "–"
SYMBOLS = {Verdict.PASS: "✓", Verdict.FAIL: "✗", Verdict.INCONCLUSIVE: "?"}
"""A second sign beside the color, for print in gray and for color-blind readers."""


def number(value: float, unit: str = "") -> str:
    """The bare number; a share becomes percent."""
    if not math.isfinite(value):
        return NONE
    if unit == "share":
        return f"{_decimal(100 * value, 1)}\u00a0%"
    return _decimal(value, 3 if abs(value) < 1 else 2)


def quantity(value: float, unit: str = "") -> str:
    """The number with its unit, in the singular where there is one of it."""
    if unit in {"", "share"}:
        return number(value, unit)
    return f"{number(value)}\u00a0{unit[:-1] if value == 1 and unit.endswith('s') else unit}"


def probability(p_value: float | None) -> str:
    """A p-value; a dash where none was asked for."""
    if p_value is None:
        return NONE
    return "under 0.0001" if p_value < 1e-4 else format(Decimal(f"{p_value:.2g}"), "f")


def interval(measure: Measure) -> str:
    """The interval in words; a dash where none exists."""
    low, high, unit = measure.low, measure.high, measure.unit
    if low is not None and high is not None:
        return f"{number(low, unit)} to {number(high, unit)}"
    if low is not None:
        return f"{number(low, unit)} or more"
    return NONE if high is None else f"{number(high, unit)} or less"


def measured(measure: Measure | None) -> str:
    """The estimate with its interval in brackets, or that there is none."""
    if measure is None or measure.value is None:
        return "not measured"
    bounds = interval(measure)
    return quantity(measure.value, measure.unit) + ("" if bounds == NONE else f" ({bounds})")


def threshold(rule: Rule, measure: Measure | None) -> str:
    """What the policy asks for, in the unit of the measure."""
    side = "at most" if rule.at_most is not None else "at least"
    unit = "" if measure is None else measure.unit
    return f"{side} {quantity(rule.threshold, unit) if unit else format(Decimal(f'{rule.threshold:.6g}'), ',f')}"


def basis(measure: Measure) -> str:
    """What the number was computed from, one line each for patients and images."""
    parts = [quantity(n, unit) for n, unit in ((measure.n_patients, "patients"), (measure.n_images, "images")) if n]
    return "\n".join(parts) or NONE


def duration(seconds: float) -> str:
    """Hours, minutes and seconds, the two leading ones."""
    whole = round(seconds)
    if whole < 60:
        return f"{_decimal(seconds, 1)} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def moment(started: str) -> str:
    """An ISO 8601 time as "2026-11-20 18:42 UTC"; what is not one stays as it is."""
    day, _, time = started.partition("T")
    return f"{day} {time[:5]} UTC" if len(day) == 10 and len(time) >= 5 else started


def listed(words: Sequence[str]) -> str:
    """Words as a sentence lists them: "a, b and c"."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else ""


def _decimal(value: float, places: int) -> str:
    """Fixed places, none for whole numbers, and two significant digits where the places would show only zeros."""
    value = float(f"{value:.9g}")  # 100 times 0.55 is to be 55
    if value.is_integer():
        return f"{int(value):,}"
    if abs(value) < 0.5 * 10**-places:
        return format(Decimal(f"{value:.2g}"), "f")
    return f"{value:,.{places}f}"
