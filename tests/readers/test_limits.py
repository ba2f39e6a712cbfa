"""Sizes that are refused, and the block mean beside its naive twin."""

import threading
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthaudit.errors import UnreadableImage
from synthaudit.readers import limits
from synthaudit.readers.limits import block_mean, check_size, giants_in_turn, reduction_factor


@given(st.integers(1, 40), st.integers(1, 40), st.integers(2, 9), st.sampled_from([1, 3]), st.integers(0, 99))
def test_block_mean_equals_its_naive_twin(height: int, width: int, factor: int, channels: int, seed: int) -> None:
    image = np.random.default_rng(seed).integers(0, 65536, (height, width, channels)).astype(np.uint16)
    naive = np.array(
        [
            [image[y : y + factor, x : x + factor].mean(axis=(0, 1)) for x in range(0, width, factor)]
            for y in range(0, height, factor)
        ]
    )
    bands = pytest.MonkeyPatch()
    bands.setattr(limits, "_BAND_PIXELS", 2 * factor * width)  # so that several bands are needed
    found = block_mean(lambda top, bottom: image[top:bottom], height, width, factor)
    bands.undo()
    np.testing.assert_allclose(found, naive, rtol=1e-6)


def test_a_factor_of_one_gives_the_image_itself() -> None:
    image = np.arange(80, dtype=np.uint8).reshape(8, 10)
    assert block_mean(lambda top, bottom: image[top:bottom], 8, 10, 1).dtype == np.uint8


@pytest.mark.parametrize(("side", "factor"), [(8, 1), (4096, 1), (4097, 2), (8192, 2), (20_000, 5)])
def test_reduced_sides_are_at_most_4096(side: int, factor: int) -> None:
    assert reduction_factor(side, 8) == factor == reduction_factor(8, side)


@pytest.mark.parametrize(
    ("height", "width", "reason"),
    [(1, 1, "too-small"), (7, 500, "too-small"), (8, 4097, "too-small"), (31_623, 31_623, "too-large")],
)
def test_sizes_refused(height: int, width: int, reason: str) -> None:
    with pytest.raises(UnreadableImage) as caught:
        check_size(height, width)
    assert caught.value.reason == reason
    assert f"got {width} x {height}" in str(caught.value)


def test_sizes_accepted() -> None:
    check_size(8, 8)
    check_size(20_000, 20_000)


@pytest.mark.parametrize(("side", "together"), [(20_000, 1), (4_000, 3)])
def test_giants_are_decoded_one_at_a_time_and_others_together(side: int, together: int) -> None:
    inside: list[int] = []
    most: list[int] = []
    meet = threading.Barrier(together)

    def decode() -> None:
        with giants_in_turn(side, side):
            inside.append(1)
            meet.wait(timeout=30)
            time.sleep(0.02)
            most.append(len(inside))
            inside.pop()

    threads = [threading.Thread(target=decode) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(most) == together
