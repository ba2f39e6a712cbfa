"""Encoders are tried by the audit's own look-up: against a naive twin, and against what the audit registers."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import pytest
from numpy.typing import NDArray

from synthaudit.cohort import Cohort, Role
from synthaudit.embed import embed
from synthaudit.embeddings import PixelEncoder
from synthaudit.encoders.descriptor import Descriptor
from synthaudit.fitness import _altered, combined, places, rows_to_alter, searches, two_images_each
from synthaudit.matching.compare import Effort
from synthaudit.matching.lookup import LookUp, Query, Seen
from synthaudit.matching.matcher import Matcher
from synthaudit.matching.pool import Pool, Space
from synthaudit.matching.registration import Prepared
from synthaudit.matching.views import WINDOWS
from synthaudit.phantoms.chest import ChestPopulation
from synthaudit.pixels import canvas
from synthaudit.probe import Evidence, Settings
from synthaudit.progress import Progress

Vectors = NDArray[np.float32]
CHEST = ChestPopulation(seed=17, size=64)
_prepared = Pool.prepared


@dataclass(frozen=True)
class Thumbnails:
    """The image itself, at 16 pixels."""

    name: ClassVar[str] = "thumbnails"
    dim: ClassVar[int] = 256
    fingerprint: ClassVar[str] = "thumbnails"
    input_size: ClassVar[int] = 16
    channels: ClassVar[Literal[1]] = 1
    fast: ClassVar[bool] = False

    def encode(self, images: Vectors) -> Vectors:
        rows = images.reshape(len(images), -1)
        return unit(rows - rows.mean(axis=1, keepdims=True) + 1e-6)


class Guesses(Thumbnails):
    """Other vectors for any other pixels, however alike."""

    name: ClassVar[str] = "guesses"
    fingerprint: ClassVar[str] = "guesses"

    def encode(self, images: Vectors) -> Vectors:
        seeds = [hashlib.sha256(np.ascontiguousarray(image).tobytes()).digest()[:8] for image in images]
        draws = [np.random.default_rng(int.from_bytes(seed, "little")).standard_normal(self.dim) for seed in seeds]
        return unit(np.stack(draws))


def unit(rows: NDArray[np.floating]) -> Vectors:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


def evidence_of(train: Cohort, *encoders: PixelEncoder) -> Evidence:
    """An audit of training images only, and one synthetic image that nobody looks at."""
    synthetic = CHEST.cohort(Role.SYNTHETIC, [900])
    embedded = {e.name: {one.role: embed(one, e) for one in (train, synthetic)} for e in encoders}
    pool = Pool.of(train)
    spaces = tuple(Space(e, pool.in_pool_order(embedded[e.name][Role.TRAIN].vectors)) for e in encoders)
    matcher = Matcher(pool, spaces, size=64)
    shown = (train, None, synthetic, None)
    return Evidence(*shown, embedded, pool, matcher, Settings(), 0, 1, Progress(quiet=True))


@pytest.fixture(scope="module")
def people() -> Cohort:
    return CHEST.cohort(Role.TRAIN, range(14))


def test_it_is_the_search_of_the_audit_and_nothing_else(people: Cohort, monkeypatch: pytest.MonkeyPatch) -> None:
    """A naive twin: every view against every image and window, backgrounds subtracted, averaged over encoders."""
    evidence = evidence_of(people.subset(range(8)), Descriptor(), Thumbnails())
    pool, rng = evidence.pool, np.random.default_rng(0)
    rows = rows_to_alter(pool, rng)
    together, alone = searches(evidence)
    seen: dict[str, Vectors] = {}
    see = LookUp.see

    def noted(search: LookUp, query: Query) -> Seen:
        image = query.read()
        seen[str(len(seen))] = image
        return see(search, query)

    monkeypatch.setattr(LookUp, "see", noted)
    found = places(together, rows, evidence)
    first = []
    for image in seen.values():
        score = np.zeros(len(pool))
        for space in evidence.matcher.spaces:
            encoder = space.encoder
            assert isinstance(encoder, PixelEncoder)
            cosine = space.vectors.astype(np.float64) @ space.vectors.T
            cosine[pool.patient[:, None] == pool.patient] = -np.inf
            strangers = np.sort(cosine, axis=1)[:, ::-1]
            square = canvas(image, encoder.input_size, encoder.channels)
            turned = encoder.encode(np.stack([view.apply(square) for view in together.views(space)]))
            above = (space.vectors.astype(np.float64) @ turned.T).max(axis=1) - strangers[:, :3].mean(axis=1)
            if encoder.fast:
                side = encoder.input_size
                for row in range(len(pool)):
                    whole = canvas(pool.read(row), round(side / WINDOWS[0].share), encoder.channels)
                    cut = encoder.encode(np.stack([window.cut(whole, side) for window in WINDOWS]))
                    likest = (cut @ space.vectors.T).max(axis=0)
                    others = np.sort(likest[pool.patient != pool.patient[row]])[::-1]
                    above[row] = max(above[row], float((cut @ turned.T).max()) - others[:3].mean())
            score += above / strangers[:, 0].std() / 2
        first.append(int(score.argmax()))
    np.testing.assert_array_equal(found == 0, np.array(first) == rows)
    assert 0 < np.count_nonzero(found == 0) <= len(rows)
    assert found.max() < evidence.matcher.effort.candidates
    assert [[s.encoder.name for s in one.spaces] for one in alone] == [["descriptor"], ["thumbnails"]]


def test_what_is_registered_is_what_the_audit_would_register(people: Cohort, monkeypatch: pytest.MonkeyPatch) -> None:
    """Against the audit's own comparison: the rows that it prepares for registration."""
    people = people.subset(range(12))
    doubled = Cohort(
        role=people.role,
        names=people.names,
        sources=people.sources,
        patients=tuple(people.patients[i // 4] for i in range(12)),
        known_patient=people.known_patient,
        attributes={},
        pixel_digests=people.pixel_digests,
    )
    evidence = evidence_of(doubled, Guesses())
    matcher = evidence.matcher
    matcher.effort = matcher.comparison.effort = Effort(candidates=4)
    rows = np.arange(12)
    found = places(searches(evidence)[0], rows, evidence)
    asked_for: list[int] = []

    def noted(pool: Pool, row: int, size: int) -> Prepared:
        asked_for.append(row)
        return _prepared(pool, row, size)

    monkeypatch.setattr(Pool, "prepared", noted)
    for row, place in zip(rows, found, strict=True):
        asked_for.clear()
        matcher.match([_altered(evidence, rows)[row]], stage="x", total=1)
        assert (row in asked_for) == (place >= 0)
        assert len(set(asked_for)) <= 4
    assert 0 < np.count_nonzero(found >= 0) < 12


def test_no_pair_is_registered(people: Cohort) -> None:
    evidence = evidence_of(people, Thumbnails())
    places(searches(evidence)[0], rows_to_alter(evidence.pool, np.random.default_rng(0)), evidence)
    assert not evidence.pool._prepared


def test_inner_products_of_combined_vectors_are_average_cosines(people: Cohort) -> None:
    evidence = evidence_of(people, Thumbnails(), Guesses())
    rows = np.arange(len(evidence.pool))
    both = combined(searches(evidence)[0], rows)
    expected = np.zeros((len(rows), len(rows)))
    for space in evidence.matcher.spaces:
        cosine = space.vectors[rows].astype(np.float64) @ space.vectors[rows].T
        nearest = (cosine - 9 * np.eye(len(rows))).max(axis=1)
        expected += cosine / nearest.std() / 2
    np.testing.assert_allclose(both @ both.T, expected, rtol=1e-4)


def test_two_images_are_two_pictures_of_one_patient() -> None:
    cohort = CHEST.cohort(Role.TRAIN, range(6), visits=lambda number: 1 + number % 3)
    pool = Pool.of(cohort)
    first, second = two_images_each(pool, np.random.default_rng(0))
    np.testing.assert_array_equal(pool.patient[first], pool.patient[second])
    assert sorted(pool.patient_ids[i] for i in pool.patient[first]) == [f"CHX-{n:06d}" for n in (1, 2, 4, 5)]
    assert all(pool.digest(int(a)) != pool.digest(int(b)) for a, b in zip(first, second, strict=True))
