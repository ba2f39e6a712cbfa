"""The embedded descriptor: fixed, of unit length, blind to exposure and not to content."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from synthaudit.embeddings import PixelEncoder
from synthaudit.encoders.descriptor import Descriptor, describe
from synthaudit.errors import UsageError
from synthaudit.phantoms.chest import ChestPopulation

Image = NDArray[np.float32]
ENCODER = Descriptor()
CHEST = ChestPopulation(seed=1, size=64)
PEOPLE = np.stack([CHEST.image(number) for number in range(12)])


@st.composite
def canvases(draw: st.DrawFn) -> Image:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    image = rng.uniform(size=(64, 64)) ** draw(st.sampled_from([0.2, 1.0, 5.0]))
    return (image * draw(st.sampled_from([1.0, 0.1, 1e-3]))).astype(np.float32)


def test_it_is_an_encoder_that_sees_pixels() -> None:
    assert isinstance(ENCODER, PixelEncoder)
    assert ENCODER.fast
    assert (ENCODER.name, ENCODER.input_size, ENCODER.channels) == ("descriptor", 64, 1)
    assert ENCODER.encode(PEOPLE).shape == (12, ENCODER.dim)
    assert ENCODER.encode(PEOPLE).dtype == np.float32
    assert ENCODER.encode(np.empty((0, 64, 64), np.float32)).shape == (0, ENCODER.dim)


@settings(max_examples=40)
@given(canvases())
def test_vectors_are_finite_and_of_unit_length(image: Image) -> None:
    vector = describe(image)
    assert np.isfinite(vector).all()
    assert np.linalg.norm(vector) == pytest.approx(1.0, abs=1e-4)


@pytest.mark.parametrize("level", [0.0, 0.3, 1.0])
def test_a_flat_image_shows_no_one(level: float) -> None:
    flat = ENCODER.encode(np.full((1, 64, 64), level, dtype=np.float32))[0]
    assert np.linalg.norm(flat) == pytest.approx(1.0), "every row is of unit length"
    assert not (ENCODER.encode(PEOPLE) @ flat).any()


def test_it_is_the_same_whatever_is_encoded_beside() -> None:
    whole = ENCODER.encode(PEOPLE)
    np.testing.assert_array_equal(ENCODER.encode(PEOPLE[::-1])[::-1], whole)
    np.testing.assert_array_equal(np.concatenate([ENCODER.encode(one[None]) for one in PEOPLE]), whole)


def test_it_leaves_its_input_alone() -> None:
    images = PEOPLE.copy()
    ENCODER.encode(images)
    np.testing.assert_array_equal(images, PEOPLE)


def test_the_fingerprint_is_of_this_version() -> None:
    assert len(ENCODER.fingerprint) == 64
    assert Descriptor.from_spec("", device="cpu", offline=True).fingerprint == ENCODER.fingerprint


def cosines(changed: NDArray[np.floating]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Of each image with its changed self, and with its likest stranger."""
    a, b = ENCODER.encode(PEOPLE).astype(np.float64), ENCODER.encode(changed.astype(np.float32)).astype(np.float64)
    others = a @ a.T - 2 * np.eye(len(a))
    return (a * b).sum(axis=1), others.max(axis=1)


@pytest.mark.parametrize(
    "changed",
    [PEOPLE**1.3, PEOPLE ** (1 / 1.3), 0.6 * PEOPLE + 0.3, 0.5 * PEOPLE, PEOPLE * np.linspace(0.25, 1.0, 64)],
    ids=["gamma", "inverse gamma", "flatter and brighter", "half the light", "light from one side"],
)
def test_exposure_matters_less_than_who_it_is(changed: Image) -> None:
    same, stranger = cosines(changed)
    assert (same > 0.93).all()
    assert (same > stranger).all()


def test_a_mirrored_image_is_another_one() -> None:
    same, stranger = cosines(PEOPLE[:, :, ::-1])
    assert same.mean() < stranger.mean()


def test_noise_keeps_the_person() -> None:
    noisy = PEOPLE + 0.03 * np.random.default_rng(0).standard_normal(PEOPLE.shape)
    same, stranger = cosines(noisy)
    assert same.mean() > stranger.mean()


def test_it_takes_no_argument() -> None:
    text = r"^encoder descriptor takes no argument, got 'big'; write --encoder descriptor$"
    with pytest.raises(UsageError, match=text):
        Descriptor.from_spec("big", device="cpu", offline=True)
