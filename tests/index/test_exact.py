"""Exact search: equal to the naive sort, whatever the blocks, the ties, and the order of the base."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from synthaudit.errors import UsageError
from synthaudit.index import exact
from synthaudit.index.exact import Neighbors, top_k

Groups = tuple[NDArray[np.intp], NDArray[np.intp]]


def naive(queries: NDArray[np.float32], base: NDArray[np.float32], k: int, exclude: Groups | None = None) -> Neighbors:
    """Every pair, sorted."""
    scores = (queries[:, None].astype(np.float64) * base[None]).sum(axis=2).astype(np.float32)
    out = Neighbors(np.full((len(queries), k), -np.inf, np.float32), np.full((len(queries), k), -1, np.int64))
    for row in range(len(queries)):
        allowed = np.arange(len(base))
        if exclude is not None:
            allowed = allowed[exclude[1] != exclude[0][row]]
        best = sorted(allowed.tolist(), key=lambda column: (-scores[row, column], column))[:k]
        out.ids[row, : len(best)] = best
        out.scores[row, : len(best)] = scores[row, best]
    return out


def same(left: Neighbors, right: Neighbors) -> None:
    np.testing.assert_array_equal(left.ids, right.ids)
    np.testing.assert_array_equal(left.scores.view(np.uint32), right.scores.view(np.uint32))


def unit(rows: NDArray[np.float64]) -> NDArray[np.float32]:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


@dataclass(frozen=True)
class Case:
    """A search: some vectors are repeated, some differ in their last bits only, some groups are large."""

    queries: NDArray[np.float32]
    base: NDArray[np.float32]
    k: int
    exclude: Groups | None
    block_bytes: int


@st.composite
def cases(draw: st.DrawFn) -> Case:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n, m, d = draw(st.integers(0, 12)), draw(st.integers(0, 60)), draw(st.sampled_from([1, 2, 3, 17, 64]))
    pool = unit(rng.normal(size=(draw(st.integers(1, 20)), d)) + draw(st.sampled_from([0.0, 30.0])))
    jitter = np.float32(draw(st.sampled_from([0.0, 1e-7, 1e-3])))

    def vectors(count: int) -> NDArray[np.float32]:
        rows = pool[rng.integers(len(pool), size=count)]
        return np.asarray(rows + jitter * rng.normal(size=(count, d)), dtype=np.float32)

    groups = None
    if draw(st.booleans()):
        kinds = draw(st.integers(1, 6))
        groups = (rng.integers(kinds, size=n), rng.integers(kinds, size=m))
    return Case(
        vectors(n), vectors(m), draw(st.integers(1, 70)), groups, draw(st.sampled_from([1, 2000, 10**5, 2**28]))
    )


@settings(deadline=None, max_examples=150)
@given(cases())
def test_equal_to_the_naive_sort(case: Case) -> None:
    found = top_k(case.queries, case.base, case.k, exclude=case.exclude, block_bytes=case.block_bytes)
    same(found, naive(case.queries, case.base, case.k, case.exclude))


@settings(deadline=None, max_examples=50)
@given(cases(), st.integers(0, 2**32 - 1))
def test_a_base_in_another_order_gives_the_same_scores_and_ids_up_to_ties(case: Case, seed: int) -> None:
    order = np.random.default_rng(seed).permutation(len(case.base))
    exclude = None if case.exclude is None else (case.exclude[0], case.exclude[1][order])
    here = top_k(case.queries, case.base, case.k, exclude=case.exclude, block_bytes=case.block_bytes)
    there = top_k(case.queries, case.base[order], case.k, exclude=exclude, block_bytes=case.block_bytes)
    np.testing.assert_array_equal(here.scores, there.scores)
    for row in range(len(here)):
        for score in np.unique(here.scores[row])[1:]:  # the least one may be cut through by k
            ids = here.ids[row][here.scores[row] == score]
            assert set(order[there.ids[row][there.scores[row] == score]]) == set(ids)


def worst_product(
    queries: NDArray[np.float32], base: NDArray[np.float32], k: int
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """A product that errs as much as float32 may, upward for high ids, and gives ties from the highest id down."""
    d = queries.shape[1]
    lengths = np.linalg.norm(queries, axis=1)[:, None] * np.linalg.norm(base, axis=1)
    tilt = np.linspace(-1, 1, len(base)) * d * 2.0**-24 * lengths
    scores = (queries[:, None].astype(np.float64) * base[None]).sum(axis=2) + tilt
    order = (len(base) - 1 - np.argsort(-scores[:, ::-1], axis=1, kind="stable"))[:, :k]
    return np.take_along_axis(scores, order, axis=1).astype(np.float32), order


@pytest.mark.parametrize("product", [worst_product, exact._torch_product("cpu")], ids=["worst", "torch"])
@settings(deadline=None, max_examples=60)
@given(case=cases())
def test_whatever_a_product_may_get_wrong_the_bits_are_the_same(product: exact.Product, case: Case) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exact, "_faiss_product", product)
        found = top_k(case.queries, case.base, case.k, exclude=case.exclude, block_bytes=case.block_bytes)
    same(found, naive(case.queries, case.base, case.k, case.exclude))


def test_blocks_and_threads_do_not_change_a_bit() -> None:
    rng = np.random.default_rng(1)
    base = unit(rng.normal(size=(3000, 96)) + 3)
    base[500:540] = base[7]
    queries = np.concatenate([base[5:9], unit(rng.normal(size=(150, 96)) + 3)])
    expected = naive(queries, base, 6)
    for block_bytes in (1, 96 * 16 * 100, 96 * 16 * 999, 2**28):
        if block_bytes > 1:
            same(top_k(queries, base, 6, block_bytes=block_bytes), expected)
            same(top_k(queries, base, 6, block_bytes=block_bytes, workers=2), expected)
        else:
            same(top_k(queries[:3], base[:40], 6, block_bytes=1), naive(queries[:3], base[:40], 6))


def test_ties_across_the_kth_place_and_across_blocks_go_to_the_lowest_ids(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(2)
    base = unit(rng.normal(size=(900, 32)))
    twins = np.sort(rng.permutation(900)[:300])
    base[twins] = base[twins[0]]
    monkeypatch.setattr(exact, "_faiss_product", worst_product)
    for block_bytes in (32 * 16 * 64, 2**28):
        found = top_k(base[twins[:1]], base, 5, block_bytes=block_bytes)
        assert found.ids[0].tolist() == twins[:5].tolist()


def test_strangers_are_found_beyond_a_large_group() -> None:
    rng = np.random.default_rng(3)
    center = rng.normal(size=(1, 24))
    base = unit(np.concatenate([center + 0.01 * rng.normal(size=(700, 24)), rng.normal(size=(50, 24))]))
    groups = np.array([0] * 700 + list(range(1, 51)), dtype=np.intp)
    found = top_k(base[:5], base, 3, exclude=(groups[:5], groups))
    assert (found.ids >= 700).all()
    same(found, naive(base[:5], base, 3, (groups[:5], groups)))


def test_fewer_than_k_leaves_minus_infinity_and_minus_one() -> None:
    base = np.eye(3, dtype=np.float32)
    found = top_k(base[:1], base, 5)
    assert found.ids[0].tolist() == [0, 1, 2, -1, -1]
    assert found.scores[0].tolist() == [1.0, 0.0, 0.0, -np.inf, -np.inf]
    alone = top_k(base, base, 2, exclude=(np.zeros(3, np.intp), np.zeros(3, np.intp)))
    assert (alone.ids == -1).all()
    assert np.isneginf(alone.scores).all()
    assert top_k(base, base[:0], 2).ids.tolist() == [[-1, -1]] * 3
    assert top_k(base[:0], base, 2).ids.shape == (0, 2)


def test_memory_mapped_and_other_layouts_are_searched_alike(tmp_path: object) -> None:
    rng = np.random.default_rng(4)
    vectors = unit(rng.normal(size=(200, 16)))
    np.save(f"{tmp_path}/base.npy", vectors)
    mapped = np.load(f"{tmp_path}/base.npy", mmap_mode="r")
    expected = top_k(vectors[:20], vectors, 4)
    same(top_k(mapped[:20], mapped, 4, block_bytes=16 * 16 * 30), expected)
    same(top_k(np.asfortranarray(vectors[:20]), np.asfortranarray(vectors), 4), expected)


def test_faiss_runs_with_the_threads_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    import faiss

    seen = []
    product = exact._faiss_product

    def watched(
        queries: NDArray[np.float32], base: NDArray[np.float32], k: int
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        seen.append(faiss.omp_get_max_threads())
        return product(queries, base, k)

    before = faiss.omp_get_max_threads()
    monkeypatch.setattr(exact, "_faiss_product", watched)
    vectors = np.eye(4, dtype=np.float32)
    for workers in (1, 2):
        top_k(vectors, vectors, 1, workers=workers)
    assert seen == [1, 2]
    assert faiss.omp_get_max_threads() == before


@pytest.mark.gpu
def test_cuda_gives_the_same_bits() -> None:
    import torch

    if not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")
    rng = np.random.default_rng(5)
    base = unit(rng.normal(size=(5000, 128)) + 2)
    base[100:400] = base[0]
    same(top_k(base[:500], base, 5, device="cuda"), top_k(base[:500], base, 5))


SQUARE = np.eye(3, dtype=np.float32)
NAN = np.where(np.eye(3) > 0, np.nan, 0).astype(np.float32)
GROUPS = np.zeros(2, dtype=np.intp)


@pytest.mark.parametrize(
    ("search", "says"),
    [
        (lambda: top_k(SQUARE, SQUARE[:, :2], 1), "queries and base must be (n, d) and (m, d) with d > 0, got (3, 3)"),
        (lambda: top_k(SQUARE[0], SQUARE, 1), "queries and base must be (n, d) and (m, d) with d > 0, got (3,)"),
        (lambda: top_k(SQUARE, SQUARE, 0), "k and block_bytes must be at least 1, got 0"),
        (lambda: top_k(SQUARE, SQUARE, 1, block_bytes=0), "k and block_bytes must be at least 1, got 1 and 0"),
        (lambda: top_k(SQUARE, NAN, 1), "vectors must be finite, got NaN or infinity"),
        (lambda: top_k(NAN, SQUARE, 1), "vectors must be finite, got NaN or infinity"),
        (
            lambda: top_k(SQUARE, SQUARE, 1, exclude=(GROUPS, GROUPS)),
            "exclude must have a group for each of 3 queries and 3 rows of the base, got 2 and 2",
        ),
    ],
)
def test_wrong_arguments_are_named(search: Callable[[], Neighbors], says: str) -> None:
    with pytest.raises(UsageError) as raised:
        search()
    assert str(raised.value).startswith(says)


def test_cuda_that_is_not_there_is_named() -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a CUDA device")
    with pytest.raises(UsageError, match="device cuda needs a CUDA device that torch can use, found none"):
        top_k(SQUARE, SQUARE, 1, device="cuda")
