"""What is beyond doubt, where strangers are far from each other and where they come close to 1."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from synthaudit.matching.strangers import Strangers


def scale(likest: float, spread: float, *, threshold: float = 3.0, proof: float = 6.0) -> Strangers:
    """Strangers whose likest correlate at `likest`, give or take `spread` on Fisher's scale."""
    return Strangers(
        center=np.full(6, np.arctanh(likest)),
        spread=np.full(6, spread),
        best=np.zeros(60),
        threshold=threshold,
        proof=proof,
        n_images=60,
        n_patients=30,
        sampled=np.arange(60),
        twins=np.empty((0, 2), dtype=np.intp),
    )


def pairs(*values: float) -> np.ndarray:
    return np.array(values)[:, None] * np.ones(6)


def test_far_above_strangers_is_proof() -> None:
    assert scale(0.25, 0.05).proves(pairs(0.2, 0.5, 0.6)).tolist() == [False, False, True]


def test_a_copy_is_proven_where_strangers_come_close_to_one() -> None:
    """At 64 pixels strangers correlate at .93: on the plain scale six spreads above that lay beyond 1."""
    small_pictures = scale(0.93, 0.12)
    assert small_pictures.proves(pairs(0.955, 0.98, 0.995)).tolist() == [False, False, True]


def test_the_bar_is_told_as_a_correlation() -> None:
    one = scale(0.5, 0.1)
    assert one.correlation(0.0, 2) == pytest.approx(0.5)
    bar = one.correlation(one.threshold, 2)
    assert one.likeness(pairs(bar))[0] == pytest.approx(one.threshold)


def test_nothing_but_equal_pixels_is_proof_with_too_few_strangers() -> None:
    few = replace(scale(0.25, 0.05), proof=float("inf"))
    assert not few.proves(pairs(0.6, 0.999)).any()


@pytest.mark.parametrize("n", [0, 1])
def test_every_number_of_pairs_is_taken(n: int) -> None:
    assert scale(0.25, 0.05).proves(np.full((n, 6), 0.9)).shape == (n,)
