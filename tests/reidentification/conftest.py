"""People as points: an image is a person's place plus what differs from visit to visit."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from numpy.typing import NDArray

from synthaudit.cohort import Cohort, Role
from synthaudit.generators.made import ArrayImage
from synthaudit.matching.patients import strata
from synthaudit.matching.pool import Pool
from synthaudit.reidentification.background import Background
from synthaudit.reidentification.linkage import Linkage
from synthaudit.reidentification.verifier import Verifier
from synthaudit.reidentification.visits import visits

DIM = 24


def unit(rows: NDArray[np.float64]) -> NDArray[np.float32]:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


def cohort(role: Role, people: NDArray[np.intp], first: int = 0, **columns: tuple[str, ...]) -> Cohort:
    """An image for each entry; ids say nothing of sides, digests nothing of people."""
    n = len(people)
    names = tuple(f"{role}-{i}" for i in range(n))
    digests = tuple(f"{(first + i) * 7919 % 100_003:06d}" for i in range(n))
    image = ArrayImage(np.linspace(0, 1, 64, dtype=np.float32).reshape(8, 8))
    return Cohort(
        role, names, (image,) * n, tuple(f"P{p * 389 % 1009:04d}" for p in people), np.ones(n, bool), columns, digests
    )


@dataclass(frozen=True, eq=False)
class World:
    """Two sides, and what an encoder says of them."""

    train: Cohort
    holdout: Cohort
    pool: Pool
    vectors: NDArray[np.float32]
    made: NDArray[np.float32]

    @staticmethod
    def of(
        seed: int,
        images: tuple[NDArray[np.intp], NDArray[np.intp]],
        made: int,
        *,
        shown: int = 0,
        strength: float = 1.0,
        hubs: float = 0.0,
    ) -> World:
        """A world of so many images each of training and of held-out patients.

        Args:
            images: (t,) and (h,) of each patient.
            shown: Training patients of whom another visit is among the `made` images.
            strength: Of what stays with a person, against what changes.
            hubs: How much some made images are like everybody's.
        """
        rng = np.random.default_rng(seed)
        counts = np.concatenate(images)
        person = strength * rng.normal(size=(len(counts), DIM))

        def image(of: NDArray[np.intp]) -> NDArray[np.float64]:
            return np.asarray(person[of] + 0.6 * rng.normal(size=(len(of), DIM)))

        owner = np.repeat(np.arange(len(counts)), counts)
        n_train = int(images[0].sum())
        vectors = unit(image(owner))
        strangers = strength * rng.normal(size=(made - shown, DIM)) + 0.6 * rng.normal(size=(made - shown, DIM))
        strangers *= np.exp(-hubs * rng.gamma(1.0, 1.0, made - shown))[:, None]  # near the middle, near to all
        strangers[:, 0] += hubs
        synthetic = np.concatenate([unit(strangers), unit(image(np.arange(shown)))])
        train = cohort(Role.TRAIN, owner[:n_train])
        holdout = cohort(Role.HOLDOUT, owner[n_train:], n_train)
        pool = Pool.of(train, holdout)
        return World(
            train, holdout, pool, pool.in_pool_order(vectors[:n_train], vectors[n_train:]), rng.permutation(synthetic)
        )

    def swapped(self) -> World:
        """The same with the labels of the sides exchanged."""
        train, holdout = replace(self.holdout, role=Role.TRAIN), replace(self.train, role=Role.HOLDOUT)
        pool = Pool.of(train, holdout)
        row = {digest: i for i, digest in enumerate(self.pool.digest(r) for r in range(len(self.pool)))}
        order = [row[pool.digest(r)] for r in range(len(pool))]
        return World(train, holdout, pool, self.vectors[order], self.made)

    def linkage(self, seed: int = 0) -> tuple[Verifier, Background, Linkage]:
        """The verifier, and what it says."""
        rng = np.random.default_rng(seed)
        found, kept = visits(self.pool, 5), np.ones(self.pool.n_patients, dtype=bool)
        verifier = Verifier.fit(self.vectors, self.pool, found, rng)
        background = Background.of(verifier, self.pool, kept, rng)
        linkage = Linkage.of(self.made, verifier, background, self.pool, found, strata(self.pool, kept), kept)
        return verifier, background, linkage


@pytest.fixture(scope="session")
def worlds() -> type[World]:
    """Where worlds come from."""
    return World


@pytest.fixture(scope="session")
def world() -> World:
    """Forty patients a side with one to three images; ten of the training patients are shown."""
    each = np.array([1, 2, 3, 2] * 10)
    return World.of(3, (each, each), made=60, shown=10)
