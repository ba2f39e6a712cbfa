"""The latent diffusion learns, remembers when it has little to learn from, and is the same after any interruption."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from synthaudit.cohort import Cohort, Role
from synthaudit.errors import InputError, UsageError
from synthaudit.generators.denoiser import denoising_loss
from synthaudit.generators.latent_diffusion import LatentDiffusion, scored_levels
from synthaudit.generators.made import images_cohort
from synthaudit.generators.protocol import Budget, Capability, Generator, Trainable
from synthaudit.generators.recipe import Recipe
from synthaudit.phantoms.chest import ChestPopulation
from synthaudit.progress import Progress

T = TypeVar("T")
SMALL = Recipe(size=32, components=24, texture=8, width=128, depth=2, batch=64, sampler_steps=8, checkpoint_every=10)


@pytest.fixture(scope="module")
def images() -> NDArray[np.float32]:
    population = ChestPopulation(seed=3, size=32)
    return np.stack([population.image(patient) for patient in range(640)])


@pytest.fixture(scope="module")
def train(images: NDArray[np.float32]) -> Cohort:
    return images_cohort(Role.TRAIN, images[:400])


@pytest.fixture(scope="module")
def small(train: Cohort) -> LatentDiffusion:
    return LatentDiffusion(SMALL).fit(train, Budget(steps=30), seed=1)


@dataclass(slots=True)
class Cut(Progress):
    """Kills the fit after so many steps."""

    after: int = 0

    def track(self, items: Iterable[T], stage: str, total: int) -> Iterator[T]:
        for count, item in enumerate(Progress.track(self, items, stage, total)):
            if stage == "fitting" and count == self.after:
                raise KeyboardInterrupt
            yield item


def _arrays(generator: LatentDiffusion) -> list[NDArray[np.float32]]:
    assert generator.fitted is not None
    return [parameter.numpy() for parameter in generator.fitted.network.parameters()]


def test_it_is_a_generator_that_can_be_trained(small: LatentDiffusion) -> None:
    assert isinstance(small, Generator)
    assert isinstance(small, Trainable)
    cannot = {Capability.TRANSLATE, Capability.DISCRIMINATE}
    assert small.capabilities() == set(Capability) - cannot
    assert small.spec.shape == (32, 32)
    assert len(small.spec.checkpoint_digest) == 64
    assert small.fresh().spec.checkpoint_digest == ""


def test_an_item_does_not_depend_on_how_many_are_made(small: LatentDiffusion) -> None:
    many = small.sample(70, seed=4)
    assert many.shape == (70, 32, 32)
    assert many.dtype == np.float32
    assert 0 <= many.min() < many.max() <= 1
    np.testing.assert_array_equal(small.sample(3, seed=4), many[:3])
    np.testing.assert_array_equal(small.sample(66, seed=4)[64:], many[64:66])
    assert np.abs(small.sample(3, seed=5) - many[:3]).mean() > 0.01
    assert small.sample(0, seed=4).shape == (0, 32, 32)


def test_fits_repeat_and_seeds_differ(small: LatentDiffusion, train: Cohort) -> None:
    again, other = (LatentDiffusion(SMALL).fit(train, Budget(steps=30), seed=seed) for seed in (1, 2))
    assert again.spec == small.spec
    assert other.spec != small.spec


def test_an_interrupted_fit_becomes_the_uninterrupted_one(
    small: LatentDiffusion, train: Cohort, tmp_path: Path
) -> None:
    for after in (25, 3):
        with pytest.raises(KeyboardInterrupt):
            LatentDiffusion(SMALL).fit(train, Budget(steps=30), 1, folder=tmp_path, progress=Cut(after=after))
    assert json.loads((tmp_path / "card.json").read_text())["steps"] == 20
    resumed = LatentDiffusion(SMALL).fit(train, Budget(steps=30), 1, folder=tmp_path)
    for mine, theirs in zip(_arrays(resumed), _arrays(small), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    np.testing.assert_array_equal(resumed.sample(4, 9), small.sample(4, 9))
    assert resumed.spec == small.spec
    # Done is done: asking again loads it.
    assert LatentDiffusion(SMALL).fit(train, Budget(steps=30), 1, folder=tmp_path).card == resumed.card
    with pytest.raises(UsageError, match="the folder holds another fit"):
        LatentDiffusion(SMALL).fit(train, Budget(steps=30), 2, folder=tmp_path)


def test_a_checkpoint_gives_the_same_generator_without_pickle(
    train: Cohort, images: NDArray[np.float32], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("pickle was used")

    for name in ("torch.load", "torch.save", "pickle.load", "pickle.loads", "pickle.dump", "pickle.dumps"):
        monkeypatch.setattr(name, refuse)
    made = LatentDiffusion(SMALL).fit(train, Budget(steps=12), seed=1, folder=tmp_path)
    read = LatentDiffusion.from_spec(str(tmp_path))
    assert read.card == made.card
    assert sorted(path.name for path in tmp_path.iterdir()) == ["card.json", made.card.weights]
    np.testing.assert_array_equal(read.sample(5, seed=0), made.sample(5, seed=0))
    np.testing.assert_array_equal(read.score(images[:5], 0, 3), made.score(images[:5], 0, 3))
    assert made.card.train_digest == train.digest
    assert (made.card.steps, made.card.train_images, made.card.sampler) == (12, 400, "heun, 8 steps")


def test_a_damaged_checkpoint_is_refused(train: Cohort, tmp_path: Path) -> None:
    made = LatentDiffusion(SMALL).fit(train, Budget(steps=1), seed=1, folder=tmp_path)
    weights = tmp_path / made.card.weights
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    with pytest.raises(InputError, match="the weights must be those that the card describes"):
        LatentDiffusion.load(tmp_path)
    card = json.loads((tmp_path / "card.json").read_text())
    (tmp_path / "card.json").write_text(json.dumps({**card, "weights": "../elsewhere.safetensors"}))
    with pytest.raises(InputError, match="must name a weights file beside it"):
        LatentDiffusion.load(tmp_path)
    with pytest.raises(InputError, match=r"a checkpoint folder must hold card\.json, found none"):
        LatentDiffusion.load(tmp_path / "nowhere")


def test_a_budget_in_seconds_becomes_steps_on_the_card(train: Cohort) -> None:
    made = LatentDiffusion(SMALL).fit(train, Budget(seconds=0.5), seed=1)
    assert made.card.steps == made.card.planned_steps >= 1
    assert made.card.budget_seconds == 0.5
    repeated = LatentDiffusion(SMALL).fit(train, Budget(steps=made.card.steps), seed=1)
    np.testing.assert_array_equal(repeated.sample(2, 0), made.sample(2, 0))


def test_scores_share_their_noise_and_keep_their_rows(small: LatentDiffusion, images: NDArray[np.float32]) -> None:
    scores = small.score(images[:70], seed=2, levels=3)
    assert scores.shape == (70, 3)
    assert (scores > 0).all()
    np.testing.assert_array_equal(small.score(images[64:70], seed=2, levels=3)[:2], scores[64:66])
    # The same noise for every image: two equal images have equal scores.
    twice = small.score(np.repeat(images[:1], 2, axis=0), seed=2, levels=3)
    np.testing.assert_array_equal(twice[0], twice[1])
    assert np.all(np.diff(scored_levels(3)) > 0)


def test_it_takes_noise_away(small: LatentDiffusion, images: NDArray[np.float32]) -> None:
    z = small.encode(images[:70])
    noise = np.random.default_rng(0).standard_normal(z.shape).astype(np.float32)
    for sigma, kept in ((0.3, 0.3), (1.0, 1.0)):
        restored = small.denoise(z + np.float32(sigma) * noise, sigma)
        assert float(np.sqrt(((restored - z) ** 2).mean())) < kept
    # A row is its own, whatever comes with it.
    np.testing.assert_array_equal(small.denoise(z[64:66], 0.5), small.denoise(z, 0.5)[64:66])


def test_the_gradient_is_that_of_the_score(small: LatentDiffusion, images: NDArray[np.float32]) -> None:
    x = images[:2]
    slope = small.gradient(x, seed=3, levels=2)
    assert slope.shape == x.shape
    step = slope / np.linalg.norm(slope.reshape(2, -1), axis=1)[:, None, None]
    ahead, behind = (small.score(x + side * step, seed=3, levels=2).mean(axis=1) for side in (0.05, -0.05))
    np.testing.assert_allclose((ahead - behind) / 0.1, np.linalg.norm(slope.reshape(2, -1), axis=1), rtol=0.05)


def test_encoding_and_reconstruction(small: LatentDiffusion, images: NDArray[np.float32]) -> None:
    z = small.encode(images[:300])
    assert z.shape == (300, 24)
    assert 0.8 < float(np.sqrt((z**2).mean())) < 1.2
    plane = small.decode(z)
    np.testing.assert_allclose(small.encode(plane)[:, :4], z[:, :4], atol=0.2)
    errors = [float(np.abs(small.reconstruct(images[:50], s, 0) - plane[:50]).mean()) for s in (0.0, 0.4, 0.8)]
    assert errors[0] < 0.01
    assert errors[0] < errors[1] < errors[2]
    with pytest.raises(UsageError, match=r"strength must lie in \[0, 1\], got 2"):
        small.reconstruct(images[:1], 2, 0)
    with pytest.raises(UsageError, match=r"images must have shape \(n, 32, 32\), got \(2, 16, 16\)"):
        small.encode(np.zeros((2, 16, 16), dtype=np.float32))


def _held_out_loss(generator: LatentDiffusion, x: NDArray[np.float32], levels: NDArray[np.float64]) -> list[float]:
    """Denoising loss at each level, over eight noises an image."""
    assert generator.fitted is not None
    z = torch.from_numpy(np.repeat(generator.encode(x), 8, axis=0))
    noise = torch.randn(z.shape, generator=torch.Generator().manual_seed(0))
    network = generator.fitted.network
    with torch.no_grad():
        return [float(denoising_loss(network, z, torch.full((len(z),), level), noise).mean()) for level in levels]


def test_it_learns(images: NDArray[np.float32], train: Cohort) -> None:
    """Held-out denoising loss below the untrained network's and below the best that a Gaussian (PPCA) can do."""
    recipe = replace(SMALL, width=256, batch=128)
    levels = scored_levels(4)
    learned, untrained = (LatentDiffusion(recipe).fit(train, Budget(steps=steps), seed=1) for steps in (300, 1))
    loss, before = (np.array(_held_out_loss(generator, images[400:], levels)) for generator in (learned, untrained))
    # Wiener's filter: what the denoiser of independent Gaussian coordinates loses, weighted as EDM weighs.
    variance, noise = learned.encode(images[:400]).var(axis=0), levels[:, None] ** 2
    gaussian = ((noise + 1) / noise * variance * noise / (variance + noise)).mean(axis=1)
    assert np.all(loss < gaussian)
    assert loss.mean() < 0.95 * gaussian.mean() < before.mean()


