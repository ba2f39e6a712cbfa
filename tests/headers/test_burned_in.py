"""Letters drawn into simulated images are found; simulated images without letters have none."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from synthaudit.headers.burned_in import text_rows
from synthaudit.headers.text_images import can_read, crop, line_of
from synthaudit.phantoms.brain import BrainPopulation
from synthaudit.phantoms.chest import ChestPopulation

Picture = NDArray[np.float32]
SAYS = ("MEIER ANNA", "12/03/1954", "ID 4477120", "Acc. 99812345")
SIZE = 256


def to_picture(values: object) -> Picture:
    return np.asarray(values, dtype=np.float32) / np.float32(255)


def drawn_by_cv2(image: Picture, text: str, place: tuple[int, int], gray: int, scale: float) -> Picture:
    canvas: NDArray[np.uint8] = (image * 255).astype(np.uint8)
    cv2.putText(canvas, text, place, cv2.FONT_HERSHEY_SIMPLEX, scale, (gray,), 1, cv2.LINE_AA)
    return to_picture(canvas)


def drawn_by_pillow(image: Picture, text: str, place: tuple[int, int], gray: int, size: int) -> Picture:
    canvas = Image.fromarray((image * 255).astype(np.uint8))
    font = ImageFont.load_default(size) if size else ImageFont.load_default_imagefont()
    ImageDraw.Draw(canvas).text(place, text, fill=gray, font=font)
    return to_picture(canvas)


def marked(image: Picture) -> Iterator[tuple[str, Picture]]:
    """The image with each text, by each pen, where the ground lets it be read."""
    ground = np.float32(0.45) * image
    for text in SAYS:
        for scale in (0.4, 0.6):
            yield f"cv2 {scale}", drawn_by_cv2(ground, text, (6, 40), 255, scale)
        for size in (0, 12, 18):
            yield f"Pillow {size}", drawn_by_pillow(ground, text, (6, 200), 240, size)
        yield "Pillow dark", drawn_by_pillow(0.6 + 0.4 * ground, text, (6, 200), 0, 14)


def shares_found(images: list[Picture]) -> dict[str, float]:
    found: dict[str, list[bool]] = {}
    for image in images:
        for pen, picture in marked(image):
            found.setdefault(pen, []).append(bool(text_rows(picture)))
    return {pen: float(np.mean(hits)) for pen, hits in found.items()}


def test_letters_are_found_by_any_pen() -> None:
    shares = shares_found([ChestPopulation(seed=1, size=SIZE).image(3)])
    assert np.mean(list(shares.values())) >= 0.95, shares


def test_an_image_without_letters_has_none() -> None:
    chest, brain = ChestPopulation(seed=4, size=96), BrainPopulation(seed=4, size=64)
    assert not any(text_rows(chest.image(i)) for i in range(6))
    assert not any(text_rows(brain.image(i, contrast=kind)) for i in range(3) for kind in ("t1", "flair"))


def test_markers_of_a_side_are_no_rows() -> None:
    image = ChestPopulation(seed=1, size=SIZE).image(3) * np.float32(0.5)
    for text in ("L", "R", "PA", "L EK"[:3]):
        assert not text_rows(drawn_by_cv2(image, text, (200, 40), 255, 0.8)), text


def test_the_place_is_that_of_the_letters() -> None:
    image = drawn_by_cv2(np.full((200, 300), 0.2, np.float32), "MEIER ANNA", (40, 100), 255, 0.6)
    (row,) = text_rows(image)
    left, top, right, bottom = row.box
    lit_y, lit_x = np.nonzero(image > 0.6)
    assert abs(left - lit_x.min()) <= 12
    assert abs(right - lit_x.max()) <= 12
    assert abs(top - lit_y.min()) <= 3
    assert abs(bottom - lit_y.max()) <= 4
    assert row.signs >= 6


def test_letters_on_their_side_are_laid_down() -> None:
    image = np.ascontiguousarray(
        np.rot90(drawn_by_cv2(np.full((200, 300), 0.2, np.float32), "MEIER ANNA", (40, 100), 255, 0.6), -1)
    )
    (row,) = text_rows(image)
    assert not row.upright
    shown = crop(image, row.box, upright=row.upright)
    assert shown.shape[1] > shown.shape[0]


def test_a_large_image_gives_places_in_its_own_pixels() -> None:
    image = drawn_by_cv2(np.full((1500, 2200), 0.2, np.float32), "MEIER ANNA", (900, 1100), 255, 2.0)
    (row,) = text_rows(image)
    assert abs(row.box[0] - 900) < 60


def signs_along(rise: float, blur: float) -> Picture:
    """Ten signs of one pen, on a line that bends by `rise` of their heights, out of focus by `blur` pixels."""
    canvas = np.full((200, 300), 50, np.uint8)
    for i in range(10):
        top = 90 + round(14 * rise * abs(i - 4.5) / 4.5)
        cv2.rectangle(canvas, (60 + 16 * i, top), (68 + 16 * i, top + 14), (230,), 2)
    soft = cv2.GaussianBlur(canvas, (0, 0), blur) if blur else canvas
    return np.asarray(soft, np.float32) / np.float32(255)


def test_signs_must_stand_on_a_line_and_may_be_a_little_soft() -> None:
    (row,) = text_rows(signs_along(0, 0))
    assert row.signs >= 8
    assert not text_rows(signs_along(1.0, 0))
    assert text_rows(signs_along(0, 2.0))


def test_noise_and_flat_images_have_no_letters() -> None:
    rng = np.random.default_rng(0)
    assert not text_rows(rng.random((256, 256), dtype=np.float32))
    assert not text_rows(np.zeros((64, 64), np.float32))
    assert not text_rows(np.ones((8, 8), np.float32))
    assert not text_rows(rng.random((64, 64, 3), dtype=np.float32))


@pytest.mark.skipif(not can_read(), reason="Tesseract is not installed")
@pytest.mark.slow
def test_tesseract_reads_a_crop() -> None:
    image = drawn_by_cv2(np.full((200, 300), 0.2, np.float32), "MEIER ANNA", (40, 100), 255, 0.8)
    (row,) = text_rows(image)
    assert "MEIER" in line_of(crop(image, row.box, upright=True)).upper()


@pytest.mark.slow
def test_rates_on_simulated_images() -> None:
    """False alarms in at most 1 of 100 images; letters found in 95 of 100."""
    clean = [ChestPopulation(seed=s, size=size).image(i) for s in (5, 6) for size in (64, 128, 256) for i in range(25)]
    brains = [BrainPopulation(seed=s, size=128) for s in (5, 6)]
    clean += [one.image(i, contrast=kind) for one in brains for kind in ("t1", "t2", "flair", "ct") for i in range(8)]
    assert np.mean([bool(text_rows(image)) for image in clean]) <= 0.01
    shares = shares_found([ChestPopulation(seed=7, size=SIZE).image(i) for i in range(6)])
    assert np.mean(list(shares.values())) >= 0.95, shares


@pytest.mark.slow
@pytest.mark.real_data
@pytest.mark.skipif("SYNTHAUDIT_DATA" not in os.environ, reason="needs SYNTHAUDIT_DATA")
@pytest.mark.parametrize(
    ("folder", "most"), [("lgg_mri", 0.01), ("ham10000_200px", 0.01), ("mias_mammo", 0.05), ("fundus", 0.03)]
)
def test_false_alarms_on_real_images(folder: str, most: float) -> None:
    files = sorted((Path(os.environ["SYNTHAUDIT_DATA"]) / folder / "images").iterdir())
    chosen = files[:: max(1, len(files) // 150)]
    images = [np.asarray(Image.open(file), np.float32) / np.float32(255) for file in chosen]
    assert np.mean([bool(text_rows(image)) for image in images]) <= most
