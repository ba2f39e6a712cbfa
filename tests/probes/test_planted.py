"""What would have been found: copies that are planted are found as the same copies in the synthetic images would be."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from synthaudit.canaries import planting
from synthaudit.canaries.planting import partner_row, planting_plan
from synthaudit.canaries.transforms import FAMILIES, REFERENCES, TRANSFORMS, Transform
from synthaudit.errors import NotEnoughData
from synthaudit.finding import ChartKind, Finding, Measure
from synthaudit.policy import Policy, Rule, Verdict
from synthaudit.probe import Evidence, Need
from synthaudit.probes.planted import Planted

if TYPE_CHECKING:
    from tests.probes.conftest import Scene


def run(evidence: Evidence) -> Finding:
    return Planted().run(evidence, evidence.rng("probe planted"))


def value(finding: Finding, name: str) -> Measure:
    measure = finding.measure(name)
    assert measure is not None, name
    return measure


@contextmanager
def only(monkeypatch: pytest.MonkeyPatch, *transforms: Transform) -> Iterator[None]:
    """The audit plants nothing but these."""
    with monkeypatch.context() as patch:
        patch.setattr(planting.planting_plan, "__defaults__", (transforms,))
        yield


@pytest.fixture(scope="module")
def found(honest_evidence: Evidence) -> Finding:
    return run(honest_evidence)


def test_it_needs_an_encoder_that_sees_pixels() -> None:
    assert Planted.needs == frozenset({Need.PIXEL_ENCODER})


def test_every_family_has_a_sensitivity_a_limit_and_a_share(found: Finding) -> None:
    names = [measure.name for measure in found.measures]
    assert names == [
        *(f"sensitivity[{one}]" for one in FAMILIES),
        *(f"detection_limit[{one}]" for one in FAMILIES),
        *(f"copied_share_corrected[{one}]" for one in FAMILIES),
        "mistaken_identity",
    ], "and no further strength where the settings ask for none"
    for measure in found.measures:
        if measure.value is not None:
            assert measure.low is not None
            assert measure.high is not None
            assert measure.low <= measure.value <= measure.high
    assert {chart.kind for chart in found.charts} == {ChartKind.INTERVALS, ChartKind.LINES}


def test_plain_and_mirrored_copies_are_all_found(found: Finding) -> None:
    for name in ("plain", "flip", "gamma"):
        sensitivity, limit = value(found, f"sensitivity[{name}]"), value(found, f"detection_limit[{name}]")
        assert (sensitivity.value, limit.value) == (1.0, 1.0)
        assert limit.high == 4.0, "five of five are compatible with a sensitivity of 48 %"


def test_five_planted_are_too_few_to_correct_with(found: Finding) -> None:
    share = value(found, "copied_share_corrected[plain]")
    assert share.value is None
    assert share.not_measured == "correcting a share needs at least 10 known to be positive, got 5"


def test_nobody_is_mistaken_for_somebody_else(found: Finding) -> None:
    """A blend shows its partner, who is then no mistake."""
    mistaken = value(found, "mistaken_identity")
    assert mistaken.value == 0.0
    assert (mistaken.n_images, mistaken.n_patients) == (len(REFERENCES) * 7, 7)


def test_too_few_patients_are_refused(honest: Scene) -> None:
    few = replace(honest, train=honest.train.subset([0, 1, 2]), synthetic=honest.synthetic.subset([0])).evidence()
    with pytest.raises(NotEnoughData, match=r"^planting copies needs at least 5 training patients.*, got 3$"):
        run(few)


def test_a_partner_is_somebody_else_whatever_the_side(honest: Scene, honest_evidence: Evidence) -> None:
    pool, swapped = honest_evidence.pool, honest.swapped().evidence()
    sides = set()
    for row in range(len(pool)):
        partner = partner_row(honest_evidence, row)
        assert pool.patient[partner] != pool.patient[row]
        assert partner == partner_row(honest_evidence, row) == partner_row(swapped, row)
        sides.add(bool(pool.patient_is_train[pool.patient[partner]]))
    assert sides == {False, True}


def test_further_strengths_use_the_same_few_training_patients(honest: Scene, honest_evidence: Evidence) -> None:
    rows = np.arange(len(honest_evidence.pool))
    settings = replace(honest_evidence.settings, planted_per_strength=6)
    plan = planting_plan(honest.evidence(settings=settings), rows)
    assert [transform for transform, _ in plan] == list(TRANSFORMS)
    few = {tuple(chosen) for transform, chosen in plan if not transform.reference}
    assert len(few) == 1
    pool = honest_evidence.pool
    assert pool.patient_is_train[pool.patient[list(few.pop())]].tolist() == [True] * 6
    too_few = replace(settings, planted_per_strength=4)
    assert len(planting_plan(honest.evidence(settings=too_few), rows)) == len(REFERENCES), "four are no share"


@pytest.fixture(scope="module")
def climbed(honest: Scene, honest_evidence: Evidence) -> Finding:
    """Noise at all its strengths, six patients each, and 12 at the reference strength."""
    settings = replace(honest_evidence.settings, planted_patients=12, planted_per_strength=6)
    evidence = honest.evidence(settings=settings)
    evidence.once("strangers", lambda: honest_evidence.strangers)
    evidence.__dict__["synthetic_matches"] = honest_evidence.synthetic_matches
    noise = tuple(one for one in TRANSFORMS if one.family in {"plain", "noise"})
    with pytest.MonkeyPatch.context() as monkeypatch, only(monkeypatch, *noise):
        return run(evidence)


def test_more_noise_is_harder_to_see_through(climbed: Finding) -> None:
    names = ["noise 2 %", "noise", "noise 8 %", "noise 12 %", "noise 20 %"]
    shares = [value(climbed, f"sensitivity[{name}]").value for name in names]
    assert shares[0] == 1.0
    assert shares[-1] == 0.0
    assert shares == sorted(shares, key=lambda share: -(share or 0.0))
    assert [value(climbed, f"sensitivity[{name}]").n_patients for name in names] == [6, 12, 6, 6, 6]


def test_charts_say_what_the_measures_say(climbed: Finding) -> None:
    grid, panels, lines = climbed.charts
    assert (grid.kind, panels.kind, lines.kind) == (ChartKind.GRID, ChartKind.PANELS, ChartKind.LINES)
    for chart in (grid, panels):
        for series in chart.series:
            assert series.low is not None
            for i, step in enumerate(series.x):
                measure = climbed.measure(f"{chart.name}[{series.name} {step}]") or value(
                    climbed, f"{chart.name}[{series.name}]"
                )
                assert series.y[i] == measure.value or (np.isnan(series.y[i]) and measure.value is None)
                assert series.low[i] == measure.low or (np.isnan(series.low[i]) and measure.low is None)
    assert [series.name for series in grid.series] == ["plain", "noise"]
    assert [series.name for series in panels.series] == ["noise"], "a single strength is no curve"


def test_what_is_missed_is_told_with_its_strength(climbed: Finding) -> None:
    assert any("noise of 20 % of the gray scale" in limit for limit in climbed.limits)
    assert not any("noise of 2 % of the gray scale" in limit for limit in climbed.limits)


def test_no_one_copied_is_a_share_of_nearly_nothing(climbed: Finding) -> None:
    """Nobody was found, and a sharp test would have found most: at most a fifth can have been copied unchanged."""
    share = value(climbed, "copied_share_corrected[plain]")
    assert share.value == 0.0
    assert share.low == 0.0
    assert share.high is not None
    assert 0.1 < share.high < 0.35
    assert share.note.startswith("A model, no test")


def test_blank_copies_are_found_never_and_settle_nothing(
    honest_evidence: Evidence, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And a copy that shows only its partner points at nobody else: it shows nobody else."""
    blank = Transform("blank", "", "blanked", lambda image, partner, rng: 0 * image, reference=True)  # noqa: ARG005
    other = Transform("other", "", "swapped", lambda image, partner, rng: partner, reference=True, mixes=True)  # noqa: ARG005
    with only(monkeypatch, blank, other):
        finding = run(honest_evidence)
    assert (value(finding, "sensitivity[blank]").value, value(finding, "sensitivity[other]").value) == (0.0, 0.0)
    assert value(finding, "mistaken_identity").value == 0.0
    limit = value(finding, "detection_limit[blank]")
    assert limit.value is None
    assert limit.not_measured == "no number of copies (blanked) is found with 90 % probability; 5 were planted"
    assert finding.answer == "Not sure to be found in any number: blanked; swapped."
    assert finding.limits == ("Planted copies missed more often than found: blanked; swapped.",)
    rule = Rule("see", "planted/detection_limit[blank]", "Blank copies would be seen", "Why not.", at_most=5.0)
    (result,) = Policy("strict", "Asks for blank copies.", (rule,)).judge((finding,))
    assert result.verdict is Verdict.INCONCLUSIVE
