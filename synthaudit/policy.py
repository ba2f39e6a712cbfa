"""What a release must satisfy: rules over measures, and the verdict they give.

A rule compares the *interval* of a measure with a threshold, so that what was not measured well enough can be neither
passed nor failed: `at_most = t` passes if the upper bound is <= t, fails if the lower bound is > t, and is inconclusive
between. A measure that is missing, that was computed from too few patients, or that rests on a rule which did not pass
is inconclusive. No path through this file turns "not run" into a pass.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

from synthaudit.errors import PolicyError
from synthaudit.finding import Finding, Measure

SCHEMA = "synthaudit/policy/1"
PRESETS = ("internal", "controlled-release", "open-release")


class Verdict(StrEnum):
    """What an audit concludes."""

    PASS = "PASS"
    FAIL = "FAIL"
    INCONCLUSIVE = "INCONCLUSIVE"

    @property
    def exit_code(self) -> int:
        """0 for PASS, 1 for FAIL, 3 for INCONCLUSIVE (2 is wrong use or unusable input)."""
        return {Verdict.PASS: 0, Verdict.FAIL: 1, Verdict.INCONCLUSIVE: 3}[self]


@dataclass(frozen=True, slots=True)
class Rule:
    """One demand on one measure.

    Attributes:
        id: Short name, unique within the policy.
        measure: `probe/measure`, for example `copies/direct_patients`.
        says: The demand in plain words, as the report prints it.
        at_most, at_least: The threshold; exactly one of them is given.
        bound: "interval" compares low and high; "value" the estimate alone.
        minimum_patients: With fewer patients behind the measure the rule is inconclusive.
        on_breach: What a breach means: FAIL (harm was found) or INCONCLUSIVE (the audit could not see enough).
        requires: Ids of rules that must pass before this one can be judged.
        rationale: Why the policy demands this.
    """

    id: str
    measure: str
    says: str
    rationale: str
    at_most: float | None = None
    at_least: float | None = None
    bound: Literal["interval", "value"] = "interval"
    minimum_patients: int = 0
    on_breach: Verdict = Verdict.FAIL
    requires: tuple[str, ...] = ()

    @property
    def threshold(self) -> float:
        """The number that the measure is compared with."""
        threshold = self.at_most if self.at_most is not None else self.at_least
        assert threshold is not None  # noqa: S101  (checked when the policy was read)
        return threshold


@dataclass(frozen=True, slots=True)
class RuleResult:
    """How one rule came out; `reason` is one plain sentence."""

    rule: Rule
    verdict: Verdict
    reason: str
    measure: Measure | None
