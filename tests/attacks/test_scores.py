"""Loss, restoration, inversion, critic and gradient: what each score is, and that higher means more exposed."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from synthaudit.attacks.attack import Attack
from synthaudit.attacks.catalog import ATTACKS
from synthaudit.attacks.inversion import INVERSION, inversion_exposures
from synthaudit.attacks.loss import LOSS, peak
from synthaudit.attacks.reconstruction import encoding_exposures, middle_band, structural_similarity
from synthaudit.cohort import Role
from synthaudit.errors import NotEnoughData
from synthaudit.generators.controls import FreshPatients
from synthaudit.generators.kernel_memory import KernelMemory
from synthaudit.generators.made import images_cohort
from synthaudit.generators.ppca import Ppca, PpcaRecipe
from synthaudit.generators.protocol import Budget, Capability, Generator
from synthaudit.phantoms.chest import ChestPopulation
from synthaudit.statistics.roc import auc

Floats = NDArray[np.float32]
POPULATION = ChestPopulation(seed=8, size=16)


@pytest.fixture(scope="module")
def images() -> Floats:
    return np.stack([POPULATION.image(patient) for patient in range(48)])


@pytest.fixture(scope="module")
def memory(images: Floats) -> KernelMemory:
    return KernelMemory(size=16, width=0.05).fit(images_cohort(Role.TRAIN, images[:24]), Budget(steps=1), 0)


def attacks_on(generator: Generator) -> list[Attack]:
    return [attack for attack in ATTACKS if attack.needs <= generator.capabilities()]


def test_every_score_has_one_name_and_a_reason() -> None:
    names = [name for attack in ATTACKS for name in attack.scores]
    assert len(names) == len(set(names))
    assert all(attack.says and attack.needs for attack in ATTACKS)


def test_scores_are_as_announced_and_higher_for_members(memory: KernelMemory, images: Floats) -> None:
    for attack in attacks_on(memory):
        found = attack.exposures(memory, images, 0, 4)
        assert tuple(found) == attack.scores
        for name, values in found.items():
            assert values.shape == (48,)
            # An identity for an encoder holds everyone alike, and a perfect memory sees no noise to compare in PIAN.
            if name not in ("encoding", "inversion", "pian"):
                assert auc(values[:24], values[24:]) > 0.9, name
    again = LOSS.exposures(memory, images, 0, 4)["loss"]
    np.testing.assert_array_equal(again, LOSS.exposures(memory, images, 0, 4)["loss"])


def test_what_a_generator_cannot_do_is_said(images: Floats) -> None:
    oracle = FreshPatients(POPULATION, first=100)
    assert attacks_on(oracle) == []
    for attack in ATTACKS:
        with pytest.raises(NotEnoughData, match=r"this attack needs a generator that can .*; this one cannot"):
            attack.exposures(oracle, images, 0, 4)


def test_what_is_no_number_is_refused(images: Floats) -> None:
    class Broken(KernelMemory):
        def capabilities(self) -> frozenset[Capability]:
            return frozenset(Capability)

        def score(self, x: Floats, seed: int, levels: int) -> Floats:
            return np.full((len(x) + seed, levels), np.nan, dtype=np.float32)

    for seed in (0, 1):
        with pytest.raises(NotEnoughData, match="one finite number for each image"):
            LOSS.exposures(Broken(), images, seed, 2)


def test_a_peak_finds_the_one_level_that_tells() -> None:
    rng = np.random.default_rng(0)
    exposures = rng.standard_normal((400, 8)) * 10.0 ** np.arange(8)
    exposures[:20, 0] += 5
    assert auc(exposures[:20].mean(axis=1), exposures[20:].mean(axis=1)) < 0.65
    assert auc(peak(exposures)[:20], peak(exposures)[20:]) > 0.9


def test_structural_similarity_is_that_of_its_definition() -> None:
    rng = np.random.default_rng(2)
    a, b = rng.uniform(0, 1, (2, 1, 24, 24))
    b = 0.7 * a + 0.3 * b
    window = np.exp(-((np.arange(11) - 5) ** 2) / (2 * 1.5**2))
    window = np.outer(window, window) / window.sum() ** 2
    inner = []
    for top in range(14):
        for left in range(14):
            p, q = (image[0, top : top + 11, left : left + 11] for image in (a, b))
            mp, mq = (window * p).sum(), (window * q).sum()
            vp, vq, c = (window * p * p).sum() - mp**2, (window * q * q).sum() - mq**2, (window * p * q).sum() - mp * mq
            numerator = (2 * mp * mq + 1e-4) * (2 * c + 9e-4)
            inner.append(numerator / ((mp**2 + mq**2 + 1e-4) * (vp + vq + 9e-4)))
    # Only the border differs, which the definition leaves out.
    tiled_a, tiled_b = (np.pad(image, ((0, 0), (30, 30), (30, 30)), mode="symmetric") for image in (a, b))
    assert structural_similarity(a, b)[0] == pytest.approx(np.mean(inner), abs=0.02)
    assert structural_similarity(a, a)[0] == pytest.approx(1)
    assert structural_similarity(tiled_a, tiled_b).shape == (1,)


def test_the_middle_band_leaves_out_the_coarsest_and_the_finest() -> None:
    grid = np.arange(64)

    def wave(period: float) -> Floats:
        return np.tile(0.5 + 0.5 * np.sin(2 * np.pi * grid / period), (1, 64, 1)).astype(np.float32)

    kept = {period: float(middle_band(wave(period))[0, 16:-16, 16:-16].std()) for period in (2.2, 16, 128)}
    assert kept[16] > 5 * kept[2.2]
    assert kept[16] > 5 * kept[128]


def test_a_latent_space_fitted_to_few_holds_them_better(images: Floats) -> None:
    fitted = Ppca(PpcaRecipe(components=20, size=16)).fit(images_cohort(Role.TRAIN, images[:24]), Budget(steps=1), 0)
    found = encoding_exposures(fitted, images, 0, 4)["encoding"]
    assert auc(found[:24], found[24:]) > 0.95


def test_a_search_comes_closer_than_the_encoder() -> None:
    """An encoder that is off is made good by the search; each image's search is its own."""

    class Off(KernelMemory):
        def encode(self, x: Floats) -> Floats:
            return x.reshape(len(x), -1) + np.float32(0.2)

    x = np.random.default_rng(0).uniform(0.3, 0.6, (6, 2, 2)).astype(np.float32)
    off = Off(size=2)
    found = inversion_exposures(off, x, 0, 1)["inversion"]
    assert np.all(found > 0.3 * encoding_exposures(off, x, 0, 1)["encoding"])
    np.testing.assert_array_equal(INVERSION.run(off, x[:3], 0, 1)["inversion"], found[:3])
