"""Which images of a patient are of another occasion, so that finding one by the other finds the person.

Two images of one examination have the exposure, the position and the devices of that day in common; equal pictures
filed twice have everything. So images count as different only if they are of different visits: of different days where
the table has `study_date`, of different volumes where there are volumes, and else each picture for itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthaudit.attributes import SMALLEST_CELL
from synthaudit.errors import NotEnoughData
from synthaudit.matching.pool import Pool

DATE = "study_date"


@dataclass(frozen=True, slots=True, eq=False)
class Visits:
    """The visits of the pool's images.

    Attributes:
        visit: (n,) number of each image's visit; no visit is of two patients.
        patient: (v,) whose each visit is.
        count: (p,) visits of each patient.
        says: What counts as a visit, to complete "images of different ...".
    """

    visit: NDArray[np.intp]
    patient: NDArray[np.intp]
    count: NDArray[np.intp]
    says: str

    @property
    def again(self) -> NDArray[np.intp]:
        """Patients with at least 2 visits."""
        return np.flatnonzero(self.count > 1)


def visits(pool: Pool, least: int) -> Visits:
    """The visits by the strictest meaning that enough patients have two of.

    Args:
        least: Patients with at least 2 visits that are needed.

    Raises:
        NotEnoughData: Fewer, even if each picture counts for itself.
    """
    found: Visits | None = None
    for says, key in (("days", _day), ("volumes", _volume), ("pictures", _picture)):
        keys = [key(pool, row) for row in range(len(pool))]
        if all(one is None for one in keys):
            continue
        found = _numbered(pool, keys, says)
        if len(found.again) >= least:
            return found
    n = 0 if found is None else len(found.again)
    told = f"fewer than {SMALLEST_CELL}" if 0 < n < SMALLEST_CELL else str(n)
    raise NotEnoughData(
        f"finding a person again needs at least {least} patients with 2 different images each, to learn on and to be "
        f"judged by; found {told}. Give more images of the same patients, or patient ids, if there are any"
    )


def _day(pool: Pool, row: int) -> str | None:
    cohort, i = pool.cohort(row)
    column = cohort.attributes.get(DATE)
    return column[i].strip() or None if column is not None else None


def _volume(pool: Pool, row: int) -> str | None:
    cohort, i = pool.cohort(row)
    return cohort.volumes[i] or None if cohort.volumes else None


def _picture(pool: Pool, row: int) -> str | None:
    return pool.digest(row)


def _numbered(pool: Pool, keys: list[str | None], says: str) -> Visits:
    """Visits by these keys; images of equal pixels are of one, and those without a key are of one unknown."""
    merged: dict[tuple[int, str], int] = {}
    parent: list[int] = []

    def root(of: int) -> int:
        while parent[of] != of:
            of = parent[of]
        return of

    number = []
    for row, key in enumerate(keys):
        patient = int(pool.patient[row])
        known = [
            merged[name]
            for name in ((patient, f"key {key}"), (patient, f"pixels {pool.digest(row)}"))
            if name in merged
        ]
        if known:
            mine = min(root(one) for one in known)
            for one in known:
                parent[root(one)] = mine
        else:
            mine = len(parent)
            parent.append(mine)
        merged[patient, f"key {key}"] = merged[patient, f"pixels {pool.digest(row)}"] = mine
        number.append(mine)
    _, visit = np.unique([root(one) for one in number], return_inverse=True)
    owner = np.zeros(int(visit.max()) + 1, dtype=np.intp)
    owner[visit] = pool.patient
    return Visits(visit.astype(np.intp), owner, np.bincount(owner, minlength=pool.n_patients), says)


def two_visits(
    found: Visits, pool: Pool, patients: NDArray[np.intp], rng: np.random.Generator
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Pool rows of two images of different visits, a pair for each of these patients."""
    first, second = [], []
    order = np.argsort(pool.patient, kind="stable")
    starts = np.searchsorted(pool.patient[order], np.arange(pool.n_patients + 1))
    for patient in patients:
        rows = rng.permutation(order[starts[patient] : starts[patient + 1]])
        others = rows[found.visit[rows] != found.visit[rows[0]]]
        first.append(int(rows[0]))
        second.append(int(others[0]))
    return np.array(first, dtype=np.intp), np.array(second, dtype=np.intp)
