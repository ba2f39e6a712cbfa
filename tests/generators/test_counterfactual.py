"""A counterfactual moves a finding and keeps the patient: another classifier agrees, and the patient is found again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from synthaudit.cohort import Cohort, Role
from synthaudit.errors import MetadataError, NotEnoughData, UsageError
from synthaudit.generators.counterfactual import Counterfactual, CounterfactualRecipe
from synthaudit.generators.counterfactual_label import chosen_finding, fit_logistic, has_finding
from synthaudit.generators.protocol import Budget, Capability
from synthaudit.phantoms.chest import ChestPopulation
from synthaudit.statistics.roc import auc

Floats = NDArray[np.float32]
SMALL = CounterfactualRecipe(size=16, components=24, finding="cardiomegaly")
TRAIN, JUDGE, HELD_OUT = 96, 96, 64


def _images(cohort: Cohort) -> Floats:
    return np.stack([source.read() for source in cohort.sources])


@pytest.fixture(scope="module")
def people() -> Cohort:
    return ChestPopulation(seed=3, size=16).cohort(Role.TRAIN, range(TRAIN + JUDGE + HELD_OUT))


@pytest.fixture(scope="module")
def train(people: Cohort) -> Cohort:
    return people.subset(range(TRAIN))


@pytest.fixture(scope="module")
def fitted(train: Cohort) -> Counterfactual:
    return Counterfactual(SMALL).fit(train, Budget(steps=1), 0)


@pytest.fixture(scope="module")
def held_out(people: Cohort) -> Cohort:
    return people.subset(range(TRAIN + JUDGE, TRAIN + JUDGE + HELD_OUT))


def test_the_logistic_fit_is_at_its_minimum() -> None:
    rng = np.random.default_rng(0)
    z = rng.standard_normal((200, 3)).astype(np.float32)
    truth = rng.random(200) < 1 / (1 + np.exp(-2 * z[:, 0] + 1))
    weight = rng.uniform(0.5, 1.0, 200)
    found = fit_logistic(z, truth, weight, 0.7)
    x = np.concatenate([z, np.ones((200, 1))], axis=1).astype(np.float64)
    slope = x.T @ (weight * (1 / (1 + np.exp(-(x @ found))) - truth)) + np.array([0.7, 0.7, 0.7, 1e-6]) * found
    assert np.abs(slope).max() < 1e-8
    assert found[0] > 1
    # Separable classes have a finite answer.
    assert np.isfinite(fit_logistic(z, z[:, 0] > 0, np.ones(200), 0.1)).all()


def test_it_adds_the_finding_and_keeps_the_patient(people: Cohort, held_out: Cohort, fitted: Counterfactual) -> None:
    x, truth = _images(held_out), has_finding(held_out, "label", "cardiomegaly")
    logit = fitted.logit(x).astype(np.float64)
    assert auc(logit[truth], logit[~truth]) > 0.8
    made = fitted.translate(x, 0)
    assert made.shape == x.shape
    assert 0 <= made.min() < made.max() <= 1
    gained = fitted.logit(made) - fitted.logit(x)
    assert np.median(np.abs(gained - SMALL.gain)) < 0.05
    # A judge of other patients who looks at pixels, not at codes.
    others = people.subset(range(TRAIN, TRAIN + JUDGE))
    pixels = _images(others).reshape(JUDGE, -1)
    mean, spread = pixels.mean(axis=0), pixels.std(axis=0) + 0.02
    judge = fit_logistic((pixels - mean) / spread, has_finding(others, "label", "cardiomegaly"), np.ones(JUDGE), 30.0)

    def judged(images: Floats) -> NDArray[np.float64]:
        return np.asarray((images.reshape(len(images), -1) - mean) / spread @ judge[:-1])

    # The baseline: a change as large, in directions as common, that knows nothing of the finding.
    noise = np.random.default_rng(0).standard_normal(fitted.encode(x).shape).astype(np.float32)
    aside = fitted.decode(noise) - fitted.decode(0 * noise)
    aside *= np.sqrt(((made - x) ** 2).sum(axis=(1, 2)) / (aside**2).sum(axis=(1, 2)))[:, None, None]
    rise, by_chance = judged(made) - judged(x), judged(np.clip(x + aside, 0, 1)) - judged(x)
    assert (rise > 0).mean() > 0.95
    assert (by_chance > 0).mean() < 0.7
    assert rise.mean() > 5 * abs(by_chance.mean())
    nearest = ((made[:, None] - x[None]) ** 2).sum(axis=(2, 3)).argmin(axis=1)
    assert (nearest == np.arange(len(x))).mean() > 0.95


def test_it_takes_the_finding_away_again(held_out: Cohort, fitted: Counterfactual) -> None:
    x = _images(held_out)
    there = fitted.shifted(x, 2.0)
    back = fitted.shifted(there, -2.0)
    assert np.abs(there - x).mean() > 0.002
    assert np.abs(back - x).mean() < 0.2 * np.abs(there - x).mean()
    np.testing.assert_array_equal(fitted.shifted(x, 0.0), x)
    np.testing.assert_array_equal(fitted.translate(x[:3], 0), fitted.translate(x, 1)[:3])


def test_which_finding_is_chosen(train: Cohort) -> None:
    cells = tuple(["none"] * 60 + ["big|small"] * 20 + ["big"] * 16)
    cohort = replace(train, attributes={"label": cells})
    assert chosen_finding(cohort, "label", "", 5) == "big"
    assert chosen_finding(cohort, "label", "small", 5) == "small"
    assert has_finding(cohort, "label", "big").sum() == 36
    with pytest.raises(NotEnoughData, match="needs 21 patients with the finding and 21 without, got 20 and 76"):
        chosen_finding(cohort, "label", "small", 21)
    with pytest.raises(NotEnoughData, match="got 0 and 96"):
        chosen_finding(cohort, "label", "unheard of", 5)
    with pytest.raises(MetadataError, match="needs the column label"):
        chosen_finding(replace(train, attributes={}), "label", "", 5)


def test_a_checkpoint_gives_the_same(train: Cohort, held_out: Cohort, fitted: Counterfactual, tmp_path: Path) -> None:
    kept = Counterfactual(SMALL).fit(train, Budget(steps=1), 0, folder=tmp_path)
    read = Counterfactual.from_spec(str(tmp_path))
    assert read.spec == kept.spec == fitted.spec
    assert (read.card, read.recipe) == (kept.card, SMALL)
    x = _images(held_out)[:4]
    np.testing.assert_array_equal(read.translate(x, 0), fitted.translate(x, 0))
    with pytest.raises(UsageError, match="the folder holds another fit"):
        Counterfactual(replace(SMALL, penalty=2.0)).fit(train, Budget(steps=1), 0, folder=tmp_path)


def test_what_it_cannot_do_it_refuses(fitted: Counterfactual) -> None:
    can = {Capability.TRANSLATE, Capability.ENCODE, Capability.FIT}
    assert fitted.capabilities() == can
    with pytest.raises(UsageError, match="samples none; use translate"):
        fitted.sample(1, 0)
    with pytest.raises(UsageError, match="must be fitted first"):
        fitted.fresh().translate(np.zeros((1, 16, 16), dtype=np.float32), 0)
    with pytest.raises(UsageError, match=r"gain must lie in \[-50, 50\] and not be 0, got 0"):
        CounterfactualRecipe(gain=0)
    with pytest.raises(UsageError, match="penalty must be positive, got 0"):
        CounterfactualRecipe(penalty=0)
