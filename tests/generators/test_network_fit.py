"""The training engine: two networks against each other, cut anywhere, end in the same weights."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar, TypeVar

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from synthaudit.cohort import Cohort, Role
from synthaudit.errors import InputError, NotEnoughData, UsageError
from synthaudit.generators.chunks import in_chunks
from synthaudit.generators.made import images_cohort
from synthaudit.generators.network_fit import Learner, Part, Step
from synthaudit.generators.network_generator import Facts, NetworkGenerator, NetworkRecipe, no_condition
from synthaudit.generators.protocol import Budget, Condition, Generator, Images, Trainable
from synthaudit.generators.seeding import item_normals
from synthaudit.progress import Progress

T = TypeVar("T")


class Spot(nn.Module):
    """A fixed picture, kept as a buffer."""

    picture: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("picture", torch.rand(1, 8, 8))


class Gain(nn.Module):
    """One number without axes, which is learned."""

    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.tensor(0.5))

    def forward(self, x: Tensor) -> Tensor:
        return self.gain * x


@dataclass(frozen=True)
class Duel:
    """A small adversarial pair with everything that could spoil a resumption: dropout, batch norm, two optimizers."""

    recipe: NetworkRecipe

    def parts(self) -> dict[str, Part]:
        shape = nn.Unflatten(1, (1, 8, 8))
        generator = nn.Sequential(nn.Linear(4, 64), shape, nn.BatchNorm2d(1), nn.Conv2d(1, 1, 3, padding=1), Gain())
        critic = nn.Sequential(nn.Conv2d(1, 4, 3, 2), nn.SiLU(), nn.Dropout(0.3), nn.Flatten(), nn.Linear(36, 1))
        rate = self.recipe.learning_rate
        return {
            "generator": Part(generator, rate),
            "critic": Part(critic, rate, falling=False, average=None),
            "spot": Part(Spot(), None),
        }

    def step(self, now: Step) -> dict[str, Tensor]:
        real, critic = now.batch["image"], now.networks["critic"]
        made = now.networks["generator"](now.normal(len(real), 4)) + now.networks["spot"].picture
        judged = (critic(made.detach()) - critic(real)).mean()
        now.descend(judged, "critic")
        fooled = -critic(made).mean()
        if now.number % 2 == 0:
            now.descend(fooled, "generator")
        return {"critic": judged, "generator": fooled}


@dataclass(frozen=True, slots=True, eq=False)
class Duelist(NetworkGenerator):
    kind: ClassVar[str] = "duelist"
    recipe: NetworkRecipe = field(default_factory=lambda: NetworkRecipe(size=8, batch=8, checkpoint_every=5))

    def learner(self, facts: Facts) -> Learner:
        assert facts == {"sides": [8, 8]}
        return Duel(self.recipe)

    def facts(self, cohort: Cohort) -> Facts:
        return {"sides": cohort.sources[0].read().shape}

    def sample(self, n: int, seed: int, condition: Condition | None = None) -> Images:
        no_condition(self.kind, condition)
        make = self.applied(lambda z: self.network("generator")(z)[:, 0].clamp(0, 1))
        return in_chunks(make, item_normals(n, 4, seed))


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
    return images_cohort(Role.TRAIN, np.random.default_rng(0).random((20, 8, 8), dtype=np.float32))


@pytest.fixture(scope="module")
def whole(train: Cohort) -> Duelist:
    return Duelist().fit(train, Budget(steps=18), seed=1)


def _weights(generator: Duelist) -> dict[str, NDArray[np.float32]]:
    assert generator.fitted is not None
    networks = generator.fitted.networks.items()
    return {f"{name}.{key}": value.numpy() for name, net in networks for key, value in net.state_dict().items()}


def test_cut_anywhere_it_ends_in_the_same_weights(whole: Duelist, train: Cohort, tmp_path: Path) -> None:
    for after in (7, 6, 2):
        with pytest.raises(KeyboardInterrupt):
            Duelist().fit(train, Budget(steps=18), 1, folder=tmp_path, progress=Cut(after=after))
    half = Duelist.load(tmp_path)
    assert (half.card.steps, half.card.planned_steps) == (10, 18)
    resumed = Duelist().fit(train, Budget(steps=18), 1, folder=tmp_path)
    for name, array in _weights(whole).items():
        np.testing.assert_array_equal(_weights(resumed)[name], array, err_msg=name)
    assert resumed.spec == whole.spec
    assert resumed.card.losses == whole.card.losses
    assert set(resumed.card.losses) == {"critic", "generator"}
    assert not np.array_equal(half.sample(2, 0), resumed.sample(2, 0))
    # Done is done: asking again loads it; asking for another is refused.
    assert Duelist().fit(train, Budget(steps=18), 1, folder=tmp_path).card == resumed.card
    with pytest.raises(UsageError, match="the folder holds another fit"):
        Duelist().fit(train, Budget(steps=18), 2, folder=tmp_path)


def test_a_step_moves_what_it_names_and_nothing_else(whole: Duelist, train: Cohort) -> None:
    weights = _weights(whole)
    untrained = _weights(Duelist(replace(whole.recipe, learning_rate=1e-30)).fit(train, Budget(steps=1), seed=1))
    np.testing.assert_array_equal(weights["spot.picture"], untrained["spot.picture"])
    # What is not learned by gradients comes along.
    assert not np.array_equal(weights["generator.2.running_mean"], untrained["generator.2.running_mean"])
    assert weights["generator.2.running_mean"].any()
    assert not np.array_equal(weights["critic.0.weight"], untrained["critic.0.weight"])
    assert not np.array_equal(weights["generator.0.weight"], untrained["generator.0.weight"])
    other = _weights(Duelist().fit(train, Budget(steps=1), seed=2))
    assert not np.array_equal(other["spot.picture"], untrained["spot.picture"])


def test_the_caller_keeps_his_random_numbers(train: Cohort) -> None:
    torch.manual_seed(5)
    first = torch.rand(3)
    torch.manual_seed(5)
    Duelist().fit(train, Budget(steps=1), seed=1)
    assert torch.equal(torch.rand(3), first)


def test_a_checkpoint_holds_the_kept_networks_alone(train: Cohort, tmp_path: Path) -> None:
    made = Duelist(NetworkRecipe(size=8, batch=8, keep_every=4)).fit(train, Budget(steps=10), 1, folder=tmp_path)
    read = Duelist.from_spec(str(tmp_path))
    np.testing.assert_array_equal(read.sample(3, 2), made.sample(3, 2))
    assert read.card == made.card
    assert sorted(path.name for path in tmp_path.iterdir()) == ["card.json", "checkpoints", made.card.weights]
    kept = list(made.checkpoints())
    assert [one.card.steps for one in kept] == [4, 8]
    assert len({one.spec.checkpoint_digest for one in (*kept, made)}) == 3
    assert list(Duelist().fit(train, Budget(steps=4), 1).checkpoints()) == []
    assert isinstance(made, Generator)
    assert isinstance(made, Trainable)


def test_a_budget_in_seconds_becomes_steps_on_the_card(train: Cohort) -> None:
    made = Duelist().fit(train, Budget(seconds=0.1), seed=1)
    assert made.card.steps == made.card.planned_steps >= 1
    repeated = Duelist().fit(train, Budget(steps=made.card.steps), seed=1)
    np.testing.assert_array_equal(repeated.sample(2, 0), made.sample(2, 0))


def test_wrong_use_is_named(whole: Duelist, train: Cohort, tmp_path: Path) -> None:
    with pytest.raises(NotEnoughData, match="a generator needs at least 3 images to learn from, got 2"):
        Duelist().fit(train.subset([0, 1]), Budget(steps=1), 0)
    with pytest.raises(UsageError, match="the generator must be fitted first, got a fresh one"):
        whole.fresh().sample(1, 0)
    with pytest.raises(UsageError, match='device must be "cpu" or "cuda", got \'tpu\''):
        Duelist(device="tpu").fit(train, Budget(steps=1), 0)
    with pytest.raises(UsageError, match="batch must be at least 1, got 0"):
        NetworkRecipe(batch=0)
    with pytest.raises(UsageError, match=r"the loss (critic|generator) must be finite, got (nan|-?inf) at step \d+"):
        Duelist(NetworkRecipe(size=8, learning_rate=1e30)).fit(train, Budget(steps=9), 0)
    with pytest.raises(InputError, match=r"a checkpoint folder must hold card\.json, found none"):
        Duelist.load(tmp_path)
