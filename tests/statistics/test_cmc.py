"""The cumulative match characteristic: by the naive way, and its laws."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from synthaudit.statistics.cmc import cmc, rank_of_own


@given(st.integers(0, 10_000))
def test_places_are_counted_against_the_person(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, 4, size=(6, 5)).astype(float)
    own = rng.integers(5, size=6)
    for row, column, place in zip(scores, own, rank_of_own(scores, own), strict=True):
        assert place == 1 + sum(other >= row[column] for k, other in enumerate(row) if k != column)


def test_who_is_not_in_the_gallery_takes_no_place() -> None:
    assert rank_of_own(np.array([[-np.inf, 0.1, -np.inf, 0.0]]), np.array([3])).tolist() == [2]


@given(st.lists(st.integers(1, 40), min_size=1, max_size=30), st.integers(1, 20))
def test_it_never_falls_and_ends_where_all_are_found(ranks: list[int], depth: int) -> None:
    curve = cmc(np.array(ranks), depth)
    assert len(curve) == depth
    assert (np.diff(curve) >= 0).all()
    assert curve[-1] == np.mean([rank <= depth for rank in ranks])
    assert cmc(np.array(ranks), 40)[-1] == 1.0
