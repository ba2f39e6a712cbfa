"""Extraction: what is close, what is a clique, and that more images are the same ones and others."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from synthaudit.attacks.extraction import Clique, apart, cliques, closeness_bar, extract, make_many, tiles
from synthaudit.cohort import Role
from synthaudit.errors import NotEnoughData
from synthaudit.generators.controls import Copying, FreshPatients, Photocopier
from synthaudit.generators.kernel_memory import KernelMemory
from synthaudit.generators.protocol import Capability, Condition, GeneratorSpec, capabilities_of
from synthaudit.matching.pool import Pool
from synthaudit.phantoms.chest import ChestPopulation
from synthaudit.progress import Progress

POPULATION = ChestPopulation(seed=4, size=32)


@pytest.fixture(scope="module")
def pool() -> Pool:
    train = POPULATION.cohort(Role.TRAIN, range(30), visits=lambda patient: 1 + patient % 2)
    return Pool.of(train, POPULATION.cohort(Role.HOLDOUT, range(100, 130)))


def images(pool: Pool, rows: range) -> NDArray[np.float32]:
    return np.stack([pool.read(row) for row in rows])


def test_every_tile_must_agree() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.uniform(0, 1, (2, 3, 32, 32)).astype(np.float32)
    b[0] = a[0]
    b[0, :8, 24:] += 0.5  # one tile of sixteen
    found = apart(tiles(list(a)), tiles(list(b)))
    for i in range(3):
        for j in range(3):
            difference = ((a[i] - b[j]) ** 2).reshape(4, 8, 4, 8).mean(axis=(1, 3))
            assert found[i, j] == pytest.approx(np.sqrt(difference.max()), abs=1e-3)
    assert found[0, 0] == pytest.approx(0.5, abs=1e-3)


def test_cliques_are_mutual() -> None:
    """A chain of neighbors is no clique: three points in a row are two and one."""
    points = np.array([0.0, 0.1, 0.05, 1.0, 1.8, 2.6, 9.0])
    distance = np.abs(points[:, None] - points[None, :]).astype(np.float32)
    assert cliques(distance, 0.2) == [Clique(2, 3)]
    assert cliques(distance, 1.0)[1:] == [Clique(4, 2)]
    assert cliques(distance, 0.2, smallest=4) == []
    assert cliques(np.zeros((0, 0), dtype=np.float32), 1) == []


def test_the_bar_is_that_of_different_people(pool: Pool) -> None:
    bar = closeness_bar(pool)
    looks = tiles([pool.read(row) for row in range(len(pool))])
    stranger = pool.patient[:, None] != pool.patient[None, :]
    nearest = np.where(stranger, apart(looks, looks), np.inf).min(axis=1)
    assert bar == pytest.approx(np.median(nearest) / 2)
    assert np.mean(nearest < bar) <= 0.02
    # One picture under two patients does not move it much.
    twice = Pool.of(*pool.cohorts, replace(pool.cohorts[0].subset([0]), patients=("again",), names=("again",)))
    assert closeness_bar(twice) == pytest.approx(bar, rel=0.1)
    with pytest.raises(NotEnoughData, match="at least 2 patients"):
        closeness_bar(Pool.of(POPULATION.cohort(Role.TRAIN, range(1), visits=3)))


def test_what_is_made_again_is_gathered_and_the_rest_is_not(pool: Pool) -> None:
    copier = Photocopier(images(pool, range(5)), Copying.NOISY, share=0.3, otherwise=FreshPatients(POPULATION, 1000))
    found = extract(copier, pool, 60, seed=1, most=3, progress=Progress())
    assert (found.n_made, len(found.medoids)) == (60, 3)
    assert 3 <= found.n_cliques <= 6
    assert found.largest >= 3
    honest = extract(FreshPatients(POPULATION, 1000), pool, 60, seed=1, most=3, progress=Progress())
    assert honest.n_cliques <= 1


def test_more_images_are_the_same_and_others(pool: Pool) -> None:
    copier = Photocopier(images(pool, range(20)))
    few, many = (make_many(copier, n, 5, Progress()) for n in (3, 260))
    np.testing.assert_array_equal(few, many[:3])
    assert len(np.unique(many[256:].reshape(4, -1), axis=0)) > 1
    assert np.abs(make_many(copier, 3, 6, Progress()) - few).max() > 0


def test_a_generator_that_makes_nothing_is_said_to_refuse() -> None:
    with pytest.raises(NotEnoughData, match="the generator refuses: the generator must be fitted first"):
        make_many(KernelMemory(size=8), 2, 0, Progress())


def test_volumes_are_not_looked_up() -> None:
    class Volumes:
        spec = GeneratorSpec("volumes", (4, 8, 8))

        def capabilities(self) -> frozenset[Capability]:
            return capabilities_of(self)

        def sample(self, n: int, seed: int, condition: Condition | None = None) -> NDArray[np.float32]:
            del seed, condition
            return np.zeros((n, 4, 8, 8), dtype=np.float32)

    with pytest.raises(NotEnoughData, match="this generator makes volumes"):
        make_many(Volumes(), 2, 0, Progress())
