"""A verifier: are two images of one person? Learned on real pairs, and never asked about whom it learned from.

It looks at how far two images lie apart along each of the leading directions in which the real images differ, and at
their distance as a whole. Along some directions one person varies from visit to visit, along others people differ;
which are which is learned from pairs of one and of two patients, and the ridge lets the plain distance speak where few
patients have two images. Who was trained on plays no part: the pairs come from all real images alike.

Patients are dealt into folds. A pair is judged by a model that was fitted without the folds of both, so that whoever is
judged was not learned from. Only the directions are those of all real images; they know no patient.

Reference: after Packhaeuser, Gundel, Muenster, Syben, Christlein, Maier 2022, doi 10.1038/s41598-022-19045-3 (there the
network is trained, too; here only what is made of its numbers).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from synthaudit.matching.pool import Pool
from synthaudit.membership.density import Directions
from synthaudit.membership.odds import logistic_weights
from synthaudit.reidentification.visits import Visits

FOLDS = 5
COMPONENTS = (8, 64)
"""Fewest and most directions; between them, one for every two patients with several visits."""
MOST_LEARNED_FROM = 400
"""Patients whose pairs are learned from."""
PAIRS_EACH = 4
STRANGER_PAIRS = 2_500
RIDGE = 5.0
"""Of a direction's weight, in units of one patient's information."""
RIDGE_OF_DISTANCE = 0.1
_ROWS_AT_ONCE = 512
_FEW = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class _Model:
    """Weights of the directions (k,), of the distance, and the constant; likeness is minus a weighted distance."""

    directions: NDArray[np.float64]
    distance: float
    constant: float


@dataclass(frozen=True, eq=False)
class Verifier:
    """Log odds that two images are of one person, for real pairs and for pairs of a made and a real image.

    Attributes:
        vectors: (n, d) of the real images, in pool order; several encoders side by side.
        fold: (n,) fold of each image's patient.
        models: By the pair of folds (lesser first) that each was fitted without.
    """

    vectors: NDArray[np.float32]
    fold: NDArray[np.intp]
    models: Mapping[tuple[int, int], _Model]
    _along: Directions = field(repr=False)
    _real: NDArray[np.float64] = field(repr=False)

    @classmethod
    def fit(cls, vectors: NDArray[np.float32], pool: Pool, visits: Visits, rng: np.random.Generator) -> Verifier:
        """Learn it from all real images alike."""
        again = visits.again
        components = int(np.clip(len(again) // 2, *COMPONENTS))
        along = Directions.of(vectors, components)
        real = along.of_rows(vectors)
        fold = _dealt(visits, rng)
        learned = np.sort(rng.permutation(again)[:MOST_LEARNED_FROM])
        pairs, same = _pairs(pool, visits, learned, rng)
        features = _features(real[pairs[:, 0]], real[pairs[:, 1]], _apart(vectors, pairs))
        folds = fold[pool.patient[pairs]]
        models = {}
        for i in range(FOLDS):
            for j in range(i, FOLDS):
                outside = ~np.isin(folds, (i, j)).any(axis=1)
                n_patients = int((~np.isin(fold[learned], (i, j))).sum())
                models[i, j] = _fitted(features[outside], same[outside], n_patients)
        return cls(vectors, fold[pool.patient], models, along, real)

    def between(self, first: NDArray[np.intp], second: NDArray[np.intp]) -> NDArray[np.float64]:
        """(f, s) log odds of real images, by their pool rows, each judged by a model that knows neither patient."""
        found = np.empty((len(first), len(second)))
        for (i, j), model in self.models.items():
            for a, b in {(i, j), (j, i)}:
                mine, theirs = np.flatnonzero(self.fold[first] == a), np.flatnonzero(self.fold[second] == b)
                if len(mine) and len(theirs):
                    rows, columns = first[mine], second[theirs]
                    found[np.ix_(mine, theirs)] = self._log_odds(model, self.vectors[rows], self._real[rows], columns)
        return found

    def made(self, vectors: NDArray[np.float32], second: NDArray[np.intp]) -> NDArray[np.float64]:
        """(m, s) log odds of made images, by their vectors (m, d), and real ones, by models without their patients."""
        found = np.empty((len(vectors), len(second)))
        along = self._along.of_rows(vectors)
        for i in range(FOLDS):
            theirs = np.flatnonzero(self.fold[second] == i)
            if len(theirs):
                found[:, theirs] = self._log_odds(self.models[i, i], vectors, along, second[theirs])
        return found

    def _log_odds(
        self, model: _Model, vectors: NDArray[np.float32], along: NDArray[np.float64], columns: NDArray[np.intp]
    ) -> NDArray[np.float64]:
        from scipy.spatial.distance import cdist

        gallery, theirs = self._real[columns], self.vectors[columns]
        far, near = model.directions < 0, model.directions > 0
        weight = np.abs(model.directions)
        found = np.empty((len(vectors), len(columns)))
        for start in range(0, len(vectors), _ROWS_AT_ONCE):
            rows = slice(start, start + _ROWS_AT_ONCE)
            total = model.constant + model.distance * _distances(vectors[rows], theirs)
            for side, sign in ((far, -1.0), (near, 1.0)):
                if side.any():
                    w = weight[side]
                    total += sign * cdist(along[rows][:, side] * w, gallery[:, side] * w, "cityblock")
            found[rows] = total
        return found


def _dealt(visits: Visits, rng: np.random.Generator) -> NDArray[np.intp]:
    """(p,) fold of each patient; those with several visits are spread evenly."""
    fold = np.empty(len(visits.count), dtype=np.intp)
    for group in (visits.count > 1, visits.count <= 1):
        fold[group] = rng.permutation(np.arange(np.count_nonzero(group)) % FOLDS)
    return fold


def _pairs(
    pool: Pool, visits: Visits, learned: NDArray[np.intp], rng: np.random.Generator
) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """(n, 2) pool rows and (n,) whether they are of one patient; each patient in as many pairs of their own."""
    order = np.argsort(pool.patient, kind="stable")
    starts = np.searchsorted(pool.patient[order], np.arange(pool.n_patients + 1))
    same = []
    for patient in learned:
        rows = order[starts[patient] : starts[patient + 1]]
        for _ in range(PAIRS_EACH):
            one = int(rng.choice(rows))
            same.append((one, int(rng.choice(rows[visits.visit[rows] != visits.visit[one]]))))
    who = rng.integers(pool.n_patients, size=(STRANGER_PAIRS, 2))
    who = who[who[:, 0] != who[:, 1]]
    place = rng.random(who.shape)
    other = order[starts[who] + (place * pool.images_of[who]).astype(np.intp)]
    pairs = np.concatenate([np.array(same, dtype=np.intp).reshape(-1, 2), other])
    return pairs, np.arange(len(pairs)) < len(same)


def _features(
    first: NDArray[np.float64], second: NDArray[np.float64], apart: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(n, k + 1) how far two images lie apart along each direction, and as a whole."""
    return np.column_stack([np.abs(first - second), apart])


