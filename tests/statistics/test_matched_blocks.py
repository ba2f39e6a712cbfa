"""Patients on an equal footing: as many on each side, on as many images, whoever has more."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthaudit.errors import NotEnoughData
from synthaudit.statistics.matched_blocks import MatchedBlocks

people = st.lists(st.tuples(st.integers(1, 9), st.booleans()), min_size=2, max_size=40).filter(
    lambda some: 0 < sum(side for _, side in some) < len(some)
)


def matched(some: list[tuple[int, bool]], seed: int = 0) -> tuple[MatchedBlocks, np.ndarray, np.ndarray]:
    images, is_train = np.array([n for n, _ in some]), np.array([side for _, side in some])
    return MatchedBlocks.of(images, is_train, np.random.default_rng(seed)), images, is_train


@settings(max_examples=15)
@given(people)
def test_everybody_is_in_one_block_and_read_like_its_others(some: list[tuple[int, bool]]) -> None:
    blocks, images, is_train = matched(some)
    inside = blocks.members[blocks.members >= 0]
    assert sorted(inside.tolist()) == list(range(len(some)))
    assert len(blocks) == min(is_train.sum(), (~is_train).sum())
    for row in blocks.members:
        block = row[row >= 0]
        assert len({bool(is_train[p]) for p in block[1:]} | {not is_train[block[0]]}) == 1
        assert set(blocks.level[block].tolist()) == {int(images[block].min())}


@settings(max_examples=15)
@given(people)
def test_each_draw_takes_as_many_of_each_side(some: list[tuple[int, bool]]) -> None:
    blocks, _, is_train = matched(some)
    train, holdout = blocks.sides(6, np.random.default_rng(1))
    assert (train.sum(axis=0) == len(blocks)).all()
    assert (holdout.sum(axis=0) == len(blocks)).all()
    assert not train[~is_train].any()
    assert not holdout[is_train].any()
    for dealt_train, dealt_holdout in blocks.dealt(3, 2, np.random.default_rng(2)):
        assert (dealt_train.sum(axis=0) == len(blocks)).all()
        assert not (dealt_train & dealt_holdout).any()
        # Both sides of a dealt pair are read on the same numbers of images.
        for a, b in zip(dealt_train.T, dealt_holdout.T, strict=True):
            assert sorted(blocks.level[a].tolist()) == sorted(blocks.level[b].tolist())


def test_draws_of_one_relabeling_keep_to_it() -> None:
    """The smaller side is dealt once for a relabeling; only who of the larger side is taken differs between draws."""
    blocks, _, _ = matched([(1, True)] * 30 + [(1, False)] * 10)
    for train, holdout in blocks.dealt(4, 5, np.random.default_rng(0)):
        alone = holdout.T.reshape(-1, 5, 40)
        assert (alone == alone[:, :1]).all()
        taken = train.T.reshape(-1, 5, 40)
        assert (taken != taken[:, :1]).any()


def test_every_member_of_a_block_is_dealt_equally_often() -> None:
    blocks, _, _ = matched([(1, True)] * 6 + [(1, False)] * 3)
    alone = np.zeros(9)
    for _, holdout in blocks.dealt(3_000, 1, np.random.default_rng(3)):
        alone += holdout.sum(axis=1)
    assert np.allclose(alone / 3_000, 1 / 3, atol=0.04)


def test_a_few_images_more_cost_little() -> None:
    """Patients are paired by their number of images, so that hardly anybody is read on fewer than they have."""
    blocks, images, _ = matched([(n, side) for side in (True, False) for n in (1, 1, 2, 2, 3, 8)])
    assert (blocks.level == images).all()
    assert blocks.leaves_nothing_to_chance


def test_swapped_labels_give_the_same_blocks() -> None:
    some = [(n, side) for side, n in zip([True] * 9 + [False] * 4, [1, 2, 3] * 5, strict=False)]
    blocks, _, _ = matched(some)
    other, _, _ = matched([(n, not side) for n, side in some])
    assert (blocks.members == other.members).all()
    assert blocks.smaller_is_train is not other.smaller_is_train


def test_nobody_on_a_side_is_refused() -> None:
    with pytest.raises(NotEnoughData, match=r"^matching patients needs some on each side, got 2 and 0$"):
        matched([(1, True), (1, True)])
