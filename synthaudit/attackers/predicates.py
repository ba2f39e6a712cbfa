"""Descriptions made of the synthetic images alone: "looks like this one", "a woman of 93 with a cyst".

None is made, and nothing in it is chosen, by looking at a real image.
"""

from __future__ import annotations

from collections import Counter
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from synthaudit.attackers.holdings import Holdings
from synthaudit.attributes import MOST_VALUES, NOT_GROUPS
from synthaudit.cohort import Cohort
from synthaudit.index.exact import top_k
from synthaudit.statistics.isolation import Fits

NARROW, WIDE = 0.5, 0.75
"""Radius of a ball, in distances to the nearest other synthetic image. Balls of half of it do not overlap; wider ones
see a looser copy, and more strangers. In simulations (100 patients a side, 12 runs; all or a fifth of them copied, with
noise from a tenth to nine tenths of the usual distance) a radius of 1 was never the one that told most."""
LARGEST_CONJUNCTION = 3
MOST_COLUMNS = 8
_SAME = 1e-5
"""Squared distance of unit vectors below which rounding decides."""
_PAIRS_AT_ONCE = 4_000_000
Codes = NDArray[np.intp]


def ball_fits(real: NDArray[np.float32], made: NDArray[np.float32], reach: float) -> Fits:
    """Which real images lie in a ball about which synthetic one.

    The radius is a share of the distance to the nearest synthetic image that is another one: of the images released,
    the ball holds this alone. So it is as wide as the images lie apart there, and nothing real is looked at.

    Args:
        real, made: (n, d) and (s, d) float32 rows of unit length.
        reach: The share.
    """
    distinct = np.unique(made, axis=0)
    each = np.arange(len(distinct))
    if len(distinct) < 2:
        return Fits(np.empty(0, dtype=np.intp), np.empty(0, dtype=np.intp), len(distinct))
    nearest = top_k(distinct, distinct, 1, exclude=(each, each)).scores[:, 0].astype(np.float64)
    # An image at the very edge is as far as another synthetic one, and out; rounding must not let it in.
    squared = np.maximum(reach**2 * (2.0 - 2.0 * nearest) * (1.0 - 1e-4), _SAME)
    predicate, image = [], []
    base = distinct.astype(np.float64)
    step = max(1, _PAIRS_AT_ONCE // len(distinct))
    for start in range(0, len(real), step):
        apart = 2.0 - 2.0 * base @ real[start : start + step].astype(np.float64).T
        inside, at = np.nonzero(apart <= squared[:, None])
        predicate.append(inside)
        image.append(at + start)
    return Fits(np.concatenate(predicate), np.concatenate(image), len(distinct))


def exact_values(cohort: Cohort, column: str) -> tuple[str, ...]:
    """(n,) the column's values, ages in whole years; "" where missing."""
    given = cohort.attributes.get(column, ("",) * len(cohort))
    return tuple(_years(value) if column == "age" else value.strip() for value in given)


def described(holdings: Holdings) -> tuple[tuple[str, ...], Codes, Codes]:
    """Columns that describe people, and (n, c) and (s, c) codes of real and synthetic images; -1 where missing.

    A column that nearly tells rows apart is a number of the file, not of the person, and is left out; age stays. So is
    one in which real and synthetic images have no value in common: they were not written in the same words.
    """
    cohorts = (*holdings.pool.cohorts, holdings.synthetic)
    shared = set.intersection(*(set(one.attributes) for one in cohorts)) - NOT_GROUPS
    names, real, made = [], [], []
    for column in sorted(shared):
        by_cohort = [exact_values(one, column) for one in cohorts]
        found = [set(some) - {""} for some in by_cohort]
        every = sorted(set.union(*found))
        usable = column == "age" or len(every) <= max(MOST_VALUES, holdings.n_patients // 2)
        in_common = any(found[-1] & one for one in found[:-1])
        if not all(found) or not in_common or len(every) < 2 or not usable:
            continue
        code = {value: i for i, value in enumerate(every)} | {"": -1}
        names.append(column)
        real.append([code[value] for value in holdings.per_image(by_cohort[:-1])])
        made.append([code[by_cohort[-1][row]] for row in holdings.made_rows])
    kept = names[:MOST_COLUMNS]
    return (
        tuple(kept),
        np.array(real[: len(kept)], dtype=np.intp).reshape(len(kept), len(holdings.rows)).T,
        np.array(made[: len(kept)], dtype=np.intp).reshape(len(kept), len(holdings.made_rows)).T,
    )


def shuffled_images(made: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """(s, d) made-up images that keep, trait by trait, what the synthetic ones are like, and no image.

    Along each principal direction the values are dealt to the images again. It is what is left to somebody who knows
    the population in outline.
    """
    x = made.astype(np.float64)
    center = x.mean(axis=0)
    x -= center
    few = len(x) <= x.shape[1]
    axes = np.linalg.svd(x, full_matrices=False)[2].T if few else np.linalg.eigh(x.T @ x)[1]
    dealt = rng.permuted(x @ axes, axis=0) @ axes.T + center
    return np.asarray(dealt / np.maximum(np.linalg.norm(dealt, axis=1, keepdims=True), 1e-9), dtype=np.float32)


def shuffled_records(made: Codes, rng: np.random.Generator) -> Codes:
    """(s, c) made-up records: each column is dealt to the synthetic images again."""
    return np.asarray(rng.permuted(made, axis=0), dtype=np.intp)


def record_fits(real: Codes, made: Codes) -> Fits:
    """Which real images have all that is written beside a synthetic one.

    Args:
        real, made: (n, c) and (s, c) codes, -1 where missing; what is missing beside the synthetic image is not asked.
    """
    records = _distinct(made)
    return _fits(real, [(tuple(np.flatnonzero(row >= 0).tolist()), row) for row in records if (row >= 0).any()])


def rare_fits(real: Codes, made: Codes) -> Fits:
    """Which real images have what is rare about a synthetic one: the shortest description that no other one meets.

    At most three values together; of equally short ones, the one of the rarest values. A synthetic record that shares
    every such description with another gives none.

    Args:
        real, made: (n, c) and (s, c) codes, -1 where missing.
    """
    records = _distinct(made)
    rarity = [Counter(column[column >= 0].tolist()) for column in records.T]
    found: dict[int, tuple[float, tuple[int, ...]]] = {}
    for size in range(1, min(LARGEST_CONJUNCTION, records.shape[1]) + 1):
        here: dict[int, tuple[float, tuple[int, ...]]] = {}
        for columns in combinations(range(records.shape[1]), size):
            part = records[:, columns]
            known = np.flatnonzero((part >= 0).all(axis=1))
            counts = Counter(map(tuple, part[known].tolist()))
            for row in known:
                if int(row) not in found and counts[tuple(part[row].tolist())] == 1:
                    weight = float(np.prod([rarity[c][int(records[row, c])] for c in columns]))
                    here[int(row)] = min(here.get(int(row), (np.inf, columns)), (weight, columns))
        found |= here
    return _fits(real, [(found[row][1], records[row]) for row in sorted(found)])


def _distinct(made: Codes) -> Codes:
    return np.unique(made, axis=0) if made.size else made


def _fits(real: Codes, wanted: list[tuple[tuple[int, ...], Codes]]) -> Fits:
    """Fits of descriptions: columns, and a record whose values there are asked for."""
    by_columns: dict[tuple[int, ...], dict[tuple[int, ...], list[int]]] = {}
    for number, (columns, record) in enumerate(wanted):
        asked = by_columns.setdefault(columns, {})
        asked.setdefault(tuple(record[list(columns)].tolist()), []).append(number)
    pairs = [
        (number, image)
        for columns, asked in by_columns.items()
        for image, seen in enumerate(map(tuple, real[:, list(columns)].tolist()))
        for number in asked.get(seen, ())
    ]
    found = np.array(pairs, dtype=np.intp).reshape(-1, 2)
    return Fits(found[:, 0], found[:, 1], len(wanted))


def _years(age: str) -> str:
    try:
        years = float(age)
    except ValueError:
        return ""
    return str(int(years)) if 0 <= years < 130 else ""
