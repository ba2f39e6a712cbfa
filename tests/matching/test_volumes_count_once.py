"""Slices of one volume do not multiply evidence: where single images are judged, a volume is still one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from synthaudit.cohort import Cohort, Role
from synthaudit.copying import CopyEvidence
from synthaudit.embeddings import Embeddings
from synthaudit.encoders.descriptor import Descriptor
from synthaudit.generators.made import ArrayImage
from synthaudit.matching.matcher import Matcher, Matches
from synthaudit.matching.patients import PatientScale, gather, strata
from synthaudit.matching.pool import Pool, Space
from synthaudit.matching.strangers import Strangers, find_strangers
from synthaudit.patient_statistics import PatientStatistics
from synthaudit.phantoms.chest import ChestPopulation
from synthaudit.probe import Evidence, Settings
from synthaudit.progress import Progress
from synthaudit.readers.scan import pixel_digest

SIZE = 64
Image = NDArray[np.float32]


class Table:
    """An encoder whose vectors are given."""

    name = "table"
    dim = Descriptor.dim
    fingerprint = "table"


def cohort(role: Role, images: list[Image], patients: list[str], volumes: list[str] | None = None) -> Cohort:
    n = len(images)
    places = tuple(float(i) for i in range(n)) if volumes else ()
    return Cohort(
        role=role,
        names=tuple(f"{role}-{i:03d}.png" for i in range(n)),
        sources=tuple(map(ArrayImage, images)),
        patients=tuple(patients),
        known_patient=np.full(n, role is not Role.SYNTHETIC),
        attributes={},
        pixel_digests=tuple(map(pixel_digest, images)),
        volumes=tuple(volumes or ()),
        positions=places,
    )


def strangers_of(slices: int) -> Strangers:
    """The scale of 21 patients with one volume of so many slices each; the slices hardly differ."""
    chest, rng = ChestPopulation(seed=8, size=SIZE), np.random.default_rng(0)
    images, patients = [], []
    for number in range(21):
        image = chest.image(number)
        for _ in range(slices):
            noise = 0.0005 * rng.standard_normal(image.shape)
            images.append(np.clip(image + noise, 0, 1).astype(np.float32))
            patients.append(f"P{number}")
    pool = Pool.of(cohort(Role.TRAIN, images, patients, patients))
    vectors = pool.in_pool_order(Descriptor().encode(np.stack(images)))
    matcher = Matcher(pool, (Space(Table(), vectors),), size=SIZE)
    return find_strangers(matcher, n_queries=100, rng=np.random.default_rng(0))


def test_few_patients_with_an_image_each_prove_nothing() -> None:
    assert strangers_of(1).proof == np.inf


def test_few_patients_with_three_slices_each_prove_nothing_either() -> None:
    assert strangers_of(3).proof == np.inf


def crowd(volumes: list[str] | None) -> tuple[Evidence, CopyEvidence]:
    """Thirty patients a side; twelve synthetic images, each far closer to a training patient of its own than to others.

    Only the competition is looked at, so the pictures are empty and the matches made up.
    """
    people = [np.full((SIZE, SIZE), number / 100, dtype=np.float32) for number in range(72)]
    train = cohort(Role.TRAIN, people[:30], [f"P{i}" for i in range(30)])
    holdout = cohort(Role.HOLDOUT, people[30:60], [f"P{i}" for i in range(30, 60)])
    synthetic = cohort(Role.SYNTHETIC, people[60:], [f"S{i}" for i in range(12)], volumes)
    pool = Pool.of(train, holdout)
    vectors = np.eye(72, Table.dim, dtype=np.float32)
    embedded = {
        one.role: Embeddings("table", "table", rows)
        for one, rows in zip((train, holdout, synthetic), (vectors[:30], vectors[30:60], vectors[60:]), strict=True)
    }
    matcher = Matcher(pool, (Space(Table(), pool.in_pool_order(vectors[:30], vectors[30:60])),), size=SIZE)
    quick = Settings(relabelings=99, bootstraps=1)
    evidence = Evidence(
        train, holdout, synthetic, None, {"table": embedded}, pool, matcher, quick, 0, 1, Progress()
    )  # fmt: skip
    row_of = {pool.patient_ids[pool.patient[row]]: row for row in range(len(pool))}
    targets, decoys = [row_of[f"P{i}"] for i in range(12)], [row_of[f"P{i}"] for i in range(30, 42)]
    nothing = np.empty(0, dtype=np.intp)
    matches = Matches(
        n_queries=12,
        query=np.repeat(np.arange(12), 2),
        real=np.array([row for pair in zip(targets, decoys, strict=True) for row in pair], dtype=np.intp),
        score=np.array([score for i in range(12) for score in (9 + 0.1 * i, 1.0)]),
        fine_query=nothing,
        fine_real=nothing,
        similarity=np.empty((0, 6)),
        flip=np.empty(0, dtype=bool),
        matrix=np.empty((0, 2, 3), dtype=np.float32),
    )
    ones, nobody = np.ones(6), np.zeros(pool.n_patients, dtype=bool)
    scale_of = Strangers(0 * ones, ones, np.zeros(30), 5.0, 9.0, 30, 30, nothing, np.empty((0, 2), dtype=np.intp))
    levels = strata(pool, ~nobody)
    patients = gather(matches, pool, scale_of, levels.rows)
    scale = PatientScale.fit(patients, levels.level, ~nobody)
    copies = CopyEvidence(
        matches, scale_of, "", (), nobody, nobody, nobody, levels, patients, scale, scale.scores(patients)
    )
    return evidence, copies


def held(volumes: list[str] | None) -> int:
    evidence, copies = crowd(volumes)
    statistics = PatientStatistics.of(evidence, copies, evidence.rng("test"))
    return len(statistics.withheld("copies", set()))


def test_twelve_images_that_each_point_at_a_training_patient_are_withheld() -> None:
    assert held(None) == 12


def test_twelve_slices_of_one_volume_are_one_discovery_and_ten_are_needed() -> None:
    assert held(["v"] * 12) == 0


def test_a_slice_that_comes_twice_adds_nothing_to_a_patient() -> None:
    """A patient's score is a maximum over all slices."""
    evidence, copies = crowd(None)
    assert copies.matches is not None
    assert copies.strangers is not None
    twice = replace(
        copies.matches,
        n_queries=24,
        query=np.concatenate([copies.matches.query, copies.matches.query + 12]),
        real=np.tile(copies.matches.real, 2),
        score=np.tile(copies.matches.score, 2),
    )
    again = gather(twice, evidence.pool, copies.strangers, copies.strata.rows)
    np.testing.assert_array_equal(again.similarity, copies.patients.similarity)
