"""What would have been found: copies that are planted are found as the same copies in the synthetic images would be."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from synthaudit.canaries.transforms import TRANSFORMS
from synthaudit.errors import NotEnoughData
from synthaudit.finding import Finding
from synthaudit.probe import Evidence, Need
from synthaudit.probes.planted import Planted

if TYPE_CHECKING:
    from tests.probes.conftest import Scene


@pytest.fixture(scope="module")
def found(honest_evidence: Evidence) -> Finding:
    return Planted().run(honest_evidence, honest_evidence.rng("probe planted"))


def test_it_needs_an_encoder_that_sees_pixels() -> None:
    assert Planted.needs == frozenset({Need.PIXEL_ENCODER})


def test_every_transform_has_a_sensitivity_and_a_limit(found: Finding) -> None:
    names = [measure.name for measure in found.measures]
    assert names == [
        *(f"sensitivity[{one.name}]" for one in TRANSFORMS),
        *(f"detection_limit[{one.name}]" for one in TRANSFORMS),
        "mistaken_identity",
    ]
    for measure in found.measures:
        if measure.value is not None:
            assert measure.low is not None
            assert measure.high is not None
            assert measure.low <= measure.value <= measure.high


def test_plain_and_mirrored_copies_are_all_found(found: Finding) -> None:
    for name in ("plain", "flip", "gamma"):
        sensitivity = found.measure(f"sensitivity[{name}]")
        limit = found.measure(f"detection_limit[{name}]")
        assert sensitivity is not None
        assert limit is not None
        assert (sensitivity.value, limit.value) == (1.0, 1.0)
        assert limit.high == 4.0, "five of five are compatible with a sensitivity of 48 %"


def test_nobody_is_mistaken_for_somebody_else(found: Finding) -> None:
    mistaken = found.measure("mistaken_identity")
    assert mistaken is not None
    assert mistaken.value == 0.0
    assert mistaken.n_images == len(TRANSFORMS) * 7


def test_too_few_patients_are_refused(honest: Scene) -> None:
    few = replace(honest, train=honest.train.subset([0, 1, 2]), synthetic=honest.synthetic.subset([0])).evidence()
    with pytest.raises(NotEnoughData, match=r"^planting copies needs at least 5 training patients.*, got 3$"):
        Planted().run(few, few.rng("probe planted"))
