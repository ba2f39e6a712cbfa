"""Every question to every group at once: what is planted is named, rightly and with its sign; what is fair is not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import beta, binom

from synthaudit.errors import NotEnoughData
from synthaudit.fairness.association import associations
from synthaudit.fairness.examined import ALPHA, EXPOSURE, SHARES, Examined, examine, family_wise
from synthaudit.fairness.groups import pairs_of
from synthaudit.fairness.predicted import with_predictions
from synthaudit.fairness.shares import GroupShare, all_shares
from synthaudit.fairness.spoken import answer, more_exposed, off_balance
from synthaudit.fairness.summaries import summaries
from synthaudit.statistics.fdr import holm
from synthaudit.statistics.share_ratio import equal_shares_p
from tests.fairness.conftest import (
    Simulated,
    doubled_cardiomegaly,
    remembered,
    simulated,
    without_women,
)

WEST = 2


def examined(one: Simulated, rng: np.random.Generator, draws: int) -> Examined:
    return examine(one.attributes, one.divided, one.vectors, one.scored, rng, draws=draws)


def figures(found: Examined) -> dict[str, float | None]:
    return {one.name: one.value for one in summaries(found, 250, 350, np.random.default_rng(0))}


def test_women_who_are_left_out_are_named() -> None:
    rng = np.random.default_rng(0)
    found = examined(simulated(rng, generate=without_women), rng, 199)
    (worst, *_) = off_balance(found)
    assert worst.name == "sex F"
    assert worst.ratio < 0.5
    assert answer(found).startswith("Women make up 8% of the synthetic images and 48% of the training patients.")
    told = figures(found)
    assert told["underrepresented"] == pytest.approx(worst.ratio)
    assert told["exposure_gap"] == 0.0


def test_women_who_are_left_out_are_named_where_sex_was_predicted() -> None:
    rng = np.random.default_rng(1)
    one = simulated(rng, generate=without_women, labeled=False, made=400)
    found = examined(one, rng, 199)
    shares = {share.name: share for share in found.shares}
    assert off_balance(found)[0].name == "sex F"
    assert shares["sex F"].predicted
    low, high = shares["sex F"].interval()
    assert low < 0.24 < high, "a sixth of the women, who come less often than old men do"
    assert "The synthetic images came without age" in answer(found)
    assert found.why_not["downstream"].startswith("it needs a finding that the synthetic images came labeled with")


def test_a_minority_that_is_remembered_is_named_though_averages_are_at_chance() -> None:
    rng = np.random.default_rng(2)
    one = simulated(rng, score=remembered(WEST))
    found = examined(one, rng, 1_999)
    assert more_exposed(found)[0].name == "site west"
    assert more_exposed(found)[0].gap > 0.3
    assert answer(found).startswith("Patients of site west are more exposed than others are:")
    gap = figures(found)["exposure_gap"]
    assert gap is not None
    assert gap > 0.3
    train = one.scored.is_train
    above = one.scored.scores[train][:, None] > one.scored.scores[~train]
    assert above.mean() < 0.6, "the average attack is near chance"


def test_a_finding_that_is_doubled_in_women_is_named_with_them() -> None:
    rng = np.random.default_rng(3)
    one = simulated(rng, generate=doubled_cardiomegaly, train=800, holdout=40, made=1_500)
    found = associations(one.attributes, one.divided, rng)
    (surest, *_) = sorted(found, key=lambda tie: tie.p_value)
    assert (surest.group, surest.finding) == ("sex F", "label Cardiomegaly")
    assert surest.gap.value > 1.5
    assert holm(np.array([tie.p_value for tie in found])).min() <= ALPHA / 5
    pairs = pairs_of(one.attributes, one.divided.patient, one.divided.is_train)
    shares = {share.name: share for share in all_shares((*one.attributes, *pairs), one.divided, rng)}
    assert shares["sex F & label Cardiomegaly"].ratio > 1.5
    assert shares["sex F"].p_value > ALPHA


def test_who_comes_often_is_not_over_represented() -> None:
    """Old men come more often, and a fair generator makes their images more often: no alarm, counted either way."""
    rng = np.random.default_rng(4)
    one = simulated(rng, train=3_000, holdout=40, made=4_000)
    pairs = pairs_of(one.attributes, one.divided.patient, one.divided.is_train)
    shares = {share.name: share for share in all_shares((*one.attributes, *pairs), one.divided, rng)}
    assert holm(np.array([share.p_value for share in shares.values()])).min() > ALPHA
    old_men = shares["sex M & age 60-79"]
    assert equal_shares_p(old_men.share, old_men.base) < 1e-6, "counted by patients alone it would alarm"


def test_families_share_one_error() -> None:
    adjusted = family_wise({"a": np.array([0.001, 0.5]), "b": np.array([0.02]), "c": np.zeros(0)})
    assert {name: p.tolist() for name, p in adjusted.items()} == {"a": [0.002, 1.0], "b": [0.04]}


def test_nothing_is_said_of_what_cannot_be_told_from_an_image() -> None:
    rng = np.random.default_rng(5)
    found = examined(simulated(rng, labeled=False, apart=0.0), rng, 99)
    assert found.shares == ()
    assert found.why_not[SHARES].startswith("the synthetic images came without it, and it cannot be told")
    assert figures(found)["underrepresented"] is None
    assert found.exposed is not None, "exposure needs no attribute of a synthetic image"


def test_images_that_look_like_no_group_name_none() -> None:
    """All images moved half way from men to women, as a generator's blur might: the share is not known, and says so."""
    rng = np.random.default_rng(7)
    one = simulated(rng, labeled=False)
    moved = one.vectors.synthetic.copy()
    moved[:, 0] = 0.5 * moved[:, 0]
    moved /= np.linalg.norm(moved, axis=1, keepdims=True)
    shares: dict[bool, GroupShare] = {}
    for heeded in (True, False):
        fitted = with_predictions(one.attributes, replace(one.vectors, synthetic=moved), np.random.default_rng(0))
        assert fitted[0].misfit > 0.05
        told = fitted if heeded else tuple(replace(each, misfit=0.0) for each in fitted)
        shares[heeded] = all_shares(told, one.divided, rng)[0]
    assert shares[True].name == shares[False].name == "sex F"
    assert shares[False].p_value < 0.01 < shares[True].p_value


