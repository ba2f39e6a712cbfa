"""The probe `utility`: labels that fit teach, shuffled ones do not, and no one outside the task takes part."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from synthaudit.cohort import Cohort, Role
from synthaudit.embeddings import Embeddings
from synthaudit.errors import NotEnoughData
from synthaudit.finding import ChartKind, Finding
from synthaudit.probe import Evidence
from synthaudit.probes.utility import Utility

if TYPE_CHECKING:
    from tests.probes.conftest import Scene


def value(finding: Finding, name: str) -> float:
    found = finding.measure(name)
    assert found is not None
    assert found.value is not None
    return found.value


def prepared(scene: Scene, labels: dict[Role, list[str]], pairs: tuple[Any, ...] = ()) -> Evidence:
    """An audit whose vectors tell the label, and in which the matching has been done already."""
    rng = np.random.default_rng(0)

    def labeled(cohort: Cohort) -> Cohort:
        return replace(cohort, attributes={"label": tuple(labels[cohort.role])} if labels[cohort.role] else {})

    assert scene.holdout is not None
    train, holdout, synthetic = (labeled(one) for one in (scene.train, scene.holdout, scene.synthetic))
    truth = {role: TRUTH[role] for role in (Role.TRAIN, Role.HOLDOUT, Role.SYNTHETIC)}
    vectors = {
        role: Embeddings("descriptor", "f", _unit(1.2 * np.eye(2, 6)[is_ill.astype(int)] + rng.normal(size=(N, 6))))
        for role, is_ill in truth.items()
    }
    evidence = replace(scene, train=train, holdout=holdout, synthetic=synthetic).evidence()
    (space,) = evidence.matcher.spaces
    rows = evidence.pool.in_pool_order(vectors[Role.TRAIN].vectors, vectors[Role.HOLDOUT].vectors)
    evidence.matcher.spaces = (replace(space, vectors=rows),)
    nobody = np.zeros(evidence.pool.n_patients, dtype=bool)
    copies = SimpleNamespace(twins=nobody, direct=nobody, pairs=pairs)
    return replace(evidence, embeddings={"descriptor": vectors}, _memo={"copying": copies})


def _unit(rows: Any) -> Any:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


N = 60
TRUTH = {role: np.random.default_rng(i).random(N) < 0.35 for i, role in enumerate(Role)}
LABELS = {role: ["ill" if ill else "well" for ill in is_ill] for role, is_ill in TRUTH.items()}


@pytest.fixture(scope="module")
def sixty(scenes: type[Scene]) -> Scene:
    """Small pictures of nothing: what counts here are vectors and labels."""
    from synthaudit.generators.made import images_cohort

    rng = np.random.default_rng(3)
    made = [
        replace(images_cohort(role, rng.random((N, 64, 64)).astype(np.float32)), known_patient=np.full(N, i < 2))
        for i, role in enumerate((Role.TRAIN, Role.HOLDOUT, Role.SYNTHETIC))
    ]
    holdout = replace(made[1], patients=tuple(f"H{i}" for i in range(N)))
    return scenes(made[0], holdout, made[2])


@pytest.fixture(scope="module")
def found(sixty: Scene) -> Finding:
    pairs = tuple(SimpleNamespace(query=i) for i in range(12))
    evidence = prepared(sixty, LABELS, pairs)
    return Utility().run(evidence, evidence.rng("probe utility"))


def test_every_figure_stands_beside_that_of_real_images(found: Finding) -> None:
    names = [one.name for one in found.measures]
    assert names[:5] == ["auc_gap", "auc_gain", "auc[tstr]", "auc[trtr]", "auc[both]"]
    assert names[-4:] == [
        "class_specificity[well]",
        "class_specificity[ill]",
        "enriched_sensitivity[ill]",
        "enriched_specificity[ill]",
    ]
    assert len(names) == len(set(names)) <= 25
    assert [chart.kind for chart in found.charts] == [ChartKind.INTERVALS] * 2
    for one in found.measures:
        assert one.value is not None
        assert one.low is not None
        assert one.high is not None
        assert one.low <= one.value <= one.high, one.name
        assert (one.floor is None) == one.name.endswith("[trtr]")
    assert value(found, "auc[tstr]") > 0.65
    gap = found.measures[0]
    assert gap.low is not None
    assert gap.low < 0 < (gap.high or 0)
    assert "is not seen to learn less" in found.answer


def test_copies_are_left_out_once(found: Finding) -> None:
    measure = found.measure("auc[tstr_unflagged]")
    assert measure is not None
    assert "without the 12 synthetic images that direct evidence withholds (24 images)" in measure.note


def test_shuffled_labels_are_told(sixty: Scene) -> None:
    wrong = {**LABELS, Role.SYNTHETIC: ["well" if ill else "ill" for ill in TRUTH[Role.SYNTHETIC]]}
    evidence = prepared(sixty, wrong)
    finding = Utility().run(evidence, evidence.rng("probe utility"))
    assert value(finding, "auc[tstr]") < 0.4
    assert finding.answer.startswith("A classifier of held-out patients learns less from synthetic images")
    assert finding.measure("auc[tstr_unflagged]") is not None


def test_who_was_trained_on_is_no_test(sixty: Scene) -> None:
    evidence = prepared(sixty, LABELS)
    copies = evidence.once("copying", SimpleNamespace)
    copies.direct = np.ones(evidence.pool.n_patients, dtype=bool)
    with pytest.raises(NotEnoughData, match="got 0 of 0 in column label"):
        Utility().run(evidence, evidence.rng("probe utility"))


def test_without_labels_it_says_what_to_add(sixty: Scene) -> None:
    evidence = prepared(sixty, {**LABELS, Role.SYNTHETIC: []})
    with pytest.raises(NotEnoughData, match="same kind of values, found none; add a column label"):
        Utility().run(evidence, evidence.rng("probe utility"))


def test_images_that_are_all_one_are_no_test(sixty: Scene) -> None:
    evidence = prepared(sixty, LABELS)
    (space,) = evidence.matcher.spaces
    evidence.matcher.spaces = (replace(space, vectors=np.tile(space.vectors[:1], (len(space.vectors), 1))),)
    with pytest.raises(NotEnoughData, match="all are the same to the encoders"):
        Utility().run(evidence, np.random.default_rng(0))
