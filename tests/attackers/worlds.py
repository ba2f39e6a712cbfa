"""Patients as vectors, whose truth is known: an attacker's holdings without any image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from synthaudit.attackers.holdings import Holdings
from synthaudit.cohort import Cohort, Role
from synthaudit.generators.made import ArrayImage
from synthaudit.matching.pool import Pool

Kind = Literal["stranger", "copier", "minority"]
Vectors = NDArray[np.float32]
DIM = 12
NOTHING = ArrayImage(np.zeros((1, 1), dtype=np.float32))


def unit(rows: NDArray[np.float64]) -> Vectors:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


@dataclass(frozen=True, eq=False)
class People:
    """Vectors and attributes of images, and whose they are."""

    rows: Vectors
    patient: NDArray[np.intp]
    attributes: dict[str, tuple[str, ...]]

    def cohort(self, role: Role, start: int = 0, attributes: bool = True) -> Cohort:
        n = len(self.rows)
        known = role is not Role.SYNTHETIC
        names = tuple(f"{start + i:05d}" for i in range(n))
        return Cohort(
            role,
            names,
            (NOTHING,) * n,
            tuple(f"P{(start + p) * 389 % 10_007:05d}" for p in self.patient) if known else names,
            np.full(n, known),
            self.attributes if attributes else {},
            # Their order must say nothing, as that of true digests does not.
            tuple(f"{(start + i) * 7919 % 100_003:06d}" for i in range(n)),
        )

    def some(self, images: NDArray[np.intp], noise: float, rng: np.random.Generator) -> People:
        rows = self.rows[images] + noise / np.sqrt(DIM) * rng.normal(size=(len(images), DIM))
        kept = {name: tuple(column[i] for i in images) for name, column in self.attributes.items()}
        return People(unit(rows), np.arange(len(images)), kept)


def people(n: int, images: tuple[int, int], rng: np.random.Generator) -> People:
    """`n` patients with some images each, alike within a patient; sex and label can be read from them in part."""
    counts = rng.integers(images[0], images[1] + 1, size=n)
    patient = np.repeat(np.arange(n), counts)
    who = rng.normal(size=(n, DIM))
    rows = 0.7 * who[patient] + 0.7 * rng.normal(size=(len(patient), DIM))
    sex = np.where(who[:, 0] + rng.normal(size=n) > 0, "F", "M")
    site = rng.choice(["north", "south", "west"], size=n)
    age = rng.integers(20, 90, size=n)
    label = np.where(who[:, 1] + rng.normal(size=n) > 1.2, "effusion", "none")
    label[rng.random(n) < 0.04] = "cavity"
    columns = {"sex": sex, "site": site, "age": age.astype(str), "label": label}
    return People(unit(rows), patient, {name: tuple(map(str, of[patient])) for name, of in columns.items()})


def world(
    seed: int,
    *,
    n: tuple[int, int] = (60, 40),
    images: tuple[tuple[int, int], tuple[int, int]] = ((1, 4), (1, 2)),
    n_made: int = 80,
    kind: Kind = "stranger",
    share: float = 1.0,
    noise: float = 0.05,
    attributes: bool = True,
    swap: bool = False,
) -> Holdings:
    """Training and held-out patients, and what a generator made of them.

    A stranger's images show other people of the population; a copier's show a share of the training patients, one
    image of each, and strangers besides; the minority's copier copies everybody with a cavity, and nobody else.
    """
    rng = np.random.default_rng(seed)
    train, holdout = people(n[0], images[0], rng), people(n[1], images[1], rng)
    made = people(n_made, (1, 1), rng)
    if kind != "stranger":
        first = np.unique(train.patient, return_index=True)[1]
        if kind == "minority":
            first = np.array([i for i in first if train.attributes["label"][i] == "cavity"], dtype=np.intp)
        copies = train.some(first[: round(share * len(first))], noise, rng)
        fresh = made.some(np.arange(max(0, n_made - len(copies.rows))), 0.0, rng)
        made = People(
            np.concatenate([copies.rows, fresh.rows]),
            np.arange(len(copies.rows) + len(fresh.rows)),
            {name: copies.attributes[name] + fresh.attributes[name] for name in copies.attributes},
        )
    roles = (Role.HOLDOUT, Role.TRAIN) if swap else (Role.TRAIN, Role.HOLDOUT)
    cohorts = [train.cohort(roles[0]), holdout.cohort(roles[1], start=5_000)]
    vectors = [train.rows, holdout.rows]
    if swap:
        cohorts, vectors = cohorts[::-1], vectors[::-1]
    return holdings(cohorts, vectors, made.cohort(Role.SYNTHETIC, 50_000, attributes), made.rows)


def holdings(cohorts: list[Cohort], vectors: list[Vectors], synthetic: Cohort, made: Vectors) -> Holdings:
    pool = Pool.of(*cohorts)
    order = np.argsort(np.array(synthetic.pixel_digests), kind="stable")
    return Holdings(
        pool,
        np.arange(len(pool)),
        pool.patient,
        pool.patient_is_train,
        pool.in_pool_order(*vectors),
        made[order],
        synthetic,
        order,
        1,
    )
