"""The private latent diffusion learns, clips by patient, states what it spent, and is the same after interruption."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from synthaudit.cohort import Cohort, Role
from synthaudit.errors import InputError, MissingDependency, UsageError
from synthaudit.generators import private_budget
from synthaudit.generators.denoiser import ResidualMlp
from synthaudit.generators.made import images_cohort
from synthaudit.generators.private_budget import Spending, epsilon_spent, spending
from synthaudit.generators.private_diffusion import PrivateLatentDiffusion
from synthaudit.generators.private_recipe import PrivateRecipe
from synthaudit.generators.private_training import PatientLatents, advance_privately, clipped_sum
from synthaudit.generators.protocol import Budget, Capability, Generator, Trainable
from synthaudit.generators.training import Training
from synthaudit.phantoms.chest import ChestPopulation
from synthaudit.progress import Progress

T = TypeVar("T")
SMALL = PrivateRecipe(
    size=16,
    components=12,
    texture=8,
    width=32,
    depth=1,
    patients_a_step=64,
    draws=4,
    epsilon=None,
    noise_multiplier=1.0,
    sampler_steps=4,
    checkpoint_every=10,
)


def cohort(seed: int, patients: int, role: Role = Role.TRAIN) -> Cohort:
    population = ChestPopulation(seed=seed, size=16)
    return images_cohort(role, np.stack([population.image(patient) for patient in range(patients)]))


@pytest.fixture(scope="module")
def train() -> Cohort:
    return cohort(3, 200)


@pytest.fixture(scope="module")
def private() -> PrivateLatentDiffusion:
    return PrivateLatentDiffusion(SMALL, public=cohort(4, 100, Role.REFERENCE))


@pytest.fixture(autouse=True)
def _no_opacus(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Opacus takes four seconds to import; the slow tests below ask it."""
    if "slow" not in request.keywords:
        monkeypatch.setattr(private_budget, "epsilon_spent", lambda recipe, plan, steps: steps / 10)  # noqa: ARG005


@pytest.fixture
def small(private: PrivateLatentDiffusion, train: Cohort) -> PrivateLatentDiffusion:
    return private.fit(train, Budget(steps=30), seed=1)


@dataclass(slots=True)
class Cut(Progress):
    """Kills the fit after so many steps."""

    after: int = 0

    def track(self, items: Iterable[T], stage: str, total: int) -> Iterator[T]:
        for count, item in enumerate(Progress.track(self, items, stage, total)):
            if stage == "fitting" and count == self.after:
                raise KeyboardInterrupt
            yield item


def batch(patients: int, seed: int = 0, dim: int = 6) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    latents, noise = (torch.randn(patients, 4, dim, generator=generator) for _ in range(2))
    return latents, 0.2 + torch.rand(patients, 4, generator=generator), noise


@pytest.fixture(scope="module")
def network() -> ResidualMlp:
    torch.manual_seed(0)
    made = ResidualMlp(6, 16, 1)
    for parameter in made.parameters():  # zero layers give zero gradients before them
        torch.nn.init.normal_(parameter, std=0.3)
    return made


def length(gradients: dict[str, torch.Tensor]) -> float:
    return float(torch.cat([g.flatten() for g in gradients.values()]).norm())


def test_without_a_limit_it_is_the_sum_of_the_gradients(network: ResidualMlp) -> None:
    from synthaudit.generators.denoiser import denoising_loss

    latents, sigma, noise = batch(3)
    network.zero_grad()
    for z, level, blur in zip(latents, sigma, noise, strict=True):
        denoising_loss(network, z, level, blur).mean().backward()  # type: ignore[no-untyped-call]
    summed = clipped_sum(network, latents, sigma, noise, clip=1e9)
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None
        torch.testing.assert_close(summed[name], parameter.grad, rtol=1e-4, atol=1e-5)


def test_nobody_moves_the_sum_by_more_than_the_clip(network: ResidualMlp) -> None:
    """An outlier with all images far away, joining 20 patients: the sum moves by the clip and no further."""
    latents, sigma, noise = batch(21)
    latents[20] *= 1e3
    alone = clipped_sum(network, latents[20:], sigma[20:], noise[20:], clip=1e9)
    assert length(alone) > 100, "the outlier would have a say"
    for clip in (0.1, 2.0):
        with_them = clipped_sum(network, latents, sigma, noise, clip)
        without = clipped_sum(network, latents[:20], sigma[:20], noise[:20], clip)
        moved = length({name: with_them[name] - without[name] for name in without})
        assert moved == pytest.approx(clip, rel=1e-3)
        assert length(without) <= 20 * clip * (1 + 1e-5)


