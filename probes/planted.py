"""What would this audit have found, had there been copies?

"Nothing was found" is worth as much as the search. So copies of training patients' images are made on purpose, each
altered as generators alter them, mildly and strongly, and looked up by the same search, the same registration and the
same bar as the synthetic images. The share found is the sensitivity; from it follows how many copied patients it takes
until at least one is found nine times out of ten, and how many may have been copied, given how many were found. Copies
of held-out patients' images are planted too: they must not be taken for training patients.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from synthaudit.canaries.planted_charts import charts
from synthaudit.canaries.planted_measures import (
    FOUND_WITH,
    Outcome,
    corrected_share,
    detection_limit_measure,
    mistaken_identity,
    sensitivity,
)
from synthaudit.canaries.planting import choose_rows, plant, planting_plan
from synthaudit.canaries.power import StatisticalHalf, detection_limit, power_curve
from synthaudit.copying import CopyEvidence, copy_evidence
from synthaudit.errors import NotEnoughData
from synthaudit.finding import Finding
from synthaudit.patient_statistics import usable_tail
from synthaudit.probe import Evidence, Need
from synthaudit.statistics.exposure import select_exposed

MOST_NAMED = 4
"""Alterations of equal detection limit that the answer names one by one."""


@dataclass(frozen=True, slots=True)
class Planted:
    """The probe `planted`."""

    name: ClassVar[str] = "planted"
    question: ClassVar[str] = "What would this audit have found, had there been copies?"
    needs: ClassVar[frozenset[Need]] = frozenset({Need.PIXEL_ENCODER})

    def run(self, evidence: Evidence, rng: np.random.Generator) -> Finding:
        """Sensitivity and detection limit for each transform.

        Raises:
            NotEnoughData: Too few real images or patients.
        """
        copies = copy_evidence(evidence)
        if copies.strangers is None:
            raise NotEnoughData(copies.why_not)
        rows = choose_rows(evidence, copies, rng)
        half = _statistical_half(evidence, copies)
        outcomes = []
        for one in plant(evidence, copies.strangers, planting_plan(evidence, rows)):
            power = power_curve(copies, one, half, evidence.rng(f"power {one.transform.name}"))
            outcomes.append(Outcome(one, power, detection_limit(one, power, FOUND_WITH)))
        full = [one for one in outcomes if one.planted.transform.reference]
        further = [one for one in outcomes if not one.planted.transform.reference]
        measures = (
            *(sensitivity(one) for one in full),
            *(detection_limit_measure(one) for one in full),
            *(corrected_share(one, copies, evidence.pool) for one in full),
            mistaken_identity(outcomes),
            *(sensitivity(one) for one in further),
            *(detection_limit_measure(one) for one in further),
        )
        return Finding(self.name, self.question, _answer(full), measures, charts(outcomes), _limits(outcomes))


def _statistical_half(evidence: Evidence, copies: CopyEvidence) -> StatisticalHalf | None:
    """The statistical decision as the audit takes it; None without a holdout."""
    kept = ~copies.left_out
    is_train = evidence.pool.patient_is_train
    train, holdout = np.flatnonzero(kept & is_train), np.flatnonzero(kept & ~is_train)
    if not len(holdout) or not len(train):
        return None
    tail, _ = usable_tail(evidence, copies.scores[holdout])
    q = evidence.settings.false_discovery_rate
    before = select_exposed(copies.scores[train], copies.scores[holdout], q=q, alpha=0.0, tail=tail).named
    return StatisticalHalf(train, holdout, q, tail, before)


def _answer(full: Sequence[Outcome]) -> str:
    """The detection limits at the reference strengths in words, transforms of equal limit together."""
    by_limit: dict[float, list[str]] = {}
    for one in full:
        by_limit.setdefault(one.limit.high if one.has_limit else np.inf, []).append(one.planted.transform.says)
    seen = [
        f"{high:.0f} or more copied patients ({_named(names, len(full))})"
        for high, names in sorted(by_limit.items())
        if np.isfinite(high)
    ]
    unseen = by_limit.get(np.inf, [])
    parts = []
    if seen:
        parts.append(f"With 90 % probability, at least one would have been found of {', of '.join(seen)}")
    if unseen:
        parts.append(f"Not sure to be found in any number: {'; '.join(unseen)}")
    return ". ".join(parts) + "."


def _named(alterations: Sequence[str], total: int) -> str:
    """Few are named; of many the table tells which."""
    return "; ".join(alterations) if len(alterations) <= MOST_NAMED else f"{len(alterations)} of {total} alterations"


def _limits(outcomes: Sequence[Outcome]) -> tuple[str, ...]:
    """What was planted, at whatever strength, and missed more often than found."""
    missed = [one.planted.transform.says for one in outcomes if one.tally.share < 0.5]
    return (f"Planted copies missed more often than found: {'; '.join(missed)}.",) if missed else ()
