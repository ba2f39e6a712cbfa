"""How close synthetic images come to training images, and held-out ones in their place: measures of neighbors."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from synthaudit.context.three_sets import SetMeasure, ThreeSets, number_of_draws
from synthaudit.statistics.authenticity import inauthentic
from synthaudit.statistics.distance_ratio import closer_to_train, equal_sides, nndr
from synthaudit.statistics.patient_bootstrap import Weights, by_patient, interval_about_floor, ratio
from synthaudit.statistics.percentile_rule import memorized_patients, percentile_threshold

LEAST_VALIDATION = 5
"""Held-out images that are left to set the threshold where the rest stand in for synthetic ones."""

_Pair = tuple[NDArray[np.float32], NDArray[np.float32]]
"""(t,) likeness of each training image to what is taken for synthetic, and to what sets the threshold."""


def dcr_share(sets: ThreeSets, rng: np.random.Generator) -> SetMeasure:
    """Share of synthetic images closer to training than to held-out images; both sides of one size, drawn by patient.

    The floor is 1/2 and needs no drawing: with sides of one size, exchangeable patients are as likely on either.
    """
    trained, held = np.zeros(sets.n_train), np.zeros(sets.n_holdout)
    size = len(sets.synthetic) * 2 * min(len(sets.train), len(sets.holdout))
    draws = number_of_draws(size)
    for _ in range(draws):
        t, h = equal_sides(sets.train_patient, sets.holdout_patient, rng)
        to_train = sets.nearest(sets.synthetic, sets.train[t])
        to_holdout = sets.nearest(sets.synthetic, sets.holdout[h])
        closer = closer_to_train(to_train.scores[:, 0], to_holdout.scores[:, 0])
        # Counted by the patient who attracts: ten images drawn to one patient are one patient's luck.
        trained += by_patient(closer, sets.train_patient[t][to_train.ids[:, 0]], sets.n_train) / draws
        held += by_patient(1.0 - closer, sets.holdout_patient[h][to_holdout.ids[:, 0]], sets.n_holdout) / draws

    def excess(w: Weights, v: Weights) -> float:
        total = float(w @ trained + v @ held)
        return float(w @ trained) / total - 0.5 if total else float("nan")

    low, high = interval_about_floor(0.5, excess, sets.n_train, sets.n_holdout, rng)
    return SetMeasure(float(trained.sum() / (trained.sum() + held.sum())), 0.5, low, high)


def authenticity_share(sets: ThreeSets, rng: np.random.Generator) -> SetMeasure:
    """Share of authentic synthetic images; floor: of held-out images, against the same training images."""
    near = sets.near
    ours = ~inauthentic(near.synthetic_to_train[:, 0], near.nearest_train, near.train_to_train)
    theirs = ~inauthentic(near.holdout_to_train[:, 0], near.nearest_train_to_holdout, near.train_to_train)
    return _means(sets, ours.astype(np.float64), theirs.astype(np.float64), rng)


def nndr_mean(sets: ThreeSets, rng: np.random.Generator) -> SetMeasure:
    """Mean nearest to second nearest distance ratio; floor: of held-out images, against the same training images."""
    return _means(sets, nndr(sets.near.synthetic_to_train), nndr(sets.near.holdout_to_train), rng)


def percentile_rule_share(sets: ThreeSets, rng: np.random.Generator) -> SetMeasure:
    """Share of training patients whom Dar's rule names; floor: with one part of the holdout in place of the synthetic
    images and the other to set the threshold, in the ratio that synthetic and held-out images have.

    Raises:
        NotEnoughData: Fewer than 20 training images.
    """
    percentile_threshold(sets.near.train_to_holdout)
    ratio_wanted = len(sets.synthetic) / (len(sets.synthetic) + len(sets.holdout))
    pairs: list[_Pair] = [(sets.near.train_to_synthetic, sets.near.train_to_holdout)]
    for _ in range(number_of_draws(len(sets.train) * len(sets.holdout))):
        a, b = sets.halves(rng, ratio_wanted, LEAST_VALIDATION)
        to, by = (sets.nearest(sets.train, sets.holdout[part]).scores[:, 0] for part in (a, b))
        pairs.append((to, by))

    def shares(w: Weights, pairs: list[_Pair]) -> list[float]:
        rows = np.repeat(np.arange(len(sets.train)), w[sets.train_patient])
        named = [memorized_patients(to, sets.train_patient, percentile_threshold(by[rows])) for to, by in pairs]
        return [float(w @ one / w.sum()) for one in named]

    value, *floors = shares(np.ones(sets.n_train, dtype=np.int64), pairs)

    def difference(w: Weights, v: Weights) -> float:  # noqa: ARG001  (the threshold takes the holdout as it is)
        # One division of the holdout, not their mean: who stands in for the synthetic images is chance, too.
        ours, theirs = shares(w, [pairs[0], pairs[1 + rng.integers(len(pairs) - 1)]])
        return ours - theirs

    low, high = interval_about_floor(float(np.mean(floors)), difference, sets.n_train, sets.n_holdout, rng)
    return SetMeasure(value, float(np.mean(floors)), low, high)


def _means(
    sets: ThreeSets, ours: NDArray[np.float64], theirs: NDArray[np.float64], rng: np.random.Generator
) -> SetMeasure:
    """Mean over synthetic images, floor over held-out ones; synthetic ones go with the patient they are nearest to."""
    attracted, whose = sets.train_patient[sets.near.nearest_train], sets.holdout_patient
    sums = by_patient(ours, attracted, sets.n_train), by_patient(theirs, whose, sets.n_holdout)
    counts = (
        by_patient(np.ones(len(ours)), attracted, sets.n_train),
        by_patient(np.ones(len(theirs)), whose, sets.n_holdout),
    )

    def difference(w: Weights, v: Weights) -> float:
        return ratio(sums[0], counts[0], w) - ratio(sums[1], counts[1], v)

    floor = float(theirs.mean())
    low, high = interval_about_floor(floor, difference, sets.n_train, sets.n_holdout, rng)
    return SetMeasure(float(ours.mean()), floor, low, high)
