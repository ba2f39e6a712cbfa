"""What a release must satisfy: rules over measures, and the verdict they give.

A rule compares the *interval* of a measure with a threshold, so that what was not measured well enough can be neither
passed nor failed: `at_most = t` passes if the upper bound is <= t, fails if the lower bound is > t, and is inconclusive
between. A measure that is missing, that was computed from too few patients, or that rests on a rule which did not pass
is inconclusive. No path through this file turns "not run" into a pass.
"""

from __future__ import annotations

import sys
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
PRESETS = ("internal", "controlled-release", "open-release", "checkpoint-release", "three-risks", "training-data")


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


@dataclass(frozen=True, slots=True)
class Policy:
    """A named set of rules, meant for one kind of release."""

    name: str
    purpose: str
    rules: tuple[Rule, ...]

    def __post_init__(self) -> None:
        known: set[str] = set()
        for rule in self.rules:
            if rule.id in known or not set(rule.requires) <= known:
                raise PolicyError(f"policy {self.name}: rule {rule.id!r} must be unique, and below those it requires")
            known.add(rule.id)

    def judge(self, findings: Iterable[Finding]) -> tuple[RuleResult, ...]:
        """Every rule in order, judged on these findings; a rule that others require comes before them."""
        by_probe = {finding.probe: finding for finding in findings}
        results: dict[str, RuleResult] = {}
        for rule in self.rules:
            results[rule.id] = _judge(rule, by_probe, results)
        return tuple(results.values())


def overall(results: Iterable[RuleResult]) -> Verdict:
    """FAIL if any rule fails, else INCONCLUSIVE if any is or there is none, else PASS."""
    verdicts = {result.verdict for result in results}
    if Verdict.FAIL in verdicts:
        return Verdict.FAIL
    return Verdict.PASS if verdicts == {Verdict.PASS} else Verdict.INCONCLUSIVE


def _judge(rule: Rule, by_probe: Mapping[str, Finding], before: Mapping[str, RuleResult]) -> RuleResult:
    probe, _, name = rule.measure.partition("/")
    finding = by_probe.get(probe)
    measure = finding.measure(name) if finding is not None else None
    obstacle = _obstacle(rule, finding, measure)
    if obstacle is not None or measure is None or measure.value is None:
        return RuleResult(rule, Verdict.INCONCLUSIVE, f"Not measured: {obstacle}", measure)
    verdict, reason = _compare(rule, measure)
    unmet = [other for other in rule.requires if before[other].verdict is not Verdict.PASS]
    if unmet and verdict is not Verdict.INCONCLUSIVE:
        return RuleResult(
            rule,
            Verdict.INCONCLUSIVE,
            f"{reason} But this counts for nothing while {' and '.join(unmet)} did not pass.",
            measure,
        )
    return RuleResult(rule, verdict, reason, measure)


def _obstacle(rule: Rule, finding: Finding | None, measure: Measure | None) -> str | None:
    """Why the rule cannot be judged, as the end of a sentence; None if it can."""
    if finding is None:
        return f"the probe {rule.measure.partition('/')[0]} was not part of this audit."
    if finding.not_run is not None:
        return finding.not_run
    if measure is None:
        return "the probe did not report it."
    if measure.value is None:
        return measure.not_measured
    if measure.n_patients < rule.minimum_patients:
        return f"the rule asks for at least {rule.minimum_patients} patients, and there were {measure.n_patients}."
    return None


def _compare(rule: Rule, measure: Measure) -> tuple[Verdict, str]:
    assert measure.value is not None  # noqa: S101  (seen by _obstacle)
    low = high = measure.value
    if rule.bound == "interval":
        low = measure.value if measure.low is None else measure.low
        high = measure.value if measure.high is None else measure.high
    found = _in_words(measure, rule.bound)
    if rule.at_most is not None:
        passed, breached, demand = high <= rule.at_most, low > rule.at_most, f"at most {rule.at_most:g}"
    else:
        least = rule.threshold
        passed, breached, demand = low >= least, high < least, f"at least {least:g}"
    if passed:
        return Verdict.PASS, f"{found}; {demand} is asked for."
    if breached:
        return rule.on_breach, f"{found}; {demand} is asked for."
    return Verdict.INCONCLUSIVE, f"{found}: the interval reaches across the threshold ({demand} is asked for)."


def _in_words(measure: Measure, bound: str) -> str:
    unit = f" {measure.unit}" if measure.unit and measure.unit != "share" else ""
    text = f"Measured {measure.value:.3g}{unit}"
    if bound == "interval" and measure.low is not None and measure.high is not None and measure.low != measure.high:
        text += f", between {measure.low:.3g} and {measure.high:.3g}"
    return text


