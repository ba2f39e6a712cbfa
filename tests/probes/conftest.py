"""Small audits of simulated patients whose truth is known: who was copied, who stands on both sides, who is neither."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest
from numpy.typing import NDArray

from synthaudit.cohort import Cohort, Role
from synthaudit.embed import embed
from synthaudit.encoders.descriptor import Descriptor
from synthaudit.generators.made import ArrayImage
from synthaudit.matching.matcher import Matcher
from synthaudit.matching.pool import Pool, Space, working_size
from synthaudit.matching.views import View
from synthaudit.phantoms.chest import ChestPopulation
from synthaudit.probe import Evidence, Settings
from synthaudit.progress import Progress
from synthaudit.readers.scan import pixel_digest

Image = NDArray[np.float32]
SIZE = 64
QUICK = Settings(relabelings=199, bootstraps=3, planted_patients=5, planted_decoys=2, planted_per_strength=0)


def patient_id(number: int) -> str:
    """An id whose order says nothing about the side that the patient is on."""
    return f"P{(number * 389) % 1009:04d}"


def cohort(role: Role, people: Sequence[tuple[int, Image]]) -> Cohort:
    """(patient number, image) pairs as a cohort; synthetic images are nobody's."""
    known = role is not Role.SYNTHETIC
    names = tuple(f"{'scan' if known else 'made'}-{row:03d}.png" for row in range(len(people)))
    return Cohort(
        role=role,
        names=names,
        sources=tuple(ArrayImage(image) for _, image in people),
        patients=tuple(patient_id(number) for number, _ in people) if known else names,
        known_patient=np.full(len(people), known),
        attributes={},
        pixel_digests=tuple(pixel_digest(image) for _, image in people),
    )


@dataclass(frozen=True, eq=False)
class Scene:
    """Cohorts, and the truth about them (patient ids)."""

    train: Cohort
    holdout: Cohort | None
    synthetic: Cohort
    copied: frozenset[str] = frozenset()
    copied_holdout: frozenset[str] = frozenset()
    copies: frozenset[str] = frozenset()
    """Names of the synthetic images that are copies."""
    twins: frozenset[str] = frozenset()
    """One person under two ids, one on each side."""

    def evidence(self, *, seed: int = 0, workers: int = 1, settings: Settings = QUICK) -> Evidence:
        """What the probes see of it."""
        real = [one for one in (self.train, self.holdout) if one is not None]
        encoder = Descriptor()
        embedded = {one.role: embed(one, encoder) for one in (*real, self.synthetic)}
        pool = Pool.of(*real)
        space = Space(encoder, pool.in_pool_order(*(embedded[one.role].vectors for one in real)))
        matcher = Matcher(pool, (space,), size=working_size(np.array([SIZE])), workers=workers)
        vectors = {encoder.name: embedded}
        return Evidence(
            self.train, self.holdout, self.synthetic, None, vectors, pool, matcher, settings, seed, workers, Progress()
        )

    def swapped(self) -> Scene:
        """The same with the labels of training and holdout exchanged."""
        assert self.holdout is not None
        return replace(
            self, train=replace(self.holdout, role=Role.TRAIN), holdout=replace(self.train, role=Role.HOLDOUT)
        )

    def shuffled(self, seed: int) -> Scene:
        """The same with the rows of every cohort in another order."""
        rng = np.random.default_rng(seed)

        def mixed(one: Cohort) -> Cohort:
            return one.subset(rng.permutation(len(one)))

        holdout = None if self.holdout is None else mixed(self.holdout)
        return replace(self, train=mixed(self.train), holdout=holdout, synthetic=mixed(self.synthetic))

    @staticmethod
    def strangers_only(seed: int, n: int, n_synthetic: int | None = None) -> Scene:
        """No leak: training, holdout and synthetic images show different people of one population."""
        chest = ChestPopulation(seed=seed, size=SIZE)
        people = [(number, chest.image(number)) for number in range(2 * n + (n_synthetic or n))]
        return Scene(
            cohort(Role.TRAIN, people[:n]),
            cohort(Role.HOLDOUT, people[n : 2 * n]),
            cohort(Role.SYNTHETIC, people[2 * n :]),
        )

    @staticmethod
    def with_copies(seed: int = 11) -> Scene:
        """Three training patients copied (plain, mirrored, shifted), and a held-out one; one person on both sides."""
        chest = ChestPopulation(seed=seed, size=SIZE)
        train = [(number, chest.image(number, visit)) for number in range(17) for visit in range(1 + (number % 4 == 0))]
        holdout = [(number, chest.image(number, visit)) for number in range(40, 53) for visit in range(1 + number % 2)]
        train.append((99, chest.image(99)))
        holdout.append((199, chest.image(99)))
        fresh = [chest.image(number) for number in range(500, 510)]
        shifted = View(dx=3 / SIZE, dy=-2 / SIZE).apply(chest.image(7))
        copies = [chest.image(2), np.ascontiguousarray(chest.image(5)[:, ::-1]), shifted, chest.image(44)]
        made = [*fresh[:4], *copies, *fresh[4:]]
        synthetic = cohort(Role.SYNTHETIC, [(-1, image) for image in made])
        return Scene(
            cohort(Role.TRAIN, train),
            cohort(Role.HOLDOUT, holdout),
            synthetic,
            copied=frozenset(map(patient_id, (2, 5, 7))),
            copied_holdout=frozenset([patient_id(44)]),
            copies=frozenset(synthetic.names[4:8]),
            twins=frozenset(map(patient_id, (99, 199))),
        )


@pytest.fixture(scope="session")
def copied() -> Scene:
    """A generator that copied."""
    return Scene.with_copies()


@pytest.fixture(scope="session")
def copied_evidence(copied: Scene) -> Evidence:
    """What the probes see of it; they may share it, as in an audit."""
    return copied.evidence()


@pytest.fixture(scope="session")
def honest() -> Scene:
    """A generator that learned the population, and no one in it."""
    return Scene.strangers_only(seed=21, n=20)


@pytest.fixture(scope="session")
def honest_evidence(honest: Scene) -> Evidence:
    """What the probes see of it."""
    return honest.evidence()


@pytest.fixture(scope="session")
def scenes() -> type[Scene]:
    """Where scenes come from."""
    return Scene
