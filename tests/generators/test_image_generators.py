"""What holds of every generator of images with a network of its own: items stand alone, fits repeat."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest

from synthaudit.cohort import Cohort, Role
from synthaudit.errors import InputError, UsageError
from synthaudit.generators.adversarial_recipe import AdversarialRecipe
from synthaudit.generators.conditional import ConditionalLatentDiffusion, ConditionalRecipe
from synthaudit.generators.dcgan import Dcgan
from synthaudit.generators.network_generator import NetworkGenerator
from synthaudit.generators.pixel_diffusion import PixelDiffusion, PixelDiffusionRecipe
from synthaudit.generators.protocol import Budget, Capability, Generator, Trainable
from synthaudit.generators.style_gan import StyleGan, StyleGanRecipe
from synthaudit.phantoms.chest import ChestPopulation
from synthaudit.progress import Progress

T = TypeVar("T")
STEPS = 4
DIFFUSION = {Capability.SCORE, Capability.RECONSTRUCT, Capability.ENCODE, Capability.DENOISE}
KINDS: dict[NetworkGenerator, set[Capability]] = {
    Dcgan(AdversarialRecipe(size=16, latent=8, width=4, most=8, batch=4, checkpoint_every=2)): {
        Capability.DISCRIMINATE
    },
    StyleGan(StyleGanRecipe(size=16, latent=8, style=8, depth=2, width=4, most=8, batch=4, checkpoint_every=2)): {
        Capability.DISCRIMINATE,
        Capability.ENCODE,
        Capability.RECONSTRUCT,
    },
    PixelDiffusion(PixelDiffusionRecipe(size=16, width=8, batch=4, sampler_steps=3, checkpoint_every=2)): DIFFUSION,
    ConditionalLatentDiffusion(
        ConditionalRecipe(
            size=16,
            fewest_patients=2,
            components=8,
            texture=8,
            width=16,
            depth=1,
            batch=8,
            sampler_steps=3,
            checkpoint_every=2,
        )
    ): DIFFUSION,
}


@dataclass(slots=True)
class Cut(Progress):
    """Kills the fit after so many steps."""

    after: int = 0

    def track(self, items: Iterable[T], stage: str, total: int) -> Iterator[T]:
        for count, item in enumerate(Progress.track(self, items, stage, total)):
            if stage == "fitting" and count == self.after:
                raise KeyboardInterrupt
            yield item


@pytest.fixture(scope="module")
def train() -> Cohort:
    return ChestPopulation(seed=3, size=16).cohort(Role.TRAIN, range(24))


@pytest.fixture(scope="module", params=KINDS, ids=lambda fresh: fresh.kind)
def fresh(request: pytest.FixtureRequest) -> NetworkGenerator:
    made: NetworkGenerator = request.param
    return made


@pytest.fixture(scope="module")
def kept(fresh: NetworkGenerator, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp(fresh.kind)


@pytest.fixture(scope="module")
def fitted(fresh: NetworkGenerator, train: Cohort, kept: Path) -> Generator:
    made = fresh.fit(train, Budget(steps=STEPS), seed=1, folder=kept)
    assert isinstance(made, Generator)
    return made


def test_it_says_what_it_can_do(fresh: NetworkGenerator, fitted: Generator) -> None:
    assert isinstance(fitted, Trainable)
    assert fitted.capabilities() == KINDS[fresh] | {Capability.SAMPLE, Capability.FIT}
    assert fitted.spec.name == fresh.kind
    assert fitted.spec.shape == (16, 16)
    assert len(fresh.leaks) > 40
    assert fresh.spec.checkpoint_digest == ""
    with pytest.raises(UsageError, match="the generator must be fitted first, got a fresh one"):
        type(fitted)().sample(1, 0)


def test_an_item_does_not_depend_on_how_many_are_made(fitted: Generator) -> None:
    many = fitted.sample(67, seed=4)
    assert many.shape == (67, 16, 16)
    assert many.dtype == np.float32
    assert 0 <= many.min() < many.max() <= 1
    np.testing.assert_array_equal(fitted.sample(3, seed=4), many[:3])
    np.testing.assert_array_equal(fitted.sample(66, seed=4)[64:], many[64:66])
    assert np.abs(fitted.sample(3, seed=5) - many[:3]).mean() > 1e-5
    assert fitted.sample(0, seed=4).shape == (0, 16, 16)


def test_a_checkpoint_gives_the_same_generator(fitted: Generator, fresh: NetworkGenerator, kept: Path) -> None:
    read = type(fresh).from_spec(str(kept))
    assert isinstance(read, Generator)
    assert read.spec == fitted.spec
    assert len(read.spec.checkpoint_digest) == 64
    np.testing.assert_array_equal(read.sample(2, seed=0), fitted.sample(2, seed=0))
    other = next(kind for kind in KINDS if kind.kind != fresh.kind)
    with pytest.raises(InputError, match=f"the checkpoint must be one of {other.kind}, got {fresh.kind}"):
        type(other).load(kept)


def test_an_interrupted_fit_becomes_the_uninterrupted_one(
    fitted: Generator, fresh: NetworkGenerator, train: Cohort, tmp_path: Path
) -> None:
    with pytest.raises(KeyboardInterrupt):
        fresh.fit(train, Budget(steps=STEPS), 1, folder=tmp_path, progress=Cut(after=3))
    assert json.loads((tmp_path / "card.json").read_text())["steps"] == 2
    resumed = fresh.fit(train, Budget(steps=STEPS), 1, folder=tmp_path)
    assert resumed.spec == fitted.spec
