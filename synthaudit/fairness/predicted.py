"""Attributes of synthetic images that came without any, predicted from their vectors; and how sure that is.

Five models are fitted on all real images together, training and held-out alike, each without a fifth of the patients.
Those left out show how often it is wrong; the same models look at the synthetic images, so the error is that of the
very predictions. A column that they cannot tell is not guessed at.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from synthaudit.errors import NotEnoughData
from synthaudit.fairness.groups import Attribute
from synthaudit.membership.density import Directions
from synthaudit.statistics.predicted_shares import LEAST_YOUDEN, Confusions, merged, unexplained

FOLDS = 5
COMPONENTS = 64
PATIENTS_PER_COMPONENT = 8
RIDGE = 0.05
"""Of the weights, in units of the number of images; the features have spread 1."""
LEAST_PATIENTS = 50
SURENESS = 4
"""Steps of how sure a model is, to see whether synthetic images look like a mixture of real ones."""
CANNOT_TELL = (
    "the synthetic images came without it, and it cannot be told from an image with any certainty; give the attributes "
    "that the generator was asked for"
)


@dataclass(frozen=True, slots=True, eq=False)
class Vectors:
    """What the predictor reads: real images in the pool's order and synthetic ones, all encoders side by side.

    Attributes:
        real, synthetic: (n, d) and (s, d) float32 rows of unit length.
        patient: (n,) number of each real image's patient.
    """

    real: NDArray[np.float32]
    synthetic: NDArray[np.float32]
    patient: NDArray[np.intp]
    n_patients: int


def with_predictions(
    attributes: Sequence[Attribute], vectors: Vectors, rng: np.random.Generator
) -> tuple[Attribute, ...]:
    """The attributes, with predictions for those that the synthetic images came without."""
    if all(one.known for one in attributes):
        return tuple(attributes)
    fold = rng.permutation(np.arange(vectors.n_patients) % FOLDS)
    if vectors.n_patients < LEAST_PATIENTS:
        few = f"the synthetic images came without it, and predicting it needs {LEAST_PATIENTS} real patients, got "
        return tuple(one if one.known else replace(one, why_not=f"{few}{vectors.n_patients}") for one in attributes)
    k = max(2, min(COMPONENTS, vectors.n_patients // PATIENTS_PER_COMPONENT))
    directions = Directions.of(vectors.real, k)
    real, synthetic = directions.of_rows(vectors.real), directions.of_rows(vectors.synthetic)
    return tuple(one if one.known else _predicted(one, vectors, fold, real, synthetic, rng) for one in attributes)


def _predicted(
    one: Attribute,
    vectors: Vectors,
    fold: NDArray[np.intp],
    real: NDArray[np.float64],
    synthetic: NDArray[np.float64],
    rng: np.random.Generator,
) -> Attribute:
    classes = len(one.names)
    of_image = fold[vectors.patient]
    seen, sure = np.zeros(len(real), dtype=np.intp), np.zeros(len(real))
    made, made_sure = np.zeros((FOLDS, len(synthetic)), dtype=np.intp), np.zeros((FOLDS, len(synthetic)))
    for held in range(FOLDS):
        fit = (of_image != held) & (one.real >= 0)
        weights = _discriminant(real[fit], one.real[fit], classes)
        seen[of_image == held], sure[of_image == held] = _decided(real[of_image == held], weights)
        made[held], made_sure[held] = _decided(synthetic, weights)
    confusions = Confusions.of(one.real, seen, vectors.patient, classes)
    names = list(one.names)
    for k in one.spoken_of:
        try:
            names[k] = one.names[k] if confusions.youden(k) >= LEAST_YOUDEN else ""
        except NotEnoughData:
            names[k] = ""
    if not any(names):
        return replace(one, why_not=CANNOT_TELL)
    # What cannot be told apart is one class: an inverse that tries to would be noise.
    into = np.array([k if name else classes for k, name in enumerate(names)])
    misfit = _misfit(one, vectors, (seen, sure), (made, made_sure), rng)
    if one.any_image:  # a finding: absent and present
        return replace(one, synthetic=made, predicted=seen, misfit=misfit)
    numbers = {k: i for i, k in enumerate(sorted({int(k) for k in into}))}
    renumbered = np.array([numbers[int(k)] for k in into], dtype=np.intp)
    kept = tuple(names[k] if k < classes else "" for k in numbers)
    return replace(
        one,
        names=kept,
        real=merged(one.real, renumbered),
        synthetic=merged(made, renumbered),
        predicted=merged(seen, renumbered),
        misfit=misfit,
    )


def _misfit(
    one: Attribute,
    vectors: Vectors,
    real: tuple[NDArray[np.intp], NDArray[np.float64]],
    made: tuple[NDArray[np.intp], NDArray[np.float64]],
    rng: np.random.Generator,
) -> float:
    """Share of the synthetic images that no mixture of the classes explains, by class and sureness of the models."""
    (seen, sure), (made_seen, made_sure) = real, made
    bars = np.quantile(sure, np.arange(1, SURENESS) / SURENESS)
    kinds = len(one.names) * SURENESS
    of_real = seen * SURENESS + np.searchsorted(bars, sure)
    of_made = made_seen * SURENESS + np.searchsorted(bars, made_sure)
    found = np.bincount(of_made.ravel(), minlength=kinds) / of_made.size
    confusions = Confusions.of(one.real, of_real, vectors.patient, len(one.names), kinds)
    return unexplained(found, confusions, len(vectors.synthetic), rng)


def _discriminant(
    rows: NDArray[np.float64], codes: NDArray[np.intp], classes: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(k, c) weights and (c,) offsets of a ridge discriminant in which every class weighs the same."""
    counts = np.bincount(codes, minlength=classes)
    present = counts > 0
    weight = (1.0 / (present.sum() * np.maximum(counts, 1)))[codes]
    targets = np.eye(classes)[codes]
    mean, center = weight @ rows, weight @ targets
    x, y = rows - mean, targets - center
    solved = np.linalg.solve((x * weight[:, None]).T @ x + RIDGE * np.eye(x.shape[1]), (x * weight[:, None]).T @ y)
    offset = center - mean @ solved
    return solved, np.where(present, offset, -np.inf)


def _decided(
    rows: NDArray[np.float64], fitted: tuple[NDArray[np.float64], NDArray[np.float64]]
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """(n,) class, and (n,) by how much it leads."""
    scores = rows @ fitted[0] + fitted[1]
    scores = np.where(np.isfinite(scores), scores, -1e9)
    ordered = np.sort(scores, axis=1)
    return np.asarray(np.argmax(scores, axis=1), dtype=np.intp), np.asarray(ordered[:, -1] - ordered[:, -2])
