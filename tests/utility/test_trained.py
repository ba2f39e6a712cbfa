"""Synthetic images of a known worth: fresh patients lose nothing, and shuffled labels teach nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from synthaudit.errors import NotEnoughData
from synthaudit.utility.classifier import Classifier
from synthaudit.utility.trained import AUC, BALANCED, BOTH, ENRICHED, REAL, SYNTHETIC, UNFLAGGED, Images, Trained

SHARES = np.array([0.6, 0.28, 0.12])


def people(rng: np.random.Generator, patients: int, most: int = 1) -> Images:
    """Patients of three classes that overlap; images of one patient resemble each other."""
    kind = rng.choice(3, patients, p=SHARES)
    patient = np.repeat(np.arange(patients), rng.integers(1, most + 1, patients))
    rows = 1.4 * np.eye(3, 8)[kind][patient] + 0.6 * rng.normal(size=(patients, 8))[patient]
    return Images(rows + 0.8 * rng.normal(size=(len(patient), 8)), np.eye(3, dtype=bool)[kind][patient], patient)


def trained(synthetic: Images | None = None, *, seed: int = 0, flagged: bool = False, pairs: int = 4) -> Trained:
    rng = np.random.default_rng(seed)
    real, test = people(rng, 110, 2), people(rng, 90, 2)
    made = synthetic or people(rng, 140)
    marked = np.arange(len(made)) < 30 if flagged else None
    return Trained.of(real, made, test, rng, exclusive=True, rarest=2, flagged=marked, pairs=pairs)


@pytest.fixture(scope="module")
def honest() -> Trained:
    return trained(flagged=True, pairs=6)


def test_fresh_patients_teach_what_real_ones_do(honest: Trained) -> None:
    value, low, high = honest.gap(SYNTHETIC, REAL, AUC)
    assert low <= 0 <= high
    assert abs(value) < 0.06
    assert honest.figure(SYNTHETIC, AUC)[0] > 0.75
    assert set(honest.figures) == {REAL, SYNTHETIC, BOTH, UNFLAGGED, ENRICHED}


def test_equally_many_are_compared(honest: Trained) -> None:
    assert honest.images[REAL] == honest.images[SYNTHETIC] == 70
    assert honest.images[BOTH] == 140
    assert honest.images[UNFLAGGED] == 55
    assert 70 < honest.images[ENRICHED] < 90


def test_shuffled_labels_teach_nothing() -> None:
    rng = np.random.default_rng(5)
    made = people(rng, 140)
    found = trained(replace(made, belongs=made.belongs[rng.permutation(140)]), pairs=8)
    assert found.figure(SYNTHETIC, AUC)[0] == pytest.approx(0.5, abs=0.12)
    assert found.gap(SYNTHETIC, REAL, AUC)[2] < 0
    assert found.gap(SYNTHETIC, REAL, BALANCED)[0] < -0.15


def test_a_class_that_was_not_made_is_not_recognized(honest: Trained) -> None:
    made = people(np.random.default_rng(6), 160)
    found = trained(made.take(np.flatnonzero(~made.belongs[:, 2])))
    lost = found.sensitivity(2)
    assert found.figure(SYNTHETIC, lost)[0] == 0
    assert found.figure(SYNTHETIC, found.specificity(2))[0] == 1
    assert honest.figure(SYNTHETIC, lost)[0] > 0.3
    assert found.gap(SYNTHETIC, REAL, lost)[2] < 0
    assert found.images[ENRICHED] == found.images[REAL]


def test_a_class_without_images_is_never_chosen_and_one_of_all_always() -> None:
    rows = np.random.default_rng(1).normal(size=(30, 4))
    belongs = np.zeros((30, 3), dtype=bool)
    belongs[:, 0], belongs[:15, 1] = True, True
    scores = Classifier.fit(rows, belongs).scores(rows)
    assert scores[:, 0].min() > 1e5
    assert scores[:, 2].max() < -1e5
    assert np.abs(scores[:, 1]).max() < 100


def test_findings_are_questions_of_their_own() -> None:
    rng = np.random.default_rng(7)

    def several(images: Images) -> Images:
        return replace(images, belongs=np.column_stack([images.rows[:, k] > 0.5 for k in range(3)]))

    real, made, test = (several(people(rng, n)) for n in (100, 100, 60))
    found = Trained.of(real, made, test, rng, exclusive=False, rarest=1, pairs=2)
    assert found.figure(SYNTHETIC, AUC)[0] > 0.9
    assert found.figure(REAL, found.sensitivity(1))[0] > 0.7


def test_parts_are_disjoint_and_keep_patients_whole() -> None:
    images = people(np.random.default_rng(8), 50, 3)
    first, second = images.parts(len(images) // 2, np.random.default_rng(0))
    assert len(first) == len(second) == len(images) // 2
    assert len(set(first.unit) & set(second.unit)) <= 1
    assert not {row.tobytes() for row in first.rows} & {row.tobytes() for row in second.rows}


def test_few_images_are_refused() -> None:
    rng = np.random.default_rng(9)
    with pytest.raises(NotEnoughData, match="at least 40 labeled real and synthetic images, got 100 and 39"):
        Trained.of(people(rng, 100), people(rng, 39), people(rng, 50), rng, exclusive=True, rarest=2)


@pytest.mark.slow
def test_fresh_patients_are_seldom_said_to_teach_less() -> None:
    """Nominally 2.5 % on either side; the interval errs on the side of width, as fits of few images vary by luck."""
    gaps = [trained(seed=100 + seed, pairs=8).gap(SYNTHETIC, REAL, AUC) for seed in range(24)]
    covered = np.mean([low <= 0 <= high for _, low, high in gaps])
    assert covered >= 0.87
    assert np.mean([value for value, _, _ in gaps]) == pytest.approx(0.0, abs=0.025)
    # Not by being as wide as anything: half of the width is at most twice what it need be.
    assert np.mean([(high - low) / 2 for _, low, high in gaps]) < 2 * 1.96 * np.std([value for value, _, _ in gaps])


def test_images_that_are_all_one_are_fitted_without_a_warning() -> None:
    fitted = Classifier.fit(np.full((20, 8), 1e4), np.arange(20)[:, None] % np.array([2, 3]) == 0)
    assert np.isfinite(fitted.scores(np.ones((1, 8)))).all()
