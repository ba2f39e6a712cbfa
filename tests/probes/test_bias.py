"""The probe `bias`: groups named with their sign, small ones nowhere, and nothing where nothing is known."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pytest
from numpy.typing import NDArray

from synthaudit.cohort import Cohort, Role
from synthaudit.copying import CopyEvidence
from synthaudit.embed import embed
from synthaudit.embeddings import Embeddings
from synthaudit.encoders.descriptor import Descriptor
from synthaudit.errors import NotEnoughData
from synthaudit.finding import ChartKind, Finding
from synthaudit.generators.made import ArrayImage
from synthaudit.matching.matcher import Matcher
from synthaudit.matching.patients import PatientEvidence, PatientScale, strata
from synthaudit.matching.pool import Pool, Space
from synthaudit.phantoms.chest import ChestPopulation
from synthaudit.probe import Evidence, Settings
from synthaudit.probes.bias import Bias
from synthaudit.progress import Progress

WIDTH = 16
RARE = "intersex"
COLUMNS = ("sex", "age", "site", "label")
Table = dict[str, list[str]]
Change = Callable[[Table, np.random.Generator], Table]


@dataclass(frozen=True)
class Vectors:
    """An encoder that was elsewhere."""

    name: str = "elsewhere"
    dim: int = WIDTH
    fingerprint: str = "0"


def people(n: int, rng: np.random.Generator) -> Table:
    """Three of whom are of a rare sex."""
    sex = ["F", "M"] * (n // 2)
    sex[:3] = [RARE] * 3
    return {
        "sex": [sex[i] for i in rng.permutation(n)],
        "age": [f"{age:.1f}" for age in rng.uniform(20, 79, n)],
        "site": [str(one) for one in rng.choice(["north", "south"], n, p=[0.7, 0.3])],
        "label": [str(one) for one in rng.choice(["No Finding", "Effusion", "Cardiomegaly|Effusion"], n)],
    }


def vectors(table: Table, rng: np.random.Generator) -> NDArray[np.float32]:
    n = len(table["sex"])
    x = rng.normal(size=(n, WIDTH))
    x[:, 0] += 4.0 * (np.array(table["sex"]) == "F")
    x[:, 1] += 4.0 * (np.array(table["site"]) == "south")
    x[:, 2] += np.array(table["age"], dtype=float) / 15
    return np.asarray(x / np.linalg.norm(x, axis=1, keepdims=True), dtype=np.float32)


def cohort(role: Role, table: Table, columns: tuple[str, ...]) -> Cohort:
    n = len(table["sex"])
    names = tuple(f"{role.value}-{i:04d}.png" for i in range(n))
    blank = ArrayImage(np.zeros((8, 8), dtype=np.float32))
    return Cohort(
        role,
        names,
        (blank,) * n,
        tuple(f"P{i * 7919 % 10007:05d}-{role.value}" for i in range(n)),
        np.full(n, role is not Role.SYNTHETIC),
        {name: tuple(table[name]) for name in columns},
        tuple(f"{(i * 7919 + len(role.value)) % 10007:05d}{role.value}" for i in range(n)),
    )


def evidence(
    seed: int,
    *,
    change: Change = lambda table, _: table,
    labeled: bool = True,
    columns: tuple[str, ...] = COLUMNS,
    remembered: str = "",
    holdout: bool = True,
    shuffled: int | None = None,
) -> Evidence:
    """160 training and 120 held-out patients, 200 images made; `remembered`: the site of which half are copied."""
    rng = np.random.default_rng(seed)
    tables = {role: people(n, rng) for role, n in ((Role.TRAIN, 160), (Role.HOLDOUT, 120), (Role.SYNTHETIC, 200))}
    tables[Role.SYNTHETIC] = change(tables[Role.SYNTHETIC], rng)
    rows = {role: vectors(table, rng) for role, table in tables.items()}
    if remembered:
        theirs = np.flatnonzero(np.array(tables[Role.TRAIN]["site"]) == remembered)[::2]
        rows[Role.SYNTHETIC][: len(theirs)] = rows[Role.TRAIN][theirs]
    cohorts = {
        role: cohort(role, table, columns if labeled or role is not Role.SYNTHETIC else ())
        for role, table in tables.items()
    }
    if shuffled is not None:
        for role, one in cohorts.items():
            order = np.random.default_rng(shuffled).permutation(len(one))
            cohorts[role], rows[role] = one.subset(order), rows[role][order]
    return assembled(cohorts, rows, holdout)


def assembled(cohorts: dict[Role, Cohort], rows: dict[Role, NDArray[np.float32]], holdout: bool) -> Evidence:
    encoder = Vectors()
    roles = (Role.TRAIN, Role.HOLDOUT) if holdout else (Role.TRAIN,)
    pool = Pool.of(*(cohorts[role] for role in roles))
    space = Space(encoder, pool.in_pool_order(*(rows[role] for role in roles)))
    embedded = {role: Embeddings(encoder.name, "0", rows[role]) for role in rows}
    made = Evidence(
        cohorts[Role.TRAIN],
        cohorts[Role.HOLDOUT] if holdout else None,
        cohorts[Role.SYNTHETIC],
        None,
        {encoder.name: embedded},
        pool,
        Matcher(pool, (space,), size=64),
        Settings(relabelings=1_999),
        0,
        1,
        Progress(),
    )
    nobody = np.zeros(pool.n_patients, dtype=bool)
    nothing = PatientEvidence(np.full(pool.n_patients, -np.inf), np.full(pool.n_patients, -np.inf))
    levels = strata(pool, ~nobody)
    scale = PatientScale.fit(nothing, levels.level, ~nobody)
    copies = CopyEvidence(
        None,
        None,
        "images were not looked at",
        (),
        nobody,
        nobody,
        nobody,
        levels,
        nothing,
        scale,
        scale.scores(nothing),
    )
    made.once("copying", lambda: copies)  # pictures are blank here: what rests on them is tested with `copies`
    return made


def asked(one: Evidence) -> Finding:
    return Bias().run(one, one.rng("probe bias"))


def value(finding: Finding, name: str) -> float:
    found = finding.measure(name)
    assert found is not None
    assert found.value is not None
    return found.value


def few_women(table: Table, rng: np.random.Generator) -> Table:
    kept = [i for i, sex in enumerate(table["sex"]) if sex != "F" or rng.random() < 0.2]
    return {name: [column[i] for i in kept] for name, column in table.items()}


@pytest.fixture(scope="module")
def fair() -> Finding:
    return asked(evidence(1))


def test_a_fair_generator_is_told_to_be_so(fair: Finding) -> None:
    assert fair.answer.startswith("None of ")
    assert fair.answer.endswith("beyond chance (family-wise error 1%).")
    for name, none in (("underrepresented", 1), ("overrepresented", 1), ("coverage_gap", 0), ("exposure_gap", 0)):
        assert value(fair, name) == none
    assert 0 < value(fair, "detectable_underrepresentation") < 1
    assert 0 < value(fair, "detectable_exposure_gap") < 1
    assert not fair.exposures
    in_cells = ("coverage[", "exposed[", "named[")
    assert sum(not one.name.startswith(in_cells) for one in fair.measures) <= 40
    assert {one.kind for one in fair.charts} == {ChartKind.INTERVALS, ChartKind.GRID}


def test_every_number_comes_with_n_and_with_what_it_rests_on(fair: Finding) -> None:
    for one in fair.measures:
        if one.value is not None and one.low is not None and one.high is not None:
            assert one.low <= one.value <= one.high, one.name
            assert one.n_patients >= 10, one.name
            assert one.note
    coverage = fair.measure("coverage[site south]")
    assert coverage is not None
    assert coverage.floor is not None
    assert value(fair, "representation[site south]") == pytest.approx(1.0, abs=0.3)


def test_a_group_of_three_is_nowhere_nor_is_one_from_which_it_would_follow() -> None:
    """Of one value in three that is small, a second one is hidden: the total is known."""
    finding = asked(evidence(1, columns=("sex", "site")))
    text = json.dumps([str(one) for one in (*finding.measures, *finding.charts)]) + finding.answer
    assert RARE not in text
    hidden = [sex for sex in ("F", "M") if f"sex {sex}" not in text]
    assert len(hidden) == 1
    assert "site north" in text


def test_a_few_of_unknown_sex_hide_nobody() -> None:
    finding = asked(only_two(evidence(1, columns=("sex", "site")), rare=""))
    assert {"representation[sex F]", "representation[sex M]"} <= {one.name for one in finding.measures}


def test_women_who_are_left_out_are_named() -> None:
    finding = asked(only_two(evidence(2, change=few_women)))
    assert finding.answer.startswith("Women make up ")
    assert value(finding, "underrepresented") < 0.6
    assert value(finding, "exposure_gap") == 0


def only_two(one: Evidence, rare: str = "M") -> Evidence:
    """The same with men, or the unknown, for those of a rare sex, so that nothing is suppressed."""

    def plain(cohort: Cohort) -> Cohort:
        sexes = tuple(rare if sex == RARE else sex for sex in cohort.attributes.get("sex", ()))
        return replace(cohort, attributes={**cohort.attributes, "sex": sexes} if sexes else cohort.attributes)

    assert one.holdout is not None
    cohorts = {each.role: plain(each) for each in (one.train, one.holdout, one.synthetic)}
    rows = {role: embedded.vectors for role, embedded in one.embeddings["elsewhere"].items()}
    return assembled(cohorts, {role: np.asarray(r) for role, r in rows.items()}, holdout=True)


def test_attributes_that_images_came_without_are_predicted() -> None:
    finding = asked(only_two(evidence(3, change=few_women, labeled=False)))
    assert "which was predicted from them." in finding.answer
    assert finding.answer.endswith("are not known.")
    over = finding.measure("overrepresented")
    assert over is not None
    assert over.value is None, "what was not looked at is not in order"
    assert value(finding, "representation[sex F]") < 0.7
    told = finding.measure("representation[sex F]")
    assert told is not None
    assert told.note.endswith("Predicted from the synthetic images; the interval carries the predictor's errors.")
    unseen = finding.measure("representation[label Effusion]")
    assert unseen is not None
    assert unseen.not_measured is not None
    assert unseen.not_measured.startswith("the synthetic images came without it, and it cannot be told from an image")
    downstream = finding.measure("downstream_gap")
    assert downstream is not None
    assert downstream.not_measured is not None


def test_a_site_that_is_remembered_is_named_as_exposed() -> None:
    finding = asked(evidence(4, remembered="south"))
    assert finding.answer.startswith("Patients of site south are more exposed than others are:")
    assert value(finding, "exposure_gap") > 0.2
    exposed = finding.measure("exposed[site south]")
    assert exposed is not None
    assert exposed.floor is not None
    assert exposed.low is not None
    assert exposed.low > exposed.floor


def test_without_a_holdout_shares_are_measured_and_exposure_is_not() -> None:
    finding = asked(evidence(1, holdout=False))
    assert value(finding, "underrepresented") == 1.0
    gap = finding.measure("exposure_gap")
    assert gap is not None
    assert gap.not_measured is not None
    assert gap.not_measured.startswith("there is no holdout")
    assert "more exposed" not in finding.answer


def test_without_columns_there_is_nothing_to_ask() -> None:
    with pytest.raises(NotEnoughData, match=r"^comparing groups of patients needs at least one column such as sex"):
        asked(evidence(1, columns=()))


def test_the_order_of_files_changes_nothing(fair: Finding) -> None:
    again = asked(evidence(1, shuffled=5))
    assert again.measures == fair.measures
    assert again.charts == fair.charts
    assert again.answer == fair.answer


def pictured(seed: int, made: Callable[[ChestPopulation], list[int]]) -> Evidence:
    """Simulated radiographs of 110 training and 100 held-out patients, and of the patients that were made."""
    population = ChestPopulation(seed=seed, size=32)
    sides = {
        Role.TRAIN: population.cohort(Role.TRAIN, range(110)),
        Role.HOLDOUT: population.cohort(Role.HOLDOUT, range(110, 210)),
        Role.SYNTHETIC: population.cohort(Role.SYNTHETIC, made(population)),
    }
    rows = {role: np.asarray(embed(one, Descriptor()).vectors) for role, one in sides.items()}
    return assembled(sides, rows, holdout=True)


@pytest.mark.slow
def test_radiographs_of_men_only_are_named_as_lacking_women() -> None:
    def fresh_men(population: ChestPopulation) -> list[int]:
        return [n for n in range(1_000, 1_240) if population.person(n).sex == "M"]

    finding = asked(pictured(5, fresh_men))
    assert finding.answer.startswith("Women make up 0% of the synthetic images")


@pytest.mark.slow
def test_radiographs_copied_of_one_group_are_named_as_its_exposure() -> None:
    """Group B alone is copied, besides fresh patients of all groups; the average patient is not exposed."""

    def copies_of_b(population: ChestPopulation) -> list[int]:
        theirs = [n for n in range(110) if population.person(n).group == "B"]
        return [*theirs, *range(1_000, 1_080)]

    finding = asked(pictured(6, copies_of_b))
    assert finding.answer.startswith("Patients of group B are more exposed than others are:")
    assert value(finding, "exposure_gap") > 0.5
