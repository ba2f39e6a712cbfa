"""What a copy may look like: in range, seeded, and nothing where nothing is asked for."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest
import torch
from torch import Tensor

from synthaudit.encoders.copy_network_augment import Altered, Strengths, alter

PROBABILITIES = (
    "flip",
    "upside_down",
    "move",
    "elastic",
    "tone",
    "blur",
    "noise",
    "jpeg",
    "waves",
    "blend",
    "transplant",
)
NOTHING = Strengths(**dict.fromkeys(PROBABILITIES, 0.0))


def images(n: int = 6) -> Tensor:
    """Smooth ones: a gradient, and a disk somewhere."""
    place = torch.linspace(0, 1, 32)
    center = torch.linspace(0.3, 0.7, n)
    far = (place[None, :, None] - center[:, None, None]) ** 2 + (place[None, None] - 0.5) ** 2
    return ((far < 0.03) * 0.5 + 0.4 * place[None, None])[:, None].float()


def altered(seed: int = 0, **strengths: float) -> Altered:
    return alter(images(), replace(NOTHING, **strengths), torch.Generator().manual_seed(seed))


def test_nothing_asked_for_is_nothing_done() -> None:
    made = altered()
    torch.testing.assert_close(made.images, images(), atol=2e-4, rtol=0)
    assert (made.share == 1).all()


@pytest.mark.parametrize("what", PROBABILITIES)
def test_each_alteration_changes_images_and_keeps_their_range(what: str) -> None:
    made = altered(seed=1, **{what: 1.0})
    assert made.images.shape == images().shape
    assert float(made.images.min()) >= 0
    assert float(made.images.max()) <= 1
    assert float((made.images - images()).abs().amax(dim=(1, 2, 3)).max()) > 0.01
    assert torch.equal(altered(seed=1, **{what: 1.0}).images, made.images)
    assert not torch.equal(altered(seed=2, **{what: 1.0}).images, made.images) or what in ("flip", "upside_down")


def test_mirrors_are_mirrors() -> None:
    torch.testing.assert_close(altered(flip=1.0).images, images().flip(-1), atol=2e-4, rtol=0)
    torch.testing.assert_close(altered(upside_down=1.0).images, images().flip(-2), atol=2e-4, rtol=0)


def test_a_blend_is_of_two_images_by_share() -> None:
    made = altered(blend=1.0)
    own = torch.arange(6)
    assert (made.partner != own).all()
    share = made.share.view(-1, 1, 1, 1)
    assert bool(((made.share >= 0.45) & (made.share <= 0.9)).all())
    torch.testing.assert_close(made.images, share * images() + (1 - share) * images()[made.partner], atol=2e-4, rtol=0)


def test_a_transplant_shows_both_images_and_says_how_much_of_each() -> None:
    made = altered(transplant=1.0)
    other = images()[made.partner]
    inside = (made.images >= torch.minimum(images(), other) - 2e-4) & (
        made.images <= torch.maximum(images(), other) + 2e-4
    )
    assert bool(inside.all())
    assert bool(((made.share > 0.1) & (made.share < 1)).all())


def test_every_probability_is_tried() -> None:
    greatest = {"rotation_deg", "shift", "zoom", "bend", "gamma", "contrast", "sigma", "blend_least", "region_least"}
    assert {field.name for field in fields(Strengths)} == set(PROBABILITIES) | greatest
