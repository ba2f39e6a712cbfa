"""How many training patients would have to be shown in another visit to be noticed? Rehearsed, not assumed.

Real images play the generator's part: another visit of a patient is taken as if it had been made, and its likeness is
given to training patients who were not shown at all. Then the audit's own test is asked. So a clean answer says what it
would have seen, provided that the generator draws a person as well as another real image shows them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from synthaudit.reidentification.linkage import Linkage
from synthaudit.statistics.label_scan import LOOKS, LabelScan, fewest_found, looks
from synthaudit.statistics.permutation import relabelings

REHEARSALS = 100
POWER = 0.8


def looks_of(linkage: Linkage) -> NDArray[np.float64]:
    """(p, c) what the test sums over training patients: looks at the nearest image's likeness, then another visit's.

    Patients without another visit take no part in the latter.
    """
    columns = looks(linkage.ranks(linkage.best))
    if not linkage.several.any():
        return columns
    others = looks(linkage.ranks(linkage.best_other))
    return np.concatenate([columns, np.where(linkage.several[:, None], others, 0.0)], axis=1)


def fewest_shown(
    linkage: Linkage, scan: LabelScan, shown: NDArray[np.float64], alpha: float, rng: np.random.Generator
) -> int | None:
    """The fewest training patients who, shown anew once each, are noticed four times in five; None if all are not.

    They are added to a world without a leak: labels are dealt anew each time.

    Args:
        scan: The test, on `looks_of(linkage)`.
        shown: (n,) likeness of patients to another visit of theirs.

    Raises:
        NotEnoughData: The test cannot reach `alpha` with so few relabelings.
    """
    bar = scan.bar(alpha)
    members = int(linkage.is_train.sum())
    worlds = np.concatenate(list(relabelings(linkage.is_train, linkage.stratum, REHEARSALS, rng)))
    order = np.argsort(rng.random(worlds.shape), axis=1)
    drawn = rng.choice(shown, size=worlds.shape)
    columns = looks_of(linkage)
    best = linkage.best

    def noticed(n: int) -> bool:
        seen = 0
        for labels, turn, gift in zip(worlds, order, drawn, strict=True):
            chosen = turn[labels[turn]][:n]
            raised = best.copy()
            raised[chosen] = np.maximum(best[chosen], gift[chosen])
            changed = columns.copy()
            changed[:, :LOOKS] = looks(linkage.ranks(raised))
            seen += scan.strength(changed, labels) >= bar
        return seen >= POWER * len(worlds)

    return fewest_found(noticed, members)
