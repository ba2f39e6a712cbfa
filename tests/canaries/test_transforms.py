"""What is done to planted copies: the shape and the gray scale stay, the seed decides, and strengths are as said."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from synthaudit.canaries.transforms import FAMILIES, REFERENCES, TRANSFORMS, Transform
from synthaudit.phantoms.chest import ChestPopulation

Image = NDArray[np.float32]
PEOPLE = ChestPopulation(seed=2, size=64)
CHEST, OTHER = PEOPLE.image(0), PEOPLE.image(1)
EVERY = pytest.mark.parametrize("family", FAMILIES)
IMAGES: dict[str, tuple[Image, Image]] = {
    "gray": (CHEST, OTHER),
    "color": (np.stack([CHEST, CHEST**2, 1 - CHEST], axis=2), np.stack([OTHER, OTHER, OTHER], axis=2)),
    "black": (np.zeros((32, 32), dtype=np.float32), np.ones((32, 32), dtype=np.float32)),
    "white": (np.ones((17, 17), dtype=np.float32), np.zeros((17, 17), dtype=np.float32)),
}
BY_CHANCE = {"noise", "shift", "crop", "rotation", "gamma", "contrast", "elastic", "region", "combination"}


def named(name: str) -> Transform:
    return next(one for one in TRANSFORMS if one.name == name)


def ladder(family: str) -> list[Transform]:
    return [one for one in TRANSFORMS if one.family == family]


def copy_of(transform: Transform, image: Image = CHEST, seed: int = 0, partner: Image | None = None) -> Image:
    shown = partner if partner is not None else (OTHER if image is CHEST else np.zeros_like(image))
    return transform.apply(image.copy(), shown.copy(), np.random.default_rng(seed))


def test_names_say_which_strength() -> None:
    assert len({one.name for one in TRANSFORMS}) == len(TRANSFORMS)
    assert len({one.says for one in TRANSFORMS}) == len(TRANSFORMS)
    assert [one.name for one in REFERENCES] == list(FAMILIES), "the reference strength bears the family's name"
    for family in FAMILIES:
        assert len(ladder(family)) == (1 if family == "plain" else 5), family
    asked_for = (
        *(
            "noise 8 %",
            "gamma 2",
            "jpeg",
            "low_rank",
            "rotation 4 degrees",
            "rotation 8 degrees",
            "crop",
            "crop to 80 %",
        ),
        *("shift 3 %", "shift 10 %", "elastic", "blend", "blend 50 %", "region", "region 20 %", "region 10 %"),
    )
    assert set(asked_for) <= {one.name for one in TRANSFORMS}


@EVERY
def test_shape_and_range_stay(family: str) -> None:
    for one in ladder(family):
        for image, partner in IMAGES.values():
            for seed in range(2):
                copied = copy_of(one, image, seed, partner)
                assert copied.shape == image.shape, one.name
                assert copied.dtype == np.float32, one.name
                assert copied.min() >= 0.0, one.name
                assert copied.max() <= 1.0, one.name


@EVERY
def test_the_seed_decides(family: str) -> None:
    for one in ladder(family):
        np.testing.assert_array_equal(copy_of(one, seed=3), copy_of(one, seed=3))
        copies = {copy_of(one, seed=seed).tobytes() for seed in range(12)}
        assert (len(copies) > 1) == (family in BY_CHANCE or one.name.startswith("flip ")), one.name


@EVERY
def test_the_images_given_are_left_alone(family: str) -> None:
    for one in ladder(family):
        image, partner = CHEST.copy(), OTHER.copy()
        one.apply(image, partner, np.random.default_rng(0))
        np.testing.assert_array_equal(image, CHEST)
        np.testing.assert_array_equal(partner, OTHER)


@EVERY
def test_a_copy_differs_unless_it_is_plain(family: str) -> None:
    for one in ladder(family):
        differs = float(np.abs(copy_of(one) - CHEST).mean())
        assert (differs == 0.0) == (family == "plain"), one.name


@EVERY
def test_only_what_mixes_looks_at_the_partner(family: str) -> None:
    for one in ladder(family):
        looks = not np.array_equal(copy_of(one), copy_of(one, partner=1 - CHEST))
        assert looks == one.mixes == (family in {"blend", "region"}), one.name


@pytest.mark.parametrize("family", [one for one in FAMILIES if one not in {"plain", "flip", "shift", "crop"}])
def test_stronger_changes_more(family: str) -> None:
    """Mean change in gray values over several seeds; moved images do not change more the further they move."""
    changes = [
        np.mean([np.abs(copy_of(one, seed=seed) - CHEST).mean() for seed in range(24)]) for one in ladder(family)
    ]
    assert changes == sorted(changes), family


def test_noise_and_light_are_as_strong_as_said() -> None:
    gray = np.full((96, 96), 0.5, dtype=np.float32)
    for name, sigma in (("noise 2 %", 0.02), ("noise", 0.05), ("noise 8 %", 0.08)):
        assert copy_of(named(name), gray).std() == pytest.approx(sigma, rel=0.05)
    for name, exponent in (("gamma", 1.5), ("gamma 2", 2.0)):
        values = {round(float(copy_of(named(name), gray, seed)[0, 0]), 4) for seed in range(12)}
        assert values == {round(0.5**exponent, 4), round(0.5 ** (1 / exponent), 4)}
    steps = np.tile(np.array([0.4, 0.6], dtype=np.float32), (8, 4))
    spreads = {round(float(copy_of(named("contrast 2"), steps, seed).std()), 4) for seed in range(12)}
    assert spreads == {0.05, 0.2}


def test_moves_are_as_large_as_said() -> None:
    np.testing.assert_array_equal(copy_of(named("flip")), CHEST[:, ::-1])
    dot = np.zeros((101, 101), dtype=np.float32)
    dot[50, 50] = 1.0
    for name, pixels in (("shift", 5), ("shift 10 %", 10)):
        moved = {
            tuple(int(at) - 50 for at in np.unravel_index(copy_of(named(name), dot, seed).argmax(), dot.shape))
            for seed in range(20)
        }
        assert moved == {(a, b) for a in (-pixels, pixels) for b in (-pixels, pixels)}
    ramp = np.tile(np.linspace(0, 1, 100, dtype=np.float32), (100, 1))
    assert np.ptp(copy_of(named("crop to 80 %"), ramp)) == pytest.approx(0.8, abs=0.02)
    plane = np.tile(np.linspace(0.2, 0.8, 101, dtype=np.float32), (101, 1))
    up, right = np.gradient(copy_of(named("rotation 8 degrees"), plane)[30:70, 30:70])
    assert abs(np.degrees(np.arctan2(up.mean(), right.mean()))) == pytest.approx(8.0, abs=0.2)


def test_bending_is_as_strong_as_said_and_smooth() -> None:
    """On a ramp, what changes is the displacement along it."""
    side = 128
    across = np.tile(np.linspace(0, 1, side, dtype=np.float32), (side, 1))
    for percent, one in zip((1, 2, 3, 4, 6), ladder("elastic"), strict=True):
        inner, lengths = slice(16, side - 16), []
        for seed in range(12):
            dx, dy = (
                (copy_of(one, ramp, seed) - ramp)[inner, inner] * (side - 1) / side
                for ramp in (across, across.T.copy())
            )
            lengths.append(float((dx**2 + dy**2).mean()))
            assert np.hypot(dx, dy).max() < 3.5 * percent / 100
            assert np.abs(np.diff(dx, axis=0)).max() < percent / 100 / 4, "neighbors move together"
        assert np.sqrt(np.mean(lengths)) == pytest.approx(percent / 100, rel=0.25)


def test_low_rank_is_the_truncated_decomposition() -> None:
    u, s, v = np.linalg.svd(CHEST.astype(np.float64))
    exact = np.clip((u[:, :24] * s[:24]) @ v[:24], 0, 1)
    assert np.abs(copy_of(named("low_rank")) - exact).max() <= 0.5 / 255 + 1e-6


def test_jpeg_keeps_colors_in_place() -> None:
    red = np.zeros((32, 32, 3), dtype=np.float32)
    red[..., 0] = 0.9
    back = copy_of(named("jpeg quality 60"), red)
    assert back[..., 0].mean() == pytest.approx(0.9, abs=0.05)
    assert back[..., 1:].mean() < 0.1


def test_mixes_show_as_much_of_each_as_said() -> None:
    white, black = np.ones((64, 64), dtype=np.float32), np.zeros((64, 64), dtype=np.float32)
    for one, share in zip(ladder("blend"), (0.1, 0.2, 0.3, 0.4, 0.5), strict=True):
        np.testing.assert_allclose(copy_of(one, white, partner=black), 1 - share, rtol=1e-6)
    for one, area in zip(ladder("region"), (0.64, 0.50, 0.36, 0.20, 0.10), strict=True):
        for seed in range(4):
            shown = copy_of(one, white, seed, black)
            assert (shown > 0.5).mean() == pytest.approx(area, abs=0.03)
            assert shown.max() == pytest.approx(1.0, abs=1e-3)
