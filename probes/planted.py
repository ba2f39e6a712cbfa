"""What would this audit have found, had there been copies?

"Nothing was found" is worth as much as the search. So copies of training patients' images are made on purpose, each
altered as generators alter them, and looked up by the same search, the same registration and the same bar as the
synthetic images. The share found is the sensitivity; from it follows how many copied patients it takes until at least
one is found nine times out of ten. Copies of held-out patients' images are planted too: they must not be taken for
training patients.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from synthaudit.canaries.planting import PlantedCopies, choose_rows, plant
from synthaudit.canaries.power import DetectionLimit, Power, StatisticalHalf, detection_limit, power_curve
from synthaudit.canaries.transforms import TRANSFORMS
from synthaudit.copying import CopyEvidence, copy_evidence
from synthaudit.errors import NotEnoughData
from synthaudit.finding import Assumption, Chart, ChartKind, Direction, Finding, Measure, Series
from synthaudit.patient_statistics import usable_tail
from synthaudit.probe import Evidence, Need
from synthaudit.statistics.exposure import select_exposed
from synthaudit.statistics.proportion import clopper_pearson

FOUND_WITH = 0.90
"""Probability with which the detection limit's copies are found."""

LARGEST_LIMIT = 1_000
"""Detection limits above this count as "not found at all"."""


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
        planted = plant(evidence, copies.strangers, rows, TRANSFORMS)
        half = _statistical_half(evidence, copies)
        powers = [power_curve(copies, one, half, rng) for one in planted]
        limits = [detection_limit(one, power, FOUND_WITH) for one, power in zip(planted, powers, strict=True)]
        measures = (
            *(_sensitivity(one) for one in planted),
            *(_limit(one, limit) for one, limit in zip(planted, limits, strict=True)),
            _mistaken(planted),
        )
        charts = (_sensitivity_chart(planted), _power_chart(planted, powers))
        return Finding(self.name, self.question, _answer(planted, limits), measures, charts, _limits(planted))


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


def _sensitivity(planted: PlantedCopies) -> Measure:
    n, hits = int(planted.of_train.sum()), int(planted.direct[planted.of_train].sum())
    low, high = clopper_pearson(hits, n)
    return Measure(
        f"sensitivity[{planted.transform.name}]",
        hits / n,
        low,
        high,
        n_patients=n,
        n_images=n,
        unit="share",
        direction=Direction.LOWER_IS_WORSE,
        assumption=Assumption.MODEL_ASSISTED,
        note=f"Share of copies ({planted.transform.says}) that are direct evidence against the right patient.",
    )


def _limit(planted: PlantedCopies, limit: DetectionLimit) -> Measure:
    name, n = f"detection_limit[{planted.transform.name}]", int(planted.of_train.sum())
    if not limit.value <= LARGEST_LIMIT or not limit.high <= LARGEST_LIMIT:
        why = f"no number of copies ({planted.transform.says}) is found with 90 % probability; {n} were planted"
        return Measure(name, None, n_patients=n, n_images=n, not_measured=why, unit="patients")
    return Measure(
        name,
        limit.value,
        limit.low,
        limit.high,
        n_patients=n,
        n_images=n,
        unit="patients",
        direction=Direction.HIGHER_IS_WORSE,
        assumption=Assumption.MODEL_ASSISTED,
        note="The fewest copied patients of whom at least one is found with 90 % probability; the interval is that of "
        "the sensitivity.",
    )


def _mistaken(planted: list[PlantedCopies]) -> Measure:
    wrong = sum(int(one.wrong.sum()) for one in planted)
    total = sum(len(one.wrong) for one in planted)
    low, high = clopper_pearson(wrong, total)
    return Measure(
        "mistaken_identity",
        wrong / total,
        low,
        high,
        n_patients=len(planted[0].patient),
        n_images=total,
        unit="share",
        direction=Direction.HIGHER_IS_WORSE,
        assumption=Assumption.MODEL_ASSISTED,
        note="Share of planted copies, of training and of held-out patients, that also point at somebody else. Copies "
        "of one patient are not independent, so the interval is too narrow.",
    )


def _sensitivity_chart(planted: list[PlantedCopies]) -> Chart:
    shares = [_sensitivity(one) for one in planted]
    return Chart(
        "sensitivity",
        "Planted copies found",
        ChartKind.INTERVALS,
        "alteration of the copy",
        "share found",
        (
            Series(
                "direct evidence",
                tuple(one.transform.name for one in planted),
                tuple(measure.value or 0.0 for measure in shares),
                tuple(measure.low or 0.0 for measure in shares),
                tuple(measure.high or 0.0 for measure in shares),
            ),
        ),
        "Share of copies found, with exact 95 % intervals (Clopper-Pearson).",
    )


def _power_chart(planted: list[PlantedCopies], powers: list[Power]) -> Chart:
    """The weakest transforms only: lines that lie on top of each other at 1 say nothing."""
    weakest = sorted(zip(powers, planted, strict=True), key=lambda pair: (sum(pair[0].found), pair[1].transform.name))
    return Chart(
        "power",
        "Probability to find at least one of the copied patients",
        ChartKind.LINES,
        "copied patients",
        "probability",
        tuple(
            Series(one.transform.name, tuple(float(n) for n in power.counts), power.found) for power, one in weakest[:4]
        ),
        "The four alterations that are hardest to see.",
    )


def _answer(planted: list[PlantedCopies], limits: list[DetectionLimit]) -> str:
    """The detection limits in words, transforms of equal limit together."""
    by_limit: dict[float, list[str]] = {}
    for one, limit in zip(planted, limits, strict=True):
        high = limit.high if limit.high <= LARGEST_LIMIT else np.inf
        by_limit.setdefault(high, []).append(one.transform.says)
    seen = [
        f"{high:.0f} or more copied patients ({'; '.join(names)})"
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


def _limits(planted: list[PlantedCopies]) -> tuple[str, ...]:
    """What was planted and missed more often than found."""
    missed = [one.transform.says for one in planted if one.direct[one.of_train].mean() < 0.5]
    return (f"Planted copies missed more often than found: {'; '.join(missed)}.",) if missed else ()
