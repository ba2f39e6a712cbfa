"""The latent diffusion of volumes learns whole heads, and refuses slices that do not make up volumes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest
from numpy.typing import NDArray

from synthaudit.cohort import Cohort, Role
from synthaudit.errors import InputError, MetadataError, NotEnoughData, UsageError
from synthaudit.generators.made import images_cohort
from synthaudit.generators.protocol import Budget
from synthaudit.generators.volume_diffusion import VolumeLatentDiffusion, VolumeRecipe
from synthaudit.generators.volume_stacks import cohort_volumes
from synthaudit.phantoms.brain import BrainPopulation
from synthaudit.progress import Progress

T = TypeVar("T")
Floats = NDArray[np.float32]
SLICES, SIZE = 8, 16
SMALL = VolumeRecipe(
    slices=SLICES,
    size=SIZE,
    components=6,
    texture=18,
    whitening=0.0,
    width=96,
    depth=2,
    batch=64,
    sampler_steps=8,
    checkpoint_every=10,
)


@dataclass(slots=True)
class Cut(Progress):
    """Kills the fit after 25 steps."""

    def track(self, items: Iterable[T], stage: str, total: int) -> Iterator[T]:
        for count, item in enumerate(Progress.track(self, items, stage, total)):
            if stage == "fitting" and count == 25:
                raise KeyboardInterrupt
            yield item


def _cohort(volumes: Floats) -> Cohort:
    """The slices of (n, d, h, w) volumes."""
    n, d = volumes.shape[:2]
    images = images_cohort(Role.TRAIN, volumes.reshape(n * d, *volumes.shape[2:]))
    ids = tuple(f"volume {i}" for i in range(n) for _ in range(d))
    return replace(images, volumes=ids, positions=tuple(float(k) for _ in range(n) for k in range(d)))


@pytest.fixture(scope="module")
def volumes() -> Floats:
    population = BrainPopulation(seed=3, size=SIZE, slices=SLICES)
    return np.stack([population.volume(patient) for patient in range(80)])


@pytest.fixture(scope="module")
def speckle() -> Floats:
    """Three volumes of nothing, for what does not look at them."""
    return np.random.default_rng(0).random((3, SLICES, SIZE, SIZE), dtype=np.float32)


@pytest.fixture(scope="module")
def train(volumes: Floats) -> Cohort:
    return _cohort(volumes[:64])


@pytest.fixture(scope="module")
def small(train: Cohort) -> VolumeLatentDiffusion:
    return VolumeLatentDiffusion(SMALL).fit(train, Budget(steps=250), 1)


def _neighbors(volumes: Floats, mean: Floats) -> float:
    """Correlation of each slice with the next, of what is not common to all volumes; mean over volumes."""
    apart = volumes - mean
    pairs = zip(apart[:, :-1].reshape(len(volumes), -1), apart[:, 1:].reshape(len(volumes), -1), strict=True)
    return float(np.mean([np.corrcoef(low, high)[0, 1] for low, high in pairs]))


def test_slices_in_any_order_become_volumes(speckle: Floats) -> None:
    cohort = _cohort(speckle)
    mixed = cohort.subset([0, *np.random.default_rng(0).permutation(np.arange(1, len(cohort))).tolist()])
    made = cohort_volumes(mixed, SLICES, SIZE, Progress())
    order = [int(name.split()[1]) for name in dict.fromkeys(mixed.volumes)]
    np.testing.assert_array_equal(made, speckle[order])


def test_slices_that_make_up_no_volumes_are_refused(speckle: Floats) -> None:
    cohort = _cohort(speckle)
    with pytest.raises(InputError, match="every volume must have 8 slices, got 7, 8"):
        cohort_volumes(cohort.subset(range(len(cohort) - 1)), SLICES, SIZE, Progress())
    with pytest.raises(MetadataError, match="must be a slice of a volume"):
        cohort_volumes(replace(cohort, volumes=(), positions=()), SLICES, SIZE, Progress())
    with pytest.raises(MetadataError, match="at a known position"):
        cohort_volumes(replace(cohort, positions=(float("nan"), *cohort.positions[1:])), SLICES, SIZE, Progress())
    wide = images_cohort(Role.TRAIN, np.zeros((1, 16, 20), dtype=np.float32)).sources
    with pytest.raises(InputError, match=r"one shape, got \(16, 16\) and \(16, 20\)"):
        cohort_volumes(replace(cohort, sources=(*cohort.sources[:-1], *wide)), SLICES, SIZE, Progress())
    with pytest.raises(NotEnoughData):
        VolumeLatentDiffusion(SMALL).fit(_cohort(speckle[:2]), Budget(steps=1), 0)
    with pytest.raises(UsageError, match="slices must be at least 2, got 1"):
        VolumeRecipe(slices=1)


@pytest.mark.slow
def test_it_learns_and_its_slices_belong_together(volumes: Floats, train: Cohort, small: VolumeLatentDiffusion) -> None:
    held_out = volumes[64:]
    untrained = VolumeLatentDiffusion(SMALL).fit(train, Budget(steps=1), 1)
    assert small.score(held_out, 0, 4).mean() < untrained.score(held_out, 0, 4).mean() - 0.02
    made = small.sample(24, 5)
    assert made.shape == (24, SLICES, SIZE, SIZE)
    assert 0 <= made.min() < made.max() <= 1
    mean = volumes[:64].mean(axis=0)
    real = _neighbors(held_out, mean)
    assert abs(_neighbors(made, mean) - real) < 0.12
    # The baseline: as many slices, each from another sample, belong to nobody together.
    rows = (np.arange(24)[:, None] + 3 * np.arange(SLICES)) % 24
    assert _neighbors(made[rows, np.arange(SLICES)], mean) < real - 0.12


@pytest.mark.slow
def test_it_answers_in_volumes(volumes: Floats, small: VolumeLatentDiffusion) -> None:
    x = volumes[:5]
    assert small.spec.shape == (SLICES, SIZE, SIZE)
    assert small.decode(small.encode(x)).shape == x.shape
    assert small.gradient(x, 0, 2).shape == x.shape
    assert small.reconstruct(x, 0.5, 0).shape == x.shape
    np.testing.assert_array_equal(small.sample(3, 4), small.sample(5, 4)[:3])
    error = np.abs(small.decode(small.encode(x)) - x).mean()
    assert error < 0.8 * np.abs(volumes[:64].mean(axis=0) - x).mean()
    with pytest.raises(UsageError, match="must have shape"):
        small.encode(x[:, 0])
    with pytest.raises(UsageError, match="must be fitted first"):
        small.fresh().sample(1, 0)


@pytest.mark.slow
def test_it_resumes_and_is_read_back(train: Cohort, small: VolumeLatentDiffusion, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        VolumeLatentDiffusion(SMALL).fit(train, Budget(steps=250), 1, folder=tmp_path, progress=Cut())
    resumed = VolumeLatentDiffusion(SMALL).fit(train, Budget(steps=250), 1, folder=tmp_path)
    assert resumed.spec == small.spec
    read = VolumeLatentDiffusion.from_spec(str(tmp_path))
    assert (read.card, read.recipe) == (resumed.card, SMALL)
    np.testing.assert_array_equal(read.sample(2, 3), small.sample(2, 3))
    with pytest.raises(UsageError, match="the folder holds another fit"):
        VolumeLatentDiffusion(SMALL).fit(train, Budget(steps=250), 2, folder=tmp_path)
