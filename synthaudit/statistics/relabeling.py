"""Is one sample further from a reference than another of the same size? For any quantity of a set.

Made images and held-out ones are put together in equal numbers, each image of another patient. Were the made images
a fresh draw of the same population, the labels would mean nothing: dealing them again gives the chance of so large a
difference, exactly, whatever the quantity and however few there are. How large the difference is, is told by random
halves: a half drawn without replacement varies about the whole as much as the whole about its population, and unlike a
sample with replacement it repeats no image, which would spoil every quantity that looks at nearest neighbors.

Reference:
    Phipson, Smyth 2010, doi 10.2202/1544-6115.1585 (the `+ 1`). Politis, Romano 1994, doi 10.1214/aos/1176325770, and
    Shao, Wu 1989, doi 10.1214/aos/1176347263 (subsampling without replacement; halves need no rescaling).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from synthaudit.errors import NotEnoughData, UsageError

RELABELINGS = 999
HALVES = 60
LEAST = 12
"""Images on each side: halves of six have five neighbors for each."""
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
            explains the difference. As wide as halves are, so wider than need be for what has its least at no
            difference (distances).
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
    halves: int = HALVES,
    level: float = 0.95,
) -> Compared:
    """The quantity of the first sample beside that of the second.

    Args:
        quantity: Of sets of members of a pool of 2n: the first n are the one sample, the rest the other. Sets of n
            and of n // 2 members are asked for.
        n: Members of each sample.
        relabelings: Times that labels are dealt again; 0 for none. The least p-value is 1 / (relabelings + 1).
        halves: Pairs of halves drawn for the interval.

    Raises:
        NotEnoughData: Fewer than 12 members.
        UsageError: Fewer than 2 halves.
    """
    if n < LEAST:
        raise NotEnoughData(f"a comparison of samples needs at least {LEAST} images of different patients, got {n}")
    if halves < 2:
        raise UsageError(f"halves must be at least 2, got {halves}")
    first = np.arange(2 * n) < n
    value, floor = (float(one) for one in quantity(np.stack([first, ~first])))
    p_higher = p_lower = None
    if relabelings:
        dealt = _differences(quantity, relabelings, lambda: _with_rest(rng.permuted(first)))
        # Ties count as chance, and rounding must not break them.
        tolerance = 1e-12 * (1.0 + abs(value) + abs(floor))
        p_higher = (1 + int((dealt >= value - floor - tolerance).sum())) / (relabelings + 1)
        p_lower = (1 + int((dealt <= value - floor + tolerance).sum())) / (relabelings + 1)
    drawn = _differences(quantity, halves, lambda: _halves(n, rng))
    reach = float(norm.ppf(0.5 + level / 2) * drawn.std(ddof=1))
    return Compared(value, floor, value - reach, value + reach, p_higher, p_lower, n)


def _differences(quantity: Quantity, draws: int, draw: Callable[[], tuple[_Mask, _Mask]]) -> NDArray[np.float64]:
    """(draws,) quantity of the one set less that of the other, for each pair of sets drawn."""
    found = np.empty(draws)
    for start in range(0, draws, BLOCK):
        pairs = [draw() for _ in range(min(BLOCK, draws - start))]
        ours, theirs = (np.stack(side) for side in zip(*pairs, strict=True))
        found[start : start + len(pairs)] = quantity(ours) - quantity(theirs)
    return found


def _with_rest(mask: _Mask) -> tuple[_Mask, _Mask]:
    return mask, ~mask


def _halves(n: int, rng: np.random.Generator) -> tuple[_Mask, _Mask]:
    """Half of each sample, drawn without replacement."""
    drawn = np.zeros((2, 2 * n), dtype=bool)
    for side in (0, 1):
        drawn[side, side * n + rng.permutation(n)[: n // 2]] = True
    return drawn[0], drawn[1]
