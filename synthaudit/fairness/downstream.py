"""Does a classifier that learned from synthetic images serve some groups worse than one that learned from real ones?

Both learn to tell a finding from as many images, and both are tried on the same held-out patients. What a group loses
by the first, against what all others lose, is put down to the synthetic images. It needs their labels as they were
given: predicted ones would test the predictor.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from synthaudit.attributes import SMALLEST_CELL
from synthaudit.errors import NotEnoughData
from synthaudit.fairness.groups import LABEL, Attribute
from synthaudit.fairness.predicted import COMPONENTS, PATIENTS_PER_COMPONENT, RIDGE, Vectors
from synthaudit.fairness.shares import Divided
from synthaudit.membership.density import Directions
from synthaudit.statistics.equalized_odds import group_rates

RESAMPLES = 60
MOST_TASKS = 2
LEAST_IMAGES = 30
"""Synthetic, and training, images with and without the finding."""
NO_TASK = (
    "it needs a finding that the synthetic images came labeled with, 30 images with and without it among synthetic and "
    "training images, and two groups with 10 held-out patients with and without it"
)


@dataclass(frozen=True, slots=True)
class DownstreamGap:
    """One finding, one column.

    Attributes:
        gap: Equalized odds gap of the classifier that learned from synthetic images. floor: of that from real ones.
        low, high: 95 % interval of `gap`, which carries the uncertainty of both.
        group: Whom it serves worst against the other classifier, of those tested; lost: sensitivity (or, if `false`,
            specificity) lost there beyond what all others lose.
        p_value: Of no group losing more than the others, corrected for the groups and both rates.
    """

    finding: str
    column: str
    gap: float
    floor: float
    low: float
    high: float
    group: str
    lost: float
    lost_low: float
    lost_high: float
    false: bool
    p_value: float
    n_patients: int


def downstream_gaps(
    attributes: Sequence[Attribute], divided: Divided, vectors: Vectors, rng: np.random.Generator
) -> list[DownstreamGap]:
    """The two most common findings that support it, for each column.

    Raises:
        NotEnoughData: None does.
    """
    k = max(2, min(COMPONENTS, vectors.n_patients // PATIENTS_PER_COMPONENT))
    directions = Directions.of(vectors.real, k)
    real, made = directions.of_rows(vectors.real), directions.of_rows(vectors.synthetic)
    found: list[DownstreamGap] = []
    tasks = 0
    for finding in (one for one in attributes if one.columns == (LABEL,) and one.known and one.predicted is None):
        one = _Task.of(finding, divided, real, made)
        columns = [c for c in attributes if c.columns != (LABEL,)] if one is not None else []
        usable = [(c, groups) for c in columns if one is not None and len(groups := one.groups(c)) > 1]
        if one is None or not usable:
            continue
        found += one.compared(usable, rng)
        tasks += 1
        if tasks == MOST_TASKS:
            break
    if not found:
        raise NotEnoughData(NO_TASK)
    return found


@dataclass(frozen=True, slots=True, eq=False)
class _Task:
    """A finding to learn: rows to learn from, and held-out rows to be tried on."""

    name: str
    made: NDArray[np.float64]
    made_label: NDArray[np.bool_]
    made_unit: NDArray[np.intp]
    train: NDArray[np.float64]
    train_label: NDArray[np.bool_]
    train_patient: NDArray[np.intp]
    tried: NDArray[np.float64]
    tried_label: NDArray[np.bool_]
    tried_patient: NDArray[np.intp]
    rows: NDArray[np.intp]

    @classmethod
    def of(cls, one: Attribute, divided: Divided, real: NDArray[np.float64], made: NDArray[np.float64]) -> _Task | None:
        ill = one.spoken_of[-1]
        codes = one.synthetic[0]
        use = np.flatnonzero(codes >= 0)
        is_train = divided.is_train[divided.patient]
        train, held = np.flatnonzero(is_train & (one.real >= 0)), np.flatnonzero(~is_train & (one.real >= 0))
        for labels in (codes[use] == ill, one.real[train] == ill):
            if min(int(labels.sum()), int((~labels).sum())) < LEAST_IMAGES:
                return None
        return cls(
            one.names[ill],
            made[use],
            codes[use] == ill,
            divided.unit[use],
            real[train],
            one.real[train] == ill,
            divided.patient[train],
            real[held],
            one.real[held] == ill,
            divided.patient[held],
            held,
        )

    def groups(self, column: Attribute) -> list[int]:
        """Classes with ten held-out patients with and without the finding."""
        usable = []
        for k in column.spoken_of:
            inside = column.real[self.rows] == k
            sizes = [len(np.unique(self.tried_patient[inside & (self.tried_label == ill)])) for ill in (True, False)]
            if min(sizes) >= SMALLEST_CELL:
                usable.append(k)
        return usable

    def compared(self, columns: Sequence[tuple[Attribute, list[int]]], rng: np.random.Generator) -> list[DownstreamGap]:
        """Both classifiers, and again on what was drawn anew: synthetic images, training and held-out patients."""
        predicted = [self._predictions(None, rng)]
        weights = [self._weights(None)]
        for _ in range(RESAMPLES):
            drawn = _drawn(self.tried_patient, rng)
            predicted.append(self._predictions(rng, rng))
            weights.append(self._weights(drawn))
        return [self._gap(column, groups, predicted, weights) for column, groups in columns]

    def _predictions(
        self, again: np.random.Generator | None, rng: np.random.Generator
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Of the classifier that learned from synthetic, and of that from as many real images."""
        n = min(len(self.made), len(self.train))
        sides = []
        for rows, label, unit in (
            (self.made, self.made_label, self.made_unit),
            (self.train, self.train_label, self.train_patient),
        ):
            weight = np.ones(len(rows)) if again is None else _drawn(unit, again)
            if len(rows) > n:  # learning from more is an advantage of its own
                weight = weight * np.isin(np.arange(len(rows)), rng.choice(len(rows), n, replace=False))
            sides.append(_classified(rows, label, weight, self.tried))
        return sides[0], sides[1]

    def _weights(self, drawn: NDArray[np.float64] | None) -> NDArray[np.float64]:
        size = np.bincount(self.tried_patient)[self.tried_patient]
        return np.asarray((1.0 if drawn is None else drawn) / size)

    def _gap(
        self,
        column: Attribute,
        groups: list[int],
        predicted: Sequence[tuple[NDArray[np.bool_], NDArray[np.bool_]]],
        weights: Sequence[NDArray[np.float64]],
    ) -> DownstreamGap:
        place = {k: i for i, k in enumerate(groups)}
        group = np.array([place.get(int(k), -1) for k in column.real[self.rows]], dtype=np.intp)
        n = len(groups)
        gaps, losses = [], []
        for sides, weight in zip(predicted, weights, strict=True):
            by_synthetic, by_real = (group_rates(self.tried_label, side, group, n, weight) for side in sides)
            gaps.append((by_synthetic.equalized_odds_gap, by_real.equalized_odds_gap))
            lost = np.stack([by_real.tpr - by_synthetic.tpr, by_synthetic.fpr - by_real.fpr])
            losses.append(lost - (lost.sum(axis=1, keepdims=True) - lost) / (n - 1))
        pair, lost = np.array(gaps), np.array(losses)
        spread = np.maximum(np.nanstd(lost[1:], axis=0, ddof=1), 1e-9)
        kind, worst = np.unravel_index(int(np.nanargmax(lost[0] / spread)), lost[0].shape)
        error = float(np.nanstd(pair[1:, 0] - pair[1:, 1], ddof=1))
        z, half = float(lost[0][kind, worst] / spread[kind, worst]), 1.96 * float(spread[kind, worst])
        return DownstreamGap(
            self.name,
            column.title,
            float(pair[0, 0]),
            float(pair[0, 1]),
            max(0.0, float(pair[0, 0]) - 1.96 * error),
            float(pair[0, 0]) + 1.96 * error,
            column.names[groups[int(worst)]],
            float(lost[0][kind, worst]),
            float(lost[0][kind, worst]) - half,
            float(lost[0][kind, worst]) + half,
            bool(kind == 1),
            float(min(1.0, 2 * n * norm.sf(z))),
            len(np.unique(self.tried_patient[group >= 0])),
        )


def _drawn(unit: NDArray[np.intp], rng: np.random.Generator) -> NDArray[np.float64]:
    """(n,) how often each row's unit was drawn again."""
    _, number = np.unique(unit, return_inverse=True)
    n = int(number.max()) + 1
    return np.bincount(rng.integers(n, size=n), minlength=n)[number].astype(np.float64)


def _classified(
    rows: NDArray[np.float64], label: NDArray[np.bool_], weight: NDArray[np.float64], tried: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """A ridge discriminant in which both kinds weigh the same."""
    total = [max(float(weight[label == ill].sum()), 1e-9) for ill in (False, True)]
    w = weight / np.where(label, total[1], total[0]) / 2.0
    mean, center = w @ rows / w.sum(), float(w @ label / w.sum())
    x = rows - mean
    solved = np.linalg.solve((x * w[:, None]).T @ x + RIDGE * np.eye(x.shape[1]), (x * w[:, None]).T @ (label - center))
    return np.asarray((tried - mean) @ solved + center > 0.5)
