"""Same input, same seed: the same document, whatever the number of workers and the order of the images."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import synthaudit
from synthaudit import audit
from synthaudit.audit_record import Audit
from synthaudit.evidence_file import to_document
from synthaudit.generators.kernel_memory import KernelMemory
from synthaudit.generators.protocol import Budget, Generator
from synthaudit.policy import PRESETS, Verdict, load_policy
from synthaudit.probe import Settings

if TYPE_CHECKING:
    from tests.probes.conftest import Scene

SMALL = Settings(
    relabelings=99, bootstraps=2, planted_patients=5, planted_decoys=1, planted_per_strength=0, extracted_images=8
)
TIMES = {"started", "seconds", "stages"}


def memory(scene: Scene) -> Generator:
    """A generator to ask, the same whatever the order of its training images."""
    train = scene.train.subset(np.argsort(scene.train.pixel_digests))
    return KernelMemory(size=32).fit(train, Budget(steps=1), 0)


def audited(scene: Scene, *, seed: int = 0, workers: int = 1) -> Audit:
    return audit(
        train=scene.train,
        holdout=scene.holdout,
        synthetic=scene.synthetic,
        generator=memory(scene),
        settings=SMALL,
        seed=seed,
        workers=workers,
        cache=False,
    )


def document(found: Audit) -> dict[str, Any]:
    whole = to_document(found)
    whole["provenance"] = {key: value for key, value in whole["provenance"].items() if key not in TIMES}
    return whole


@pytest.fixture(scope="module")
def scene(scenes: type[Scene]) -> Scene:
    made = scenes.with_copies(seed=12)
    assert made.holdout is not None
    return replace(made, train=made.train.subset(range(14)), holdout=made.holdout.subset(range(12)))


@pytest.fixture(scope="module")
def first(scene: Scene) -> Audit:
    return audited(scene)


def test_workers_do_not_change_a_number(scene: Scene, first: Audit) -> None:
    again = audited(scene, workers=3)
    assert document(again) == document(first)
    assert [f.withheld for f in again.findings] == [f.withheld for f in first.findings]
    for one, other in zip(again.findings, first.findings, strict=True):
        assert [replace(e, pair=None) for e in one.exposures] == [replace(e, pair=None) for e in other.exposures]


def test_the_order_of_the_images_does_not_change_a_number(scene: Scene, first: Audit) -> None:
    assert document(audited(scene.shuffled(seed=5))) == document(first)


def test_every_measure_that_a_preset_asks_for_is_measured_by_a_probe(first: Audit) -> None:
    """The contract between policies and probes: a rule on a name that no probe knows could never pass."""
    known = {f"{finding.probe}/{measure.name}" for finding in first.findings for measure in finding.measures}
    unrun = {finding.probe for finding in first.findings if finding.not_run is not None}
    asked = {rule.measure for preset in PRESETS for rule in load_policy(preset).rules} - known
    assert {name for name in asked if name.partition("/")[0] not in unrun} == set()
    # What these images cannot be asked must at least be a name that the engine knows.
    engine = "".join(file.read_text() for file in sorted(Path(synthaudit.__file__).parent.rglob("*.py")))
    stems = {name: name.partition("/")[2].partition("[")[0] for name in asked}
    assert {name for name, stem in stems.items() if f'"{stem}' not in engine} == set()


def test_measures_have_one_name_each_and_intervals_that_hold_them(first: Audit) -> None:
    for finding in first.findings:
        names = [measure.name for measure in finding.measures]
        assert len(set(names)) == len(names)
        for measure in finding.measures:
            if measure.value is not None and measure.low is not None and measure.high is not None:
                assert measure.low <= measure.value <= measure.high, measure.name


def test_without_a_holdout_nothing_is_settled(scene: Scene) -> None:
    clean = [i for i, name in enumerate(scene.synthetic.names) if name not in scene.copies]
    found = audited(replace(scene, holdout=None, synthetic=scene.synthetic.subset(clean)))
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "it needs a holdout: real images of other patients" in found.reason
    assert found.actions[0].startswith("Give a holdout")
    inputs = found.finding("inputs")
    assert inputs is not None
    assert inputs.not_run is not None
