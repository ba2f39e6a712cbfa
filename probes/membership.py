"""Can someone who holds only the synthetic images tell who was in the training set?

To have been trained on may itself be a secret: the training set of a model for one disease is a list of its patients.
An attacker holds a real image of someone and the synthetic images, and asks whether these lie closer to it, or more
densely around it, than the population explains. Six attacks of the literature are tried here on every patient, training
and held-out alike, and a seventh that combines them. No attack knows who was trained on, but for the combination, which
learns from other patients only. A generator that learned the population, and no one in it, leaves them all guessing.

What is found here holds for these images. Whoever holds the generator itself can ask it more, so a low figure here does
not clear the checkpoint.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from synthaudit.cohort import Role
from synthaudit.copying import find_twins
from synthaudit.errors import NotEnoughData
from synthaudit.finding import Assumption, Chart, ChartKind, Direction, Finding, Measure, Series
from synthaudit.matching.patients import strata
from synthaudit.membership.attacks import ATTACKS, ENSEMBLE, image_scores
from synthaudit.membership.patients import Asked, Attacked
from synthaudit.membership.sample_sets import SampleSets
from synthaudit.probe import Evidence, Need
from synthaudit.statistics.roc import roc_curve
from synthaudit.statistics.tpr_at_fpr import least_nonmembers

FOLDS = 5
NAMES = (*ATTACKS, ENSEMBLE)
RATES = {"tpr_at_1pct_fpr": 0.01, "tpr_at_0.1pct_fpr": 0.001}
CURVE_POINTS = 24
NOT_CLEARED = "A low figure here does not clear the checkpoint."


@dataclass(frozen=True, slots=True)
class Membership:
    """The probe `membership`."""

    name: ClassVar[str] = "membership"
    question: ClassVar[str] = "Can someone who holds only the synthetic images tell who was in the training set?"
    needs: ClassVar[frozenset[Need]] = frozenset({Need.HOLDOUT})

    def run(self, evidence: Evidence, rng: np.random.Generator) -> Finding:
        """Every attack, patient by patient, and one test of all of them.

        Raises:
            NotEnoughData: Fewer than 5 patients on a side, 10 in all, or 10 synthetic images.
        """
        from threadpoolctl import threadpool_limits

        with threadpool_limits(limits=1, user_api="blas"):  # sums in another order have other last digits
            attacked, n_images = _attacked(evidence, rng)
            alpha = evidence.settings.family_wise_error
            measures = tuple(
                replace(one, n_patients=len(attacked.is_member), n_images=n_images, note=f"{one.note} {NOT_CLEARED}")
                for one in _measures(attacked, alpha)
            )
        return Finding(
            self.name,
            self.question,
            _answer(attacked, alpha),
            measures,
            (_curves(attacked),),
            (
                "Attacks on the samples see what the samples show; an attacker who holds the generator or its weights "
                "sees more.",
                "A few patients copied outright hardly move these averages; they are looked for one by one.",
            ),
        )


def _attacked(evidence: Evidence, rng: np.random.Generator) -> tuple[Attacked, int]:
    """The attacks on all patients but those whose very picture is on both sides; and how many images were read."""
    pool = evidence.pool
    kept = ~find_twins(pool, None)
    fold = rng.permutation(np.arange(pool.n_patients) % FOLDS)
    levels = strata(pool, kept)
    rows = np.flatnonzero(kept[pool.patient])
    number = np.cumsum(kept) - 1
    asked = Asked(
        number[pool.patient[rows]], levels.rows[rows], levels.level[kept], fold[kept], pool.patient_is_train[kept]
    )
    order = np.argsort(np.array(evidence.synthetic.pixel_digests), kind="stable")
    sets = [
        SampleSets(
            np.ascontiguousarray(space.vectors[rows]),
            asked.patient,
            evidence.embeddings[space.encoder.name][Role.SYNTHETIC].vectors[order],
            asked.fold[asked.patient],
            None if evidence.reference is None else evidence.embeddings[space.encoder.name][Role.REFERENCE].vectors,
            evidence.workers,
        )
        for space in evidence.matcher.spaces
    ]
    return Attacked.of(image_scores(sets), asked, draws=evidence.settings.relabelings, rng=rng), int(asked.read.sum())


def _measures(attacked: Attacked, alpha: float) -> Iterator[Measure]:
    """Of all attacks together, and of each."""
    test = attacked.test
    yield Measure(
        "p_value",
        test.p_value,
        p_value=test.p_value,
        direction=Direction.LOWER_IS_WORSE,
        assumption=Assumption.EXACT,
        note=f"Of no attack telling the sides apart: {len(test.highest):,} relabelings of patients, and of each its "
        "best attack, so that trying several raises no false alarms. It says whether, not how well.",
    )
    yield _beyond_chance(attacked, alpha)
    yield _detectable(attacked, alpha)
    for i, name in enumerate(NAMES):
        value, low, high = attacked.auc(i)
        yield Measure(
            f"auc[{name}]",
            value,
            low,
            high,
            floor=0.5,
            p_value=float(test.adjusted[i]),
            direction=Direction.HIGHER_IS_WORSE,
            assumption=Assumption.MODEL_ASSISTED,
            note="Chance that a training patient scores above a held-out one; interval over patients, p-value "
            "corrected for all attacks. An average: it says little of a few patients.",
        )
    for stem, rate in RATES.items():
        for i, name in enumerate(NAMES):
            yield _rate(attacked, f"{stem}[{name}]", i, rate)


def _beyond_chance(attacked: Attacked, alpha: float) -> Measure:
    """What the policies look at: size where there is an effect at all."""
    value, low, high = attacked.best_auc() if attacked.test.p_value <= alpha else (0.5, 0.5, 0.5)
    return Measure(
        "auc_beyond_chance",
        max(0.5, value),
        max(0.5, low),
        max(0.5, high),
        floor=0.5,
        direction=Direction.HIGHER_IS_WORSE,
        assumption=Assumption.MODEL_ASSISTED,
        note="AUC of the best attack, with an interval that allows for its choice; one half where no attack is told "
        f"from guessing at a family-wise error of {alpha:.1%}, which says only as much as could have been seen.",
    )


def _detectable(attacked: Attacked, alpha: float) -> Measure:
    """What could have been seen."""
    try:
        value, why = attacked.test.detectable_auc(alpha), None
    except NotEnoughData as error:
        value, why = None, str(error)
    return Measure(
        "detectable_auc",
        value,
        direction=Direction.HIGHER_IS_WORSE,
        assumption=Assumption.MODEL_ASSISTED,
        note="An attack this good would have been told from guessing four times in five, at the same error.",
        not_measured=why,
    )


def _rate(attacked: Attacked, name: str, attack: int, rate: float) -> Measure:
    try:
        found = attacked.tpr(attack, rate)
    except NotEnoughData:
        why = f"needs {least_nonmembers(rate):,} held-out patients, got {len(attacked.nonmembers):,}."
        note = "One false positive would be more than this rate allows."
        return Measure(name, None, unit="share", direction=Direction.HIGHER_IS_WORSE, note=note, not_measured=why)
    return Measure(
        name,
        found.value,
        found.low,
        found.high,
        floor=found.chance,
        unit="share",
        direction=Direction.HIGHER_IS_WORSE,
        assumption=Assumption.MODEL_ASSISTED if NAMES[attack] == ENSEMBLE else Assumption.EXACT,
        note="Training patients above the score that so few held-out ones reach (conformal: on average over holdouts, "
        f"never more; here between {found.fpr_low:.2%} and {found.fpr_high:.2%}, with 95 % confidence). The interval "
        "is Clopper and Pearson's for this very score. Floor: the share that guessing names.",
    )


def _answer(attacked: Attacked, alpha: float) -> str:
    """One sentence for the first page."""
    p_value = attacked.test.p_value
    best, low, high = attacked.best_auc()
    if p_value <= alpha:
        area = f"AUC {best:.2f} ({low:.2f} to {high:.2f})"
        return f"Attacks on the images tell who was trained on better than guessing: {area}."
    figures = f"best AUC {best:.2f}, p = {p_value:.2g} for all {len(NAMES)}"
    return f"No attack on the images tells who was trained on beyond chance ({figures})."


def _curves(attacked: Attacked) -> Chart:
    """True against false positive rates of each attack, at about equally spaced logarithms of the latter."""
    n = len(attacked.nonmembers)
    allowed = np.unique(np.round(np.geomspace(1, n, CURVE_POINTS)).astype(int))
    series = []
    for i, name in enumerate(NAMES):
        fpr, tpr = roc_curve(attacked.members[:, i], attacked.nonmembers[:, i])
        # The highest rate of true positives that costs no more than so many false ones.
        at = np.searchsorted(fpr, allowed / n + 1e-12, side="right") - 1
        series.append(Series(name, tuple(float(x) for x in allowed / n), tuple(float(y) for y in tpr[at])))
    return Chart(
        "membership_roc",
        "Training patients named, against held-out patients named by mistake",
        ChartKind.ROC,
        "held-out patients named (false positive rate)",
        "training patients named (true positive rate)",
        tuple(series),
        "Both axes are logarithmic: what counts is who can be named with few mistakes, at the lower left. They begin "
        f"at one of the {n:,} held-out patients.",
    )
