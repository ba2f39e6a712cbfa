"""Distances to real parts: as the naive search has them, never among one's own images, and tolerant to small shifts."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from synthaudit.image_realism.excess_map import beginnings, excess_map, within_image
from synthaudit.image_realism.foreign import FOREIGN, planted
from synthaudit.image_realism.judged import chosen_rows, on_canvas
from synthaudit.image_realism.patches import KINDS, SIZES, Grid, described
from synthaudit.image_realism.support import TOLERANCE, Reference, distances, excess
from synthaudit.image_realism.whole_image import realism
from synthaudit.matching.pool import Pool


def test_the_fast_search_is_the_naive_one() -> None:
    rng = np.random.default_rng(0)
    real = rng.normal(size=(9, 5, 5, 4)).astype(np.float32)
    patient = np.array([0, 0, 1, 1, 1, 3, 3, 4, 6])
    asked = np.concatenate([real[:4], rng.normal(size=(3, 5, 5, 4)).astype(np.float32)])
    whose = np.array([0, 0, 1, 1, -1, -1, 4])
    found = distances(asked, whose, real, patient, workers=2)
    for i in range(len(asked)):
        for y in range(5):
            for x in range(5):
                near = real[
                    patient != whose[i],
                    max(0, y - TOLERANCE) : y + TOLERANCE + 1,
                    max(0, x - TOLERANCE) : x + TOLERANCE + 1,
                ].reshape(-1, 4)
                assert found[i, y, x] == pytest.approx(np.linalg.norm(near - asked[i, y, x], axis=1).min(), rel=1e-5)


def test_patches_are_described_whatever_the_exposure() -> None:
    image = np.random.default_rng(1).random((64, 64)).astype(np.float32)
    one, other = described(image, 64), described(0.2 + 0.5 * image, 64)
    assert [part.shape[:2] for part in one] == [(15, 15)] * len(KINDS) + [(7, 7)] * len(KINDS)
    assert Grid.of(64, SIZES[0]).across == 15
    for a, b in zip(one, other, strict=True):
        np.testing.assert_allclose(a, b, atol=0.02)
    flat = described(np.full((40, 30), 0.5, dtype=np.float32), 64)
    assert all(np.isfinite(part).all() for part in flat)


def test_colors_are_looked_at_where_there_are_any() -> None:
    gray = np.random.default_rng(2).random((32, 32)).astype(np.float32)
    colored = np.repeat(gray[..., None], 3, axis=2)
    place = KINDS.index("color")
    assert not described(gray, 64)[place].any()
    assert np.abs(described(colored, 64)[place]).max() < 1e-5
    colored[8:16, 8:16, 0] = 1.0
    assert np.abs(described(colored, 64)[place]).max() > 0.1


def test_patients_of_a_reference_stand_together() -> None:
    parts = [described(np.eye(64, dtype=np.float32), 64)] * 3
    with pytest.raises(ValueError, match="ascending"):
        Reference.of(parts, np.array([1, 0, 1]))


def test_a_copy_of_the_own_patient_supports_nothing() -> None:
    """Twice the same image of one patient is as far from the real images as one of it would be."""
    rng = np.random.default_rng(3)
    images = [described(rng.random((64, 64)).astype(np.float32), 64) for _ in range(6)]
    twice = Reference.of([images[0], *images], np.array([0, 0, 1, 2, 3, 4, 5]))
    own, made, mine = excess(twice, [([images[0]], np.array([-1])), ([images[0]], np.array([0]))])
    assert made[0].max() < mine[0].min()
    np.testing.assert_allclose(own[0][0], own[0][1])


def test_the_map_points_at_what_stands_out() -> None:
    parts = [np.random.default_rng(4).normal(size=(12, g.across, g.across)) for g in (Grid.of(64, n) for n in SIZES)]
    start = beginnings(parts, np.ones(12))
    parts[0][0, 9, 4] = 12.0
    shown = excess_map([part[0] for part in parts], start, 64)
    assert shown.shade.shape == (64, 64)
    assert shown.peak == pytest.approx(((4 * 4 + 4) / 64, (9 * 4 + 4) / 64), abs=0.03)
    assert within_image(np.full((2, 5, 5), 7.0)).max() == 0


def test_of_many_images_every_patient_keeps_some(monkeypatch: pytest.MonkeyPatch) -> None:
    patient = np.repeat(np.arange(20), np.arange(1, 21))
    pool = Pool((), patient, patient, patient, tuple(map(str, range(20))), np.ones(20, dtype=bool))
    monkeypatch.setattr("synthaudit.image_realism.judged.LARGEST_REFERENCE", 50)
    rows = chosen_rows(pool, np.random.default_rng(0))
    assert len(set(rows.tolist())) == 50
    assert set(patient[rows]) == set(range(20))
    assert (np.diff(patient[rows]) >= 0).all()
    assert np.bincount(patient[rows]).max() <= 4


def test_realism_is_high_among_the_real_and_low_beyond() -> None:
    rng = np.random.default_rng(5)

    def unit(rows: NDArray[np.float64]) -> NDArray[np.float32]:
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)

    center = np.eye(8)[0]
    real = unit(center + 0.1 * rng.normal(size=(200, 8)))
    fresh = unit(center + 0.1 * rng.normal(size=(200, 8)))
    far = unit(center + 0.1 * rng.normal(size=(50, 8)) + np.eye(8)[1])
    found = realism(real, np.arange(200), np.concatenate([fresh, far]))
    # Real images are asked among one fewer, which makes hardly a difference.
    assert np.median(found.real) == pytest.approx(np.median(found.other[:200]), abs=0.05)
    assert found.other[200:].max() < 0.6 < np.median(found.real)
    assert (found.nearest[:, 0] >= 0).all()


def test_the_own_images_make_no_place_dense() -> None:
    """Each patient three times: neighbors are patients, so a place is as dense as before."""
    rng = np.random.default_rng(6)
    points = rng.normal(size=(40, 6))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    once = realism(points.astype(np.float32), np.arange(40), points[:1].astype(np.float32))
    thrice = realism(
        np.repeat(points, 3, axis=0).astype(np.float32), np.repeat(np.arange(40), 3), points[:1].astype(np.float32)
    )
    np.testing.assert_allclose(thrice.real[::3], once.real, rtol=0.2)


@pytest.mark.parametrize("kind", FOREIGN)
def test_what_is_put_in_is_where_it_is_said_to_be(kind: str) -> None:
    rng = np.random.default_rng(7)
    image = np.clip(rng.normal(0.5, 0.1, (100, 140)), 0, 1).astype(np.float32)
    made, (x, y) = planted(image, kind, np.random.default_rng(8))
    changed = np.abs(made - image) > 0.02
    rows, columns = np.nonzero(changed)
    assert 0 < changed.mean() < 0.12
    assert np.hypot(columns.mean() / 140 - x, rows.mean() / 100 - y) < 0.05
    assert on_canvas((0.5, 0.25), (100, 200)) == (0.5, 0.375)
    colored = planted(np.repeat(image[..., None], 3, axis=2), kind, np.random.default_rng(8))[0]
    assert colored.shape == (100, 140, 3)
