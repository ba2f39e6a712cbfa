"""Inputs are found again by edges in any contrast, and by chance where nothing of the patient is left."""

from __future__ import annotations

import numpy as np
import pytest

from synthaudit.cohort import Role
from synthaudit.errors import NotEnoughData
from synthaudit.generators.protocol import Generator
from synthaudit.paired.errors_by_pair import LEVELS, absolute_errors, by_curve, intensity_curve, quality
from synthaudit.paired.identification import found_again
from synthaudit.paired.translated import one_a_patient, translated_sides
from synthaudit.progress import Progress
from tests.paired.phantoms import LookUp, people

PATIENTS = people(0, 40, 0)


def test_another_contrast_identifies() -> None:
    assert found_again(PATIENTS.target, PATIENTS.source).mean() > 0.95


def test_strangers_are_found_by_chance() -> None:
    """60 galleries of 12: strangers' images find the row's own input once in twelve times."""
    found = sum(
        int(
            found_again(
                people(500, 12, 0, seed=seed, size=16).target, people(0, 12, 0, seed=seed, size=16).source
            ).sum()
        )
        for seed in range(60)
    )
    assert abs(found - 60) < 3 * np.sqrt(60)


def test_an_output_that_is_the_same_for_all_finds_nobody() -> None:
    assert not found_again(np.repeat(PATIENTS.target[:1], 40, axis=0), PATIENTS.source).any()
    assert not found_again(PATIENTS.target[:3], np.repeat(PATIENTS.source[:1], 3, axis=0)).any(), "ties find nobody"
    with pytest.raises(NotEnoughData, match="needs at least 2 patients with a pair, got 1"):
        found_again(PATIENTS.target[:1], PATIENTS.source[:1])


def test_the_curve_is_the_mean_target_of_each_intensity() -> None:
    source = np.array([[[0.0, 0.0], [1.0, 0.5]]], dtype=np.float32)
    target = np.array([[[0.2, 0.4], [0.9, 0.1]]], dtype=np.float32)
    curve = intensity_curve(source, target)
    assert curve.shape == (LEVELS,)
    np.testing.assert_allclose(curve[[0, -1]], [0.3, 0.9], rtol=1e-6)
    np.testing.assert_allclose(by_curve(source, curve), [[[0.3, 0.3], [0.9, 0.1]]], rtol=1e-6)
    np.testing.assert_allclose(absolute_errors(source, target), [(0.2 + 0.4 + 0.1 + 0.4) / 4], rtol=1e-6)
    # It undoes what one pixel at a time can undo.
    inverted = by_curve(PATIENTS.source, intensity_curve(PATIENTS.source, 1 - PATIENTS.source))
    assert absolute_errors(inverted, 1 - PATIENTS.source).max() < 0.5 / LEVELS


def test_quality_is_a_mean_over_images() -> None:
    real, made = PATIENTS.target[:2], PATIENTS.rescanned(1)[:2]
    each = [quality(real[i : i + 1], made[i : i + 1]) for i in range(2)]
    np.testing.assert_allclose(quality(real, made), np.mean(each, axis=0))


def test_one_pair_a_patient_whatever_the_order() -> None:
    from synthaudit.generators.pairs import contrast_pairs

    cohort = people(0, 6, 0).cohort(Role.TRAIN)
    twice = type(cohort)(
        **{name: getattr(cohort, name) for name in ("role", "names", "sources", "known_patient", "pixel_digests")},
        patients=tuple(cohort.patients[i] for i in (0, 1, 0, 1, 2, 3, 2, 3, 4, 5, 4, 5)),
        attributes={**cohort.attributes, "visit": tuple(str(i // 2) for i in range(12))},
    )
    order = np.random.default_rng(0).permutation(12)
    chosen = []
    for rows in (np.arange(12), order):
        mixed = twice.subset(rows)
        pairs = one_a_patient(contrast_pairs(mixed, "t1", "t2"))
        chosen.append({mixed.pixel_digests[row] for row in pairs.source})
        assert len(pairs) == pairs.n_patients == len(set(pairs.patient)) == len(set(twice.patients))
    assert chosen[0] == chosen[1]


class Other:
    """A generator that samples only."""

    spec = LookUp({}).spec


def _asked(generator: object, n: int = 12, contrasts: tuple[str, str, str] | None = ("t1", "t2", "contrast")) -> None:
    train, holdout = people(0, 12, 0).cohort(Role.TRAIN), people(500, n, 0).cohort(Role.HOLDOUT)
    assert isinstance(generator, Generator | Other)
    translated_sides(train, holdout, generator, contrasts, 32, 0, Progress())  # type: ignore[arg-type]


def test_what_cannot_be_asked_says_why() -> None:
    known = LookUp.of(*((those, those.target) for those in (people(0, 12, 0), people(500, 12, 0))))
    _asked(known)
    with pytest.raises(NotEnoughData, match="the generator makes no image of another"):
        _asked(Other())
    with pytest.raises(NotEnoughData, match="which images are pairs is not known"):
        _asked(known, contrasts=None)
    with pytest.raises(NotEnoughData, match="paired images need a column sequence in the table, found none"):
        _asked(known, contrasts=("t1", "t2", "sequence"))
    with pytest.raises(NotEnoughData, match="at least 10 patients with a pair on each side, got 9 on the holdout side"):
        _asked(known, n=9)
