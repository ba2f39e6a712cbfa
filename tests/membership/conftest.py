"""Patients as points on a sphere, some of whom a generator copied."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from synthaudit.membership.patients import Asked
from synthaudit.membership.sample_sets import SampleSets


def unit(rows: NDArray[np.float64]) -> NDArray[np.float32]:
    """Rows of unit length, as encoders give them."""
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


@dataclass(frozen=True, eq=False)
class Population:
    """Vectors, and who was trained on."""

    sets: SampleSets
    is_member: NDArray[np.bool_]

    @classmethod
    def drawn(
        cls,
        seed: int,
        *,
        members: int = 60,
        others: int = 60,
        images: int = 1,
        made: int = 80,
        copied: int = 0,
        reference: int = 0,
        dim: int = 8,
        noise: float = 0.1,
    ) -> Population:
        """Members have 1 to `images` images each and the others 1 to half as many; the first of some is copied."""
        rng = np.random.default_rng(seed)
        n = members + others
        is_member = rng.permutation(n) < members
        counts = np.where(is_member, rng.integers(1, images + 1, n), rng.integers(1, max(1, images // 2) + 1, n))
        patient = np.repeat(np.arange(n), counts)
        apart = 0.5 if images > 1 else 0.0
        real = unit(rng.normal(size=(n, dim))[patient] + apart * rng.normal(size=(len(patient), dim)))
        synthetic = rng.normal(size=(made, dim))
        first = np.searchsorted(patient, np.flatnonzero(is_member)[:copied])
        synthetic[:copied] = real[first] * np.sqrt(dim) + noise * rng.normal(size=(copied, dim))
        background = unit(rng.normal(size=(reference, dim))) if reference else None
        fold = rng.permutation(np.arange(n) % 5)
        return cls(SampleSets(real, patient, unit(synthetic), fold[patient], background), is_member)

    def asked(self) -> Asked:
        """All patients, read on at most two images each."""
        patient, n = self.sets.patient, len(self.is_member)
        counts = np.bincount(patient, minlength=n)
        turn = np.arange(len(patient)) - np.concatenate([[0], np.cumsum(counts)[:-1]])[patient]
        level = np.minimum(counts, 2)
        fold = np.zeros(n, dtype=np.intp)
        fold[patient] = self.sets.fold
        return Asked(patient, turn < level[patient], level, fold, self.is_member)


@pytest.fixture(scope="session")
def drawn() -> type[Population]:
    """Where populations come from."""
    return Population
