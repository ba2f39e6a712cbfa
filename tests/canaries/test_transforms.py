"""What is done to planted copies: the shape and the gray scale stay, and the seed decides."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from synthaudit.canaries.transforms import TRANSFORMS, Transform
from synthaudit.phantoms.chest import ChestPopulation

Image = NDArray[np.float32]
CHEST = ChestPopulation(seed=2, size=96).image(0)
EVERY = pytest.mark.parametrize("transform", TRANSFORMS, ids=[one.name for one in TRANSFORMS])
IMAGES: dict[str, Image] = {
    "gray": CHEST,
    "color": np.stack([CHEST, CHEST**2, 1 - CHEST], axis=2),
    "black": np.zeros((32, 32), dtype=np.float32),
    "white": np.ones((17, 17), dtype=np.float32),
}


def copy_of(transform: Transform, image: Image, seed: int = 0) -> Image:
    return transform.apply(image.copy(), np.random.default_rng(seed))


@EVERY
@pytest.mark.parametrize("image", IMAGES.values(), ids=IMAGES)
def test_shape_and_range_stay(transform: Transform, image: Image) -> None:
    for seed in range(4):
        copied = copy_of(transform, image, seed)
        assert copied.shape == image.shape
        assert copied.dtype == np.float32
        assert copied.min() >= 0.0
        assert copied.max() <= 1.0


@EVERY
def test_the_seed_decides(transform: Transform) -> None:
    np.testing.assert_array_equal(copy_of(transform, CHEST, 3), copy_of(transform, CHEST, 3))
    copies = {copy_of(transform, CHEST, seed).tobytes() for seed in range(12)}
    by_chance = {"noise", "shift", "crop", "rotation", "gamma"}
    assert (len(copies) > 1) == (transform.name in by_chance)


@EVERY
def test_the_source_is_left_alone(transform: Transform) -> None:
    image = CHEST.copy()
    transform.apply(image, np.random.default_rng(0))
    np.testing.assert_array_equal(image, CHEST)


@EVERY
def test_a_copy_differs_unless_it_is_plain(transform: Transform) -> None:
    differs = float(np.abs(copy_of(transform, CHEST) - CHEST).mean())
    assert (differs == 0.0) == (transform.name == "plain")


def test_strengths_are_as_said() -> None:
    by_name = {one.name: one for one in TRANSFORMS}
    assert len(by_name) == len(TRANSFORMS)
    gray = np.full((96, 96), 0.5, dtype=np.float32)
    assert copy_of(by_name["noise"], gray).std() == pytest.approx(0.05, rel=0.05)
    np.testing.assert_array_equal(copy_of(by_name["flip"], CHEST), CHEST[:, ::-1])
    assert {round(float(copy_of(by_name["gamma"], gray, seed)[0, 0]), 4) for seed in range(12)} == {
        round(0.5**1.5, 4),
        round(0.5 ** (1 / 1.5), 4),
    }
    dot = np.zeros((101, 101), dtype=np.float32)
    dot[50, 50] = 1.0
    moved = {
        tuple(int(at) - 50 for at in np.unravel_index(copy_of(by_name["shift"], dot, seed).argmax(), dot.shape))
        for seed in range(20)
    }
    assert moved == {(a, b) for a in (-5, 5) for b in (-5, 5)}
