"""The probe `hallucination` on real radiographs: half are not called unusual by the other half, foreign things are."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from synthaudit.cohort import Cohort, Role
from synthaudit.finding import Finding
from synthaudit.intake import load
from synthaudit.probes.hallucination import Hallucination

pytestmark = [
    pytest.mark.real_data,
    pytest.mark.slow,
    pytest.mark.skipif("SYNTHAUDIT_DATA" not in os.environ, reason="SYNTHAUDIT_DATA names no folder of real images"),
]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Finding:
    """Thirds of the patients: two are real, one stands in for synthetic images."""
    import synthaudit

    folder, other = Path(os.environ["SYNTHAUDIT_DATA"], "nih_cxr"), tmp_path_factory.mktemp("other")
    noise = np.random.default_rng(0).integers(0, 256, (64, 64), dtype=np.uint8)
    Image.fromarray(noise).save(other / "noise.png")
    images = load(train=folder / "images", synthetic=other, metadata=folder / "metadata.csv").train
    side = np.random.default_rng(0).permutation(images.n_patients)[images.patient_index] % 3

    def part(number: int, role: Role) -> Cohort:
        return replace(images.subset(np.flatnonzero(side == number)), role=role)

    result = synthaudit.audit(
        train=part(0, Role.TRAIN),
        holdout=part(1, Role.HOLDOUT),
        synthetic=part(2, Role.SYNTHETIC),
        probes=[Hallucination()],
        cache=False,
    )
    finding = result.finding("hallucination")
    assert finding is not None
    return finding


def value(finding: Finding, name: str) -> float:
    measure = finding.measure(name)
    assert measure is not None
    assert measure.value is not None
    return measure.value


def test_real_images_are_as_real_as_real_images(found: Finding) -> None:
    assert value(found, "to_look_at") <= 0.12
    assert value(found, "more_than_fresh_p") > 0.001
    assert value(found, "unsupported_images") == 0


def test_foreign_things_in_radiographs_are_found(found: Finding) -> None:
    for kind, least in (("blob", 0.8), ("checkerboard", 0.8), ("text", 0.6), ("doubled", 0.4)):
        assert value(found, f"planted_found[{kind}]") >= least, kind
    assert value(found, "planted_located") > 0.85