def test_no_floor_tells_how_few_are_held_out() -> None:
    """A floor is a share of the held-out patients over one that is printed: of 9 or fewer it tells the number."""
    rng = np.random.default_rng(0)
    one = simulated(rng, holdout=30)
    shares = all_shares(one.attributes, one.divided, rng)
    for share in shares:
        attribute = next(each for each in one.attributes if share.name in each.names)
        rows = (attribute.real == attribute.names.index(share.name)) & ~one.divided.is_train[one.divided.patient]
        assert share.floor is None or len(np.unique(one.divided.patient[rows])) >= 10
    told = {share.name: share.floor is not None for share in shares}
    assert told["sex F"]
    assert told["sex M"]
    assert not told["site west"]


def test_numbers_named_tell_not_of_those_in_no_group() -> None:
    """Five are named in all, none of a site that is spoken of: the rest would be of the one that is not."""
    rng = np.random.default_rng(3)
    one = simulated(rng)
    west = np.zeros(one.divided.is_train.size, dtype=bool)
    site = next(each for each in one.attributes if each.columns == ("site",))
    rows = (site.real == WEST) & one.divided.is_train[one.divided.patient]
    west[np.unique(one.divided.patient[rows])[:5]] = True
    silent = tuple(
        replace(each, names=(*each.names[:WEST], "")) if each.columns == ("site",) else each for each in one.attributes
    )
    found = examine(silent, one.divided, one.vectors, replace(one.scored, named=west), rng, draws=99)
    assert found.exposed is not None
    named = {each.name: each.named for each in found.exposed.groups if each.columns == ("site",)}
    assert set(named) == {"site north", "site south"}
    assert sorted(map(str, named.values())) == ["0", "None"]


def test_without_a_score_only_exposure_is_missing() -> None:
    rng = np.random.default_rng(6)
    one = simulated(rng)
    found = examine(one.attributes, one.divided, one.vectors, NotEnoughData("nobody was held out"), rng, draws=99)
    assert found.why_not == {EXPOSURE: "nobody was held out"}
    assert figures(found)["exposure_gap"] is None
    assert found.shares


NULLS = 100


@pytest.mark.slow
@pytest.mark.parametrize("labeled", [True, False], ids=["given", "predicted"])
def test_a_fair_generator_is_named_at_the_nominal_rate(labeled: bool) -> None:
    """Any group, any question, over 100 nulls: at the family-wise 1 %, and at 5 % to see that it is not mute."""
    least = []
    for null in range(NULLS):
        rng = np.random.default_rng([11, null, labeled])
        found = examined(simulated(rng, train=120, holdout=100, made=150, labeled=labeled), rng, 499)
        least.append(min(float(p.min()) for p in found.adjusted.values()))
    for level in (ALPHA, 0.05):
        alarms = int(np.sum(np.array(least) <= level))
        high = 1.0 if alarms == NULLS else float(beta.ppf(0.975, alarms + 1, NULLS - alarms))
        low = 0.0 if alarms == 0 else float(beta.ppf(0.025, alarms, NULLS - alarms + 1))
        print(f"\nalarms at {level:g}: {alarms} of {NULLS}, 95 % interval {low:.3f} to {high:.3f}")
        assert alarms <= binom.ppf(0.999, NULLS, level)
    assert min(least) < 1.0
