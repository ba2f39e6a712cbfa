"""The probe `hallucination`: foreign things are put before a reader, with a map that points at them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from synthaudit.cohort import Cohort
from synthaudit.errors import NotEnoughData
from synthaudit.finding import ChartKind, Finding
from synthaudit.generators.made import ArrayImage
from synthaudit.image_realism.foreign import FOREIGN, planted
from synthaudit.probe import Evidence
from synthaudit.probes.hallucination import Hallucination
from synthaudit.readers.scan import pixel_digest

if TYPE_CHECKING:
    from tests.probes.conftest import Scene

PUT_IN = {3: "blob", 11: "erased"}
"""Row of the synthetic cohort -> what is put into it."""


def asked(evidence: Evidence) -> Finding:
    return Hallucination().run(evidence, evidence.rng("probe hallucination"))


def value(finding: Finding, name: str) -> float:
    found = finding.measure(name)
    assert found is not None
    assert found.value is not None
    return found.value


def with_foreign(made: Cohort) -> tuple[Cohort, dict[str, tuple[float, float]]]:
    """The cohort with foreign things in some images; and where, by name."""
    sources, digests, at = list(made.sources), list(made.pixel_digests), {}
    for row, kind in PUT_IN.items():
        image, at[made.names[row]] = planted(made.sources[row].read(), kind, np.random.default_rng(row))
        sources[row], digests[row] = ArrayImage(image), pixel_digest(image)
    return replace(made, sources=tuple(sources), pixel_digests=tuple(digests)), at


@pytest.fixture(scope="module")
def found(honest_evidence: Evidence) -> Finding:
    return asked(honest_evidence)


def test_every_measure_is_there(found: Finding) -> None:
    names = [one.name for one in found.measures]
    assert names[:4] == ["to_look_at", "to_look_at[part]", "to_look_at[throughout]", "to_look_at[whole]"]
    assert names[4:9] == [
        "more_than_fresh_p",
        "unsupported_images",
        "beyond_every_real",
        "unsupported_area",
        "realism",
    ]
    assert names[9:] == [*(f"planted_found[{kind}]" for kind in FOREIGN), "planted_located"]
    assert [chart.kind for chart in found.charts] == [ChartKind.INTERVALS, ChartKind.INTERVALS, ChartKind.HISTOGRAM]
    for one in found.measures:
        if one.low is not None and one.high is not None and one.value is not None:
            assert one.low <= one.value <= one.high, one.name


def test_fresh_patients_are_not_called_unusual(found: Finding) -> None:
    assert value(found, "to_look_at") <= 0.15
    assert value(found, "more_than_fresh_p") > 0.05
    assert value(found, "unsupported_images") == 0
    assert found.answer.startswith("Synthetic images are not seen to be unusual more often than real ones")
    floor = found.measures[0].floor
    assert floor is not None
    assert floor <= 0.15


def test_nothing_is_withheld_and_nobody_named(found: Finding) -> None:
    assert not found.exposures
    assert not found.withheld


def test_foreign_things_are_found_where_they_are(honest: Scene) -> None:
    """And copies of real images are not among them: other probes look for those."""
    made, at = with_foreign(honest.synthetic)
    sources = made.sources[:15] + honest.train.sources[:5]
    digests = made.pixel_digests[:15] + honest.train.pixel_digests[:5]
    finding = asked(replace(honest, synthetic=replace(made, sources=sources, pixel_digests=digests)).evidence())
    copies = [one for one in finding.doubtful if one.synthetic_image in made.names[15:]]
    assert min(one.realism for one in copies) > 100
    assert not any(one.to_look_at for one in copies)
    assert 0.8 < value(finding, "realism") <= 2.0
    assert {one.synthetic_image for one in finding.doubtful[:2]} == set(at)
    for one in finding.doubtful[:2]:
        assert one.to_look_at
        assert one.reason == "a part"
        assert one.shown is not None
        assert np.hypot(*(np.array(one.shown.peak) - at[one.synthetic_image])) < 0.15
        assert one.shown.map.max() > 50
        assert len(one.shown.nearest_names) == len(one.shown.nearest) == 3
        assert one.nearest_real == one.shown.nearest_names[0]
        assert one.shown.image.shape == one.shown.nearest[0].shape == (64, 64)


def test_all_images_are_listed_and_few_are_shown(found: Finding, honest: Scene) -> None:
    assert sorted(one.synthetic_image for one in found.doubtful) == sorted(honest.synthetic.names)
    scores = [one.score for one in found.doubtful]
    assert scores == sorted(scores, reverse=True)
    assert all(one.to_look_at for one in found.doubtful if one.shown is not None)
    assert sum(one.shown is not None for one in found.doubtful) <= 12


def test_blur_is_unusual_throughout(honest: Scene) -> None:
    import cv2

    blurred = tuple(
        ArrayImage(cv2.GaussianBlur(source.read(), (0, 0), 1.2).astype(np.float32))
        for source in honest.synthetic.sources
    )
    made = replace(honest.synthetic, sources=blurred, pixel_digests=tuple(pixel_digest(one.read()) for one in blurred))
    finding = asked(replace(honest, synthetic=made).evidence())
    assert value(finding, "to_look_at[throughout]") > 0.9
    assert value(finding, "unsupported_area") > 0.3
    assert value(finding, "more_than_fresh_p") < 1e-6
    assert value(finding, "unsupported_images") == len(made)
    assert finding.answer.startswith("More synthetic images are unusual than real ones would be")


def test_the_labels_the_order_and_the_workers_change_nothing(honest: Scene, found: Finding) -> None:
    """But for the floors, which are measured on one side."""
    again = asked(honest.swapped().shuffled(seed=1).evidence(workers=2))
    sided = {"unsupported_area", "realism"}
    before, after = (
        [(one.name, one.value, one.low, one.high) for one in finding.measures if one.name not in sided]
        for finding in (found, again)
    )
    assert after == before
    assert again.charts[1:] == found.charts[1:]
    assert [one.synthetic_image for one in again.doubtful] == [one.synthetic_image for one in found.doubtful]


def test_too_few_are_refused(honest: Scene) -> None:
    few = replace(honest, train=honest.train.subset(range(9)), holdout=None)
    with pytest.raises(NotEnoughData, match="at least 20 real patients and 10 synthetic images, got 9 and 20"):
        asked(few.evidence())


@pytest.mark.slow
def test_fresh_patients_are_put_before_a_reader_at_the_nominal_rate(scenes: type[Scene]) -> None:
    shares = []
    for seed in range(9):
        scene = scenes.strangers_only(seed=100 + seed, n=30, n_synthetic=40)
        shares.append(value(asked(scene.evidence()), "to_look_at"))
    # 360 images; the threshold of each audit varies with a spread of .028, and errs on the side of silence.
    assert np.mean(shares) == pytest.approx(0.046, abs=0.033)
