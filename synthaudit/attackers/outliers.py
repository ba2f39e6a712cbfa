"""Who stands out among the patients of both sides: people whom an average hides, and whom a generator copies first.

Each group is drawn up from all real patients together. Knolle et al. 2026 found near-perfect attacks on single people
behind averages at chance, and the rarest worst off.
"""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
from numpy.typing import NDArray

from synthaudit.attackers.holdings import Holdings
from synthaudit.attributes import findings
from synthaudit.index.exact import top_k

SHARE = 0.05
LEAST_GROUP, LARGEST_SHARE = 30, 0.1
"""A twentieth of few patients is nobody: the group has 30 people where that is no more than a tenth of all."""
RARE = 0.05
"""Findings carried by a smaller share of the patients are rare."""
NEIGHBORS = 5

GROUPS = {
    "lowest_density": "patients whose images have the most distant neighbors",
    "rare_findings": "patients with a finding that fewer than 5 % have",
    "extreme_ages": "the youngest and the oldest",
}


def outlier_groups(holdings: Holdings) -> dict[str, NDArray[np.bool_]]:
    """(p,) bool for each group of `GROUPS`; nobody where what defines it is not known."""
    return {
        "lowest_density": _farthest(isolation_distance(holdings)),
        "rare_findings": _rare(holdings),
        "extreme_ages": _extreme(_ages(holdings)),
    }


def isolation_distance(holdings: Holdings) -> NDArray[np.float64]:
    """(p,) mean squared distance from one image of each patient to the five nearest of other patients."""
    first = holdings.first_image
    near = top_k(
        holdings.real[first],
        holdings.real[first],
        min(NEIGHBORS, len(first) - 1),
        exclude=(np.arange(len(first)), np.arange(len(first))),
        workers=holdings.workers,
    )
    return np.asarray(2.0 - 2.0 * near.scores.astype(np.float64).mean(axis=1))


def group_size(n: int) -> int:
    """How many of n patients stand out: a twentieth, and 30 where that is at most a tenth.

    >>> group_size(100), group_size(329), group_size(4000)
    (10, 30, 200)
    """
    return max(math.ceil(SHARE * n), min(LEAST_GROUP, math.floor(LARGEST_SHARE * n)))


def _farthest(distance: NDArray[np.float64]) -> NDArray[np.bool_]:
    chosen = np.zeros(len(distance), dtype=bool)
    chosen[np.argsort(-distance, kind="stable")[: group_size(len(distance))]] = True
    return chosen


def _ages(holdings: Holdings) -> NDArray[np.float64]:
    """(p,) age in years on one image of each; NaN where unknown."""
    given = holdings.per_image([one.attributes.get("age", ("",) * len(one)) for one in holdings.pool.cohorts])
    ages = np.full(holdings.n_patients, np.nan)
    for patient, image in enumerate(holdings.first_image):
        try:
            ages[patient] = float(given[image])
        except ValueError:
            continue
    return np.where((ages >= 0) & (ages < 130), ages, np.nan)


def _extreme(ages: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Half of the group youngest, half oldest, and all who are as old as the last of them."""
    known = np.sort(ages[np.isfinite(ages)])
    half = group_size(len(known)) // 2
    if not half or known[0] == known[-1]:
        return np.zeros(len(ages), dtype=bool)
    return np.asarray((ages <= known[half - 1]) | (ages >= known[-half]))


def _rare(holdings: Holdings) -> NDArray[np.bool_]:
    given = holdings.per_image([one.attributes.get("label", ("",) * len(one)) for one in holdings.pool.cohorts])
    carried: list[set[str]] = [set() for _ in range(holdings.n_patients)]
    for patient, label in zip(holdings.patient, given, strict=True):
        carried[patient] |= findings(label)
    counts = Counter(finding for one in carried for finding in one)
    rare = {finding for finding, count in counts.items() if count < RARE * holdings.n_patients}
    return np.array([bool(one & rare) for one in carried], dtype=bool)
