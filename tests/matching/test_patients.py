"""One score a patient: on one scale for all, whatever the label and the number of images."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from synthaudit.cohort import Cohort, Role
from synthaudit.generators.made import ArrayImage
from synthaudit.matching.patients import LEAST_IN_STRATUM, PatientEvidence, PatientScale, strata
from synthaudit.matching.pool import Pool

Floats = NDArray[np.float64]


@st.composite
def hospitals(draw: st.DrawFn) -> tuple[PatientEvidence, NDArray[np.intp], NDArray[np.bool_]]:
    """Evidence with gaps, levels, and who is kept."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n = draw(st.integers(1, 60))
    similarity, likeness = rng.normal(size=(2, n))
    likeness[rng.random(n) < draw(st.sampled_from([0.0, 0.4, 1.0]))] = -np.inf
    similarity[rng.random(n) < draw(st.sampled_from([0.0, 0.2, 1.0]))] = -np.inf
    images = rng.integers(1, draw(st.sampled_from([2, 9])), n).astype(np.intp)
    return PatientEvidence(similarity, likeness), images, rng.random(n) < 0.9


@given(hospitals())
def test_scores_are_finite_and_standard_in_each_stratum(
    hospital: tuple[PatientEvidence, NDArray[np.intp], NDArray[np.bool_]],
) -> None:
    evidence, images, kept = hospital
    scale = PatientScale.fit(evidence, images, kept)
    scores = scale.scores(evidence)
    assert np.isfinite(scores).all()
    for level in np.unique(images[kept]):
        inside = scores[kept & (images == level)]
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
    np.testing.assert_array_equal(plain.center, again.center)


def test_many_images_are_no_head_start() -> None:
    """The best of eight draws is higher than one draw; among their own kind, patients with eight images are average."""
    rng = np.random.default_rng(2)
    images = np.repeat([1, 8], 200).astype(np.intp)
    best = np.array([rng.normal(size=n).max() for n in images])
    evidence = PatientEvidence(best, best)
    scores = PatientScale.fit(evidence, images, np.ones(400, dtype=bool)).scores(evidence)
    assert best[200:].mean() > best[:200].mean() + 1
    assert scores[200:].mean() == pytest.approx(scores[:200].mean(), abs=1e-9)


@st.composite
def pools(draw: st.DrawFn) -> tuple[Pool, NDArray[np.bool_]]:
    """Patients with one to twelve images each, on two sides."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    most = draw(st.sampled_from([1, 3, 12]))
    sides = []
    for role, n in ((Role.TRAIN, draw(st.integers(1, 40))), (Role.HOLDOUT, draw(st.integers(1, 40)))):
        images = rng.integers(1, most + 1, n)
        ids = [f"{rng.integers(10**6):06d}{role}{i}" for i in range(n)]
        patients = tuple(patient for patient, count in zip(ids, images, strict=True) for _ in range(count))
        digests = tuple(f"{rng.integers(2**62):064d}" for _ in patients)
        sides.append(
            Cohort(
                role=role,
                names=tuple(f"{i}.png" for i in range(len(patients))),
                sources=tuple(ArrayImage(np.zeros((2, 2), np.float32)) for _ in patients),
                patients=patients,
                known_patient=np.ones(len(patients), dtype=bool),
                attributes={},
                pixel_digests=digests,
            )
        )
    pool = Pool.of(*sides)
    return pool, rng.random(pool.n_patients) < 0.9


@settings(max_examples=40)
@given(pools())
def test_a_stratum_reads_each_patient_on_as_many_images(drawn: tuple[Pool, NDArray[np.bool_]]) -> None:
    pool, kept = drawn
    found = strata(pool, kept)
    np.testing.assert_array_equal(np.bincount(pool.patient[found.rows], minlength=pool.n_patients), found.level)
    assert (found.level <= pool.images_of).all()
    assert found.thinned == np.mean(found.level < pool.images_of)
    for level in np.unique(found.level[kept]):
        here = kept & (found.level == level)
        sides = [np.count_nonzero(here & side) for side in (pool.patient_is_train, ~pool.patient_is_train)]
        assert level == 1 or min(sides) >= LEAST_IN_STRATUM


@settings(max_examples=40)
@given(pools())
def test_strata_do_not_know_which_side_was_trained_on(drawn: tuple[Pool, NDArray[np.bool_]]) -> None:
    pool, kept = drawn
    train, holdout = pool.cohorts
    swapped = Pool.of(replace(holdout, role=Role.TRAIN), replace(train, role=Role.HOLDOUT))
    before, after = strata(pool, kept), strata(swapped, kept)
    np.testing.assert_array_equal(after.level, before.level)
    np.testing.assert_array_equal(after.rows, before.rows)