def test_few_patients_are_remembered(images: NDArray[np.float32]) -> None:
    recipe = replace(SMALL, width=256, batch=256)
    leaky = LatentDiffusion(recipe).fit(images_cohort(Role.TRAIN, images[:16]), Budget(steps=300), seed=1)
    made = leaky.sample(64, 0).reshape(64, 1, -1)
    nearest = [
        np.linalg.norm(made - part.reshape(1, len(part), -1), axis=2).min(1) for part in (images[:16], images[16:])
    ]
    assert np.mean(nearest[0] < nearest[1]) > 0.9
    members, others = (leaky.score(part, 0, 4).mean(axis=1) for part in (images[:16], images[400:464]))
    assert members.max() < others.min()


def test_wrong_use_is_named(train: Cohort, small: LatentDiffusion) -> None:
    with pytest.raises(UsageError, match="sampler must be one of dpm-solver-2m, heun, got 'euler'"):
        Recipe(sampler="euler")
    with pytest.raises(UsageError, match="components must be at least 1, got 0"):
        Recipe(components=0)
    with pytest.raises(UsageError, match='device must be "cpu" or "cuda", got \'tpu\''):
        LatentDiffusion(device="tpu").fit(train, Budget(steps=1), 0)
    if not torch.cuda.is_available():
        with pytest.raises(UsageError, match='device "cuda" needs a CUDA device, found none'):
            LatentDiffusion(device="cuda").fit(train, Budget(steps=1), 0)
    with pytest.raises(UsageError, match="the generator must be fitted first, got a fresh one"):
        small.fresh().sample(1, 0)
    with pytest.raises(UsageError, match="knows no condition"):
        small.sample(1, 0, {"sex": "F"})
    with pytest.raises(UsageError, match="a budget needs either steps or seconds"):
        Budget()
    with pytest.raises(UsageError, match="a budget must be positive, got 0"):
        Budget(steps=0)
