"""Exact nearest neighbors by inner product, in bounded memory, with one answer whatever the machine.

A float32 matrix product gives scores whose last bits depend on block sizes, threads and library, and two equal images
may then come out in either order. So the fast product (FAISS, or torch on CUDA) only proposes candidates. What it could
have missed is bounded by its worst-case rounding error, and asked for until nothing can be missing; the candidates are
scored again in float64, and ordered by score (rounded to float32, highest first), then by id (lowest first).

Reference:
    Higham (2002), Accuracy and Stability of Numerical Algorithms, section 3.1: the error of an inner product of length
    d is at most d u / (1 - d u) |x|.|y|, in whatever order it is summed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from synthaudit.errors import UsageError

BLOCK_BYTES = 256 * 2**20
"""Working memory of a search, besides its arguments and its result."""

_CANDIDATE_BYTES = 64
_FLOAT64_PAIR_BYTES = 24

T = TypeVar("T", bound=np.generic)
Groups = tuple[NDArray[np.intp], NDArray[np.intp]]
Product = Callable[[NDArray[np.float32], NDArray[np.float32], int], tuple[NDArray[np.float32], NDArray[np.int64]]]
"""(q, d) queries, (b, d) base, k <= b -> (q, k) best scores, descending, and their rows in base; ties as they come."""


@dataclass(frozen=True, eq=False)
class Neighbors:
    """The nearest rows of a base for each query, best first.

    Attributes:
        scores: (n, k) float32 inner products, descending; -inf where there is no such neighbor.
        ids: (n, k) int64 rows of the base; equal scores in ascending order; -1 where there is no such neighbor.
    """

    scores: NDArray[np.float32]
    ids: NDArray[np.int64]

    def __len__(self) -> int:
        return int(self.ids.shape[0])


def top_k(
    queries: NDArray[np.float32],
    base: NDArray[np.float32],
    k: int,
    *,
    exclude: Groups | None = None,
    block_bytes: int = BLOCK_BYTES,
    workers: int = 1,
    device: str = "cpu",
) -> Neighbors:
    """The `k` rows of `base` with the largest inner product with each query: the same bits for any block size.

    Args:
        queries: (n, d) float32, finite; may be memory-mapped.
        base: (m, d) float32, finite; may be memory-mapped.
        k: Neighbors wanted; where there are fewer, the rest is -inf and -1.
        exclude: (n,) groups of the queries and (m,) groups of the base: a query never finds a row of its own group.
            With patients as groups, the neighbors of real images among real images are strangers.
        block_bytes: Bound on working memory.
        workers: Threads.
        device: "cpu" for FAISS; "cuda" or "cuda:i" for torch.

    Returns:
        Neighbors, row for row with `queries`.

    Raises:
        UsageError: Shapes do not fit each other, k is below 1, or a vector is not finite.
    """
    from threadpoolctl import threadpool_limits

    _check(queries, base, k, exclude, block_bytes)
    n, d = queries.shape
    best = Neighbors(np.full((n, k), -np.inf, dtype=np.float32), np.full((n, k), -1, dtype=np.int64))
    product = _faiss_product if device == "cpu" else _torch_product(device)
    # A quarter each: a block of the base, of queries, of candidates, of pairs scored again.
    base_rows = max(1, block_bytes // (16 * d))
    query_rows = max(1, min(4096, block_bytes // (16 * d)))
    with threadpool_limits(limits=workers):
        for top in range(0, n, query_rows):
            rows = slice(top, top + query_rows)
            search = _Search(_block(queries, rows), product, best.scores[rows], best.ids[rows], block_bytes // 4)
            for left in range(0, len(base), base_rows):
                columns = slice(left, left + base_rows)
                groups = None if exclude is None else (exclude[0][rows], exclude[1][columns])
                search.add(_block(base, columns), left, groups)
    return best


@dataclass(frozen=True, slots=True)
class _Search:
    """The best neighbors so far of a block of queries; `scores` and `ids` are views that it writes into."""

    queries: NDArray[np.float32]
    product: Product
    scores: NDArray[np.float32]
    ids: NDArray[np.int64]
    budget: int
    """Bytes for candidates, and as many for pairs scored again."""

    def add(self, base: NDArray[np.float32], offset: int, groups: Groups | None) -> None:
        """Take the rows of `base`, which are rows `offset`, ... of the whole, into account."""
        slack = _rounding_bound(self.queries, base)
        k = self.scores.shape[1]
        fetch = k + max(4, k // 2) + (0 if groups is None else _largest_group(groups[1]))
        before = Neighbors(self.scores.copy(), self.ids.copy())
        pending = np.arange(len(self.queries))
        while len(pending):
            fetch = min(fetch, len(base))
            unsure = [pending[:0]]
            for rows in _split(pending, self.budget // (_CANDIDATE_BYTES * fetch)):
                about, found = self.product(self.queries[rows], base, fetch)
                wanted = about >= (before.scores[rows, -1] - slack[rows])[:, None]
                if groups is not None:
                    wanted &= groups[0][rows, None] != groups[1][found]
                exact = np.full(found.shape, -np.inf, dtype=np.float32)
                query, column = np.nonzero(wanted)
                exact[query, column] = _inner(self.queries, rows[query], base, found[query, column], self.budget)
                self._keep_best(rows, before, Neighbors(exact, found + offset))
                # What was not proposed scores at most `about[:, -1] + slack`; to tie with the k-th is enough to matter.
                unsure.append(rows[about[:, -1] >= self.scores[rows, -1] - slack[rows]])
            if fetch == len(base):
                return
            pending = np.concatenate(unsure)
            fetch *= 4

    def _keep_best(self, rows: NDArray[np.intp], before: Neighbors, new: Neighbors) -> None:
        """The best k of what `rows` had before this block and of what is new, row for row with `rows`."""
        scores = np.concatenate([before.scores[rows], new.scores], axis=1)
        ids = np.concatenate([before.ids[rows], new.ids], axis=1)
        order = np.lexsort((ids, -scores), axis=1)[:, : self.scores.shape[1]]
        best = np.take_along_axis(scores, order, axis=1)
        self.scores[rows] = best
        self.ids[rows] = np.where(np.isneginf(best), -1, np.take_along_axis(ids, order, axis=1))


def _inner(
    queries: NDArray[np.float32],
    rows: NDArray[np.intp],
    base: NDArray[np.float32],
    columns: NDArray[np.int64],
    budget: int,
) -> NDArray[np.float32]:
    """(p,) inner products of the pairs (rows[i], columns[i]), in float64, rounded to float32; each by itself."""
    scores = np.empty(len(rows), dtype=np.float32)
    for part in _split(np.arange(len(rows)), budget // (_FLOAT64_PAIR_BYTES * queries.shape[1])):
        # Products of float32 are exact in float64; a sum along the last axis depends on nothing but that row.
        scores[part] = (queries[rows[part]].astype(np.float64) * base[columns[part]]).sum(axis=1)
    return scores


def _rounding_bound(queries: NDArray[np.float32], base: NDArray[np.float32]) -> NDArray[np.float64]:
    """(q,) bound on the distance between a proposed score and the float32 score it stands for."""
    u = 2.0**-24
    d = queries.shape[1]
    longest = np.sqrt(max(float(np.einsum("ij,ij->i", base, base).max()), 0.0))
    length = np.sqrt(np.einsum("ij,ij->i", queries, queries, dtype=np.float64))
    # 2 u for the rounding of the float64 score, 1 % for that of the lengths, the last term for numbers near zero.
    return np.asarray(1.01 * (d * u / (1 - d * u) + 2 * u) * length * longest + d * 2.0**-120, dtype=np.float64)


def _largest_group(groups: NDArray[np.intp]) -> int:
    # Capped: one enormous group (all images without a site, say) must not make every query fetch it.
    return min(64, int(np.unique(groups, return_counts=True)[1].max()))


def _block(vectors: NDArray[np.float32], rows: slice) -> NDArray[np.float32]:
    block = np.ascontiguousarray(vectors[rows], dtype=np.float32)
    if not np.isfinite(block).all():
        raise UsageError("vectors must be finite, got NaN or infinity")
    return block


def _split(rows: NDArray[T], at_once: int) -> Iterator[NDArray[T]]:
    at_once = max(1, at_once)
    return (rows[i : i + at_once] for i in range(0, len(rows), at_once))


def _check(
    queries: NDArray[np.float32], base: NDArray[np.float32], k: int, exclude: Groups | None, block_bytes: int
) -> None:
    if queries.ndim != 2 or base.ndim != 2 or queries.shape[1] != base.shape[1] or not base.shape[1]:
        raise UsageError(f"queries and base must be (n, d) and (m, d) with d > 0, got {queries.shape} and {base.shape}")
    if k < 1 or block_bytes < 1:
        raise UsageError(f"k and block_bytes must be at least 1, got {k} and {block_bytes}")
    if exclude is not None and (len(exclude[0]), len(exclude[1])) != (len(queries), len(base)):
        raise UsageError(
            f"exclude must have a group for each of {len(queries)} queries and {len(base)} rows of the base, "
            f"got {len(exclude[0])} and {len(exclude[1])}"
        )


def _faiss_product(
    queries: NDArray[np.float32], base: NDArray[np.float32], k: int
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    import faiss

    # The kernel of IndexFlatIP without its copy of the base.
    scores, rows = faiss.knn(queries, base, k, metric=faiss.METRIC_INNER_PRODUCT)
    return scores, rows


def _torch_product(device: str) -> Product:
    import torch

    if device.startswith("cuda") and not torch.cuda.is_available():
        raise UsageError(f"device {device} needs a CUDA device that torch can use, found none; use device cpu")

    def product(
        queries: NDArray[np.float32], base: NDArray[np.float32], k: int
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        precision = torch.get_float32_matmul_precision()
        torch.set_float32_matmul_precision("highest")  # TF32 would break the rounding bound
        try:
            there = torch.from_numpy(base).to(device)
            # At most 64 Mi scores at a time: 256 MiB on the device.
            parts = [
                torch.topk(torch.from_numpy(part).to(device) @ there.T, k)
                for part in _split(queries, 2**26 // len(base))
            ]
            scores, ids = (torch.cat([part[i].cpu() for part in parts]).numpy() for i in (0, 1))
        finally:
            torch.set_float32_matmul_precision(precision)
        return scores, ids

    return product
