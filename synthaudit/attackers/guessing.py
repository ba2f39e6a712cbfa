"""Guessing an attribute of a patient, from the nearest synthetic images or from what the population teaches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthaudit.attackers.holdings import LEAST_SYNTHETIC, Holdings
from synthaudit.attackers.success import Success
from synthaudit.attackers.views import VIEW_COLUMNS
from synthaudit.attributes import MOST_VALUES, SEPARATOR, SMALLEST_CELL, findings, group_columns
from synthaudit.index.exact import top_k
from synthaudit.statistics.rate_permutation import rate_excess_p
from synthaudit.statistics.ridge_classifier import RidgeBasis

NEIGHBORS = 5
FOLDS = 5
MOST_FINDINGS = 5
LARGEST_FIT = 1_000
"""Held-out images that a fold learns from; of more, some spread evenly over an order that knows nothing."""
_NEAREST = 1e-6
"""Squared distance below which two images are equal."""


@dataclass(frozen=True, slots=True, eq=False)
class Secret:
    """What is to be guessed.

    Attributes:
        name: The column, or "finding <its name>" where a label names several findings.
        real, made: (n,) and (s,) class of each real and synthetic image, -1 where not known.
        n_classes: Classes there are.
    """

    name: str
    real: NDArray[np.intp]
    made: NDArray[np.intp]
    n_classes: int


def secrets(holdings: Holdings) -> tuple[Secret, ...]:
    """Attributes that are known of ten patients of each side and of ten synthetic images, and are not of the picture.

    A label that names several findings is asked about finding by finding, the five most frequent in real patients.
    """
    cohorts = (*holdings.pool.cohorts, holdings.synthetic)
    columns = [column for column in group_columns(cohorts) if column not in VIEW_COLUMNS]
    found: list[Secret] = []
    if all("label" in one.attributes for one in cohorts):
        real, made = holdings.given("label")
        if any(SEPARATOR in label for label in (*real, *made)) or len({*real, *made} - {""}) > MOST_VALUES:
            columns = [column for column in columns if column != "label"]
            found = _by_finding(holdings, real, made)
    found += [_of(column, *holdings.given(column)) for column in columns]
    return _different(tuple(one for one in sorted(found, key=lambda one: one.name) if _enough(holdings, one)))


def vote(holdings: Holdings, secret: Secret) -> NDArray[np.float64]:
    """(p,) share of each patient's images whose class the nearest synthetic images vote for; NaN where none has one.

    Of the five nearest, each has as many votes as it is near (one over the squared distance), so that a copy decides
    alone. Of equal votes the first class wins.
    """
    known = np.flatnonzero(secret.made >= 0)
    near = top_k(holdings.real, holdings.made[known], min(NEIGHBORS, len(known)), workers=holdings.workers)
    weight = 1.0 / np.maximum(2.0 - 2.0 * near.scores.astype(np.float64), _NEAREST)
    votes = np.zeros((len(holdings.real), secret.n_classes))
    image = np.arange(len(votes))
    for column in range(weight.shape[1]):
        votes[image, secret.made[known[near.ids[:, column]]]] += weight[:, column]
    return _right(holdings, secret, np.round(votes, 9).argmax(axis=1))


def blind(holdings: Holdings, secret: Secret) -> float:
    """Share of guesses that are right when everybody is said to have what most synthetic images have."""
    most = int(np.bincount(secret.made[secret.made >= 0], minlength=secret.n_classes).argmax())
    return float(np.nanmean(_right(holdings, secret, np.full(len(secret.real), most))))


def population(holdings: Holdings, asked: Sequence[Secret], rng: np.random.Generator) -> NDArray[np.float64]:
    """(p, k) the same share for models learned from held-out patients; NaN where nothing is known.

    Held-out patients are judged by what was learned from four fifths of the others; training patients by all five such
    models, so that both are judged by models of as many patients. What they guess right is what anybody could learn
    about people like these, without the synthetic images.
    """
    fold = rng.permutation(np.arange(holdings.n_patients) % FOLDS)[holdings.patient]
    holdout = ~holdings.is_train[holdings.patient]
    right = np.full((FOLDS, holdings.n_patients, len(asked)), np.nan)
    for one in range(FOLDS):
        bases: dict[bytes, RidgeBasis] = {}  # most attributes are known of the same images
        for column, secret in enumerate(asked):
            learn = np.flatnonzero(holdout & (fold != one) & (secret.real >= 0))
            learn = learn[_spread(len(learn))]
            if len(learn) < 2:
                continue
            if learn.tobytes() not in bases:
                bases[learn.tobytes()] = RidgeBasis.of(holdings.real[learn])
            basis = bases[learn.tobytes()]
            model = basis.classifier(secret.real[learn], secret.n_classes)
            guess = model.guesses(holdings.real)
            right[one, :, column] = _right(holdings, secret, guess, ~holdout | (fold == one))
    told = np.isfinite(right)
    total = np.where(told, right, 0.0).sum(axis=0)
    return np.where(told.any(axis=0), total / np.maximum(told.sum(axis=0), 1), np.nan)


def guessing_success(held: Holdings, asked: tuple[Secret, ...], relabelings: int, rng: np.random.Generator) -> Success:
    """What guessing achieves on each patient, one column for each attribute."""
    share = np.column_stack([vote(held, one) for one in asked])
    return Success(
        tuple(one.name for one in asked),
        share,
        np.ones(share.shape),
        held.is_train,
        tuple(blind(held, one) for one in asked),
        rate_excess_p(share, held.is_train, draws=relabelings, rng=rng),
        held.images_of,
    )


def _right(
    holdings: Holdings, secret: Secret, guess: NDArray[np.intp], asked: NDArray[np.bool_] | None = None
) -> NDArray[np.float64]:
    """(p,) share of right guesses over each patient's images with a class; NaN where there is none."""
    known = secret.real >= 0
    if asked is not None:
        known &= asked
    n = np.bincount(holdings.patient[known], minlength=holdings.n_patients)
    right = np.bincount(holdings.patient[known], weights=(guess == secret.real)[known], minlength=holdings.n_patients)
    return np.where(n > 0, right / np.maximum(n, 1), np.nan)


