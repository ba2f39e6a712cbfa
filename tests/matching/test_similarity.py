"""Detail correlation: a copy has it, strangers and blank images do not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from synthaudit.matching.similarity import (
    BANDS,
    CHANNELS,
    FLOW_LIMIT,
    Band,
    channels,
    correlation,
    detail,
    elastic,
    look,
)
from synthaudit.phantoms.chest import ChestPopulation

SIZE = 96
POPULATION = ChestPopulation(seed=5, size=SIZE)
CHEST, STRANGER = POPULATION.image(0), POPULATION.image(1)
WHOLE = np.ones((SIZE, SIZE), dtype=np.float32)
Image = NDArray[np.float32]


@st.composite
def images(draw: st.DrawFn) -> Image:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    kind = draw(st.sampled_from(["noise", "chest", "flat", "half flat"]))
    image = rng.uniform(size=(SIZE, SIZE)) if kind != "chest" else np.roll(CHEST, int(rng.integers(SIZE)), axis=0)
    if kind.endswith("flat"):
        image[:, : SIZE if kind == "flat" else SIZE // 2] = 0.25
    return np.asarray(image, dtype=np.float32)


@settings(max_examples=40)
@given(images(), images(), st.integers(0, SIZE))
def test_channels_lie_between_minus_one_and_one(fixed: Image, moving: Image, columns: int) -> None:
    valid = WHOLE.copy()
    valid[:, :columns] = 0.0
    similarity, bent = channels(look(fixed), moving, valid)
    assert similarity.shape == (len(CHANNELS),)
    assert np.isfinite(similarity).all()
    assert (np.abs(similarity) <= 1 + 1e-6).all()
    assert bent.shape == moving.shape


def test_an_image_is_most_alike_to_itself() -> None:
    similarity, _ = channels(look(CHEST), CHEST, WHOLE)
    np.testing.assert_allclose(similarity[:2], 1.0, atol=1e-6)
    strangers = np.array([channels(look(CHEST), POPULATION.image(n), WHOLE)[0] for n in range(1, 8)])
    assert (similarity > strangers.max(axis=0)).all()


@pytest.mark.parametrize("changed", [CHEST * 0.5 + 0.2, CHEST * 0.1], ids=["flatter", "darker"])
def test_light_does_not_matter(changed: Image) -> None:
    np.testing.assert_allclose(channels(look(CHEST), changed, WHOLE)[0][:2], 1.0, atol=1e-3)


@pytest.mark.parametrize("level", [0.0, 0.4, 1.0])
def test_a_blank_image_is_like_nothing(level: float) -> None:
    blank = np.full((SIZE, SIZE), level, dtype=np.float32)
    for fixed, moving in ((blank, CHEST), (CHEST, blank), (blank, blank)):
        assert not channels(look(fixed), moving, WHOLE)[0].any()


def test_an_elastic_warp_is_undone() -> None:
    rows, columns = np.mgrid[:SIZE, :SIZE].astype(np.float32)
    import cv2

    bend = 1.2 * np.sin(2 * np.pi * rows / SIZE).astype(np.float32)
    bent = cv2.remap(CHEST, columns + bend, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    similarity, _ = channels(look(CHEST), bent, WHOLE)
    assert similarity[2] > similarity[0], "the elastic channel sees through the warp"


def test_elastic_moves_nothing_further_than_its_limit() -> None:
    """A dot far away is not fetched: strangers must not be repainted into copies."""
    fixed, moving = np.zeros((2, SIZE, SIZE), dtype=np.float32)
    fixed[40:46, 20:26] = 1.0
    moving[40:46, 60:66] = 1.0
    brought = elastic(look(fixed), moving)
    far = int(60 - FLOW_LIMIT * SIZE) - 2
    assert brought[:, :far].max() < 0.05


def test_correlation_is_of_what_is_valid_and_of_nothing_without_it() -> None:
    a, b = np.random.default_rng(0).normal(size=(2, 8, 8)).astype(np.float32)
    valid = np.zeros((8, 8), dtype=np.float32)
    assert correlation(a, b, valid) == 0.0
    valid[:4] = 1.0
    assert correlation(a, np.where(valid > 0, a, b), valid) == pytest.approx(1.0)
    assert correlation(a, -a, valid) == pytest.approx(-1.0)
    assert correlation(a, b, valid) == pytest.approx(correlation(b, a, valid))


@pytest.mark.parametrize("band", BANDS)
def test_detail_has_no_scale(band: Band) -> None:
    np.testing.assert_allclose(detail(CHEST * 7.0, band), detail(CHEST, band), atol=1e-3)
