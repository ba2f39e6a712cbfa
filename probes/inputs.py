"""Are the training and the held-out patients comparable, and kept apart?

Everything statistical in this audit compares training patients with held-out ones, and blames the generator for the
difference. That is only fair if there was no difference to begin with: same sites, same scanners, same years, no person
on both sides. So, before any claim, and without looking at the synthetic images: can a classifier tell the two apart by
their images, or by their recorded attributes? And does anyone stand on both sides?
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from synthaudit.cohort import Cohort
from synthaudit.copying import find_twins
from synthaudit.errors import NotEnoughData
from synthaudit.finding import Assumption, Direction, Finding, Measure
from synthaudit.probe import Evidence, Need
from synthaudit.statistics.proportion import clopper_pearson
from synthaudit.statistics.separability import Separability, separability

ATTRIBUTES = ("sex", "age", "ethnicity", "group", "site", "view", "modality", "manufacturer", "label")
"""Recorded attributes that may differ between the sides; identifiers, free text and dates are left out."""
LARGEST_VOCABULARY = 12
SIGNIFICANT = 0.01


@dataclass(frozen=True, slots=True)
class Inputs:
    """The probe `inputs`."""

    name: ClassVar[str] = "inputs"
    question: ClassVar[str] = "Are the training and the held-out patients comparable, and kept apart?"
    needs: ClassVar[frozenset[Need]] = frozenset({Need.HOLDOUT})

    def run(self, evidence: Evidence, rng: np.random.Generator) -> Finding:
        """Overlap, and separability by images and by attributes."""
        assert evidence.holdout is not None  # noqa: S101  (the engine checked `needs`)
        n_holdout = evidence.holdout.n_patients
        n_images = len(evidence.holdout)
        measures = [
            Measure(
                "holdout_patients",
                n_holdout,
                n_patients=n_holdout,
                n_images=n_images,
                unit="patients",
                direction=Direction.LOWER_IS_WORSE,
                assumption=Assumption.EXACT,
                note="Held-out patients after unusable files and patients of the training side were left out.",
            ),
            _overlap(evidence),
        ]
        images = _measured("images", _image_features(evidence), evidence, rng)
        recorded = _measured("attributes", _attribute_features(evidence.train, evidence.holdout), evidence, rng)
        measures += [*images, *recorded, _together(images[1], recorded[1])]
        return Finding(self.name, self.question, _answer(measures), tuple(measures), (), _limits(evidence))


def _overlap(evidence: Evidence) -> Measure:
    """Share of the holdout patients looked at who show up among the training patients."""
    pool = evidence.pool
    side = ~pool.patient_is_train
    try:
        strangers = evidence.strangers
    except NotEnoughData as error:
        if not find_twins(pool, None).any():
            return Measure("overlap", None, unit="share", not_measured=f"only equal pixels could be compared: {error}")
        looked_at = side
        twins = find_twins(pool, None)
    else:
        looked_at = np.zeros(pool.n_patients, dtype=bool)
        looked_at[pool.patient[strangers.sampled]] = True
        looked_at &= side
        twins = find_twins(pool, strangers)
    total, found = int(looked_at.sum()), int((twins & looked_at).sum())
    if not total:
        return Measure("overlap", None, unit="share", not_measured="no holdout patient could be compared")
    low, high = clopper_pearson(found, total)
    return Measure(
        "overlap",
        found / total,
        low,
        high,
        n_patients=total,
        n_images=len(pool),
        unit="share",
        direction=Direction.HIGHER_IS_WORSE,
        assumption=Assumption.MODEL_ASSISTED,
        note="Share of the holdout patients looked at with an image that equals, or after registration is one picture "
        "with, an image of a training patient of another id. They are left out of the statistics on both sides.",
    )


def _by_patient(rows: NDArray[np.float64], cohort: Cohort) -> NDArray[np.float64]:
    """(p, d) mean over each patient's images."""
    total = np.zeros((cohort.n_patients, rows.shape[1]))
    np.add.at(total, cohort.patient_index, rows)
    return total / np.bincount(cohort.patient_index, minlength=cohort.n_patients)[:, None]


def _image_features(evidence: Evidence) -> NDArray[np.float64] | None:
    """(patients, d) mean embedding of each patient, training first, all encoders side by side."""
    assert evidence.holdout is not None  # noqa: S101
    sides = []
    for cohort in (evidence.train, evidence.holdout):
        vectors = [by_role[cohort.role].vectors.astype(np.float64) for by_role in evidence.embeddings.values()]
        sides.append(_by_patient(np.concatenate(vectors, axis=1), cohort))
    return np.concatenate(sides)


