"""The peers' rules do what was published, and nothing better: twins from the definitions, and planted truth."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from synthaudit.errors import NotEnoughData
from synthaudit.index.nearness import nearness
from synthaudit.statistics.peer_rules import FIXED_COSINE, PEER_RULES, Named

Floats = NDArray[np.float32]


def unit(rows: NDArray[np.float64]) -> Floats:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


def sets(seed: int, t: int = 90, h: int = 60, s: int = 70, copied: int = 0) -> tuple[Floats, Floats, Floats]:
    rng = np.random.default_rng(seed)
    train, holdout, synthetic = (unit(rng.normal(size=(n, 12))) for n in (t, h, s))
    synthetic[:copied] = unit(train[:copied] + 0.01 * rng.normal(size=(copied, 12)))
    return train, holdout, synthetic


def naive(name: str, train: Floats, holdout: Floats, synthetic: Floats) -> Named:
    """The definitions in the papers, from whole distance matrices."""
    to_train, from_holdout = cdist(synthetic, train), cdist(holdout, train)
    nearest = to_train.argmin(axis=1)
    first, second = np.sort(to_train, axis=1)[:, :2].T
    one, two = np.sort(from_holdout, axis=1)[:, :2].T
    if name == "percentile":
        bar = np.percentile(from_holdout.min(axis=0), 5)
        return Named(to_train.min(axis=0) < bar, first < bar)
    if name == "fixed-cosine":
        cosine = synthetic.astype(np.float64) @ train.T
        return Named(cosine.max(axis=0) > FIXED_COSINE, cosine.max(axis=1) > FIXED_COSINE)
    among = cdist(train, train)
    np.fill_diagonal(among, np.inf)
    flagged = {
        "dcr": first < np.percentile(one, 5),
        "nndr": first / second < np.percentile(one / two, 5),
        "authenticity": first <= among.min(axis=1)[nearest],
    }[name]
    hit = np.zeros(len(train), dtype=bool)
    hit[nearest[flagged]] = True
    return Named(hit, flagged)


@pytest.mark.parametrize("name", PEER_RULES)
@pytest.mark.parametrize("copied", [0, 7])
def test_each_rule_equals_its_definition(name: str, copied: int) -> None:
    three = sets(seed=1, copied=copied)
    named, expected = PEER_RULES[name](nearness(*three)), naive(name, *three)
    np.testing.assert_array_equal(named.synthetic, expected.synthetic)
    np.testing.assert_array_equal(named.train, expected.train)
    assert 0 < named.synthetic.sum() < len(named.synthetic), "a rule that always says the same would agree, too"


@pytest.mark.parametrize("name", PEER_RULES)
def test_every_rule_names_those_who_were_copied(name: str) -> None:
    named = PEER_RULES[name](nearness(*sets(seed=2, copied=7)))
    assert named.train[:7].all()
    assert named.synthetic[:7].all()


@pytest.mark.parametrize("name", PEER_RULES)
def test_every_rule_names_somebody_where_nobody_was_copied(name: str) -> None:
    """Why none of them decides anything here: the more images are made, the more people are named."""
    few, many = (PEER_RULES[name](nearness(*sets(seed=3, t=200, h=200, s=n))).train.mean() for n in (200, 1_000))
    assert few > 0
    assert many > 1.5 * few


@pytest.mark.parametrize("name", PEER_RULES)
def test_the_order_of_images_changes_nothing(name: str) -> None:
    train, holdout, synthetic = sets(seed=4, copied=5)
    rng = np.random.default_rng(0)
    t, h, s = (rng.permutation(len(one)) for one in (train, holdout, synthetic))
    plain = PEER_RULES[name](nearness(train, holdout, synthetic))
    mixed = PEER_RULES[name](nearness(train[t], holdout[h], synthetic[s]))
    np.testing.assert_array_equal(mixed.train, plain.train[t])
    np.testing.assert_array_equal(mixed.synthetic, plain.synthetic[s])


@pytest.mark.parametrize("name", ["nndr", "dcr"])
def test_too_few_held_out_images_have_no_percentile(name: str) -> None:
    with pytest.raises(NotEnoughData, match=r"^a percentile of the held-out images needs at least 20 of them, got 19$"):
        PEER_RULES[name](nearness(*sets(seed=5, h=19)))


def test_too_few_training_images_have_no_percentile() -> None:
    with pytest.raises(NotEnoughData, match=r"^the percentile rule needs at least 20 training images, got 19$"):
        PEER_RULES["percentile"](nearness(*sets(seed=5, t=19)))


def test_a_set_without_images_has_no_neighbors() -> None:
    train, holdout, synthetic = sets(seed=6)
    with pytest.raises(NotEnoughData, match=r"got 90, 0 and 70$"):
        nearness(train, holdout[:0], synthetic)
