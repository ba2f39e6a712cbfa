"""The probe `realism`: honest images pass for another real sample, and each way of failing shows where it should."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from synthaudit.cohort import Role
from synthaudit.errors import NotEnoughData
from synthaudit.finding import Assumption, ChartKind, Finding
from synthaudit.phantoms.chest import ChestPopulation
from synthaudit.probe import Evidence
from synthaudit.probes.realism import Realism
from synthaudit.realism.notes import ABOUT

if TYPE_CHECKING:
    from tests.probes.conftest import Scene

Images = NDArray[np.float32]
N = 48


def asked(evidence: Evidence) -> Finding:
    return Realism().run(evidence, evidence.rng("probe realism"))


def pixels(scene: Scene) -> Images:
    return np.stack([source.read() for source in scene.synthetic.sources])


def with_images(scene: Scene, images: Images) -> Scene:
    from tests.probes.conftest import cohort

    return replace(scene, synthetic=cohort(Role.SYNTHETIC, [(-1, image) for image in images]))


@pytest.fixture(scope="module")
def scene(scenes: type[Scene]) -> Scene:
    return scenes.strangers_only(seed=31, n=N)


@pytest.fixture(scope="module")
def found(scene: Scene) -> Finding:
    return asked(scene.evidence())


def p_value(finding: Finding, name: str) -> float:
    measure = finding.measure(name)
    assert measure is not None
    assert measure.p_value is not None
    return measure.p_value


def test_fresh_patients_pass_for_another_real_sample(found: Finding) -> None:
    assert p_value(found, "realism_p") > 0.05
    assert p_value(found, "variety_p") > 0.05
    assert found.answer == (
        "No measure tells the synthetic images from another sample of real ones; they vary as much as real images, as "
        f"far as can be told. Measured on {N} synthetic images against as many of held-out patients."
    )


def test_every_measure_stands_beside_its_floor_or_says_why_not(found: Finding) -> None:
    names = {one.name.partition("[")[0] for one in found.measures}
    assert names == {"realism_p", "variety_p", *ABOUT}
    assert len(found.measures) < 25
    for one in found.measures[2:]:
        assert one.note
        if one.value is None:
            assert one.not_measured
            continue
        assert one.floor is not None
        assert one.low is not None
        assert one.high is not None
        assert one.low <= one.value <= one.high
        assert one.assumption is Assumption.MODEL_ASSISTED
        assert one.n_images > 0


def test_what_takes_more_images_is_refused_with_the_number(found: Finding) -> None:
    needed = {
        "frechet[descriptor]": "1,914",
        "frechet_infinity[descriptor]": "1,914",
        "frechet_pca32[descriptor]": "64",
    }
    for name, images in needed.items():
        measure = found.measure(name)
        assert measure is not None
        assert measure.value is None
        assert measure.not_measured is not None
        assert f"at least {images} images of different patients on each side" in measure.not_measured


def test_a_low_distance_is_never_called_private(found: Finding) -> None:
    for name in ("frechet[descriptor]", "kid[descriptor]", "frechet_pca32[descriptor]", "radiomics_frechet"):
        measure = found.measure(name)
        assert measure is not None
        assert "no proof of privacy" in measure.note
    assert any("copies of the training images are the most realistic" in limit for limit in found.limits)


def test_there_is_a_picture_of_each_question(found: Finding) -> None:
    kinds = {chart.name: chart.kind for chart in found.charts}
    assert kinds == {
        "realism": ChartKind.INTERVALS,
        "realism-variety": ChartKind.INTERVALS,
        "realism-spectrum": ChartKind.LINES,
    }


def test_blur_is_seen_in_the_spectrum(scene: Scene) -> None:
    blurred = gaussian_filter(pixels(scene), (0, 0.7, 0.7)).astype(np.float32)
    finding = asked(with_images(scene, blurred).evidence())
    assert p_value(finding, "realism_p") <= 0.05
    assert p_value(finding, "spectrum") <= 0.001
    assert finding.answer.startswith(
        "The synthetic images are less like the training images than other real images are"
    )


def test_a_checkerboard_is_seen(scene: Scene) -> None:
    i, j = np.indices((64, 64))
    board = (0.004 * (-1.0) ** (i + j)).astype(np.float32)
    finding = asked(with_images(scene, np.clip(pixels(scene) + board, 0, 1)).evidence())
    assert p_value(finding, "checkerboard") <= 0.001
    assert p_value(finding, "precision[descriptor]") > 0.01, "no eye, and no encoder, sees four thousandths"


def test_few_kinds_of_images_are_true_and_dull(scene: Scene) -> None:
    """Four patients over and over, each a little different."""
    chest = ChestPopulation(seed=31, size=64)
    images = np.stack([chest.image(9_000 + i % 4, visit=i // 4) for i in range(N)])
    finding = asked(with_images(scene, images).evidence())
    for name in ("recall[descriptor]", "coverage[descriptor]", "vendi[descriptor]"):
        assert p_value(finding, name) <= 0.01
    assert "they vary less than real images" in finding.answer


def test_a_photocopier_is_excellent_and_said_to_be_no_merit(scene: Scene) -> None:
    copies = np.stack([source.read() for source in scene.train.sources])
    finding = asked(with_images(scene, copies).evidence())
    assert p_value(finding, "realism_p") > 0.5
    for name in ("kid[descriptor]", "radiomics_frechet", "spectrum", "checkerboard"):
        measure = finding.measure(name)
        if measure is not None and measure.value is not None:
            assert measure.floor is not None
            assert measure.value < measure.floor
    assert "which is no merit: see whether patients were copied" in finding.answer


def test_the_order_of_files_and_the_workers_change_nothing(honest: Scene, honest_evidence: Evidence) -> None:
    found, again = asked(honest_evidence), asked(honest.shuffled(seed=1).evidence(workers=2))
    assert again.measures == found.measures
    assert again.answer == found.answer


def test_without_a_holdout_half_of_the_training_patients_stand_in(scene: Scene) -> None:
    finding = asked(replace(scene, holdout=None).evidence())
    assert f"Measured on {N // 2} synthetic images against as many of half of the training patients." in finding.answer
    assert any("Without a holdout" in limit for limit in finding.limits)
    assert {one.assumption for one in finding.measures if one.value is not None} == {Assumption.UNCALIBRATED}


def test_too_few_patients_are_refused(scenes: type[Scene]) -> None:
    few = scenes.strangers_only(seed=1, n=11)
    with pytest.raises(
        NotEnoughData, match=r"^realism needs at least 12 training patients, 12 held-out ones and 12 syn"
    ):
        asked(few.evidence())
