"""How alike strangers are: the bar lies above all of them, and rises with the number of images judged."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from synthaudit.cohort import Cohort, Role
from synthaudit.encoders.descriptor import Descriptor
from synthaudit.errors import NotEnoughData
from synthaudit.generators.made import ArrayImage
from synthaudit.matching.matcher import Matcher
from synthaudit.matching.pool import Pool, Space
from synthaudit.matching.strangers import LEAST_STRANGERS, find_strangers, sample_rows
from synthaudit.phantoms.chest import ChestPopulation
from synthaudit.readers.scan import pixel_digest

Image = NDArray[np.float32]
CHEST = ChestPopulation(seed=8, size=64)


def matcher_of(images: list[Image], patients: list[str]) -> Matcher:
    cohort = Cohort(
        role=Role.TRAIN,
        names=tuple(f"{i:03d}.png" for i in range(len(images))),
        sources=tuple(map(ArrayImage, images)),
        patients=tuple(patients),
        known_patient=np.ones(len(images), dtype=bool),
        attributes={},
        pixel_digests=tuple(map(pixel_digest, images)),
    )
    pool = Pool.of(cohort)
    encoder = Descriptor()
    return Matcher(pool, (Space(encoder, pool.in_pool_order(encoder.encode(np.stack(images)))),), size=64)


@pytest.fixture(scope="module")
def ward() -> Matcher:
    people = [CHEST.image(n) for n in range(24)]
    return matcher_of([*people, people[0]], [f"p{n}" for n in range(25)])  # p24 is p0 under another id


def test_the_bar_lies_above_every_stranger_and_below_the_same_picture(ward: Matcher) -> None:
    strangers = find_strangers(ward, n_queries=100, rng=np.random.default_rng(0))
    assert strangers.threshold > strangers.best.max()
    assert (strangers.spread > 0).all()
    same = {ward.pool.patient_ids[p] for p in strangers.twins.ravel()}
    assert same == {"p0", "p24"}, "one person under two ids stands out, and nobody else does"
    assert strangers.best.size == strangers.n_images == 23, "and takes no part in the yardstick"
    assert strangers.threshold <= strangers.proof


def test_the_bar_rises_with_the_number_of_images_judged(ward: Matcher) -> None:
    bars = [find_strangers(ward, n_queries=n, rng=np.random.default_rng(0)).threshold for n in (1, 1_000, 1_000_000)]
    assert bars == sorted(bars)
    assert bars[0] < bars[-1]


def test_no_pairs_no_likeness(ward: Matcher) -> None:
    strangers = find_strangers(ward, n_queries=1, rng=np.random.default_rng(0))
    assert strangers.likeness(np.empty((0, 6))).shape == (0,)
    rows = np.random.default_rng(0).uniform(-1, 1, (9, 6))
    order = np.random.default_rng(0).permutation(len(rows))
    np.testing.assert_array_equal(strangers.likeness(rows[order]), strangers.likeness(rows)[order])


@pytest.mark.parametrize("patients", [1, 19])
def test_too_few_strangers_are_refused(patients: int) -> None:
    """Nothing is said from fewer than twenty, and one patient alone has no stranger at all."""
    few = matcher_of([CHEST.image(n) for n in range(19)], [f"p{n % patients}" for n in range(19)])
    found = 19 if patients > 1 else 0
    text = (
        rf"^knowing how alike strangers are needs at least {LEAST_STRANGERS} real images that have one, "
        rf"got {found}; add holdout images of more patients$"
    )
    with pytest.raises(NotEnoughData, match=text):
        find_strangers(few, n_queries=10, rng=np.random.default_rng(0))


@given(st.lists(st.integers(0, 9), min_size=1, max_size=60), st.integers(1, 80), st.integers(0, 99))
def test_every_patient_is_sampled_before_anyone_twice(patients: list[int], largest: int, seed: int) -> None:
    patient = np.array(patients, dtype=np.intp)
    rows = sample_rows(patient, largest, np.random.default_rng(seed))
    assert len(rows) == min(largest, len(patient))
    assert (np.diff(rows) > 0).all(), "sorted, none twice"
    times = np.bincount(patient[rows], minlength=10)
    has = np.bincount(patient, minlength=10)
    for p in np.flatnonzero(times < has):
        assert times[p] >= times.max() - 1, "no one more than once oftener than who has images left"