def _apart(vectors: NDArray[np.float32], pairs: NDArray[np.intp]) -> NDArray[np.float64]:
    between = vectors[pairs[:, 0]] - vectors[pairs[:, 1]]
    return np.asarray(np.sqrt(np.einsum("ij,ij->i", between, between, dtype=np.float64)))


def _distances(first: NDArray[np.float32], second: NDArray[np.float32]) -> NDArray[np.float64]:
    squares = (np.einsum("ij,ij->i", one, one, dtype=np.float64) for one in (first, second))
    a, b = squares
    return np.asarray(np.sqrt(np.maximum(a[:, None] + b - 2.0 * (first @ second.T), 0.0)))


def _fitted(features: NDArray[np.float64], same: NDArray[np.bool_], n_patients: int) -> _Model:
    """The model of these pairs; a feature's scale sets how strongly the ridge holds it."""
    center, spread = features.mean(axis=0), np.maximum(features.std(axis=0), _FEW)
    ridge = np.full(features.shape[1], RIDGE)
    ridge[-1] = RIDGE_OF_DISTANCE
    # The pairs weigh as many as they are; a ridge of 1 on a feature shrunk by f is one of 1 / f^2 on the feature.
    shrink = np.sqrt(max(1, n_patients) / (len(features) * ridge))
    columns = np.column_stack([(features - center) / spread * shrink, np.ones(len(features))])
    weights = logistic_weights(columns, same)
    slope = weights[:-1] * shrink / spread
    return _Model(slope[:-1], float(slope[-1]), float(weights[-1] - slope @ center))
