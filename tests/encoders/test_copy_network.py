"""The copy network: fitted blind to sides, the same each time, kept whole or not at all, and of use."""

from __future__ import annotations

import stat
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from synthaudit import registry
from synthaudit.cohort import Cohort, Role
from synthaudit.embeddings import PixelEncoder, RealImages, UnfittedEncoder
from synthaudit.encoders import copy_network_fit
from synthaudit.encoders.copy_network import CopyNetwork, CopyNetworkToFit
from synthaudit.encoders.copy_network_augment import Strengths, alter
from synthaudit.encoders.copy_network_file import weights_digest
from synthaudit.encoders.copy_network_fit import FOLDER
from synthaudit.encoders.copy_network_model import Architecture
from synthaudit.encoders.copy_network_training import Recipe, Training, weights
from synthaudit.errors import EncoderError, OutputError, UsageError
from synthaudit.fit_encoders import fitted_encoders, real_images
from synthaudit.phantoms.chest import ChestPopulation
from synthaudit.progress import Progress

CHEST = ChestPopulation(seed=5, size=64)
TINY = Recipe(sizes=Architecture(side=32, hidden=16, dim=16), steps=3, batch=8)


@pytest.fixture(scope="module")
def sides() -> tuple[Cohort, Cohort]:
    """24 patients of one or two images, half of them on each side."""
    train = CHEST.cohort(Role.TRAIN, range(12), visits=lambda number: 1 + (number < 11))
    return train, CHEST.cohort(Role.HOLDOUT, range(100, 112), visits=lambda _: 1)


@pytest.fixture(scope="module")
def images(sides: tuple[Cohort, Cohort]) -> RealImages:
    return real_images(sides)


def fit(images: RealImages, recipe: Recipe = TINY, *, seed: int = 0, folder: Path | None = None) -> CopyNetwork:
    return CopyNetworkToFit(recipe).fitted(images, seed=seed, folder=folder, workers=1, progress=Progress())


def pictures(n: int, side: int = 32) -> NDArray[np.float32]:
    return np.random.default_rng(3).random((n, side, side), dtype=np.float32)


