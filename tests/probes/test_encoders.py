"""Encoders are judged by what they see in these images: the descriptor sees, noise does not, two decide together."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
import pytest
from numpy.typing import NDArray

from synthaudit import Settings, audit
from synthaudit.cohort import Cohort, Role
from synthaudit.embed import embed
from synthaudit.embeddings import PixelEncoder, TableEncoder
from synthaudit.finding import Finding, Measure
from synthaudit.fitness import two_images_each
from synthaudit.matching.matcher import Matcher
from synthaudit.matching.pool import Pool, Space
from synthaudit.phantoms.chest import ChestPopulation
from synthaudit.policy import PRESETS, RuleResult, Verdict, load_policy, overall
from synthaudit.probe import Evidence
from synthaudit.probes.copies import Copies
from synthaudit.probes.encoders import QUANTITIES, USELESS, Encoders
from synthaudit.progress import Progress
from synthaudit.statistics.proportion import clopper_pearson
from synthaudit.summary import encoder_fitness

if TYPE_CHECKING:
    from tests.probes.conftest import Scene

Vectors = NDArray[np.float32]
_prepared = Pool.prepared
QUICK = Settings(relabelings=199, bootstraps=3, planted_patients=5, planted_decoys=2)


def unit(rows: NDArray[np.floating]) -> Vectors:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


@dataclass(frozen=True)
class Thumbnails:
    """Sees: the image itself, at 16 pixels."""

    name: ClassVar[str] = "thumbnails"
    dim: ClassVar[int] = 256
    fingerprint: ClassVar[str] = "thumbnails"
    input_size: ClassVar[int] = 16
    channels: ClassVar[Literal[1]] = 1
    fast: ClassVar[bool] = False

    def encode(self, images: Vectors) -> Vectors:
        flat = images.reshape(len(images), -1)
        return unit(flat - flat.mean(axis=1, keepdims=True) + 1e-6)


class Guesses(Thumbnails):
    """Sees nothing: other vectors for any other pixels, however alike."""

    name: ClassVar[str] = "guesses"
    fingerprint: ClassVar[str] = "guesses"

    def encode(self, images: Vectors) -> Vectors:
        seeds = [hashlib.sha256(np.ascontiguousarray(image).tobytes()).digest()[:8] for image in images]
        draws = [np.random.default_rng(int.from_bytes(seed, "little")).standard_normal(self.dim) for seed in seeds]
        return unit(np.stack(draws))


class Dull(Thumbnails):
    """Sees hardly anything: how bright the image is on the whole."""

    name: ClassVar[str] = "dull"
    fingerprint: ClassVar[str] = "dull"

    def encode(self, images: Vectors) -> Vectors:
        rows = np.ones((len(images), self.dim))
        rows[:, 0] += 1e-3 * images.reshape(len(images), -1).mean(axis=1)
        return unit(rows)


@dataclass(frozen=True)
class Table:
    """Knows the user's own images only."""

    known: dict[str, Vectors]
    name: ClassVar[str] = "precomputed"
    dim: ClassVar[int] = 256
    fingerprint: ClassVar[str] = "table"

    def rows(self, role: str, names: Sequence[str]) -> Vectors:
        assert len(names) == len(self.known[role])
        return self.known[role]


def evidence_of(scene: Scene, *encoders: PixelEncoder | TableEncoder, workers: int = 1) -> Evidence:
    cohorts = [one for one in (scene.train, scene.holdout, scene.synthetic) if one is not None]
    embedded = {e.name: {one.role: embed(one, e) for one in cohorts} for e in encoders}
    pool = Pool.of(*cohorts[:-1])
    spaces = tuple(
        Space(e, pool.in_pool_order(*(embedded[e.name][one.role].vectors for one in cohorts[:-1]))) for e in encoders
    )
    matcher = Matcher(pool, spaces, size=64, workers=workers)
    shown = (scene.train, scene.holdout, scene.synthetic, None)
    return Evidence(*shown, embedded, pool, matcher, QUICK, 0, workers, Progress(quiet=True))


def asked(evidence: Evidence) -> Finding:
    probe = Encoders()
    return probe.run(evidence, evidence.rng(f"probe {probe.name}"))


def measured(finding: Finding, name: str) -> Measure:
    measure = finding.measure(name)
    assert measure is not None, name
    return measure


def rule(finding: Finding, preset: str) -> RuleResult:
    (result,) = [r for r in load_policy(preset).judge([finding]) if r.rule.measure == "encoders/retrieval_at_1"]
    return result


@pytest.fixture(scope="module")
def fit(honest_evidence: Evidence) -> Finding:
    return asked(honest_evidence)


