"""The score that so few pairs of strangers reach, for strangers who take no part in setting it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthaudit.errors import NotEnoughData

_TOLD_FROM = 10
"""Patients; of fewer the number is not told."""


@dataclass(frozen=True, slots=True, eq=False)
class MatchThreshold:
    """A pair matches if its score lies *above*.

    Attributes:
        value: From all held-out patients: for everyone who is not one of them.
        without: (h,) from all held-out patients but one each: for that one.
    """

    value: float
    without: NDArray[np.float64]


def match_threshold(scores: NDArray[np.floating], fmr: float) -> MatchThreshold:
    """The threshold that at most a share `fmr` of the pairs with held-out patients passes.

    A held-out patient whose own pairs helped to set the threshold is linked too seldom to compare a training patient
    with: of 1 in 1,000 pairs, all may be theirs, and the threshold was put above most. So each of them is judged by the
    threshold that the others alone would give; then they and a training patient who left no trace are linked equally
    often on average, whatever the scores look like.

    Args:
        scores: (s, h) of synthetic images (rows) to held-out patients (columns); higher is more alike.
        fmr: False match rate allowed, in (0, 1).

    Raises:
        NotEnoughData: Fewer than 2 patients, or so few pairs that the rate allows none.

    Reference:
        Vovk, Gammerman, Shafer 2005, doi 10.1007/b106715 (why leaving one out makes them exchangeable).
    """
    s, h = scores.shape
    allowed, left = math.floor(fmr * s * h + 1e-9), math.floor(fmr * s * (h - 1) + 1e-9)
    if h < 2 or left < 1:
        few = h < _TOLD_FROM  # the number of pairs would tell that of the patients
        got = f"fewer than {_TOLD_FROM} patients" if few else f"{h} and {s * (h - 1):,}"
        raise NotEnoughData(
            f"a threshold at {100 * fmr:g} % false matches needs at least 2 held-out patients, and beside each "
            f"{math.ceil(1 / fmr):,} pairs of a synthetic image and another one, got {got}"
        )
    # Without a patient's own pairs, of which there are at most s, the place asked for is at most s further down.
    kept = min(s * h, allowed + 1 + s)
    flat = np.asarray(scores, dtype=np.float64).ravel()
    at = np.argpartition(flat, flat.size - kept)[flat.size - kept :]
    at = at[np.lexsort((at, -flat[at]))]
    return MatchThreshold(float(flat[at[allowed]]), _left_out(flat[at], at % h, left, h))


def _left_out(values: NDArray[np.float64], owner: NDArray[np.intp], allowed: int, h: int) -> NDArray[np.float64]:
    """(h,) of the descending values of others, the one below the `allowed` highest."""
    found = np.full(h, values[allowed])
    for one in np.unique(owner[: allowed + 1]):
        found[one] = values[owner != one][allowed]
    return found
