"""One score a patient: on one scale for all, whatever the label and the number of images."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from synthaudit.matching.patients import LEAST_IN_BIN, PatientEvidence, PatientScale

Floats = NDArray[np.float64]


@st.composite
def hospitals(draw: st.DrawFn) -> tuple[PatientEvidence, NDArray[np.intp], NDArray[np.bool_]]:
    """Evidence with gaps, numbers of images, and who is kept."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n = draw(st.integers(1, 60))
    similarity, likeness = rng.normal(size=(2, n))
    likeness[rng.random(n) < draw(st.sampled_from([0.0, 0.4, 1.0]))] = -np.inf
    similarity[rng.random(n) < draw(st.sampled_from([0.0, 0.2, 1.0]))] = -np.inf
    images = rng.integers(1, draw(st.sampled_from([2, 9])), n).astype(np.intp)
    return PatientEvidence(similarity, likeness), images, rng.random(n) < 0.9


@given(hospitals())
def test_scores_are_finite_and_standard_in_each_bin(
    hospital: tuple[PatientEvidence, NDArray[np.intp], NDArray[np.bool_]],
) -> None:
    evidence, images, kept = hospital
    scale = PatientScale.fit(evidence, images, kept)
    scores = scale.scores(evidence)
    assert np.isfinite(scores).all()
    for bin_ in np.unique(scale.bin_of[kept]):
        inside = scores[kept & (scale.bin_of == bin_)]
        assert inside.mean() == pytest.approx(0.0, abs=1e-6)
        assert inside.std() == pytest.approx(1.0, abs=1e-6) or inside.std() == pytest.approx(0.0, abs=1e-6)


@given(hospitals(), st.floats(0.1, 9))
def test_more_evidence_never_lowers_a_score(
    hospital: tuple[PatientEvidence, NDArray[np.intp], NDArray[np.bool_]], more: float
) -> None:
    evidence, images, kept = hospital
    scale = PatientScale.fit(evidence, images, kept)
    raised = PatientEvidence(evidence.similarity + more, np.where(np.isfinite(evidence.likeness), 99, -np.inf))
    assert (scale.scores(raised) >= scale.scores(evidence) - 1e-9).all()


@given(hospitals())
def test_patients_have_no_order(hospital: tuple[PatientEvidence, NDArray[np.intp], NDArray[np.bool_]]) -> None:
    evidence, images, kept = hospital
    scores = PatientScale.fit(evidence, images, kept).scores(evidence)
    order = np.random.default_rng(0).permutation(len(images))
    mixed = PatientEvidence(evidence.similarity[order], evidence.likeness[order])
    again = PatientScale.fit(mixed, images[order], kept[order]).scores(mixed)
    np.testing.assert_allclose(again, scores[order], atol=1e-6)


def test_who_was_left_out_does_not_shape_the_scale() -> None:
    rng = np.random.default_rng(1)
    similarity, likeness = rng.normal(size=(2, 40))
    images, kept = np.ones(40, dtype=np.intp), np.arange(40) >= 3
    plain = PatientScale.fit(PatientEvidence(similarity, likeness), images, kept)
    similarity[:3], likeness[:3] = 100.0, 100.0
    again = PatientScale.fit(PatientEvidence(similarity, likeness), images, kept)
    assert (plain.similarity, plain.likeness) == (again.similarity, again.likeness)
    np.testing.assert_array_equal(plain.bin_center, again.bin_center)


def test_many_images_are_no_head_start() -> None:
    """The best of eight draws is higher than one draw; among their own kind, patients with eight images are average."""
    rng = np.random.default_rng(2)
    images = np.repeat([1, 8], 200).astype(np.intp)
    best = np.array([rng.normal(size=n).max() for n in images])
    evidence = PatientEvidence(best, best)
    scores = PatientScale.fit(evidence, images, np.ones(400, dtype=bool)).scores(evidence)
    assert best[200:].mean() > best[:200].mean() + 1
    assert scores[200:].mean() == pytest.approx(scores[:200].mean(), abs=1e-9)


@pytest.mark.parametrize("many", [LEAST_IN_BIN - 1, LEAST_IN_BIN])
def test_small_bins_join_the_one_below(many: int) -> None:
    images = np.repeat([1, 7], [30, many]).astype(np.intp)
    evidence = PatientEvidence(np.arange(30.0 + many), np.arange(30.0 + many))
    scale = PatientScale.fit(evidence, images, np.ones(30 + many, dtype=bool))
    assert len(np.unique(scale.bin_of)) == (2 if many >= LEAST_IN_BIN else 1)