def _attribute_features(train: Cohort, holdout: Cohort) -> NDArray[np.float64] | None:
    """(patients, d) one-hot attributes, numbers standardized, gaps as a value of their own; None without attributes."""
    columns: list[NDArray[np.float64]] = []
    for name in ATTRIBUTES:
        values = [*train.attributes.get(name, ("",) * len(train)), *holdout.attributes.get(name, ("",) * len(holdout))]
        columns += _encoded(values)
    if not columns:
        return None
    rows = np.stack(columns, axis=1)
    return np.concatenate([_by_patient(rows[: len(train)], train), _by_patient(rows[len(train) :], holdout)])


def _encoded(values: list[str]) -> list[NDArray[np.float64]]:
    """Numeric columns of one attribute: none if it never varies or is free text."""
    vocabulary = sorted(set(values))
    if len(vocabulary) < 2:
        return []
    try:
        numbers = np.array([float(value) if value else np.nan for value in values])
    except ValueError:
        if len(vocabulary) > LARGEST_VOCABULARY:
            return []
        return [np.array([value == word for value in values], dtype=np.float64) for word in vocabulary[1:]]
    known = np.isfinite(numbers)
    if not known.any():
        return []
    filled = np.where(known, numbers, numbers[known].mean())
    columns = [(filled - filled.mean()) / (filled.std() or 1.0)]
    return columns if known.all() else [*columns, (~known).astype(np.float64)]


def _measured(
    what: str, features: NDArray[np.float64] | None, evidence: Evidence, rng: np.random.Generator
) -> tuple[Measure, ...]:
    """The AUC and the p-value of telling the sides apart by these features."""
    assert evidence.holdout is not None  # noqa: S101
    names = (f"exchangeability_auc[{what}]", f"exchangeability_p[{what}]")
    if features is None:
        why = "no attribute that varies between patients was given"
        return tuple(Measure(name, None, not_measured=why) for name in names)
    labels = np.arange(len(features)) < evidence.train.n_patients
    try:
        found: Separability = separability(features, labels, rng)
    except NotEnoughData as error:
        return tuple(Measure(name, None, not_measured=str(error)) for name in names)
    n_images = len(evidence.train) + len(evidence.holdout)
    return (
        Measure(
            names[0],
            found.auc,
            found.low,
            found.high,
            level=0.99,
            n_patients=found.n_patients,
            n_images=n_images,
            floor=0.5,
            p_value=found.p_value,
            direction=Direction.HIGHER_IS_WORSE,
            assumption=Assumption.EXACT,
            note=f"How well the sides can be told apart by their {what}; 0.5 is chance. Bootstrap over patients.",
        ),
        Measure(
            names[1],
            found.p_value,
            n_patients=found.n_patients,
            n_images=n_images,
            p_value=found.p_value,
            direction=Direction.LOWER_IS_WORSE,
            assumption=Assumption.EXACT,
            note="Permutation of the patients' labels, the classifier fitted anew each time.",
        ),
    )


def _together(images: Measure, attributes: Measure) -> Measure:
    """The smaller of the two p-values, doubled if there are two: what the policies look at."""
    if images.value is None:
        return Measure("exchangeability_p", None, not_measured=images.not_measured)
    both = [measure.value for measure in (images, attributes) if measure.value is not None]
    return Measure(
        "exchangeability_p",
        min(1.0, min(both) * len(both)),
        n_patients=images.n_patients,
        n_images=images.n_images,
        p_value=min(1.0, min(both) * len(both)),
        direction=Direction.LOWER_IS_WORSE,
        assumption=Assumption.EXACT,
        note="By images and by recorded attributes together (Bonferroni)." if len(both) > 1 else "By images alone.",
    )


def _answer(measures: list[Measure]) -> str:
    by_name = {measure.name: measure for measure in measures}
    apart = [
        what
        for what in ("images", "attributes")
        if (p := by_name[f"exchangeability_p[{what}]"].value) is not None and p < SIGNIFICANT / 2
    ]
    unknown = by_name["exchangeability_p[images]"].value is None
    overlap = by_name["overlap"].value or 0.0
    shared = f"; {overlap:.1%} of the holdout patients show up among the training patients" if overlap else ""
    if apart:
        return (
            f"No: training and held-out patients can be told apart by their {' and '.join(apart)}, so closeness to the "
            f"training images proves nothing until both are drawn alike (same sites, scanners, years, ages){shared}."
        )
    if unknown:
        return f"It is not known: there are too few patients to compare the two sides{shared}."
    return f"Yes: training and held-out patients cannot be told apart without the synthetic images{shared}."


def _limits(evidence: Evidence) -> tuple[str, ...]:
    missing = int((~evidence.train.known_patient).sum())
    if evidence.holdout is not None:
        missing += int((~evidence.holdout.known_patient).sum())
    if not missing:
        return ()
    return (
        f"{missing} real images came without a patient id and count as a patient each: two images of one person may "
        "stand on both sides unseen.",
    )
