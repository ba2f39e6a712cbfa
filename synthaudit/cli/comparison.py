"""What became worse since an earlier audit.

A measure moves a little from one sample of synthetic images to the next. Only if the interval of now lies wholly on the
worse side of the interval of then is it called a regression; a move within them is listed, and so is one of a measure
that has no interval (a p-value, for example), but neither changes the verdict.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from synthaudit.audit_record import Audit
from synthaudit.finding import Direction, Measure
from synthaudit.policy import Verdict


@dataclass(frozen=True, slots=True)
class Change:
    """A measure that became worse, by its full name (`probe/measure`)."""

    measure: str
    before: float
    now: float
    unit: str

    def __str__(self) -> str:
        unit = "" if self.unit in {"", "share"} else f" {self.unit}"
        return f"{self.measure}: {self.before:.4g}, now {self.now:.4g}{unit}"


@dataclass(frozen=True, slots=True)
class Comparison:
    """An audit beside an earlier one.

    Attributes:
        regressions: Worse beyond the intervals of both.
        worsened: Worse, but within the intervals, or without any.
        lost: Measured then, and not now.
        differences: What else differs between the two, so that numbers may not be comparable; sentences.
    """

    regressions: tuple[Change, ...]
    worsened: tuple[Change, ...]
    lost: tuple[str, ...]
    differences: tuple[str, ...]

    @property
    def verdict(self) -> Verdict:
        """FAIL with a regression, else INCONCLUSIVE if a measure was lost, else PASS."""
        if self.regressions:
            return Verdict.FAIL
        return Verdict.INCONCLUSIVE if self.lost else Verdict.PASS

    def blocks(self) -> Iterator[str]:
        """One block of lines for each thing there is to say."""
        yield from (f"Note: {difference}" for difference in self.differences)
        if not (self.regressions or self.worsened or self.lost):
            yield "Compared with the baseline, no measure became worse."
        named = (
            ("Worse than the baseline, beyond the intervals", self.regressions),
            ("Worse than the baseline, but not beyond the intervals", self.worsened),
            ("Measured in the baseline, and not now", self.lost),
        )
        for heading, items in named:
            if items:
                yield "\n".join([f"{heading}:", *(f"  {item}" for item in items)])

    def document(self) -> dict[str, Any]:
        """The same for JSON."""
        return {
            "verdict": self.verdict.value,
            "regressions": [asdict(change) for change in self.regressions],
            "worsened": [asdict(change) for change in self.worsened],
            "lost": list(self.lost),
            "differences": list(self.differences),
        }


def compare(now: Audit, before: Audit) -> Comparison:
    """What became worse from `before` to `now`; what got better, or is new, is left out."""
    old, new = _measures(before), _measures(now)
    worse = {name for name in old.keys() & new.keys() if _worse(new[name], old[name])}
    beyond = {name for name in worse if _beyond(new[name], old[name])}
    return Comparison(
        regressions=tuple(_change(name, old, new) for name in old if name in beyond),
        worsened=tuple(_change(name, old, new) for name in old if name in worse - beyond),
        lost=tuple(name for name in old if name not in new),
        differences=tuple(_differences(now, before)),
    )


def _measures(audit: Audit) -> dict[str, Measure]:
    """Full name -> measure, of all that were measured."""
    return {
        f"{finding.probe}/{measure.name}": measure
        for finding in audit.findings
        if finding.not_run is None
        for measure in finding.measures
        if measure.value is not None
    }


def _change(name: str, old: dict[str, Measure], new: dict[str, Measure]) -> Change:
    before, now = old[name].value, new[name].value
    if before is None or now is None:
        raise ValueError(f"measure {name} must have been measured in both audits")
    return Change(name, before, now, new[name].unit)


def _worse(new: Measure, old: Measure) -> bool:
    if new.value is None or old.value is None:
        return False
    if new.direction is Direction.HIGHER_IS_WORSE:
        return new.value > old.value
    return new.direction is Direction.LOWER_IS_WORSE and new.value < old.value


def _beyond(new: Measure, old: Measure) -> bool:
    """Whether the intervals lie apart; without an interval nobody knows."""
    nearer, farther = (new.low, old.high) if new.direction is Direction.HIGHER_IS_WORSE else (old.low, new.high)
    return nearer is not None and farther is not None and nearer > farther


def _differences(now: Audit, before: Audit) -> Iterator[str]:
    """What else differs, as sentences."""
    for role in ("train", "holdout"):
        new, old = now.cohorts.get(role), before.cohorts.get(role)
        if (new is None) != (old is None):
            yield f"only one of the two audits had a {role} cohort."
        elif new is not None and old is not None and new.digest != old.digest:
            yield f"the {role} images differ, or their digests were made with another key."
    if {(e.name, e.fingerprint) for e in now.encoders} != {(e.name, e.fingerprint) for e in before.encoders}:
        yield "the encoders differ, so that scores cannot be compared."
    if now.provenance.version != before.provenance.version:
        yield f"synthaudit was {before.provenance.version}, and is {now.provenance.version}."
    if now.provenance.settings != before.provenance.settings:
        yield "the settings differ."
