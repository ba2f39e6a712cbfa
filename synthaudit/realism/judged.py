"""Less like real images, or less varied: decided over all measures at once, so that trying many raises no false alarms.

Each measure has the chance of a difference as large between two real samples. Those of one question are corrected by
Holm's method, which holds whatever they have to do with each other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from synthaudit.realism.measured import Result
from synthaudit.realism.notes import Asks
from synthaudit.statistics.fdr import holm
from synthaudit.statistics.relabeling import Compared

ALPHA = 0.05
"""Chance of any difference claimed where there is none: of worse realism, and of other variety."""
NEAR_ALPHA = 0.01
"""Chance of the set being called too close where it is not: that raises a suspicion, and nothing rests on it."""


class Variety(StrEnum):
    """How much the synthetic images vary, beside as many real ones."""

    LESS, MORE, EVEN, MIXED = "less", "more", "even", "mixed"


@dataclass(frozen=True, slots=True)
class Question:
    """One question to several measures.

    Attributes:
        p_value: Of the least likely difference, corrected for all measures; None where none was measured.
        beyond: The measures that lie beyond chance, the least likely first.
    """

    p_value: float | None
    beyond: tuple[Result, ...]


@dataclass(frozen=True, slots=True)
class Judged:
    """All that is decided.

    Attributes:
        far: Whether the synthetic images are less like the training images than other real ones are.
        near: Whether they are more like them than that.
        less, more: Whether they vary less, or more, than as many real images.
    """

    far: Question
    near: Question
    less: Question
    more: Question

    @property
    def variety(self) -> Variety:
        """The two questions on variety in one word."""
        if self.less.beyond and self.more.beyond:
            return Variety.MIXED
        return Variety.LESS if self.less.beyond else Variety.MORE if self.more.beyond else Variety.EVEN

    @property
    def variety_p(self) -> float | None:
        """Of more or less variety."""
        found = [one.p_value for one in (self.less, self.more) if one.p_value is not None]
        return min(1.0, 2 * min(found)) if found else None


def judged(results: Sequence[Result]) -> Judged:
    """The decisions; variety is asked both ways, each at half the error."""
    return Judged(
        far=_question(results, {Asks.FAR: _higher, Asks.INSIDE: _lower}, ALPHA),
        # Density and precision rise where samples are merely typical; of closeness, the distances decide.
        near=_question(results, {Asks.FAR: _lower, Asks.COVERS: _higher}, NEAR_ALPHA),
        less=_question(
            results,
            {Asks.VARIED: _lower, Asks.COVERS: _lower, Asks.REACHES: _lower, Asks.ALIKE: _higher},
            ALPHA / 2,
        ),
        more=_question(results, {Asks.VARIED: _higher, Asks.ALIKE: _lower}, ALPHA / 2),
    )


_Side = Callable[[Compared], float | None]


def _higher(found: Compared) -> float | None:
    return found.p_higher


def _lower(found: Compared) -> float | None:
    return found.p_lower


def _question(results: Sequence[Result], sides: Mapping[Asks, _Side], alpha: float) -> Question:
    asked = [
        (one, p)
        for one in results
        if one.found is not None and one.about.asks in sides and (p := sides[one.about.asks](one.found)) is not None
    ]
    if not asked:
        return Question(None, ())
    adjusted = holm(np.array([p for _, p in asked]))
    order = np.argsort(adjusted, kind="stable")
    return Question(float(adjusted.min()), tuple(asked[i][0] for i in order if adjusted[i] <= alpha))


def standard_errors(one: Result) -> tuple[float, float] | None:
    """How far a measure lies beyond its floor, in standard errors, up being worse (or more varied); and 1.96 of them.

    None where there is no chance to compare with.
    """
    found = one.found
    if found is None or found.high <= found.low:
        return None
    reach = (found.high - found.low) / 2
    sign = -1.0 if one.about.asks in {Asks.INSIDE, Asks.ALIKE} else 1.0
    return sign * 1.96 * (found.value - found.floor) / reach, 1.96
