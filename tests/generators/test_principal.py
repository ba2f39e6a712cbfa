"""Principal components: the fast way agrees with the exact one, and PPCA's likelihood with scipy's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from synthaudit.cohort import Role
from synthaudit.errors import NotEnoughData, UsageError
from synthaudit.generators import principal
from synthaudit.generators.made import images_cohort
from synthaudit.generators.ppca import Ppca, PpcaRecipe
from synthaudit.generators.principal import fit_principal_components
from synthaudit.generators.protocol import Budget, Capability
from synthaudit.phantoms.chest import ChestPopulation


def test_subspace_iteration_agrees_with_the_exact_decomposition(monkeypatch: pytest.MonkeyPatch) -> None:
    population = ChestPopulation(seed=1, size=24)
    x = np.stack([population.image(i) for i in range(300)])
    exact = fit_principal_components(x, 20, np.random.default_rng(0))
    monkeypatch.setattr(principal, "EXACT_BELOW", 0)
    fast = fit_principal_components(x, 20, np.random.default_rng(0))
    np.testing.assert_allclose(fast.deviations, exact.deviations, rtol=1e-3)
    np.testing.assert_allclose(np.abs((fast.axes * exact.axes).sum(axis=1))[:10], 1, atol=1e-3)
    np.testing.assert_allclose(fast.residual, exact.residual, atol=2e-3)


def test_all_components_of_few_images_give_them_back() -> None:
    x = np.random.default_rng(0).uniform(size=(6, 8, 8)).astype(np.float32)
    space = fit_principal_components(x, 96, np.random.default_rng(0))
    assert space.n_components == 5
    np.testing.assert_allclose(space.decode(space.encode(x)), x, atol=1e-5)
    np.testing.assert_allclose(space.residual, 0, atol=1e-3)
    with pytest.raises(NotEnoughData, match="principal components need at least 3 images, got 2"):
        fit_principal_components(x[:2], 5, np.random.default_rng(0))


def test_ppca_likelihood_is_that_of_its_gaussian() -> None:
    population = ChestPopulation(seed=1, size=16)
    x = np.stack([population.image(i) for i in range(120)])
    model = Ppca(PpcaRecipe(components=6, size=16)).fit(images_cohort(Role.TRAIN, x[:100]), Budget(steps=1), 0)
    space = model.space
    assert space is not None
    noise = float((space.residual.astype(np.float64) ** 2).sum()) / (256 - 6)
    axes = space.axes.astype(np.float64)
    plane = axes.T @ axes
    covariance = axes.T @ np.diag(space.deviations.astype(np.float64) ** 2) @ axes + noise * (np.eye(256) - plane)
    peer = -multivariate_normal(space.mean, covariance).logpdf(x[100:].reshape(20, -1)) / 256
    np.testing.assert_allclose(model.score(x[100:], 0, 4)[:, 0], peer, rtol=1e-4)
    assert model.capabilities() == {Capability.SAMPLE, Capability.SCORE, Capability.ENCODE, Capability.FIT}
    np.testing.assert_array_equal(model.sample(9, seed=3)[4], model.sample(5, seed=3)[4])
    with pytest.raises(UsageError, match="the generator must be fitted first"):
        model.fresh().sample(1, 0)


def test_ppca_has_a_checkpoint_like_the_others(tmp_path: Path) -> None:
    cohort = images_cohort(Role.TRAIN, np.random.default_rng(0).random((9, 8, 8), dtype=np.float32))
    recipe = PpcaRecipe(components=5, size=8)
    made = Ppca(recipe).fit(cohort, Budget(steps=1), 0, folder=tmp_path)
    read = Ppca.from_spec(str(tmp_path))
    np.testing.assert_array_equal(read.sample(3, 0), made.sample(3, 0))
    assert read.spec == made.spec
    # It is fitted in one step whatever the budget, so that any other finds it done.
    assert Ppca(recipe).fit(cohort, Budget(seconds=9), 0, folder=tmp_path).card == made.card
    assert (made.card.steps, made.card.planned_steps, made.card.train_images) == (1, 1, 9)
    with pytest.raises(UsageError, match="the folder holds another fit"):
        Ppca(PpcaRecipe(components=4, size=8)).fit(cohort, Budget(steps=1), 0, folder=tmp_path)
    with pytest.raises(UsageError, match="components must be at least 1, got 0"):
        PpcaRecipe(components=0)
