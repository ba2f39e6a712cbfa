"""Percentiles of a whole volume, from tallies of its images, are numpy's of all its values."""

from __future__ import annotations

from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from synthaudit.readers import dicom_intensity
from synthaudit.readers.dicom_intensity import PERCENTILES, Slope, percentile_window, tally, together


def header(**elements: object) -> Dataset:
    made = Dataset()
    made.PixelRepresentation, made.BitsAllocated, made.BitsStored = 0, 16, 12
    for keyword, value in elements.items():
        setattr(made, keyword, value)
    return made


@settings(max_examples=40)
@given(
    st.lists(st.lists(st.integers(0, 4000), min_size=1, max_size=40), min_size=1, max_size=8),
    st.sampled_from([1, 10, 10**6]),
    st.sampled_from([1.0, 0.37, -2.0]),
)
def test_the_window_is_that_of_all_values_together(images: list[list[int]], merged: int, slope: float) -> None:
    with patch.object(dicom_intensity, "LEAST_MERGED", merged):
        parts = [tally(np.array(image, np.uint16), header(), Slope(slope, 3.0, True)) for image in images]
        found = percentile_window(together(parts))
    values = np.concatenate(images) * slope + 3.0
    low, high = np.percentile(values, PERCENTILES)
    expected = (low, high) if high > low else (values.min(), values.max())
    assert found == pytest.approx(expected, rel=1e-12, abs=1e-9)


@pytest.mark.parametrize(
    ("elements", "kept"),
    [
        ({}, [0, 5, 6, 7, 60000]),
        ({"PixelPaddingValue": 0}, [5, 6, 7, 60000]),
        ({"PixelPaddingValue": 0, "PixelPaddingRangeLimit": 5}, [6, 7, 60000]),
        ({"PixelPaddingValue": 60000, "PixelPaddingRangeLimit": 6}, [0, 5]),
    ],
)
def test_padding_does_not_count(elements: dict[str, int], kept: list[int]) -> None:
    found = tally(np.array([0, 5, 6, 7, 60000], np.uint16), header(**elements), Slope(1, 0, False))
    assert found.values.tolist() == kept


def test_a_signed_padding_value_that_was_read_as_unsigned_counts_as_what_it_is() -> None:
    made = header(PixelRepresentation=1, PixelPaddingValue=63536)
    found = tally(np.array([-2000, 1, 2], np.int16), made, Slope(1, 0, False))
    assert found.values.tolist() == [1, 2]
    all_padding = tally(np.array([-2000, -2000], np.int16), made, Slope(1, 0, False))
    assert all_padding.values.tolist() == [-2000]
