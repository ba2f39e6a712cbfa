"""The translator and the progression learn, beat stated baselines, and make nothing without an input."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from synthaudit.cohort import Cohort, Role
from synthaudit.errors import InputError, MetadataError, UsageError
from synthaudit.generators.made import ArrayImage
from synthaudit.generators.pairs import Paired
from synthaudit.generators.progression import Progression, ProgressionRecipe
from synthaudit.generators.protocol import Budget, Capability, Generator, Images, Trainable, Translates
from synthaudit.generators.translation import Translation, TranslationRecipe
from synthaudit.paired.errors_by_pair import absolute_errors, by_curve, intensity_curve
from synthaudit.phantoms.brain import BrainPopulation
from synthaudit.readers.scan import pixel_digest
from synthaudit.statistics.image_error import DISPLAY_RANGE, peak_signal_to_noise, structural_similarity

SMALL = TranslationRecipe(size=16, batch=8, width=8, levels=1, checkpoint_every=50)
SLOWLY = ProgressionRecipe(size=16, batch=8, width=8, levels=1)


def paired(role: Role, images: Images, patients: list[str], **columns: list[str]) -> Cohort:
    """(n, h, w) images and their table as a cohort."""
    n = len(images)
    return Cohort(
        role=role,
        names=tuple(f"{i}.png" for i in range(n)),
        sources=tuple(ArrayImage(image) for image in images),
        patients=tuple(patients),
        known_patient=np.ones(n, dtype=bool),
        attributes={name: tuple(values) for name, values in columns.items()},
        pixel_digests=tuple(pixel_digest(image) for image in images),
    )


def followed(population: BrainPopulation, role: Role, patients: range) -> Cohort:
    """Each patient's image, and the one 2 to 10 years later, brought onto the first."""
    images, dates = [], []
    for number in patients:
        years = float(np.random.default_rng([7, number]).uniform(2, 10))
        images += [population.image(number), population.follow_up(number, years)]
        dates += ["2010-01-01", (date(2010, 1, 1) + timedelta(days=round(years * 365.25))).isoformat()]
    ids = [f"p{number}" for number in patients for _ in range(2)]
    return paired(role, np.stack(images), ids, contrast=["t1"] * len(ids), study_date=dates)


def smooth_pairs(role: Role, first: int, count: int) -> Cohort:
    """Pairs whose target is the inverse of the source, brighter at the right: no curve of intensities gives it."""
    images, ids = [], []
    for number in range(first, first + count):
        rng = np.random.default_rng(number)
        source = np.kron(rng.uniform(0.2, 0.8, (4, 4)), np.ones((4, 4)))
        images += [source, (0.8 - 0.6 * source) * np.linspace(0.5, 1.2, 16)]
        ids += [f"p{number}"] * 2
    pixels = np.stack(images).astype(np.float32)
    return paired(role, pixels, ids, contrast=["t1", "t2"] * count)


@pytest.fixture(scope="module")
def train() -> Cohort:
    return smooth_pairs(Role.TRAIN, 0, 40)


@pytest.fixture(scope="module")
def fitted(train: Cohort) -> Translation:
    return Translation(SMALL).fit(train, Budget(steps=120), seed=0)


def test_it_translates_and_samples_nothing(fitted: Translation) -> None:
    for generator in (fitted, Progression(SLOWLY)):
        assert isinstance(generator, Generator)
        assert isinstance(generator, Trainable)
        assert isinstance(generator, Translates)
        assert isinstance(generator, Paired)
        assert generator.capabilities() == {Capability.TRANSLATE, Capability.FIT}
        with pytest.raises(UsageError, match="makes one image of another and samples none; use translate"):
            generator.sample(1, 0)


def test_it_learns_what_no_curve_of_intensities_can(fitted: Translation, train: Cohort) -> None:
    source, target = fitted.pairs(smooth_pairs(Role.HOLDOUT, 1000, 30)).images(16)
    curve = intensity_curve(*fitted.pairs(train).images(16))
    usual = np.broadcast_to(fitted.pairs(train).images(16)[1].mean(axis=0), target.shape)
    made = absolute_errors(fitted.translate(source, 0), target).mean()
    for baseline in (source, by_curve(source, curve), usual):
        assert made < 0.7 * absolute_errors(np.asarray(baseline, dtype=np.float32), target).mean()


def test_an_image_depends_on_no_other(fitted: Translation, train: Cohort) -> None:
    pairs = fitted.pairs(train)
    source, _ = pairs.images(16)
    whole = fitted.translate(np.concatenate([source, source]), 0)
    assert whole.dtype == np.float32
    assert 0 <= whole.min() < whole.max() <= 1
    np.testing.assert_array_equal(fitted.translate(source[5:7], 3), whole[5:7])
    np.testing.assert_array_equal(fitted.translate_pairs(source[:3], pairs.subset([0, 1, 2]), 0), whole[:3])
    assert fitted.translate(source[:0], 0).shape == (0, 16, 16)


def test_a_checkpoint_gives_the_same_translator(train: Cohort, tmp_path: Path) -> None:
    source, _ = Translation(SMALL).pairs(train).images(16)
    made, again = (Translation(SMALL).fit(train, Budget(steps=5), seed=0, folder=folder) for folder in (tmp_path, None))
    read = Translation.from_spec(str(tmp_path))
    assert read.spec == made.spec == again.spec
    np.testing.assert_array_equal(read.translate(source, 0), again.translate(source, 0))
    assert (read.card.config["source"], read.card.config["target"]) == ("t1", "t2")
    with pytest.raises(InputError, match="the checkpoint must be one of progression, got translation"):
        Progression.load(tmp_path)