def test_the_patient_is_the_unit_however_many_images(network: ResidualMlp) -> None:
    """Ninety images of one patient weigh as the one of another: drawn from, averaged, clipped together."""
    z = np.random.default_rng(0).normal(size=(91, 6)).astype(np.float32)
    patients = PatientLatents.of(z, np.array([1] * 45 + [0] + [1] * 45), "cpu")
    assert patients.images.tolist() == [1, 90]
    drawn = patients.drawn(torch.tensor([0, 1]), 500, torch.Generator().manual_seed(0)).numpy()
    assert np.all(drawn[0] == z[45])
    mine = {tuple(row) for row in np.delete(z, 45, axis=0)}
    assert {tuple(row) for row in drawn[1]} <= mine
    assert len({tuple(row) for row in drawn[1]}) > 80
    _, sigma, noise = batch(1)
    one = clipped_sum(network, 50 * torch.from_numpy(drawn[1:, :4]), sigma, noise, clip=0.5)
    assert length(one) <= 0.5 * (1 + 1e-5)


def test_patients_take_part_by_coins_of_their_own() -> None:
    data = PatientLatents.of(np.zeros((200, 6), dtype=np.float32), np.arange(200), "cpu")
    training = Training.begin(6, SMALL.diffusion(), 0, "cpu")
    took = [advance_privately(training, data, SMALL, Spending(1.0, 0.1), 40, 5) for _ in range(40)]
    assert 15 < np.mean(took) < 25
    assert 2 < np.std(took) < 7, "Poisson sampling, not a fixed number"
    assert advance_privately(training, data, SMALL, Spending(1.0, 0.0), 40, 5) == 0


def test_noise_is_as_large_as_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    data = PatientLatents.of(np.zeros((100, 12), dtype=np.float32), np.arange(100), "cpu")
    training = Training.begin(12, SMALL.diffusion(), 0, "cpu")
    seen: list[torch.Tensor] = []
    monkeypatch.setattr(
        training.optimizer,
        "step",
        lambda: seen.extend(p.grad.flatten() for p in training.network.parameters() if p.grad is not None),
    )
    advance_privately(training, data, SMALL, Spending(3.0, 1e-9), 40, 5)  # nobody takes part: noise alone
    expected = 3.0 * SMALL.clip / (1e-9 * 100)
    assert float(torch.cat(seen).std()) == pytest.approx(expected, rel=0.05)


def test_it_is_a_generator_that_can_be_trained(small: PrivateLatentDiffusion) -> None:
    assert isinstance(small, Generator)
    assert isinstance(small, Trainable)
    assert small.capabilities() == set(Capability) - {Capability.TRANSLATE, Capability.DISCRIMINATE}
    assert small.spec.name == "private-latent-diffusion"
    assert len(small.spec.checkpoint_digest) == 64
    assert small.fresh().spec.checkpoint_digest == ""
    made = small.sample(5, seed=2)
    assert made.shape == (5, 16, 16)
    np.testing.assert_array_equal(small.sample(2, seed=2), made[:2])
    assert small.score(made, 0, 3).shape == (5, 3)
    assert small.decode(small.encode(made)).shape == made.shape


def test_the_latent_space_does_not_depend_on_who_is_in_training(
    small: PrivateLatentDiffusion, private: PrivateLatentDiffusion
) -> None:
    other = private.fit(cohort(5, 80), Budget(steps=1), seed=1)
    images = np.stack([ChestPopulation(seed=9, size=16).image(i) for i in range(3)])
    np.testing.assert_array_equal(small.encode(images), other.encode(images))


def test_an_interrupted_fit_becomes_the_uninterrupted_one(
    small: PrivateLatentDiffusion, private: PrivateLatentDiffusion, train: Cohort, tmp_path: Path
) -> None:
    for after in (25, 3):
        with pytest.raises(KeyboardInterrupt):
            private.fit(train, Budget(steps=30), 1, folder=tmp_path, progress=Cut(after=after))
    card = json.loads((tmp_path / "card.json").read_text())
    assert (card["steps"], card["facts"]["privacy"]["epsilon"]) == (20, 2.0), "what the steps done have spent"
    resumed = private.fit(train, Budget(steps=30), 1, folder=tmp_path)
    assert resumed.card.weights_digest == small.card.weights_digest
    assert PrivateLatentDiffusion.load(tmp_path).sample(2, 9).tolist() == small.sample(2, 9).tolist()
    assert private.fit(train, Budget(steps=30), 1, folder=tmp_path).card.weights_digest == small.card.weights_digest
    with pytest.raises(UsageError, match="the folder holds another fit"):
        private.fit(train, Budget(steps=30), 2, folder=tmp_path)
    with pytest.raises(UsageError, match="the folder holds another fit"):
        replace(private, public=cohort(6, 100)).fit(train, Budget(steps=30), 1, folder=tmp_path)


def test_secret_randomness_never_repeats(private: PrivateLatentDiffusion, train: Cohort) -> None:
    secret = replace(private, recipe=replace(SMALL, randomness="secret"))
    one, two = (secret.fit(train, Budget(steps=2), seed=1).card for _ in range(2))
    assert one.weights_digest != two.weights_digest
    assert one.facts["privacy"]["holds"].startswith("while what the operating system drew")


def test_the_card_is_no_oracle(small: PrivateLatentDiffusion, train: Cohort) -> None:
    assert train.digest not in json.dumps(small.card.facts) + small.card.train_digest
    assert small.card.losses == {}, "a training loss is not private"
    assert small.card.facts["privacy"]["unit"] == "patient"
    assert small.card.facts["images_of_unknown_patients"] == 200