@pytest.mark.parametrize("preset", PRESETS)
def test_the_descriptor_sees_these_images(fit: Finding, preset: str) -> None:
    found = measured(fit, "retrieval_at_1")
    assert found.value is not None
    assert found.value > 0.75
    assert (found.n_patients, found.n_images) == (40, 40)
    assert (found.low, found.high) == clopper_pearson(round(found.value * 40), 40)
    assert found.value == measured(fit, "retrieval_at_1[descriptor]").value
    assert (measured(fit, "retrieval_registered[descriptor]").value or 0) >= found.value
    assert rule(fit, preset).verdict is Verdict.PASS
    assert rule(fit, preset).rule.threshold == USELESS
    assert fit.answer.startswith(f"Yes: of 40 real images, mildly altered, {round(found.value * 40)} led back")


@pytest.mark.parametrize("encoder", [Guesses(), Dull()], ids=lambda encoder: encoder.name)
def test_an_encoder_that_sees_nothing_makes_the_audit_inconclusive(
    encoder: Thumbnails, honest: Scene, fit: Finding
) -> None:
    finding = asked(evidence_of(honest, encoder))
    found = measured(finding, "retrieval_at_1")
    assert found.high is not None
    assert found.high < USELESS
    assert finding.answer.startswith("No: of 40 real images")
    for preset in PRESETS:
        assert rule(finding, preset).verdict is Verdict.INCONCLUSIVE
        assert rule(finding, preset).rule.on_breach is Verdict.INCONCLUSIVE
    rank, best = measured(finding, f"effective_rank_share[{encoder.name}]"), measured(fit, "hubness[descriptor]").value
    assert rank.value is not None
    assert best is not None
    if isinstance(encoder, Dull):
        assert rank.value < 0.1, "one feature is one direction"
        assert (measured(finding, "hubness[dull]").value or 0) > best
    else:
        assert rank.value > 0.9, "noise goes everywhere, which is why rank alone decides nothing"


def test_a_failure_stays_one_though_the_encoders_are_useless(honest: Scene) -> None:
    policy = load_policy("controlled-release")
    copied = Finding("copies", "?", "Yes.", (Measure("direct_patients", 3.0, 3.0, 3.0, n_patients=20),))
    results = policy.judge([asked(evidence_of(honest, Guesses())), copied])
    assert overall(results) is Verdict.FAIL


def test_two_encoders_are_tried_alone_and_judged_together(honest: Scene) -> None:
    finding = asked(evidence_of(honest, Thumbnails(), Guesses()))
    together, sees, guesses = (measured(finding, f"retrieval_at_1{v}") for v in ("", "[thumbnails]", "[guesses]"))
    assert sees.value is not None
    assert together.value is not None
    assert guesses.value is not None
    assert guesses.value < 0.1 < together.value < sees.value, "the combination is what decides, good or bad"
    quantities = {m.name.partition("[")[0] for m in finding.measures}
    assert {m.name for m in finding.measures} == {q + v for q in quantities for v in ("", "[thumbnails]", "[guesses]")}
    (chart,) = finding.charts
    assert chart.series[0].x == ("combined, as used", "thumbnails", "guesses")
    assert "(thumbnails + guesses together)" in finding.answer


def test_a_table_cannot_be_shown_altered_images_and_the_rest_is_measured(honest: Scene) -> None:
    sees = Thumbnails()
    cohorts = [one for one in (honest.train, honest.holdout, honest.synthetic) if one is not None]
    table = Table({one.role.value: embed(one, sees).vectors for one in cohorts})
    evidence = evidence_of(honest, table)
    finding = asked(evidence)
    found = measured(finding, "retrieval_at_1[precomputed]")
    assert found.not_measured == (
        "precomputed has vectors of the user's own images only, and cannot be shown an altered one"
    )
    assert finding.answer == f"It is not known: {found.not_measured}."
    assert rule(finding, "internal").verdict is Verdict.INCONCLUSIVE
    rank = measured(finding, "effective_rank[precomputed]").value
    assert rank == measured(asked(evidence_of(honest, sees)), "effective_rank[thumbnails]").value
    assert any("precomputed" in limit for limit in finding.limits)
    with_eyes = asked(evidence_of(honest, sees, table))
    assert measured(with_eyes, "retrieval_at_1[thumbnails]").value is not None
    assert measured(with_eyes, "retrieval_at_1").not_measured == found.not_measured


def test_two_images_of_one_patient_are_told_from_images_of_two() -> None:
    chest = ChestPopulation(seed=9, size=64)
    train = chest.cohort(Role.TRAIN, range(16), visits=2)
    holdout = chest.cohort(Role.HOLDOUT, range(50, 60), visits=lambda number: 1 + number % 2)
    synthetic = chest.cohort(Role.SYNTHETIC, range(90, 94))
    finding = asked(evidence_of(_scene(train, holdout, synthetic), Thumbnails()))
    same = measured(finding, "same_patient_auc[thumbnails]")
    assert (same.n_patients, same.n_images) == (21, 42)
    assert same.low is not None
    assert same.low > 0.7
    noise = measured(asked(evidence_of(_scene(train, holdout, synthetic), Guesses())), "same_patient_auc[guesses]")
    assert noise.low is not None
    assert noise.low <= 0.5


