"""How much privacy a training cannot have had, from guesses who was in it: one run, many coin flips.

Each canary is put into training or left out by a fair coin of its own. Whoever sees the trained generator then guesses
some of the coins. A training that is (epsilon, delta)-differentially private allows only so many right guesses, so more
of them refute the claim. Nothing here ever shows that a training *is* private: a bound of 0 means that these guesses
were no better than chance, and few canaries cannot refute a large epsilon however bad the leak (`epsilon_max`).

Reference: Steinke, Nasr, Jagielski 2023, arXiv:2305.08846, corollary 5.4 and appendix D.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.stats import binom

from synthaudit.errors import NotEnoughData, UsageError

LEVEL = 0.95
"""Confidence of a bound."""

STEP = 0.25
"""A bound is looked for in steps of epsilon this wide, from 0, so that the first epsilon that stands is found."""

MOST_EPSILON = 700.0
"""exp(epsilon) is no longer a number beyond."""


@dataclass(frozen=True, slots=True)
class OneRun:
    """What one run's guesses say about epsilon.

    Attributes:
        right: Guesses that were right.
        guesses: Guesses made, a number fixed before any score was seen.
        canaries: Canaries, guessed or not.
        delta: Of the privacy that is claimed.
        level: Confidence of the bound.
        epsilon_low: Any claim of a smaller epsilon is refuted; 0 where none is.
        ceiling: What `epsilon_low` would be had every guess been right.
        by_coin: Each canary had a coin of its own. After a plain random split the coins are not independent, and the
            bound is approximate.
    """

    right: int
    guesses: int
    canaries: int
    delta: float
    level: float
    epsilon_low: float
    ceiling: float
    by_coin: bool = True

    def p_value(self, epsilon: float) -> float:
        """The most that the probability of as many right guesses can be if the training is (epsilon, delta)-private."""
        return one_run_p_value(self.right, self.guesses, self.canaries, epsilon, self.delta)

    def refutes(self, epsilon: float) -> bool:
        """Whether the claim that the training is (epsilon, delta)-private is refuted at this level."""
        return self.p_value(epsilon) <= 1 - self.level

    def could_refute(self, epsilon: float) -> bool:
        """Whether all guesses right would have refuted the claim; if not, it was never put to the test."""
        return one_run_p_value(self.guesses, self.guesses, self.canaries, epsilon, self.delta) <= 1 - self.level


def one_run_p_value(right: int, guesses: int, canaries: int, epsilon: float, delta: float = 0.0) -> float:
    """The most that the probability of `right` or more right guesses can be under (epsilon, delta)-privacy; (0, 1].

    For delta = 0 this is the tail of a binomial: no guess can be right more often than randomized response allows,
    exp(epsilon) / (1 + exp(epsilon)). Delta adds a term that grows with the number of *canaries*, not of guesses.

    Args:
        right: Right guesses.
        guesses: Guesses made, right or wrong, fixed in advance.
        canaries: Canaries with a coin, guessed or abstained from.
        epsilon: Claimed, 0 or more.
        delta: Claimed, in [0, 1).

    Raises:
        UsageError: A number is out of range.

    >>> round(one_run_p_value(5, 5, 5, epsilon=0.0), 5)
    0.03125
    """
    _check(right, guesses, canaries, delta)
    if not 0 <= epsilon < math.inf:
        raise UsageError(f"epsilon must be 0 or more and finite, got {epsilon}")
    hit = 1 / (1 + math.exp(-min(epsilon, MOST_EPSILON)))
    p = float(binom.sf(right - 1, guesses, hit))
    if delta > 0 and right > 0:
        below = np.cumsum(binom.pmf(np.arange(right - 1, -1, -1), guesses, hit))  # right - i <= guessed < right
        p += 2 * canaries * delta * float((below / np.arange(1, right + 1)).max())
    return min(p, 1.0)


def epsilon_lower_bound(right: int, guesses: int, canaries: int, delta: float = 0.0, level: float = LEVEL) -> float:
    """The epsilon below which every claim is refuted at this level; 0 if no claim is.

    Args:
        right, guesses, canaries, delta: As in `one_run_p_value`.
        level: Confidence, in (0, 1).

    Raises:
        NotEnoughData: No guess was made.
        UsageError: A number is out of range.

    >>> round(epsilon_lower_bound(75, 100, 1000, delta=1e-4), 3)  # appendix D of the paper
    0.673
    """
    _check(right, guesses, canaries, delta)
    if guesses == 0:
        raise NotEnoughData("a bound on epsilon needs at least 1 guess, got 0")
    if not 0 < level < 1:
        raise UsageError(f"level must lie between 0 and 1, got {level}")

    def above(epsilon: float) -> float:
        return one_run_p_value(right, guesses, canaries, epsilon, delta) - (1 - level)

    low = 0.0
    if above(low) > 0:
        return 0.0
    while above(low + STEP) <= 0:
        low += STEP
    return float(brentq(above, low, low + STEP, xtol=1e-9))


def epsilon_max(guesses: int, canaries: int | None = None, delta: float = 0.0, level: float = LEVEL) -> float:
    """The ceiling: the bound that as many guesses give when all are right; no larger epsilon can be refuted.

    Args:
        guesses: Guesses made.
        canaries: Canaries; as many as guesses if None.
        delta, level: As in `epsilon_lower_bound`.

    >>> round(epsilon_max(100, 1000, delta=1e-5), 2)
    3.47
    """
    return epsilon_lower_bound(guesses, guesses, guesses if canaries is None else canaries, delta, level)


def guesses_of(scores: NDArray[np.float64], said_in: int, said_out: int) -> NDArray[np.int8]:
    """(n,) 1 where a canary is said to be in training, -1 where out, 0 where nothing is said.

    Equal scores are told apart by their order, which must not depend on the coins.

    Args:
        scores: (n,) finite; higher means more surely in training.
        said_in, said_out: How many of the highest are said to be in, and of the lowest to be out; fixed in advance.

    Raises:
        UsageError: There are fewer canaries than guesses, or a score is not a number.

    >>> guesses_of(np.array([0.1, 0.9, 0.5]), 1, 1).tolist()
    [-1, 1, 0]
    """
    if min(said_in, said_out) < 0 or said_in + said_out > len(scores):
        raise UsageError(
            f"guesses must be 0 or more and at most as many as canaries, got {said_in} in and {said_out} out for "
            f"{len(scores)} canaries"
        )
    if not np.isfinite(scores).all():
        raise UsageError(f"scores must be finite, got {int((~np.isfinite(scores)).sum())} that are not")
    order = np.argsort(scores, kind="stable")
    said = np.zeros(len(scores), dtype=np.int8)
    said[order[:said_out]] = -1
    said[order[len(scores) - said_in :]] = 1
    return said


def one_run_audit(
    scores: NDArray[np.float64],
    included: NDArray[np.bool_],
    said_in: int,
    said_out: int,
    *,
    delta: float = 0.0,
    level: float = LEVEL,
    by_coin: bool = True,
) -> OneRun:
    """What the scores of canaries say about epsilon.

    Args:
        scores: (n,) one a canary (a patient); higher means more surely in training.
        included: (n,) the coins: True if in training.
        said_in, said_out: As in `guesses_of`; fixed before the scores are seen.
        delta: Of the claim.
        level: Confidence of the bound.
        by_coin: False after a plain random split, which makes the bound approximate.

    Raises:
        NotEnoughData: No guess is to be made.
        UsageError: A number is out of range, or scores and coins differ in number.
    """
    if scores.shape != included.shape:
        raise UsageError(f"each canary must have a score and a coin, got {scores.shape} and {included.shape}")
    said = guesses_of(scores, said_in, said_out)
    right = int(((said == 1) & included).sum() + ((said == -1) & ~included).sum())
    guesses, canaries = said_in + said_out, len(scores)
    low = epsilon_lower_bound(right, guesses, canaries, delta, level)
    return OneRun(right, guesses, canaries, delta, level, low, epsilon_max(guesses, canaries, delta, level), by_coin)


def _check(right: int, guesses: int, canaries: int, delta: float) -> None:
    if not 0 <= right <= guesses <= canaries:
        raise UsageError(
            f"right guesses, guesses and canaries must not decrease from 0, got {right}, {guesses} and {canaries}"
        )
    if not 0 <= delta < 1:
        raise UsageError(f"delta must lie in [0, 1), got {delta}")
