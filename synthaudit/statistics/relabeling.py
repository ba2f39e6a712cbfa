"""Is one sample further from a reference than another of the same size? For any quantity of a set.

Made images and held-out ones are put together in equal numbers, each image of another patient. Were the made images
a fresh draw of the same population, the labels would mean nothing: dealing them again gives the chance of so large a
difference, exactly, whatever the quantity and however few there are. How sure the size of the difference is, is told by
leaving out a twentieth of one sample at a time (the jackknife). Samples drawn with replacement would repeat images,
which spoils every quantity that looks at nearest neighbors, and halves are too small for those that grow with n: by
either, the interval of recall missed the truth four times as often as it should.

Reference:
    Phipson, Smyth 2010, doi 10.2202/1544-6115.1585 (the `+ 1`). Kott 2001, Journal of Official Statistics 17, 521 (the
    jackknife that deletes a group). Agresti, Coull 1998, doi 10.1080/00031305.1998.10480550 (shares near 0 or 1).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t

from synthaudit.errors import NotEnoughData, UsageError

RELABELINGS = 999
GROUPS = 20
"""Parts of a sample that are left out in turn."""
LEAST = 12
"""Images on each side."""
BLOCK = 50
"""Sets asked for at a time."""

Masks = NDArray[np.bool_]
_Mask = NDArray[np.bool_]
Quantity = Callable[[Masks], NDArray[np.float64]]
"""(b, n) which members of the pool a set consists of -> (b,) the quantity of each set."""


@dataclass(frozen=True, slots=True)
class Compared:
    """A quantity of one sample beside that of another.

    Attributes:
        value, floor: Of the first and of the second sample.
        low, high: 95 % interval of the value, which carries the uncertainty of both: it holds the floor where chance
            explains the difference.
        p_higher, p_lower: Chance of a value as far above (below) the floor, were both samples of one population; None
            where labels were not dealt again.
        n: Images in each.
    """

    value: float
    floor: float
    low: float
    high: float
    p_higher: float | None
    p_lower: float | None
    n: int

    @property
    def p_either(self) -> float | None:
        """Chance of a value as far off the floor either way."""
        if self.p_higher is None or self.p_lower is None:
            return None
        return min(1.0, 2.0 * min(self.p_higher, self.p_lower))


def compared(
    quantity: Quantity,
    n: int,
    rng: np.random.Generator,
    *,
    relabelings: int = RELABELINGS,
    groups: int = GROUPS,
    share: bool = False,
    level: float = 0.95,
) -> Compared:
    """The quantity of the first sample beside that of the second.

    Args:
        quantity: Of sets of members of a pool of 2n: the first n are the one sample, the rest the other. Sets of n
            members are asked for, and of somewhat fewer.
        n: Members of each sample.
        relabelings: Times that labels are dealt again; 0 for none. The least p-value is 1 / (relabelings + 1).
        groups: Parts of each sample that are left out in turn; n where that is less.
        share: The quantity is a share of images, so that one of 0 of 20 is no certainty.

    Raises:
        NotEnoughData: Fewer than 12 members.
        UsageError: Fewer than 2 groups.
    """
    if n < LEAST:
        raise NotEnoughData(f"a comparison of samples needs at least {LEAST} images of different patients, got {n}")
    if groups < 2:
        raise UsageError(f"groups must be at least 2, got {groups}")
    first = np.arange(2 * n) < n
    value, floor = (float(one) for one in quantity(np.stack([first, ~first])))
    p_higher = p_lower = None
    if relabelings:
        dealt = _dealt(quantity, first, relabelings, rng)
        # Ties count as chance, and rounding must not break them.
        tolerance = 1e-12 * (1.0 + abs(value) + abs(floor))
        p_higher = (1 + int((dealt >= value - floor - tolerance).sum())) / (relabelings + 1)
        p_lower = (1 + int((dealt <= value - floor + tolerance).sum())) / (relabelings + 1)
    variance = sum(_jackknife(quantity, side, min(groups, n), rng) for side in (first, ~first))
    if share:
        variance = max(variance, sum(_counted(one, n) for one in (value, floor)))
    reach = float(t.ppf(0.5 + level / 2, min(groups, n) - 1) * np.sqrt(variance))
    return Compared(value, floor, value - reach, value + reach, p_higher, p_lower, n)


def _dealt(quantity: Quantity, first: _Mask, draws: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """(draws,) difference of the two samples, their labels dealt again."""
    found = np.empty(draws)
    for start in range(0, draws, BLOCK):
        ours = np.stack([rng.permuted(first) for _ in range(min(BLOCK, draws - start))])
        found[start : start + len(ours)] = quantity(ours) - quantity(~ours)
    return found


def _jackknife(quantity: Quantity, sample: _Mask, groups: int, rng: np.random.Generator) -> float:
    """Variance of the quantity of a sample, one part of it left out in turn."""
    part = np.full(sample.size, -1)
    part[sample] = rng.permutation(int(sample.sum())) % groups
    without = quantity(np.stack([sample & (part != one) for one in range(groups)]))
    return float((groups - 1) / groups * ((without - without.mean()) ** 2).sum())


def _counted(share: float, n: int) -> float:
    """Variance of a share of n images, two more counted either way."""
    moved = (share * n + 2) / (n + 4)
    return moved * (1 - moved) / (n + 4)
