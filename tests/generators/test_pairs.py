"""Pairs are found by patient and time, and whatever the table leaves open is refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest

from synthaudit.cohort import Cohort, Role
from synthaudit.errors import MetadataError, NotEnoughData
from synthaudit.generators.made import ArrayImage
from synthaudit.generators.pairs import contrast_pairs, follow_up_pairs, require_partners


def cohort(patients: Sequence[str], **columns: Sequence[str]) -> Cohort:
    """Image i is 8 x 8 pixels of i / 100."""
    n = len(patients)
    attributes: Mapping[str, tuple[str, ...]] = {name: tuple(values) for name, values in columns.items()}
    return Cohort(
        role=Role.TRAIN,
        names=tuple(f"{i}.png" for i in range(n)),
        sources=tuple(ArrayImage(np.full((8, 8), i / 100, dtype=np.float32)) for i in range(n)),
        patients=tuple(patients),
        known_patient=np.ones(n, dtype=bool),
        attributes=attributes,
        pixel_digests=tuple(f"{i:064d}" for i in range(n)),
    )


def test_contrasts_of_one_visit_are_a_pair() -> None:
    pairs = contrast_pairs(cohort("aabb", contrast=["t2", "t1", "t1", "t2"]), "t1", "t2")
    assert (pairs.source.tolist(), pairs.target.tolist()) == ([1, 2], [0, 3])
    assert (len(pairs), pairs.n_patients, pairs.unpaired) == (2, 2, 0)
    assert pairs.patient.tolist() == [0, 1]
    source, target = pairs.images(8)
    np.testing.assert_allclose(source[:, 0, 0], [0.01, 0.02])
    np.testing.assert_allclose(target[:, 0, 0], [0.00, 0.03])


@pytest.mark.parametrize("column", ["pair", "visit", "study_date"])
def test_time_keeps_the_visits_of_a_patient_apart(column: str) -> None:
    names = ["t1", "t2", "t1", "t2"]
    first, second = ("2020-01-31", "2021-01-31") if column == "study_date" else ("1", "2")
    pairs = contrast_pairs(cohort("aaaa", contrast=names, **{column: (first, second, second, first)}), "t1", "t2")
    assert (pairs.source.tolist(), pairs.target.tolist()) == ([0, 2], [3, 1])
    with pytest.raises(MetadataError, match="a patient must have one image of each contrast at one time, found two"):
        contrast_pairs(cohort("aaaa", contrast=names), "t1", "t2")


def test_slices_pair_at_one_place() -> None:
    slices = cohort("aaaa", contrast=["mr", "mr", "ct", "ct"])
    slices = replace(slices, volumes=slices.attributes["contrast"], positions=(0.0, 1.0, 1.0, 0.0))
    pairs = contrast_pairs(slices, "mr", "ct")
    assert (pairs.source.tolist(), pairs.target.tolist()) == ([0, 1], [3, 2])


def test_a_source_without_a_target_is_counted_and_refused_for_training() -> None:
    pairs = contrast_pairs(cohort("aabc", contrast=["t1", "t2", "t1", "t2"]), "t1", "t2")
    assert (len(pairs), pairs.unpaired) == (1, 1)
    with pytest.raises(MetadataError, match="every source image must have its target, found 1 without among 2"):
        require_partners(pairs)
    assert require_partners(contrast_pairs(cohort("aa", contrast=("t1", "t2")), "t1", "t2")).n_patients == 1


def test_follow_ups_are_all_intervals_of_a_patient() -> None:
    dates = ["2010-01-01", "2015-01-01", "2016-01-01", "2010-01-01", "2011-01-01"]
    later = cohort("aaabb", contrast=["t1", "t1", "t1", "t1", "t2"], study_date=dates)
    pairs = follow_up_pairs(later, (2.0, 10.0), "t1")
    assert list(zip(pairs.source.tolist(), pairs.target.tolist(), strict=True)) == [(0, 1), (0, 2)]
    np.testing.assert_allclose(pairs.years, [5, 6], atol=0.01)
    assert pairs.unpaired == 1
    assert len(follow_up_pairs(later, (0.5, 10.0))) == 4
    aged = cohort("aab", contrast=("t1",) * 3, age=("60", "63.5", ""))
    np.testing.assert_allclose(follow_up_pairs(aged, (1.0, 5.0), "t1").years, [3.5])


def test_what_the_table_leaves_open_is_refused() -> None:
    with pytest.raises(MetadataError, match="paired images need a column contrast in the table, found none"):
        contrast_pairs(cohort("aa"), "t1", "t2")
    with pytest.raises(NotEnoughData, match="found 1 and 1 images, and no pair"):
        contrast_pairs(cohort("ab", contrast=("t1", "t2")), "t1", "t2")
    with pytest.raises(MetadataError, match="paired images need a column age in the table, found none"):
        follow_up_pairs(cohort("aa"), (1.0, 5.0))
    with pytest.raises(MetadataError, match="study_date must be a date like 2020-01-31 in every row"):
        follow_up_pairs(cohort("aa", study_date=("last year", "today")), (1.0, 5.0))
    with pytest.raises(MetadataError, match="age must be a number of years in every row"):
        follow_up_pairs(cohort("aa", age=("old", "older")), (1.0, 5.0))
    with pytest.raises(NotEnoughData, match="1 to 5 years apart, found 2 images of 2 patients, and no pair"):
        follow_up_pairs(cohort("ab", age=("60", "63")), (1.0, 5.0))


def test_no_message_names_anyone() -> None:
    with pytest.raises(MetadataError) as raised:
        follow_up_pairs(cohort(["Jane Doe"] * 2, study_date=("31/12/2020", "")), (1.0, 5.0))
    assert "Jane" not in str(raised.value)
    assert "31/12" not in str(raised.value)
