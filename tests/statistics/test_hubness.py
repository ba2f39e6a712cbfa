"""Hubness is the skewness of being a neighbor: symmetry, hubs, and scipy's own."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import skew

from synthaudit.errors import NotEnoughData
from synthaudit.statistics.hubness import hubness, k_occurrence


def nearest(vectors: NDArray[np.float64], k: int) -> NDArray[np.intp]:
    """(n, k) by sorting every distance."""
    distance = ((vectors[:, None] - vectors) ** 2).sum(axis=2)
    np.fill_diagonal(distance, np.inf)
    return np.argsort(distance, axis=1, kind="stable")[:, :k]


@pytest.mark.parametrize("k", [2, 4, 10])
def test_where_all_are_alike_there_is_no_hub(k: int) -> None:
    n = 3 * k
    ring = (np.arange(n)[:, None] + np.r_[-(k // 2) : 0, 1 : k // 2 + 1]) % n
    assert set(k_occurrence(ring, n)) == {k}
    assert hubness(ring, n) == 0.0


def test_one_image_that_resembles_everyone_is_a_hub() -> None:
    n = 40
    lists = np.stack([np.where(np.arange(n) == 0, 1, 0), (np.arange(n) + 1) % n], axis=1)
    assert hubness(lists, n) > 5


@given(st.integers(0, 10_000), st.integers(1, 6))
def test_it_is_the_skewness_of_a_count_written_out(seed: int, k: int) -> None:
    vectors = np.random.default_rng(seed).standard_normal((2 * k + 5, 3))
    lists = nearest(vectors, k)
    counts = [sum(int(i in row) for row in lists.tolist()) for i in range(len(vectors))]
    assert k_occurrence(lists, len(vectors)).tolist() == counts
    expected = skew(counts) if np.std(counts) > 0 else 0.0
    assert hubness(lists, len(vectors)) == pytest.approx(expected, abs=1e-9)


@given(st.integers(0, 10_000))
def test_the_names_of_the_points_do_not_matter(seed: int) -> None:
    rng = np.random.default_rng(seed)
    lists = nearest(rng.standard_normal((30, 4)), 5)
    name = rng.permutation(30)
    renamed = name[lists][rng.permutation(30)]
    assert hubness(renamed, 30) == pytest.approx(hubness(lists, 30), abs=1e-9)


def test_more_dimensions_have_more_hubs() -> None:
    """The finding of the paper, on independent normal data."""
    rng = np.random.default_rng(3)
    flat, deep = (hubness(nearest(rng.standard_normal((400, d)), 10), 400) for d in (2, 60))
    assert abs(flat) < 1
    assert deep > 1.5


def test_missing_neighbors_are_not_counted_and_too_few_points_refused() -> None:
    lists = np.array([[1, -1], [0, 2], [1, -1], [-1, -1], [-1, -1]])
    assert k_occurrence(lists, 5).tolist() == [1, 2, 1, 0, 0]
    with pytest.raises(NotEnoughData, match=r"^hubness with 2 neighbors needs more than 4 images, got 4$"):
        hubness(lists[:4], 4)
