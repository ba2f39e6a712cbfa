"""Lesions added and taken away are seen; an honest translator is not accused more often than it says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from synthaudit.cohort import Role
from synthaudit.errors import MetadataError, NotEnoughData
from synthaudit.paired.lesion_detector import LOOKS, fit_detector
from synthaudit.paired.lesion_marks import Marks, lesion_marks
from synthaudit.paired.lesions import Lesions, lesions_seen
from synthaudit.paired.translated import TranslatedPairs
from synthaudit.statistics.paired_shares import more_often_p
from synthaudit.statistics.roc import auc
from tests.paired.phantoms import People, blob, people

KNOWN = people(0, 40, 15)
ASKED = people(500, 60, 20)


def seen(made: np.ndarray, asked: People = ASKED, known: People = KNOWN) -> Lesions:
    return lesions_seen(known.side(Role.TRAIN, known.target), asked.side(Role.HOLDOUT, made))


def test_the_exact_target_is_never_accused() -> None:
    exact = seen(ASKED.target)
    np.testing.assert_array_equal(exact.free_made, exact.free_real)
    np.testing.assert_array_equal(exact.lesion_made, exact.lesion_real)
    assert exact.free_real.mean() <= 0.05
    assert exact.lesion_real.mean() > 0.6, "it sees most lesions"
    assert (len(exact.free_real), len(exact.lesion_real), exact.placed) == (40, 20, 20)


def test_an_eraser_is_seen() -> None:
    erased = seen(ASKED.healthy)
    assert erased.lesion_made.mean() < 0.2
    assert more_often_p(~erased.lesion_made, ~erased.lesion_real) < 0.001
    assert more_often_p(erased.free_made, erased.free_real) == 1


@pytest.mark.parametrize("everywhere_the_same", [False, True])
def test_a_hallucinator_is_seen(everywhere_the_same: bool) -> None:
    rng = np.random.default_rng(4)
    places = [(0.6, 0.4) if everywhere_the_same else rng.uniform(0.25, 0.75, 2) for _ in ASKED.ill]
    made = ASKED.target + np.stack([blob(*place) for place in places]).astype(np.float32)
    added = seen(np.clip(made, 0, 1))
    assert added.free_made.mean() > 0.7
    assert more_often_p(added.free_made, added.free_real) < 0.001


def test_a_lesion_moved_elsewhere_is_an_erased_one() -> None:
    moved = ASKED.healthy + np.stack([blob(1 - x, 1 - y) for x, y in ASKED.place]).astype(np.float32)
    far = np.hypot(*(2 * ASKED.place.T - 1)) > 0.35
    found = seen(np.clip(moved, 0, 1))
    assert not found.lesion_made[far[ASKED.ill]].any()


def _null_p(seed: int, *, ill: int) -> tuple[float, float]:
    """p-values for a translator whose image is as good as a second scan: real and made differ in noise alone."""
    known, asked = people(0, 16 + ill, ill, seed=seed, size=16), people(500, 32, 10, seed=seed, size=16)
    scans = [replace(asked, target=asked.rescanned(number, noise=0.05)) for number in (2 * seed, 2 * seed + 1)]
    learned = replace(known, target=known.rescanned(seed, noise=0.05))
    found = lesions_seen(learned.side(Role.TRAIN, learned.target), scans[0].side(Role.HOLDOUT, scans[1].target))
    return more_often_p(found.free_made, found.free_real), more_often_p(~found.lesion_made, ~found.lesion_real)


def test_an_honest_translator_is_accused_no_more_often_than_said() -> None:
    p = np.array([_null_p(seed, ill=2) for seed in range(100)])
    # Other noise than the target's: what is seen may differ either way, and seldom significantly.
    assert (p < 1).any(axis=0).all()
    for level in (0.05, 0.2):
        assert ((p <= level).mean(axis=0) <= level + 2 * np.sqrt(level * (1 - level) / len(p))).all()


@pytest.mark.slow
def test_so_it_is_where_the_way_of_looking_is_chosen() -> None:
    p = np.array([_null_p(seed, ill=8) for seed in range(120)])
    for level in (0.05, 0.2):
        assert ((p <= level).mean(axis=0) <= level + 2 * np.sqrt(level * (1 - level) / len(p))).all()


def test_the_detector_chooses_a_way_of_looking_that_tells() -> None:
    free, ill = KNOWN.target[~KNOWN.ill], KNOWN.target[KNOWN.ill]
    chosen = fit_detector(free, ill)
    assert chosen.look.sign == 1
    assert auc(chosen.scores(ASKED.target[ASKED.ill]), chosen.scores(ASKED.target[~ASKED.ill])) > 0.9
    assert fit_detector(free, 1 - ill[:0]).look == LOOKS[0]
    assert fit_detector(1 - free, 1 - ill).look.sign == -1
    with pytest.raises(NotEnoughData, match="needs at least 10 training patients whose images are marked as free"):
        fit_detector(free[:9], ill)


def test_what_is_not_marked_is_not_judged() -> None:
    side = ASKED.side(Role.HOLDOUT, ASKED.target)

    def marked(**columns: str) -> TranslatedPairs:
        attributes = {**side.pairs.cohort.attributes, **{name: (text,) * 120 for name, text in columns.items()}}
        return replace(side, pairs=replace(side.pairs, cohort=replace(side.pairs.cohort, attributes=attributes)))

    for nothing in (marked(lesions=""), marked(lesions="yes")):
        with pytest.raises(NotEnoughData, match=r"lesions need at least 19 held-out patients .*, found 0"):
            lesions_seen(KNOWN.side(Role.TRAIN, KNOWN.target), nothing)
    with pytest.raises(NotEnoughData, match="lesions must be none, yes, or 'x y r'"):
        lesions_seen(KNOWN.side(Role.TRAIN, KNOWN.target), marked(lesions="left lobe"))


def test_marks_are_read() -> None:
    cohort = KNOWN.cohort(Role.TRAIN).subset(range(7))
    texts = ("none", "0", " Yes ", "", "0.5 0.25 0.1", "0.5 0.25 0.1; 0.1 0.9 0.05", "1")
    marks = lesion_marks(replace(cohort, attributes={"lesions": texts}))
    one, other = (0.5, 0.25, 0.1), (0.1, 0.9, 0.05)
    assert marks == (
        Marks(True),
        Marks(True),
        Marks(False),
        Marks(None),
        Marks(False, (one,)),
        Marks(False, (one, other)),
        Marks(False),
    )
    labels = ("Normal", "no finding", "tumor", "", "normal", "x", "y")
    by_label = lesion_marks(replace(cohort, attributes={"label": labels}))
    assert [mark.free for mark in by_label] == [True, True, False, None, True, False, False]
    assert {mark.free for mark in lesion_marks(replace(cohort, attributes={}))} == {None}
    for wrong in ("0.5 0.5", "5 5 1", "0.5 0.5 0", "a b c"):
        with pytest.raises(MetadataError, match="lesions must be none, yes, or 'x y r' in image widths"):
            lesion_marks(replace(cohort, attributes={"lesions": (wrong,) * 7}))