def without_fitting(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a step was taken")

    monkeypatch.setattr(Training, "advance", refuse)


class Killed(BaseException):
    """As a signal would end it."""


@pytest.fixture
def killed_at(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Put a step into the list, and the fit dies before it."""
    steps: list[int] = []
    advance = Training.advance

    def mortal(self: Training) -> float:
        if self.step in steps:
            raise Killed
        return advance(self)

    monkeypatch.setattr(Training, "advance", mortal)
    return steps


def test_the_registry_gives_one_to_be_fitted_and_the_fitted_one_sees_pixels(images: RealImages) -> None:
    for spec, task in (("copynet", "copy"), ("copynet:reidentify", "reidentify")):
        made = registry.encoder(spec)
        assert isinstance(made, CopyNetworkToFit)
        assert isinstance(made, UnfittedEncoder)
        assert not isinstance(made, PixelEncoder)
        assert (made.name, made.recipe.task) == (spec, task)
    network = fit(images)
    assert isinstance(network, PixelEncoder)
    vectors = network.encode(pictures(5))
    assert vectors.shape == (5, 16)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)
    assert network.encode(pictures(0)).shape == (0, 16)
    with pytest.raises(UsageError, match=r"^images must be of shape \(n, 32, 32\), got \(2, 16, 16\)$"):
        network.encode(pictures(2, 16))


def test_a_flat_image_and_one_among_many_have_proper_vectors(images: RealImages) -> None:
    network = fit(images)
    flat = network.encode(np.zeros((1, 32, 32), dtype=np.float32))
    assert np.isfinite(flat).all()
    np.testing.assert_allclose(np.linalg.norm(flat), 1.0, atol=1e-5)
    many = pictures(31)
    np.testing.assert_array_equal(network.encode(many)[30:], network.encode(many[30:]))


def test_swapping_the_sides_and_the_order_changes_no_bit(sides: tuple[Cohort, Cohort], images: RealImages) -> None:
    train, holdout = sides
    swapped = (
        replace(holdout.subset(range(len(holdout))[::-1]), role=Role.TRAIN),
        replace(train.subset(range(len(train))[::-1]), role=Role.HOLDOUT),
    )
    encoder = CopyNetworkToFit(TINY)
    (once,) = fitted_encoders([encoder], sides, seed=0, folder=None, workers=1, progress=Progress())
    (again,) = fitted_encoders([encoder], swapped, seed=0, folder=None, workers=3, progress=Progress())
    assert once.fingerprint == again.fingerprint
    assert once.fingerprint == fit(images).fingerprint
    assert once.fingerprint != fit(images, seed=1).fingerprint


def test_patients_are_numbers_and_equal_pixels_are_one_image(sides: tuple[Cohort, Cohort]) -> None:
    train, holdout = sides
    doubled = replace(holdout.subset([0, 1, 1]), known_patient=np.array([True, False, False]))
    images = real_images([train, doubled])
    assert len(images) == len(train) + 2
    assert list(images.digests) == sorted(set(train.pixel_digests + doubled.pixel_digests))
    row = images.digests.index(holdout.pixel_digests[1])
    assert (images.patients == images.patients[row]).sum() == 1
    np.testing.assert_array_equal(images.read(row), holdout.sources[1].read())
    assert images.patients[0] == 0
    assert len(set(images.patients.tolist())) == 12 + 2


def test_a_fit_is_found_again_and_another_setting_or_image_is_another_fit(
    images: RealImages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = fit(images, folder=tmp_path)
    (file,) = (tmp_path / FOLDER).iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    fewer = RealImages(images.digests[1:], images.patients[1:], lambda row: images.read(row + 1))
    regrouped = RealImages(images.digests, np.arange(len(images)), images.read)
    without_fitting(monkeypatch)
    assert fit(images, folder=tmp_path).fingerprint == first.fingerprint
    for shown, recipe, seed in (
        (images, replace(TINY, temperature=0.07), 0),
        (images, TINY, 1),
        (fewer, TINY, 0),
        (regrouped, TINY, 0),
    ):
        with pytest.raises(AssertionError, match="a step was taken"):
            fit(shown, recipe, seed=seed, folder=tmp_path)


def test_a_killed_fit_leaves_nothing_half_written_and_goes_on_where_it_was(
    images: RealImages, tmp_path: Path, killed_at: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copy_network_fit, "KEPT_EVERY", 2)
    longer = replace(TINY, steps=6)
    killed_at.append(5)
    with pytest.raises(Killed):
        fit(images, longer, folder=tmp_path)
    assert [file.suffix for file in (tmp_path / FOLDER).iterdir()] == [".half"]
    killed_at[:] = [0, 1, 2, 3]  # it would die if it began again
    resumed = fit(images, longer, folder=tmp_path)
    assert [file.suffix for file in (tmp_path / FOLDER).iterdir()] == [".safetensors"]
    killed_at.clear()
    assert fit(images, longer).fingerprint == resumed.fingerprint


def test_a_damaged_file_in_the_cache_is_fitted_again(images: RealImages, tmp_path: Path) -> None:
    first = fit(images, folder=tmp_path)
    (file,) = (tmp_path / FOLDER).iterdir()
    whole = file.read_bytes()
    for damaged in (whole[:-1] + bytes([whole[-1] ^ 64]), whole[:100]):
        file.write_bytes(damaged)
        again = fit(images, folder=tmp_path)
        np.testing.assert_array_equal(again.encode(pictures(3)), first.encode(pictures(3)))
        assert file.read_bytes() == whole


def test_a_cache_that_cannot_be_written_is_no_reason_to_stop(images: RealImages, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    assert fit(images, folder=tmp_path / "file").fingerprint == fit(images).fingerprint


def test_too_few_images_are_refused(images: RealImages) -> None:
    few = RealImages(images.digests[:19], images.patients[:19], images.read)
    with pytest.raises(EncoderError) as raised:
        fit(few)
    assert str(raised.value) == (
        "copynet needs at least 20 different real images to be fitted on, got 19; use the descriptor, or a pretrained "
        "encoder"
    )
    alone = RealImages(images.digests, np.arange(len(images)), images.read)
    with pytest.raises(EncoderError, match=r"^copynet:reidentify needs at least 10 patients with two .*, got 0; add"):
        fit(alone, replace(TINY, task="reidentify"))


def test_a_saved_network_is_the_same_when_loaded(images: RealImages, tmp_path: Path) -> None:
    network = fit(images)
    file = tmp_path / "ours.safetensors"
    network.save(file)
    loaded = registry.encoder(f"copynet:{file}")
    assert isinstance(loaded, CopyNetwork)
    assert loaded.name == "copynet:ours.safetensors"
    assert loaded.fingerprint == network.fingerprint
    assert loaded.card == network.card
    assert (network.weights_check, loaded.weights_check) == ("none", "unverified")
    assert (loaded.card.images, loaded.card.patients, loaded.card.steps) == (len(images), 24, 3)
    np.testing.assert_array_equal(loaded.encode(pictures(4)), network.encode(pictures(4)))
    with pytest.raises(OutputError, match=r"^weights must go to a new file, ours.safetensors is there already$"):
        network.save(file)


def test_re_identification_looks_at_the_patients(images: RealImages) -> None:
    recipe = replace(TINY, task="reidentify")
    shuffled = RealImages(images.digests, np.random.default_rng(0).permutation(images.patients), images.read)
    network = fit(images, recipe)
    assert network.name == "copynet:reidentify"
    assert len({network.fingerprint, fit(shuffled, recipe).fingerprint, fit(images).fingerprint}) == 3


@pytest.mark.slow
def test_a_short_fit_finds_altered_copies_more_often_than_an_untrained_network(images: RealImages) -> None:
    import torch

    from synthaudit.pixels import canvas

    recipe = replace(TINY, sizes=Architecture(side=64, hidden=64, dim=32), steps=50, batch=24)
    shown = torch.from_numpy(np.stack([canvas(images.read(row), 64) for row in range(len(images))]))[:, None]
    generator = torch.Generator().manual_seed(99)
    altered = torch.cat([alter(shown, Strengths(), generator).images for _ in range(8)])[:, 0].numpy()

    def hits(network: CopyNetwork) -> float:
        found = (network.encode(altered) @ network.encode(shown[:, 0].numpy()).T).argmax(axis=1)
        return float((found == np.tile(np.arange(len(shown)), 8)).mean())

    network = fit(images, recipe)
    arrays = weights(Training(shown, images.patients, recipe, 0).network)
    untrained = CopyNetwork("untrained", replace(network.card, weights=weights_digest(arrays)), arrays)
    before, after = hits(untrained), hits(network)
    assert before > 1.5 / len(shown)
    assert after > before + 0.15
