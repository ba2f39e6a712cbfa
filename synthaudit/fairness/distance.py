"""How far are the synthetic images of a group from the training images of the same group?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthaudit.fairness.groups import Attribute
from synthaudit.fairness.predicted import Vectors
from synthaudit.fairness.shares import Divided, votes
from synthaudit.statistics.kernel_distance import Kernel, cubic_kernel, unbiased_mmd

LEAST = 30
"""Images, each of another patient, in each of the three sets."""
LARGEST = 400
DRAWS = 60


@dataclass(frozen=True, slots=True)
class GroupDistance:
    """Kernel distance (KID) of one group, and that of its held-out images; interval of the former about the latter.

    Attributes:
        size: Images in each set, one a patient.
    """

    name: str
    value: float
    floor: float
    low: float
    high: float
    size: int
    predicted: bool


def group_distances(
    one: Attribute, divided: Divided, vectors: Vectors, rng: np.random.Generator
) -> list[GroupDistance]:
    """Every class of a column with 30 patients on each side and 30 synthetic images.

    Where the synthetic images' classes were predicted, the real images are chosen by prediction as well, so that all
    three sets are mistaken alike.
    """
    if not one.known:
        return []
    codes = one.real if one.predicted is None else one.predicted
    share = votes(one.synthetic, len(one.names))
    made_codes, agreed = share.argmax(axis=1), share.max(axis=1) > 0.5
    _, first = np.unique(divided.patient, return_index=True)
    scale = np.float32(np.sqrt(vectors.real.shape[1]))  # the kernel divides by the width: back to cosines
    found = []
    for k in one.spoken_of:
        mine = first[codes[first] == k]
        is_train = divided.is_train[divided.patient[mine]]
        sets = [
            vectors.synthetic[(made_codes == k) & agreed],
            vectors.real[mine[~is_train]],
            vectors.real[mine[is_train]],
        ]
        size = min(LARGEST, *map(len, sets))
        if size < LEAST:
            continue
        made, held, train = (scale * rows[np.sort(rng.choice(len(rows), size, replace=False))] for rows in sets)
        found.append(_distance(one, k, made, held, train, rng))
    return found


def _distance(
    one: Attribute,
    k: int,
    made: NDArray[np.float32],
    held: NDArray[np.float32],
    train: NDArray[np.float32],
    rng: np.random.Generator,
) -> GroupDistance:
    among = {name: cubic_kernel(rows, rows) for name, rows in (("made", made), ("held", held), ("train", train))}
    across = {name: cubic_kernel(rows, train) for name, rows in (("made", made), ("held", held))}

    def both(rows: dict[str, NDArray[np.intp]]) -> tuple[float, float]:
        def part(kernel: Kernel, a: str, b: str) -> Kernel:
            return kernel[np.ix_(rows[a], rows[b])]

        made_, held_ = (
            unbiased_mmd(
                part(among[name], name, name), part(across[name], name, "train"), part(among["train"], "train", "train")
            )
            for name in ("made", "held")
        )
        return made_, held_

    size = len(train)
    value, floor = both({name: np.arange(size) for name in among})
    drawn = np.empty(DRAWS)
    for i in range(DRAWS):
        a, b = both({name: rng.choice(size, size // 2, replace=False) for name in among})
        drawn[i] = a - b
    half = 1.96 * float(drawn.std(ddof=1)) / np.sqrt(2.0)  # of half as many, so wide enough
    return GroupDistance(one.names[k], value, floor, value - half, value + half, size, one.predicted is not None)