def test_seconds_become_steps(private: PrivateLatentDiffusion, train: Cohort) -> None:
    assert private.fit(train, Budget(seconds=0.05), seed=1).card.steps >= 1


@pytest.mark.slow
def test_it_learns_with_a_stated_epsilon() -> None:
    """Held-out denoising loss below the untrained network's, and the epsilon for which that is had."""
    population, others = (ChestPopulation(seed=seed, size=32) for seed in (3, 4))
    people = np.stack([population.image(patient) for patient in range(1000)])
    public = images_cohort(Role.REFERENCE, np.stack([others.image(patient) for patient in range(300)]))
    recipe = replace(SMALL, size=32, components=24, texture=32, width=64, patients_a_step=160, draws=8)
    private = PrivateLatentDiffusion(replace(recipe, epsilon=10.0, noise_multiplier=None), public=public)
    train = images_cohort(Role.TRAIN, people[:800])
    untrained, learned = (private.fit(train, Budget(steps=steps), seed=1) for steps in (1, 250))
    before, after = (float(one.score(people[800:], 0, 4).mean()) for one in (untrained, learned))
    assert after < 0.96 * before
    assert learned.card.facts["privacy"]["epsilon"] <= 10.0


def test_wrong_use_is_named(private: PrivateLatentDiffusion, train: Cohort, tmp_path: Path) -> None:
    for settings, says in (
        ({"epsilon": 1.0}, "a private recipe needs either epsilon or noise_multiplier, got neither or both"),
        ({"clip": 0.0}, "clip and epsilon must be positive, got 0.0 and None"),
        ({"noise_multiplier": -1.0}, "noise_multiplier must be 0 or more, got -1.0"),
        ({"delta": 1.0}, "delta must lie between 0 and 1, got 1.0"),
        ({"accountant": "mine"}, "accountant must be one of rdp, prv, got 'mine'"),
        ({"randomness": "some"}, "randomness must be one of seeded, secret, got 'some'"),
        ({"draws": 0}, "draws must be at least 1, got 0"),
    ):
        with pytest.raises(UsageError, match=says):
            replace(SMALL, **settings)
    with pytest.raises(UsageError, match="found 200 equal images and 0 patients in both"):
        replace(private, public=train).fit(train, Budget(steps=1), 0)
    with pytest.raises(UsageError, match=r"delta must be below 1 / patients, got 0\.01 for 200 patients"):
        replace(private, recipe=replace(SMALL, delta=0.01)).fit(train, Budget(steps=1), 0)
    with pytest.raises(UsageError, match="must be of linear layers and layer norms alone"):
        clipped_sum(torch.nn.Conv1d(1, 1, 1), *batch(2), clip=1.0)
    with pytest.raises(UsageError, match="the generator must be fitted first"):
        private.sample(1, 0)
    with pytest.raises(InputError, match=r"must hold card\.json, found none"):
        PrivateLatentDiffusion.load(tmp_path)


def test_without_opacus_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opacus.accountants.utils", None)
    monkeypatch.setitem(sys.modules, "opacus", None)
    with pytest.raises(MissingDependency, match=r"needs the package opacus, found none; pip install synthaudit\[dp\]"):
        spending(PrivateRecipe(), 1000, 10)


@pytest.mark.slow
def test_the_card_says_what_the_accountant_says(private: PrivateLatentDiffusion, train: Cohort) -> None:
    from opacus.accountants import PRVAccountant, RDPAccountant

    plan = Spending(1.0, 64 / 200)
    accountant = RDPAccountant()
    for _ in range(30):
        accountant.step(noise_multiplier=plan.noise_multiplier, sample_rate=plan.rate)
    stated = private.fit(train, Budget(steps=30), seed=1).card.facts["privacy"]
    assert stated["epsilon"] == pytest.approx(accountant.get_epsilon(delta=SMALL.delta))
    assert (stated["delta"], stated["rate"], stated["noise_multiplier"], stated["steps"]) == (1e-5, 0.32, 1.0, 30)
    tighter = PRVAccountant()
    tighter.history = [(1.0, plan.rate, 30)]
    assert epsilon_spent(replace(SMALL, accountant="prv"), plan, 30) == tighter.get_epsilon(delta=SMALL.delta)
    assert epsilon_spent(SMALL, Spending(0.0, 1.0), 30) is None


@pytest.mark.slow
def test_the_epsilon_asked_for_is_spent_and_not_exceeded(private: PrivateLatentDiffusion, train: Cohort) -> None:
    asked = replace(private, recipe=replace(SMALL, epsilon=4.0, noise_multiplier=None))
    spent = asked.fit(train, Budget(steps=20), seed=1).card.facts["privacy"]["epsilon"]
    assert 3.9 < spent <= 4.0


def test_rows_stay_with_their_patients() -> None:
    index: NDArray[np.intp] = np.array([2, 0, 1, 0], dtype=np.intp)
    data = PatientLatents.of(np.arange(4, dtype=np.float32)[:, None], index, "cpu")
    assert data.latents[:, 0].tolist() == [1.0, 3.0, 2.0, 0.0]
    assert data.first.tolist() == [0, 2, 3]
