"""Guessing attributes: what a copy gives away, what the population teaches, and which columns are asked about."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from synthaudit.attackers.guessing import blind, population, secrets, vote
from synthaudit.attackers.holdings import Holdings

from .worlds import world


def labeled(held: Holdings, label: tuple[str, ...]) -> Holdings:
    """Labels that go round, beside real and synthetic images."""

    def told(n: int) -> tuple[str, ...]:
        return tuple(label[i % len(label)] for i in range(n))

    cohorts = tuple(replace(one, attributes={"label": told(len(one))}) for one in held.pool.cohorts)
    synthetic = replace(held.synthetic, attributes={"label": told(len(held.synthetic))})
    return replace(held, pool=replace(held.pool, cohorts=cohorts), synthetic=synthetic)


def test_a_copy_gives_away_what_is_written_beside_it() -> None:
    held = world(0, kind="copier", images=((1, 1), (1, 1)))
    for secret in secrets(held):
        right = vote(held, secret)
        assert np.nanmean(right[held.is_train]) > 0.95
        assert np.nanmean(right[held.is_train]) > np.nanmean(right[~held.is_train]) + 0.1


def test_the_population_teaches_sex_and_nobody_teaches_the_site() -> None:
    held = world(1, n=(120, 160), images=((1, 1), (1, 1)))
    by_name = {secret.name: secret for secret in secrets(held)}
    assert set(by_name) == {"age", "label", "sex", "site"}
    shares = population(held, (by_name["sex"], by_name["site"]), np.random.default_rng(0))
    known = dict(zip(("sex", "site"), shares.T, strict=True))
    for side in (held.is_train, ~held.is_train):
        assert np.nanmean(known["sex"][side]) > 0.56
        assert np.nanmean(known["site"][side]) == pytest.approx(1 / 3, abs=0.1)
    assert blind(held, by_name["sex"]) == pytest.approx(0.5, abs=0.1)
    assert np.isfinite(known["sex"]).all()


def test_the_model_of_the_population_never_learns_from_whom_it_judges() -> None:
    """Classes drawn at random: whoever judged an image it learned from would be right nearly always."""
    held = world(2, n=(60, 60), images=((1, 1), (1, 1)))
    secret = next(one for one in secrets(held) if one.name == "sex")
    dealt = np.random.default_rng(0).integers(0, 2, len(secret.real))
    known = population(held, (replace(secret, real=dealt),), np.random.default_rng(1))[:, 0]
    assert np.nanmean(known[~held.is_train]) == pytest.approx(0.5, abs=0.2)


def test_votes_look_at_no_label() -> None:
    one, other = world(3), world(3, swap=True)
    for mine, theirs in zip(secrets(one), secrets(other), strict=True):
        assert np.array_equal(vote(one, mine), vote(other, theirs), equal_nan=True)


def test_a_label_of_several_findings_is_asked_finding_by_finding() -> None:
    held = labeled(world(4), ("none", "effusion|cardiomegaly", "effusion", "cardiomegaly|edema", ""))
    found = {secret.name: secret for secret in secrets(held)}
    # Whoever has none has neither, so that "none" divides as nothing else does, and each is asked.
    assert set(found) == {"finding cardiomegaly", "finding edema", "finding effusion", "finding none"}
    effusion = found["finding effusion"]
    assert set(effusion.real.tolist()) == {-1, 0, 1}
    only_two = labeled(world(4), ("none", "pneumonia|pneumonia"))
    assert [secret.name for secret in secrets(only_two)] == ["finding none"]  # and "pneumonia" is the same question


def test_columns_of_the_picture_and_columns_that_nobody_carried_over_are_not_asked() -> None:
    held = world(5)
    assert secrets(world(5, attributes=False)) == ()
    column = {"view": ("PA", "AP") * 500}

    def with_view(n: int) -> dict[str, tuple[str, ...]]:
        return {name: values[:n] for name, values in column.items()}

    cohorts = tuple(replace(one, attributes=with_view(len(one))) for one in held.pool.cohorts)
    synthetic = replace(held.synthetic, attributes=with_view(len(held.synthetic)))
    assert secrets(replace(held, pool=replace(held.pool, cohorts=cohorts), synthetic=synthetic)) == ()


def test_what_few_patients_have_a_value_of_is_not_asked() -> None:
    held = world(6)
    sparse = tuple("F" if i in (0, 40) else "M" if i == 20 else "" for i in range(1_000))
    cohorts = tuple(replace(one, attributes={"sex": sparse[: len(one)]}) for one in held.pool.cohorts)
    assert secrets(replace(held, pool=replace(held.pool, cohorts=cohorts))) == ()


def test_words_that_real_and_synthetic_images_do_not_share_are_not_asked() -> None:
    """Where one says "F" and the other "female", every guess is wrong, which is no proof that nothing leaks."""
    held = world(7, kind="copier")
    other = tuple({"F": "female", "M": "male"}.get(value, value) for value in held.synthetic.attributes["sex"])
    renamed = replace(held, synthetic=replace(held.synthetic, attributes={**held.synthetic.attributes, "sex": other}))
    assert "sex" in {one.name for one in secrets(held)}
    assert "sex" not in {one.name for one in secrets(renamed)}