_RULE_KEYS = {
    "id",
    "measure",
    "says",
    "rationale",
    "at_most",
    "at_least",
    "bound",
    "minimum_patients",
    "on_breach",
    "requires",
}


def _is_threshold(value: object) -> bool:
    """Whether it is a number that something can be above and below of: a rule "at most inf" would pass anything."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return -sys.float_info.max <= value <= sys.float_info.max


def _rule(row: Mapping[str, Any], place: str, known: set[str]) -> Rule:
    """One rule of a policy file, checked."""
    unknown = sorted(set(row) - _RULE_KEYS)
    if unknown:
        raise PolicyError(f"{place} has unknown keys {', '.join(unknown)}; known are {', '.join(sorted(_RULE_KEYS))}")
    for key in ("id", "measure", "says", "rationale"):
        if not isinstance(row.get(key), str) or not row[key].strip():
            raise PolicyError(f"{place} needs {key} as text, got {row.get(key)!r}")
    if "/" not in row["measure"]:
        raise PolicyError(f"{place}: measure must be written probe/measure, got {row['measure']!r}")
    thresholds = [key for key in ("at_most", "at_least") if key in row]
    if len(thresholds) != 1 or not _is_threshold(row[thresholds[0]]):
        raise PolicyError(
            f"{place} needs exactly one of at_most and at_least, as a finite number, got {thresholds or 'neither'}"
        )
    if row.get("bound", "interval") not in ("interval", "value"):
        raise PolicyError(f'{place}: bound must be "interval" or "value", got {row["bound"]!r}')
    if row.get("on_breach", "fail") not in ("fail", "inconclusive"):
        raise PolicyError(f'{place}: on_breach must be "fail" or "inconclusive", got {row["on_breach"]!r}')
    minimum = row.get("minimum_patients", 0)
    if isinstance(minimum, bool) or not isinstance(minimum, int) or minimum < 0:
        raise PolicyError(f"{place}: minimum_patients must be a whole number >= 0, got {minimum!r}")
    requires = row.get("requires", [])
    if not isinstance(requires, list) or not all(isinstance(other, str) and other in known for other in requires):
        raise PolicyError(f"{place}: requires must list ids of rules above it, got {requires!r}")
    return Rule(
        id=row["id"],
        measure=row["measure"],
        says=row["says"],
        rationale=row["rationale"],
        at_most=None if "at_most" not in row else float(row["at_most"]),
        at_least=None if "at_least" not in row else float(row["at_least"]),
        bound=row.get("bound", "interval"),
        minimum_patients=minimum,
        on_breach=Verdict(row.get("on_breach", "fail").upper()),
        requires=tuple(requires),
    )


def parse(text: str, source: str) -> Policy:
    """The policy of a TOML document; `source` names it in errors.

    Raises:
        PolicyError: It is not TOML, or a rule says something that no rule may say.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PolicyError(f"policy {source} must be TOML: {error}") from None
    if document.get("schema") != SCHEMA:
        raise PolicyError(f'policy {source} needs schema = "{SCHEMA}", got {document.get("schema")!r}')
    unknown = sorted(set(document) - {"schema", "name", "purpose", "rule"})
    if unknown:
        raise PolicyError(
            f"policy {source} has unknown keys {', '.join(unknown)}; known are schema, name, purpose, rule"
        )
    for key in ("name", "purpose"):
        if not isinstance(document.get(key), str) or not document[key].strip():
            raise PolicyError(f"policy {source} needs {key} as text, got {document.get(key)!r}")
    rows = document.get("rule", [])
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise PolicyError(f"policy {source} needs at least one [[rule]]; a policy without rules would pass everything")
    rules: list[Rule] = []
    for number, row in enumerate(rows, 1):
        rule = _rule(row, f"policy {source}, rule {row.get('id', number)}", {rule.id for rule in rules})
        if any(rule.id == other.id for other in rules):
            raise PolicyError(f"policy {source} has two rules with the id {rule.id!r}; ids must differ")
        rules.append(rule)
    return Policy(document["name"], document["purpose"], tuple(rules))


def load_policy(name_or_file: str | Path) -> Policy:
    """A preset by name, or the policy in a TOML file.

    Raises:
        PolicyError: There is neither; or the file is not a valid policy.
    """
    name = str(name_or_file)
    if name in PRESETS:
        return parse((files("synthaudit.policies") / f"{name}.toml").read_text(encoding="utf-8"), name)
    path = Path(name_or_file)
    if not path.is_file():
        raise PolicyError(f"policy must be one of {', '.join(PRESETS)} or a TOML file, got {path.name!r}: no such file")
    try:
        return parse(path.read_text(encoding="utf-8"), path.name)
    except UnicodeDecodeError:
        raise PolicyError(f"policy {path.name} must be UTF-8 text, and is not") from None
