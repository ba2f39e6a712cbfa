"""Which two records of one patient could be linked: sequences, sides and views, or else visits."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from synthaudit.attackers.holdings import Holdings
from synthaudit.attributes import SMALLEST_CELL
from synthaudit.errors import NotEnoughData

VIEW_COLUMNS = ("laterality", "modality", "sequence", "side", "view", "view_position")
"""Columns that tell two pictures of one person apart, and say nothing about the person."""
VISITS = "visits"


@dataclass(frozen=True, eq=False)
class Views:
    """Patients with two records or more, of one kind.

    Attributes:
        name: The column that tells the records apart, or "visits".
        patient: (e,) numbers of the patients.
        records: For each of them, the images (numbers) of each record.
        view: (n,) 0 or 1 for images of the two views that are linked, else -1; None for visits, which look alike.
    """

    name: str
    patient: NDArray[np.intp]
    records: tuple[tuple[NDArray[np.intp], ...], ...]
    view: NDArray[np.intp] | None

    def draw(self, rng: np.random.Generator) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """(e,) and (e,) an image of one record of each patient, and one of a later record.

        One image each, however many there are. The order is the same for all: if left always comes before right, then
        every candidate for a left image is a right one, and none is unlike it for that alone.
        """
        first, second = np.empty((2, len(self.patient)), dtype=np.intp)
        for i, (records, lots) in enumerate(zip(self.records, rng.random((len(self.records), 4)), strict=True)):
            a, b = int(lots[0] * len(records)), int(lots[1] * (len(records) - 1))
            a, b = sorted((a, b + (b >= a)))
            first[i] = records[a][int(lots[2] * len(records[a]))]
            second[i] = records[b][int(lots[3] * len(records[b]))]
        return first, second


def natural_views(holdings: Holdings) -> tuple[Views, ...]:
    """What could be linked in these images: by each column that divides views, and by visits where there is none.

    Raises:
        NotEnoughData: Fewer than ten patients of a side have two records.
    """
    by_column = [found for column in VIEW_COLUMNS if (found := _by_column(holdings, column)) is not None]
    if by_column:
        return tuple(by_column)
    visits = _visits(holdings)
    on_train = int(holdings.is_train[visits.patient].sum())
    sides = (on_train, len(visits.patient) - on_train)
    if min(sides) < SMALLEST_CELL:
        few = f"fewer than {SMALLEST_CELL}"
        train, holdout = (few if n < SMALLEST_CELL else str(n) for n in sides)
        raise NotEnoughData(
            f"linking needs at least {SMALLEST_CELL} patients on each side with two records (visits, or two values of "
            f"{', '.join(VIEW_COLUMNS[:-1])} or {VIEW_COLUMNS[-1]}), got {train} for training and {holdout} for "
            "holdout; where patients have one image, there is nothing to link"
        )
    return (visits,)


def _by_column(holdings: Holdings, column: str) -> Views | None:
    """The two values that most patients have images of; None if fewer than ten patients on a side do."""
    given, _ = holdings.given(column)
    images: list[dict[str, list[int]]] = [{} for _ in range(holdings.n_patients)]
    for image, value in enumerate(given):
        if value:
            images[holdings.patient[image]].setdefault(value, []).append(image)
    counts = Counter(pair for one in images for pair in combinations(sorted(one), 2))
    if not counts:
        return None
    pair = min(counts, key=lambda one: (-counts[one], one))
    patient = np.array([p for p, one in enumerate(images) if set(pair) <= set(one)], dtype=np.intp)
    if min(np.bincount(holdings.is_train[patient], minlength=2)) < SMALLEST_CELL:
        return None
    records = tuple(tuple(np.array(images[p][value], dtype=np.intp) for value in pair) for p in patient)
    view = np.array([pair.index(value) if value in pair else -1 for value in given], dtype=np.intp)
    return Views(column, patient, records, view)


def _visits(holdings: Holdings) -> Views:
    """By date where there is one, else by volume, else by image, in this order or that of their names.

    The same picture twice is no second visit.
    """
    dates, _ = holdings.given("study_date")
    volumes = holdings.per_image([one.volumes or ("",) * len(one) for one in holdings.pool.cohorts])
    found: list[dict[str, list[int]]] = [{} for _ in range(holdings.n_patients)]
    seen: set[tuple[int, str]] = set()
    for image, patient in enumerate(holdings.patient):
        digest = holdings.pool.digest(int(holdings.rows[image]))
        if (int(patient), digest) in seen:
            continue
        seen.add((int(patient), digest))
        name = holdings.pool.name(int(holdings.rows[image]))
        key = f"d{dates[image]}" if dates[image] else f"v{volumes[image]}" if volumes[image] else f"i{name}"
        found[patient].setdefault(key, []).append(image)
    patient = np.array([p for p, one in enumerate(found) if len(one) > 1], dtype=np.intp)
    return Views(
        VISITS,
        patient,
        tuple(tuple(np.array(one, dtype=np.intp) for _, one in sorted(found[p].items())) for p in patient),
        None,
    )