def test_a_critic_is_trained_beside_it(fitted: Translation, train: Cohort) -> None:
    recipe = replace(SMALL, adversarial=0.1)
    sharper = Translation(recipe).fit(train, Budget(steps=5), seed=0)
    assert set(sharper.card.losses) == {"l1", "critic", "fooled"}
    assert set(fitted.card.losses) == {"l1"}
    plain = Translation(SMALL).fit(train, Budget(steps=5), seed=0)
    source, _ = plain.pairs(train).images(16)
    assert np.abs(sharper.translate(source, 0) - plain.translate(source, 0)).max() > 1e-6


def grown(role: Role, first: int, count: int) -> Cohort:
    """A bright band that moves down by a pixel in two years."""
    images, ids, dates = [], [], []
    for number in range(first, first + count):
        rng = np.random.default_rng(number)
        years, top = int(rng.integers(1, 4)) * 2, int(rng.integers(2, 8))
        for when in (0, years):
            image = np.full((16, 16), 0.3)
            image[top + when // 2 :] = 0.7
            images.append(image)
            dates.append(f"{2010 + when}-01-01")
        ids += [f"p{number}"] * 2
    return paired(role, np.stack(images).astype(np.float32), ids, contrast=["t1"] * len(ids), study_date=dates)


def test_progression_learns_what_the_years_do() -> None:
    fitted = Progression(SLOWLY).fit(grown(Role.TRAIN, 0, 60), Budget(steps=100), seed=0)
    pairs = fitted.pairs(grown(Role.HOLDOUT, 1000, 30))
    source, target = pairs.images(16)
    unchanged = absolute_errors(source, target).mean()
    assert absolute_errors(fitted.translate_pairs(source, pairs, 0), target).mean() < 0.6 * unchanged
    np.testing.assert_array_equal(fitted.progress(source, np.zeros(len(source), dtype=np.float32)), source)
    # `translate` goes as far as the recipe says.
    five = np.full(len(source), 5, dtype=np.float32)
    np.testing.assert_array_equal(fitted.translate(source, 0), fitted.progress(source, five))
    with pytest.raises(UsageError, match="years must be one number from 0 up for each of 30 images"):
        fitted.progress(source, five[:3])


def test_what_cannot_be_learned_from_is_refused(train: Cohort) -> None:
    with pytest.raises(MetadataError, match="every source image must have its target, found 1 without among 40"):
        Translation(SMALL).fit(train.subset([0, *range(2, 80)]), Budget(steps=1), seed=0)
    with pytest.raises(UsageError, match="source and target must be two contrasts, got one"):
        TranslationRecipe(source="t1", target="t1")
    with pytest.raises(UsageError, match="size must be a multiple of 8 for this patch and these levels, got 20"):
        TranslationRecipe(size=20)
    with pytest.raises(UsageError, match="width must be a multiple of 4, got 6"):
        ProgressionRecipe(width=6)
    with pytest.raises(UsageError, match="years must lie between least_years and most_years"):
        ProgressionRecipe(years=20)
    with pytest.raises(UsageError, match="the generator must be fitted first, got a fresh one"):
        Translation(SMALL).translate(np.zeros((1, 16, 16), dtype=np.float32), 0)


def _quality(real: Images, made: Images) -> NDArray[np.float64]:
    """(3,) MAE, PSNR, SSIM, each a mean over the images."""
    rows = [
        (peak_signal_to_noise(a, b, DISPLAY_RANGE), structural_similarity(a, b, DISPLAY_RANGE))
        for a, b in zip(real, made, strict=True)
    ]
    return np.array([absolute_errors(made, real).mean(), *np.mean(rows, axis=0)])


@pytest.mark.slow
def test_t1_becomes_t2() -> None:
    """Held-out patients, better than every baseline by every figure."""
    population = BrainPopulation(seed=1, size=32)
    seen, unseen = (
        population.cohort(role, patients, contrasts=("t1", "t2"))
        for role, patients in ((Role.TRAIN, range(48)), (Role.HOLDOUT, range(100, 132)))
    )
    fitted = Translation(TranslationRecipe(size=32)).fit(seen, Budget(steps=300), seed=0)
    known_source, known_target = fitted.pairs(seen).images(32)
    source, target = fitted.pairs(unseen).images(32)
    made = _quality(target, fitted.translate(source, 0))
    usual = np.repeat(known_target.mean(axis=0, keepdims=True), len(target), axis=0)
    for baseline in (source, by_curve(source, intensity_curve(known_source, known_target)), usual):
        mae, psnr, ssim = _quality(target, baseline)
        assert made[0] < 0.8 * mae
        assert made[1] > psnr + 1
        assert made[2] > ssim + 0.05


@pytest.mark.slow
def test_the_future_is_nearer_than_no_change() -> None:
    population = BrainPopulation(seed=2, size=32)
    seen, unseen = (
        followed(population, role, patients)
        for role, patients in ((Role.TRAIN, range(64)), (Role.HOLDOUT, range(100, 140)))
    )
    fitted = Progression(ProgressionRecipe(size=32)).fit(seen, Budget(steps=200), seed=0)
    pairs = fitted.pairs(unseen)
    source, target = pairs.images(32)
    made, unchanged = (absolute_errors(image, target) for image in (fitted.translate_pairs(source, pairs, 0), source))
    assert made.mean() < 0.97 * unchanged.mean()
    assert (made < unchanged).mean() > 0.6
