"""What is beyond doubt, where strangers are far from each other and where they come close to 1."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from synthaudit.matching.strangers import Strangers


def scale(center: float, spread: float, largest: float, *, threshold: float = 3.0, proof: float = 6.0) -> Strangers:
    four = np.ones(4)
    return Strangers(
        center=center * four,
        spread=spread * four,
        best=np.zeros(60),
        threshold=threshold,
        proof=proof,
        largest=largest * four,
        n_images=60,
        n_patients=30,
        sampled=np.arange(60),
        twins=np.empty((0, 2), dtype=np.intp),
    )


def pairs(*values: float) -> np.ndarray:
    return np.array(values)[:, None] * np.ones(4)


def test_far_above_strangers_is_proof() -> None:
    assert scale(0.25, 0.05, 0.40).proves(pairs(0.2, 0.5, 0.6)).tolist() == [False, False, True]


def test_a_copy_is_proven_where_no_correlation_could_reach_the_bar() -> None:
    """At 64 pixels strangers correlate at .93: six spreads above that lie beyond 1."""
    small_pictures = scale(0.93, 0.015, 0.96)
    assert small_pictures.proves(pairs(0.955, 0.98, 0.995)).tolist() == [False, False, True]


def test_nothing_but_equal_pixels_is_proof_with_too_few_strangers() -> None:
    few = replace(scale(0.25, 0.05, 0.40), proof=float("inf"))
    assert not few.proves(pairs(0.6, 0.999)).any()


@pytest.mark.parametrize("n", [0, 1])
def test_every_number_of_pairs_is_taken(n: int) -> None:
    assert scale(0.25, 0.05, 0.40).proves(np.full((n, 4), 0.9)).shape == (n,)
