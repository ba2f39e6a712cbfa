"""Does a generator make what it is asked for?

A classifier that has learned the values of a column on real images is shown samples of each value. How often it tells
the value asked for stands beside how often it tells that of real images it has not seen; guidance can make samples
purer than patients are. High figures mean that the condition is heeded, not that samples are new: so are a
copier's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthaudit.cohort import Cohort
from synthaudit.errors import NotEnoughData
from synthaudit.generators.principal import cohort_images, fit_principal_components
from synthaudit.generators.protocol import Generator
from synthaudit.progress import Progress
from synthaudit.statistics.proportion import clopper_pearson

COMPONENTS = 48
"""Principal components that the classifier sees."""

FOLDS = 5
FEWEST = 2 * FOLDS
"""Patients of a value, real, that the classifier needs."""

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Told:
    """How often something is told for a value, with exact 95 % intervals.

    Attributes:
        sensitivity: Share of images of the value that are told for it.
        sensitivity_interval: Of that share.
        specificity: Share of images of other values that are not.
        specificity_interval: Of that share.
    """

    sensitivity: float
    sensitivity_interval: tuple[float, float]
    specificity: float
    specificity_interval: tuple[float, float]

    @property
    def beats_chance(self) -> bool:
        """Whether even the lower ends of both intervals add up to more than 1, which is what guessing gives."""
        return self.sensitivity_interval[0] + self.specificity_interval[0] > 1


@dataclass(frozen=True, slots=True)
class Fidelity:
    """What a classifier tells of one value.

    Attributes:
        value: The value asked for.
        made: Of `n` samples of each value.
        real: Of real images, each by a classifier that has seen none of its patient's.
    """

    value: str
    made: Told
    real: Told


def condition_fidelity(
    generator: Generator, real: Cohort, column: str, values: Sequence[str], n: int, seed: int
) -> tuple[Fidelity, ...]:
    """For each of the `values`, how often samples asked for it are told for it, beside real images.

    Args:
        generator: Knows the condition `column`.
        real: Images that the generator has not been trained on, with the column.
        column: Attribute and condition.
        values: Two or more; real images of others are left out.
        n: Samples of each value.
        seed: Of the samples and the folds.

    Raises:
        NotEnoughData: A value has too few real patients.
    """
    texts = np.array(real.attributes.get(column, ("",) * len(real)))
    rows = np.flatnonzero(np.isin(texts, list(values)))
    truth, patients = texts[rows], np.array(real.patients)[rows]
    fewest = min(len(set(patients[truth == value])) for value in values)
    if fewest < FEWEST:
        raise NotEnoughData(f"each value must have at least {FEWEST} real patients, got one with {fewest}")
    size = generator.spec.shape[0]
    images = cohort_images(real.subset(rows), size, Progress())
    space = fit_principal_components(images, COMPONENTS, np.random.default_rng(seed))
    features = space.encode(images) / space.deviations
    made = [space.encode(generator.sample(n, seed, {column: value})) / space.deviations for value in values]
    told_real = _cross_told(features, truth, patients, seed)
    told_made = _classifier().fit(features, truth).predict(np.concatenate(made))
    asked = np.repeat(np.array(values), n)
    return tuple(Fidelity(value, _told(told_made, asked, value), _told(told_real, truth, value)) for value in values)


def _classifier() -> Any:
    from sklearn.linear_model import LogisticRegression

    # Rare values count as much as frequent ones, or none would ever be told.
    return LogisticRegression(C=0.1, class_weight="balanced", max_iter=2000)


def _cross_told(features: Floats, truth: NDArray[np.str_], patients: NDArray[np.str_], seed: int) -> NDArray[np.str_]:
    """(n,) what is told of each image by a classifier that has not seen its patient."""
    from sklearn.model_selection import StratifiedGroupKFold

    told = truth.copy()
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed)
    for learned, asked in folds.split(features, truth, patients):
        told[asked] = _classifier().fit(features[learned], truth[learned]).predict(features[asked])
    return told


def _told(told: NDArray[np.str_], truth: NDArray[np.str_], value: str) -> Told:
    here = truth == value
    right, spared = int((told[here] == value).sum()), int((told[~here] != value).sum())
    return Told(
        sensitivity=right / int(here.sum()),
        sensitivity_interval=clopper_pearson(right, int(here.sum())),
        specificity=spared / int((~here).sum()),
        specificity_interval=clopper_pearson(spared, int((~here).sum())),
    )
