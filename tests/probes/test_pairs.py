"""The probe `pairs`: what identifies is said, what is remembered, added or taken away is found, and nothing else is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from numpy.typing import NDArray

from synthaudit import audit
from synthaudit.cohort import Cohort, Role
from synthaudit.errors import NotEnoughData
from synthaudit.finding import Direction, Finding, Measure
from synthaudit.generators.made import images_cohort
from synthaudit.generators.protocol import Budget, Images
from synthaudit.generators.translation import Translation, TranslationRecipe
from synthaudit.probe import Evidence
from synthaudit.probes.pairs import Pairs
from tests.paired.phantoms import LookUp, people

if TYPE_CHECKING:
    from tests.probes.conftest import Scene

TRAIN, HOLDOUT = people(0, 60, 15), people(500, 110, 20)


@pytest.fixture(scope="module")
def evidence(scenes: type[Scene]) -> Evidence:
    """Real pairs, and some images that a generator made."""
    made = images_cohort(Role.SYNTHETIC, HOLDOUT.rescanned(9)[:20])
    train, holdout = people(0, 12, 3), people(500, 12, 3)
    small = scenes(train.cohort(Role.TRAIN), holdout.cohort(Role.HOLDOUT), made).evidence()
    return replace(small, train=TRAIN.cohort(Role.TRAIN), holdout=HOLDOUT.cohort(Role.HOLDOUT))


def asked(evidence: Evidence, train: Images, holdout: Images) -> Finding:
    generator = LookUp.of((TRAIN, train), (HOLDOUT, holdout))
    return Pairs("t1", "t2").run(replace(evidence, generator=generator), np.random.default_rng(0))


def measure(finding: Finding, name: str) -> Measure:
    found = finding.measure(name)
    assert found is not None
    return found


def share(finding: Finding, name: str) -> float:
    value = measure(finding, name).value
    assert value is not None
    return value


@pytest.fixture(scope="module")
def honest(evidence: Evidence) -> Finding:
    """As a second scan of everybody would be."""
    return asked(evidence, TRAIN.rescanned(1), HOLDOUT.rescanned(1))


def test_an_output_identifies_and_that_is_no_leak(honest: Finding) -> None:
    found = measure(honest, "identified_by_output")
    assert found.value is not None
    assert found.value > 0.95
    assert found.direction is Direction.NEUTRAL
    assert "chance is 1 in 110" in found.note
    assert "not a leak" in found.note
    assert honest.answer.startswith(
        "An output identifies its input by design, so every output has to be handled as the"
    )


def test_an_honest_translator_is_accused_of_nothing(honest: Finding) -> None:
    assert "known better than those of held-out patients is not shown" in honest.answer
    assert "That the generator adds lesions or takes lesions away is not shown." in honest.answer
    aucs = [one for one in honest.measures if one.name.startswith("training_pair_auc")]
    assert [one.name.partition("auc")[2] for one in aucs] == ["", "[relative]", "[difficulty]"]
    for one in aucs:
        assert one.low is not None
        assert one.high is not None
        assert one.low <= 0.5 <= one.high
    assert measure(honest, "hallucinated_lesions").p_value == pytest.approx(1, abs=0.99)
    assert len(honest.charts) == 1


def test_a_translator_that_remembers_its_training_pairs_is_found(evidence: Evidence) -> None:
    finding = asked(evidence, TRAIN.target, HOLDOUT.rescanned(1, noise=0.03))
    one = measure(finding, "training_pair_auc[relative]")
    assert one.value == 1
    assert one.p_value is not None
    assert one.p_value < 0.001
    assert share(finding, "training_pair_tpr_at_1pct_fpr") == 1
    assert measure(finding, "training_pair_auc[difficulty]").value == pytest.approx(0.5, abs=0.15)
    assert "the weights tell who was in" in finding.answer


def test_lesions_added_and_taken_away_are_told_apart(evidence: Evidence) -> None:
    eraser = asked(evidence, TRAIN.target, HOLDOUT.healthy)
    assert "The generator takes lesions away beyond what the detector" in eraser.answer
    assert share(eraser, "erased_lesions") > 0.8
    assert (measure(eraser, "erased_lesions").floor or 0) < 0.4
    spotted = people(500, 110, 110)
    hallucinator = asked(evidence, TRAIN.target, np.where(HOLDOUT.ill[:, None, None], HOLDOUT.target, spotted.target))
    assert "The generator adds lesions beyond what the detector" in hallucinator.answer
    assert share(hallucinator, "hallucinated_lesions") > 0.5
    assert (measure(hallucinator, "hallucinated_lesions").floor or 0) <= 0.05
    assert measure(hallucinator, "hallucinated_lesions").n_patients == 90


def test_without_marks_the_rest_is_measured(evidence: Evidence) -> None:
    assert evidence.holdout is not None
    unmarked = replace(evidence, train=_unmarked(evidence.train), holdout=_unmarked(evidence.holdout))
    finding = asked(unmarked, TRAIN.target, HOLDOUT.target)
    for name in ("hallucinated_lesions", "erased_lesions"):
        assert measure(finding, name).value is None
        assert "marked as free of them" in (measure(finding, name).not_measured or "")
    assert "Whether lesions are added or taken away was not measured." in finding.answer
    assert finding.charts == ()
    assert share(finding, "identified_by_output") > 0.9
    # The exact target: its error is 0, and the ratio of the PSNR has no value.
    assert measure(finding, "mae").value == 0
    assert measure(finding, "psnr").not_measured is not None


def test_few_lesions_say_nothing_of_erased_ones(evidence: Evidence) -> None:
    assert evidence.holdout is not None
    few = replace(evidence, holdout=evidence.holdout.subset(range(34, 160)))
    finding = asked(few, TRAIN.target, HOLDOUT.target)
    assert "at least 5 held-out patients marked with a lesion, found 3" in (
        measure(finding, "erased_lesions").not_measured or ""
    )
    assert measure(finding, "hallucinated_lesions").value is not None
    rate = measure(finding, "training_pair_tpr_at_1pct_fpr")
    assert "at least 100 held-out patients" in (rate.not_measured or "")


def test_a_generator_without_pairs_is_not_asked(evidence: Evidence) -> None:
    generator = LookUp.of((TRAIN, TRAIN.target), (HOLDOUT, HOLDOUT.target))
    with pytest.raises(NotEnoughData, match="which images are pairs is not known"):
        Pairs().run(replace(evidence, generator=generator), np.random.default_rng(0))


def test_the_order_of_files_changes_nothing(evidence: Evidence, honest: Finding) -> None:
    assert evidence.holdout is not None
    rng = np.random.default_rng(3)
    mixed = replace(
        evidence,
        train=evidence.train.subset(rng.permutation(len(evidence.train))),
        holdout=evidence.holdout.subset(rng.permutation(len(evidence.holdout))),
    )
    again = asked(mixed, TRAIN.rescanned(1), HOLDOUT.rescanned(1))
    assert _rounded(again) == _rounded(honest)


def _unmarked(cohort: Cohort) -> Cohort:
    return replace(cohort, attributes={"contrast": cohort.attributes["contrast"]})


def _rounded(finding: Finding) -> list[tuple[str, float | None, float | None]]:
    return [(one.name, _six(one.value), _six(one.low)) for one in finding.measures]


def _six(value: float | None) -> float | None:
    return None if value is None else round(value, 6)


@pytest.mark.slow
def test_an_audit_asks_a_checkpoint(tmp_path: Path) -> None:
    train, holdout = people(0, 12, 3), people(500, 12, 3)
    recipe = TranslationRecipe(size=16, batch=8, width=8, levels=1)
    translator = Translation(recipe).fit(train.cohort(Role.TRAIN), Budget(steps=2), 0, folder=tmp_path)
    made = images_cohort(Role.SYNTHETIC, translator.translate(np.zeros((3, 16, 16), dtype=np.float32)))
    result = audit(
        train=train.cohort(Role.TRAIN),
        holdout=holdout.cohort(Role.HOLDOUT),
        synthetic=made,
        generator=str(tmp_path),
        probes=("pairs",),
        cache=False,
        workers=1,
    )
    (found,) = result.findings
    assert found.not_run is None
    assert found.answer.startswith("An output identifies its input by design")
    assert measure(found, "identified_by_output").n_patients == 12


def _null(seed: int) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """p-values, and whether the intervals hold one half, for a translator that knows nobody."""
    from synthaudit.probes.pairs import _known

    train, holdout = people(0, 20, 0, seed=seed, size=8), people(500, 20, 0, seed=seed, size=8)
    sides = (train.side(Role.TRAIN, train.rescanned(seed)), holdout.side(Role.HOLDOUT, holdout.rescanned(seed)))
    aucs = [one for one in _known(*sides, np.random.default_rng(seed)) if "auc" in one.name]
    held = [one.low is not None and one.high is not None and one.low <= 0.5 <= one.high for one in aucs]
    return np.array([one.p_value for one in aucs]), np.array(held)


@pytest.mark.slow
def test_training_pairs_are_called_known_no_more_often_than_said() -> None:
    rows = [_null(seed) for seed in range(200)]
    p, held = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
    for level in (0.01, 0.05, 0.2):
        assert ((p <= level).mean(axis=0) <= level + 3 * np.sqrt(level * (1 - level) / len(p))).all()
    assert (p <= 0.2).mean() > 0.1, "and no less often"
    assert (held.mean(axis=0) > 0.9).all()
