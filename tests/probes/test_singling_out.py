"""The probe `singling-out`: copies are singled out, strangers are not, and records are asked where there are any."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from synthaudit.cohort import Cohort
from synthaudit.errors import NotEnoughData
from synthaudit.finding import ChartKind, Direction, Finding
from synthaudit.probe import Evidence
from synthaudit.probes.singling_out import SinglingOut

if TYPE_CHECKING:
    from tests.probes.conftest import Scene


def asked(evidence: Evidence) -> Finding:
    return SinglingOut().run(evidence, evidence.rng("probe singling-out"))


def made_of(real: Cohort, like: Cohort) -> Cohort:
    """A generator that hands out real images, with what is written beside them."""
    return replace(
        real,
        role=like.role,
        names=tuple(f"made-{i}" for i in range(len(real))),
        patients=tuple(f"made-{i}" for i in range(len(real))),
        known_patient=np.zeros(len(real), dtype=bool),
    )


def with_attributes(one: Cohort, seed: int) -> Cohort:
    rng = np.random.default_rng(seed)
    n = len(one)
    columns = {"age": rng.integers(20, 90, n).astype(str), "sex": rng.choice(["F", "M"], n)}
    return replace(one, attributes={name: tuple(map(str, values)) for name, values in columns.items()})


@pytest.fixture(scope="module")
def found(honest_evidence: Evidence) -> Finding:
    return asked(honest_evidence)


def test_strangers_are_not_singled_out(found: Finding) -> None:
    excess, p_value = found.measure("excess"), found.measure("excess_p")
    assert excess is not None
    assert excess.value is not None
    assert excess.low is not None
    assert excess.low <= 0 <= excess.value <= 0.2
    assert p_value is not None
    assert p_value.value is not None
    assert p_value.value > 0.05
    # 20 patients of each side are too few to say that nothing leaks, and this is said.
    assert found.answer.startswith("Too few patients took part to tell whether descriptions made of the synthetic ")


def test_without_records_the_question_about_them_stays_open(found: Finding) -> None:
    record = found.measure("excess[record_whole]")
    assert record is not None
    assert record.not_measured is not None
    assert record.not_measured.endswith("rows for synthetic images in the metadata table would open this question.")
    assert [one.name for one in found.measures] == [
        "excess",
        "excess_p",
        *(
            f"{stem}[{ball}]"
            for ball in ("ball_narrow", "ball_wide")
            for stem in ("excess", "train_success", "holdout_success", "blind_success")
        ),
        "excess[record_whole]",
        "outlier_excess[lowest_density]",
        "outlier_excess[rare_findings]",
        "outlier_excess[extreme_ages]",
    ]
    assert all(one.value is None for one in found.measures[-3:])
    (chart,) = found.charts
    assert chart.kind is ChartKind.INTERVALS
    assert any("not a one-off exercise" in limit for limit in found.limits)
    assert not found.exposures
    assert not found.withheld


def test_copies_with_their_records_are_singled_out(honest: Scene) -> None:
    assert honest.holdout is not None
    train, holdout = with_attributes(honest.train, 0), with_attributes(honest.holdout, 1)
    evidence = replace(honest, train=train, holdout=holdout, synthetic=made_of(train, honest.synthetic)).evidence()
    finding = asked(evidence)
    for attack in ("ball_narrow", "record_whole"):
        share, control = finding.measure(f"train_success[{attack}]"), finding.measure(f"holdout_success[{attack}]")
        assert share is not None
        assert control is not None
        assert share.value is not None
        assert control.value is not None
        assert share.value >= 0.9
        assert control.value <= 0.3
        assert share.direction is Direction.HIGHER_IS_WORSE
        assert control.direction is Direction.NEUTRAL
    excess = finding.measure("excess")
    assert excess is not None
    assert excess.low is not None
    assert excess.low > 0.4
    assert finding.answer.startswith(
        "Descriptions made of the synthetic images single out training patients more often"
    )
    assert len(finding.measures) == 21


def test_the_order_of_files_and_the_workers_change_nothing(honest: Scene, found: Finding) -> None:
    again = asked(honest.shuffled(seed=1).evidence(workers=2))
    assert again.measures == found.measures
    assert again.charts == found.charts


@pytest.mark.slow
def test_made_up_records_do_not_depend_on_the_order_of_files_either(honest: Scene) -> None:
    assert honest.holdout is not None
    told = [with_attributes(one, i) for i, one in enumerate((honest.train, honest.holdout, honest.synthetic))]
    scene = replace(honest, train=told[0], holdout=told[1], synthetic=told[2])
    assert asked(scene.evidence()).measures == asked(scene.shuffled(seed=2).evidence()).measures


def test_who_is_on_both_sides_takes_no_part(copied_evidence: Evidence) -> None:
    excess = asked(copied_evidence).measure("excess")
    assert excess is not None
    assert excess.n_patients == copied_evidence.pool.n_patients - 2


def test_one_side_with_next_to_nobody_is_refused(honest: Scene) -> None:
    assert honest.holdout is not None
    with pytest.raises(
        NotEnoughData, match=r"got 20 for training, fewer than 10 for holdout and 20; give more patients$"
    ):
        asked(replace(honest, holdout=honest.holdout.subset(range(4))).evidence())


def test_synthetic_images_that_are_all_one_are_not_described(honest: Scene) -> None:
    """No description fits the only image there is and no other: that nobody is singled out would say nothing."""
    collapsed = replace(honest, synthetic=honest.synthetic.subset(np.zeros(20, dtype=np.intp)))
    with pytest.raises(NotEnoughData, match="all are the same"):
        asked(collapsed.evidence())
