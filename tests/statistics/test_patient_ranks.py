"""One score a patient: comparable whatever the number of images, as neither the highest score nor the mean is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from synthaudit.statistics.patient_ranks import mean_rank, patient_maximum, rank_in_stratum
from synthaudit.statistics.roc import auc
from synthaudit.statistics.tpr_at_fpr import tpr_at_fpr

Floats = NDArray[np.float64]
NULLS = 120


@given(st.lists(st.tuples(st.integers(-3, 3), st.integers(0, 2)), min_size=1, max_size=30), st.integers(0, 99))
def test_ranks_lie_between_0_and_1_and_follow_the_patients(rows: list[tuple[int, int]], seed: int) -> None:
    scores, stratum = (np.array(column) for column in zip(*rows, strict=True))
    ranks = rank_in_stratum(scores.astype(float), stratum)
    assert ((ranks > 0) & (ranks < 1)).all()
    for one in np.unique(stratum):
        assert np.isclose(ranks[stratum == one].mean(), 0.5)
    order = np.random.default_rng(seed).permutation(len(rows))
    np.testing.assert_array_equal(rank_in_stratum(scores[order].astype(float), stratum[order]), ranks[order])
    np.testing.assert_array_equal(rank_in_stratum(np.exp(scores), stratum), ranks, "only the order counts")


def test_the_highest_of_the_images_read() -> None:
    best = patient_maximum(
        np.array([1.0, 7.0, 3.0, 2.0]), np.array([0, 0, 1, 1]), np.array([True, False, True, True]), 3
    )
    assert best.tolist() == [1.0, 3.0, -np.inf]


def test_encoders_are_averaged_by_rank_not_by_scale() -> None:
    columns = np.array([[1.0, 3e9], [2.0, 1e9], [3.0, 2e9]])
    assert mean_rank(columns).tolist() == [2.0, 1.5, 2.5]


def by_patient(rng: np.random.Generator, counts: NDArray[np.intp]) -> tuple[Floats, NDArray[np.intp]]:
    """Scores of images, those of one patient alike (correlation one half), and whose they are."""
    patient = np.repeat(np.arange(len(counts)), counts)
    return rng.normal(size=len(counts))[patient] + rng.normal(size=len(patient)), patient


@pytest.mark.parametrize(
    "more",
    [True, pytest.param(False, marks=pytest.mark.slow)],
    ids=["members have more images", "members have fewer"],
)
def test_without_a_leak_unequal_numbers_of_images_raise_no_alarm(more: bool) -> None:
    """One side has 1 or 2 images a patient, the other 1 to 6. The highest score as it is tells the sides apart, and of
    the mean the far ends belong to patients with few; ranked in strata of equally many images read, neither stands out.
    """
    rng = np.random.default_rng(5)
    found: dict[str, list[tuple[float, float]]] = {"maximum": [], "mean": [], "ranked": []}
    many = np.arange(400) < 200
    is_member = many == more
    for _ in range(NULLS):
        counts = np.where(many, rng.integers(1, 7, 400), rng.integers(1, 3, 400))
        scores, patient = by_patient(rng, counts)
        turn = np.arange(len(patient)) - np.concatenate([[0], np.cumsum(counts)[:-1]])[patient]
        level = np.minimum(counts, 2)
        everything = np.ones(len(patient), dtype=bool)
        ways = {
            "maximum": patient_maximum(scores, patient, everything, 400),
            "mean": np.bincount(patient, scores) / counts,
            "ranked": rank_in_stratum(patient_maximum(scores, patient, turn < level[patient], 400), level),
        }
        for name, score in ways.items():
            a, b = score[is_member], score[~is_member]
            found[name].append((auc(a, b), tpr_at_fpr(a, b, 0.01).value))
    areas, rates = ({name: np.mean(rows, axis=0)[i] for name, rows in found.items()} for i in (0, 1))
    assert abs(areas["maximum"] - 0.5) > 0.08, "it needs the correction"
    assert abs(rates["mean"] - 0.01) > 0.004, "the mean is no way around it"
    assert abs(areas["ranked"] - 0.5) < 0.008
    assert 0.006 < rates["ranked"] < 0.0135
