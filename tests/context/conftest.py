"""Simulated patients as vectors: the truth about who was copied is known, and so is that nobody was."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from synthaudit.context.three_sets import ThreeSets

Floats = NDArray[np.float32]
Simulate = Callable[..., ThreeSets]


def unit(rows: NDArray[np.floating]) -> Floats:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


def people(rng: np.random.Generator, n: int, most_images: int, d: int) -> tuple[Floats, NDArray[np.intp]]:
    """Vectors and patients; the images of one patient are alike."""
    patient = np.repeat(np.arange(n), rng.integers(1, most_images + 1, n))
    return unit(rng.normal(size=(n, d))[patient] + 0.3 * rng.normal(size=(len(patient), d))), patient


def simulated(
    seed: int,
    train: int = 40,
    holdout: int = 40,
    synthetic: int = 80,
    most_images: int = 1,
    copies: int = 0,
    d: int = 16,
) -> ThreeSets:
    """`copies` of the synthetic images are near-copies of training images; the rest is what the population gives."""
    rng = np.random.default_rng(seed)
    t, t_patient = people(rng, train, most_images, d)
    h, h_patient = people(rng, holdout, most_images, d)
    s, _ = people(rng, synthetic, 1, d)
    s[:copies] = unit(t[rng.integers(len(t), size=copies)] + 0.01 * rng.normal(size=(copies, d)))
    return ThreeSets(t, h, s, t_patient, h_patient)


@pytest.fixture
def simulate() -> Simulate:
    return simulated
