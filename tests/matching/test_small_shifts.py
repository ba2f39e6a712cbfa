"""Small shifts and crops lie between the views of the look-up; such copies must be compared still."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from synthaudit.cohort import Role
from synthaudit.encoders.descriptor import Descriptor
from synthaudit.generators.made import images_cohort
from synthaudit.matching.compare import Effort
from synthaudit.matching.lookup import Query
from synthaudit.matching.matcher import Matcher
from synthaudit.matching.pool import Pool, Space
from synthaudit.matching.views import View
from synthaudit.phantoms.chest import ChestPopulation

N, COPIED, SIZE = 300, 12, 64


@pytest.fixture(scope="module")
def people() -> np.ndarray:
    population = ChestPopulation(seed=0, size=SIZE)
    return np.stack([population.image(patient) for patient in range(N)])


def compared_with_their_source(people: np.ndarray, view: View, effort: Effort) -> int:
    """How many of the copies, seen under the view, are compared in detail with the image they were made of."""
    pool, encoder = Pool.of(images_cohort(Role.TRAIN, people)), Descriptor()
    vectors = pool.in_pool_order(encoder.encode(people))
    matcher = Matcher(pool, (Space(encoder, vectors),), size=SIZE, effort=effort)
    copies = [view.apply(people[i]) for i in range(COPIED)]
    found = matcher.match([Query(partial(np.copy, copy)) for copy in copies], stage="", total=COPIED)
    source = pool.row_of[found.fine_real]
    return len(set(found.fine_query[source == found.fine_query]))


@pytest.mark.parametrize("view", [View(dx=0.03, dy=-0.03), View(dx=-0.04), View(zoom=1 / 0.94, dx=0.025, dy=0.025)])
def test_a_copy_between_two_views_is_compared_with_its_source(people: np.ndarray, view: View) -> None:
    assert compared_with_their_source(people, view, Effort()) >= COPIED - 2


def test_without_laying_them_on_each_other_such_copies_are_missed(people: np.ndarray) -> None:
    """What the step is for: the same work spent on those whose vectors are the most alike."""
    view = View(dx=0.03, dy=-0.03)
    assert compared_with_their_source(people, view, Effort(looking_alike=14, fitting=0)) < COPIED - 2
