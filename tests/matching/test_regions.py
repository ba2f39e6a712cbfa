"""Parts of images: a planted one is found and outlined, strangers are left alone, and sides do not matter."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from synthaudit.cohort import Cohort, Role
from synthaudit.errors import NotEnoughData
from synthaudit.generators.made import ArrayImage
from synthaudit.matching.pool import Pool
from synthaudit.matching.regions import RegionMatcher, RegionMatches, RegionScale, region_pairs, region_scale
from synthaudit.matching.regions_compare import best_windows, window_sides
from synthaudit.matching.regions_detail import Details
from synthaudit.matching.regions_outline import outline, picture
from synthaudit.matching.regions_patches import Grid, Projection, histograms
from synthaudit.matching.regions_planted import plant_regions, transplant
from synthaudit.phantoms.chest import ChestPopulation

Image = NDArray[np.float32]
SIZE = 96
N = 64


def cohort(role: Role, images: Sequence[Image], first: int) -> Cohort:
    return Cohort(
        role=role,
        names=tuple(f"{role}-{i}.png" for i in range(len(images))),
        sources=tuple(ArrayImage(image) for image in images),
        patients=tuple(f"P{(first + i) * 389 % 1009:04d}" for i in range(len(images))),
        known_patient=np.ones(len(images), dtype=bool),
        attributes={},
        pixel_digests=tuple(hashlib.sha256(image.tobytes()).hexdigest() for image in images),
    )


@pytest.fixture(scope="module")
def people() -> list[Image]:
    chest = ChestPopulation(seed=3, size=SIZE)
    return [chest.image(number) for number in range(N + 12)]


@pytest.fixture(scope="module")
def sides(people: list[Image]) -> tuple[Cohort, Cohort]:
    return cohort(Role.TRAIN, people[: N // 2], 0), cohort(Role.HOLDOUT, people[N // 2 : N], N // 2)


@pytest.fixture(scope="module")
def matcher(sides: tuple[Cohort, Cohort]) -> RegionMatcher:
    return RegionMatcher(Pool.of(*sides), size=SIZE)


@pytest.fixture(scope="module")
def scale(matcher: RegionMatcher) -> RegionScale:
    return region_scale(matcher, n_queries=12, rng=np.random.default_rng(0))


def look_up(matcher: RegionMatcher, images: Sequence[Image]) -> RegionMatches:
    return matcher.match(len(images), lambda i: images[i], stage="test")


def overlap(a: Sequence[int], b: Sequence[int]) -> float:
    """Intersection over union of two boxes."""
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    shared = max(0, width) * max(0, height)
    return shared / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared)


def test_transplants_are_found_and_outlined(people: list[Image], matcher: RegionMatcher, scale: RegionScale) -> None:
    rng = np.random.default_rng(4)
    donors = list(range(0, 60, 6))
    made = [transplant(people[d], people[N + i], 0.36, rng) for i, d in enumerate(donors)]
    found = region_pairs(look_up(matcher, [image for image, _ in made]), scale, matcher.pool)
    by_query = {pair.query: pair for pair in found}
    right = 0
    for query, donor in enumerate(donors):
        if query in by_query:
            pair = by_query[query]
            assert matcher.pool.read(pair.match.row).tobytes() == people[donor].tobytes()
            box = outline(made[query][0], matcher.canvas(pair.match.row), pair.match)
            right += pair.proven and overlap(box, made[query][1]) > 0.3
    assert right >= 8


def test_a_mirrored_part_is_outlined_where_it_is(
    people: list[Image], matcher: RegionMatcher, scale: RegionScale
) -> None:
    made, box = transplant(people[5], people[N], 0.36, np.random.default_rng(1))
    mirrored = np.ascontiguousarray(made[:, ::-1])
    (pair,) = region_pairs(look_up(matcher, [mirrored]), scale, matcher.pool)
    assert pair.match.flip
    shown = picture(pair, mirrored, matcher)
    assert shown.region is not None
    assert overlap(shown.region, (SIZE - box[2], box[1], SIZE - box[0], box[3])) > 0.3
    left, top, right, bottom = shown.region
    inside = shown.difference[top:bottom, left:right].mean()
    assert inside < 0.5 * shown.difference.mean()


def test_honest_images_are_left_alone(people: list[Image], matcher: RegionMatcher, scale: RegionScale) -> None:
    assert region_pairs(look_up(matcher, people[N:]), scale, matcher.pool) == []


def test_sides_and_workers_do_not_matter(sides: tuple[Cohort, Cohort], people: list[Image]) -> None:
    train, holdout = sides
    swapped = (replace(holdout, role=Role.TRAIN), replace(train, role=Role.HOLDOUT))
    queries = [*people[N : N + 3], transplant(people[7], people[N + 4], 0.3, np.random.default_rng(2))[0]]
    answers = []
    for pool, workers in ((Pool.of(*sides), 1), (Pool.of(*swapped), 1), (Pool.of(*sides), 3)):
        matcher = RegionMatcher(pool, size=SIZE, workers=workers)
        matches = look_up(matcher, queries)
        answers.append((matches.scores, [pool.digest(int(row)) for row in matches.rows.ravel()]))
    for scores, rows in answers[1:]:
        np.testing.assert_array_equal(scores, answers[0][0])
        assert rows == answers[0][1]


def test_a_mark_that_many_have_identifies_no_one(people: list[Image]) -> None:
    """The same plate in the corner of half of all images: seen on a new image, it points at nobody."""
    rng = np.random.default_rng(8)
    plate = rng.random((34, 34), dtype=np.float32)

    def marked(image: Image) -> Image:
        image = image.copy()
        image[4:38, 4:38] = plate
        return image

    one = [marked(people[0]), *people[1:N]]
    many = [marked(image) if i % 2 else image for i, image in enumerate(people[:N])]
    margins = []
    for images in (one, many):
        pool = Pool.of(cohort(Role.TRAIN, images[::2], 0), cohort(Role.HOLDOUT, images[1::2], 200))
        matches = look_up(RegionMatcher(pool, size=SIZE), [marked(people[N])])
        margins.append(float(matches.scores[0, 0]))
    assert margins[0] > margins[1] + 0.3


def test_own_images_are_never_strangers(matcher: RegionMatcher) -> None:
    pool = matcher.pool
    found = matcher.match(4, pool.read, stage="test", excluded=pool.patient[:4])
    assert all((pool.patient[row] != pool.patient[i]).all() for i, row in enumerate(found.rows))


def test_too_few_strangers_are_said_to_be_too_few(people: list[Image]) -> None:
    pool = Pool.of(cohort(Role.TRAIN, people[:6], 0), cohort(Role.HOLDOUT, people[6:12], 6))
    with pytest.raises(NotEnoughData, match="at least 20 real images"):
        region_scale(RegionMatcher(pool, size=SIZE), n_queries=5, rng=np.random.default_rng(0))


def test_planted_parts_report_the_right_patient(
    matcher: RegionMatcher, scale: RegionScale, people: list[Image]
) -> None:
    rows = np.arange(0, 40, 8)
    large, small = plant_regions(
        matcher, scale, rows, lambda i: people[N + i % 12], lambda purpose: np.random.default_rng(len(purpose))
    )
    assert (large.patient == matcher.pool.patient[rows]).all()
    assert large.named.sum() >= 4 > small.named.sum() - 1
    assert not large.wrong.any()
    assert (large.proven <= large.named).all()


def test_a_shared_edge_is_not_a_shared_part() -> None:
    """One long edge runs through both images; around it they differ."""
    rng = np.random.default_rng(0)
    edge = np.zeros((SIZE, SIZE), dtype=np.float32)
    edge[60:] = 1.0
    a, b = (edge + 0.02 * rng.standard_normal((SIZE, SIZE)).astype(np.float32) for _ in range(2))
    sides = window_sides(SIZE)
    apart = best_windows(Details.of(a), Details.of(b), (0, 0), sides)[-1]
    same = best_windows(Details.of(a), Details.of(a), (0, 0), sides)[-1]
    assert apart is not None
    assert same is not None
    assert np.tanh(apart.alike) < 0.5
    assert np.tanh(same.alike) > 0.75


def test_patches_of_one_place_resemble_themselves_most(people: list[Image]) -> None:
    grid = Grid.of(SIZE)
    described = np.stack([histograms(image, grid) for image in people[:20]])
    vectors = Projection.fit(described.reshape(-1, described.shape[-1]))(described)
    shifted = np.roll(people[3], 1, axis=1)
    again = Projection.fit(described.reshape(-1, described.shape[-1]))(histograms(shifted, grid))
    similar = np.einsum("yxk,nyxk->yxn", again, vectors)
    assert (similar.argmax(axis=-1) == 3).mean() > 0.8