def _of(name: str, real: tuple[str, ...], made: tuple[str, ...]) -> Secret:
    code = {value: i for i, value in enumerate(sorted({*real, *made} - {""}))}
    numbers = [np.array([code.get(value, -1) for value in given], dtype=np.intp) for given in (real, made)]
    return Secret(name, numbers[0], numbers[1], len(code))


def _by_finding(holdings: Holdings, real: tuple[str, ...], made: tuple[str, ...]) -> list[Secret]:
    seen, shown = [findings(label) for label in real], [findings(label) for label in made]
    carriers: dict[str, set[int]] = {}
    for patient, some in zip(holdings.patient, seen, strict=True):
        for finding in some:
            carriers.setdefault(finding, set()).add(int(patient))
    common = sorted(
        (finding for finding, patients in carriers.items() if len(patients) >= SMALLEST_CELL),
        key=lambda finding: (-len(carriers[finding]), finding),
    )
    return [
        Secret(
            f"finding {finding}",
            np.array([int(finding in some) if some else -1 for some in seen], dtype=np.intp),
            np.array([int(finding in some) if some else -1 for some in shown], dtype=np.intp),
            2,
        )
        for finding in common[:MOST_FINDINGS]
    ]


def _spread(n: int) -> NDArray[np.intp]:
    """Places below n, at most `LARGEST_FIT` of them, spread evenly."""
    return np.linspace(0, max(n - 1, 0), min(n, LARGEST_FIT)).astype(np.intp)


def _different(found: tuple[Secret, ...]) -> tuple[Secret, ...]:
    """Without those that divide the real images as one before them does: "no finding" is "some finding" again."""
    seen: set[tuple[int, ...]] = set()
    kept = []
    for one in found:
        _, numbers = np.unique(one.real, return_inverse=True)
        first = {int(number): order for order, number in enumerate(dict.fromkeys(numbers.ravel().tolist()))}
        division = tuple(first[int(number)] for number in numbers.ravel())
        if division not in seen:
            kept.append(one)
        seen.add(division)
    return tuple(kept)


def _enough(holdings: Holdings, secret: Secret) -> bool:
    """Whether it can be asked: of enough people, and in words that are the same beside real and synthetic images.

    Where real images say "F" and synthetic ones "female", no guess is ever right, on either side.
    """
    if len(np.intersect1d(secret.real[secret.real >= 0], secret.made[secret.made >= 0])) < 2:
        return False
    known = np.unique(holdings.patient[secret.real >= 0])
    sides = np.bincount(holdings.is_train[known], minlength=2)
    return bool(min(sides) >= SMALLEST_CELL and (secret.made >= 0).sum() >= LEAST_SYNTHETIC)