def _scene(train: Cohort, holdout: Cohort | None, synthetic: Cohort) -> Scene:
    from types import SimpleNamespace

    return SimpleNamespace(train=train, holdout=holdout, synthetic=synthetic)  # type: ignore[return-value]


def test_two_files_of_one_picture_are_not_two_images(honest: Scene) -> None:
    doubled = honest.train.subset([0, 0, 1, 2, 2])
    pool = Pool.of(doubled)
    first, second = two_images_each(pool, np.random.default_rng(0))
    assert (first.size, second.size) == (0, 0)
    finding = asked(evidence_of(_scene(doubled, None, honest.synthetic), Thumbnails()))
    reason = measured(finding, "same_patient_auc[thumbnails]").not_measured
    assert reason == "a same-patient AUC needs at least 5 patients with two different images, got 0"


def test_few_patients_give_no_number(honest: Scene) -> None:
    finding = asked(evidence_of(_scene(honest.train.subset(range(4)), None, honest.synthetic), Thumbnails()))
    unknown = {m.name: m.not_measured for m in finding.measures if m.value is None}
    assert unknown["retrieval_at_1"] == "it needs real images of at least 5 patients, got 4"
    assert unknown["hubness[thumbnails]"] == "hubness with 10 neighbors needs more than 20 images, got 4"
    assert rule(finding, "internal").verdict is Verdict.INCONCLUSIVE
    lone = asked(evidence_of(_scene(honest.train.subset([0]), None, honest.synthetic), Thumbnails()))
    assert all(measure.value is None for measure in lone.measures)


def test_it_does_not_know_who_was_trained_on_nor_the_order_nor_the_workers(honest: Scene) -> None:
    before = asked(evidence_of(honest, Thumbnails(), Dull()))
    assert asked(evidence_of(honest.swapped(), Thumbnails(), Dull())).measures == before.measures
    assert asked(evidence_of(honest.shuffled(seed=4), Thumbnails(), Dull(), workers=3)) == before


def test_two_encoders_give_one_score_one_p_value_and_one_decision(honest: Scene) -> None:
    """Combined before calibration: there is no best encoder to pick after looking."""
    assert honest.holdout is not None
    copies = replace(honest.train.subset([2, 5, 7]), role=Role.SYNTHETIC)
    scene = _scene(honest.train.subset(range(12)), honest.holdout.subset(range(12)), copies)
    one, two = evidence_of(scene, Thumbnails()), evidence_of(scene, Thumbnails(), Dull())
    alone, both = (Copies().run(evidence, evidence.rng("probe copies")) for evidence in (one, two))
    assert {exposure.encoder for exposure in alone.exposures} == {"thumbnails"}
    assert {exposure.encoder for exposure in both.exposures} == {"thumbnails + dull"}
    assert [m.name for m in both.measures] == [m.name for m in alone.measures], "one set of numbers, not one an encoder"
    named = [(exposure.patient_id, exposure.kind) for exposure in both.exposures]
    assert len(named) == len(set(named)) >= 3, "one p-value a patient"
    before, after = (
        {(q, r): s for q, r, s in zip(m.query, m.real, m.score, strict=True)}
        for m in (one.synthetic_matches, two.synthetic_matches)
    )
    shared = before.keys() & after.keys()
    assert len(shared) > 0
    assert all(before[pair] != after[pair] for pair in shared), "the second encoder counts in every score"


def test_the_audit_tells_each_encoders_fitness(honest: Scene) -> None:
    told = audit(
        train=honest.train,
        holdout=honest.holdout,
        synthetic=honest.synthetic,
        encoders=[Thumbnails(), Dull()],
        probes=["encoders"],
        settings=QUICK,
        workers=1,
        cache=False,
    )
    finding = told.finding("encoders")
    assert finding is not None
    sees, dull = told.encoders
    assert sees.fitness == encoder_fitness("thumbnails", [finding])
    assert sees.fitness["retrieval_at_1"] == measured(finding, "retrieval_at_1[thumbnails]").value
    assert set(sees.fitness) == set(QUANTITIES) - {"same_patient_auc"}
    assert dull.fitness["effective_rank"] < sees.fitness["effective_rank"]
    assert encoder_fitness("thumb", [finding]) == {}
    text = repr(finding)
    assert not any(name in text for name in (*honest.train.patient_ids, *honest.train.names))


def test_without_the_probe_nothing_is_known_of_the_encoders() -> None:
    assert encoder_fitness("descriptor", []) == {}
    assert encoder_fitness("a", [Finding("other", "?", "", (Measure("retrieval_at_1[a]", 1.0),))]) == {}
