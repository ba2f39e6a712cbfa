"""How much larger is a share of the training patients than of like held-out patients?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthaudit.errors import NotEnoughData
from synthaudit.statistics.newcombe import newcombe_difference, wilson


@dataclass(frozen=True, slots=True)
class Excess:
    """A share of the training patients, the same of held-out patients as many-imaged as they are, and the difference.

    Attributes:
        train, train_low, train_high: Share of the training patients, and Wilson's 95 % interval.
        holdout, holdout_low, holdout_high: Share of the held-out patients, brought to the training patients' strata.
        difference, low, high: Their difference, and Newcombe's 95 % interval.
        n_train, n_holdout: Patients compared.
        effective_holdout: Held-out patients that the weighted ones are worth.
    """

    train: float
    train_low: float
    train_high: float
    holdout: float
    holdout_low: float
    holdout_high: float
    difference: float
    low: float
    high: float
    n_train: int
    n_holdout: int
    effective_holdout: float


def standardized_excess(
    hit: NDArray[np.bool_], is_train: NDArray[np.bool_], stratum: NDArray[np.intp], level: float = 0.95
) -> Excess:
    """The excess of the training patients, the holdout weighted as if it had their strata.

    A patient of many images has more chances to be hit. If the training patients have more images than the held-out
    ones, the bare difference of the shares is above zero without a leak; weighted, it is not. The weights cost
    precision: the holdout counts as the patients that it is worth (1 over the sum of the squared weights), in shares
    and intervals. Strata without a patient on either side are left out.

    Args:
        hit, is_train, stratum: (p,) of each patient.

    Raises:
        NotEnoughData: No stratum has patients of both sides.

    Reference:
        Newcombe 1998 (method 10), doi 10.1002/(SICI)1097-0258(19980430)17:8<873::AID-SIM779>3.0.CO;2-I; Kish 1965 for
        the effective number; Breslow and Day 1987, IARC 82, for direct standardization.
    """
    train, holdout = 0.0, 0.0
    parts: list[tuple[int, int, float, float]] = []
    for one in np.unique(stratum):
        inside = stratum == one
        mine, theirs = inside & is_train, inside & ~is_train
        if mine.any() and theirs.any():
            parts.append((int(mine.sum()), int(theirs.sum()), float(hit[mine].mean()), float(hit[theirs].mean())))
    if not parts:
        raise NotEnoughData("an excess needs training and held-out patients with as many images, got none")
    n_train, n_holdout = sum(part[0] for part in parts), sum(part[1] for part in parts)
    weights = [n / n_train for n, *_ in parts]
    train = sum(w * part[2] for w, part in zip(weights, parts, strict=True))
    holdout = sum(w * part[3] for w, part in zip(weights, parts, strict=True))
    effective = 1.0 / sum(w * w / part[1] for w, part in zip(weights, parts, strict=True))
    difference, low, high = newcombe_difference(train * n_train, n_train, holdout * effective, effective, level)
    return Excess(
        train,
        *wilson(train * n_train, n_train, level),
        holdout,
        *wilson(holdout * effective, effective, level),
        difference,
        low,
        high,
        n_train,
        n_holdout,
        effective,
    )
