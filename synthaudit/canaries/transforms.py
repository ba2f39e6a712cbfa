"""The ways in which copies are altered before they are planted: each at five strengths, mildest first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from synthaudit.canaries import alterations as alter
from synthaudit.canaries.alterations import Image

PLANTED_PX = 512
"""Planted copies are made at no more than this side: larger ones would be reduced for comparison anyway."""

Alone = Callable[[Image, np.random.Generator], Image]
Mixed = Callable[[Image, Image, np.random.Generator], Image]


@dataclass(frozen=True, slots=True)
class Transform:
    """One way a copy differs from its source, at one strength.

    Attributes:
        family: The kind of alteration: "noise".
        strength: How strong, with its unit: "8 %".
        says: For the report, in words.
        apply: (image, partner, random numbers) -> the copy. Images are (s, s) or (s, s, 3) float32 in [0, 1], all of
            one shape. The partner shows another patient; only what `mixes` looks at it.
        reference: Whether this is the strength at which the family is known by its own name, and planted in full.
        mixes: Whether the copy shows the partner too.
    """

    family: str
    strength: str
    says: str
    apply: Mixed
    reference: bool = False
    mixes: bool = False

    @property
    def name(self) -> str:
        """As in `sensitivity[name]`: the family alone at the reference strength, otherwise with its strength."""
        return self.family if self.reference else f"{self.family} {self.strength}"


Step = tuple[str, str, Alone]


def _ladder(family: str, reference: str, *steps: Step) -> tuple[Transform, ...]:
    """The strengths of a family from (strength, in words, change)."""

    def one(strength: str, says: str, change: Alone) -> Transform:
        return Transform(family, strength, says, lambda image, _, rng: change(image, rng), strength == reference)

    return tuple(one(*step) for step in steps)


def _mix(family: str, reference: str, *steps: tuple[str, str, Mixed]) -> tuple[Transform, ...]:
    """The same for what needs a partner."""
    return tuple(
        Transform(family, strength, says, change, strength == reference, mixes=True) for strength, says, change in steps
    )


def _noise(percent: int) -> Step:
    says = f"noise of {percent} % of the gray scale"
    return f"{percent} %", says, lambda image, rng: alter.noise(image, rng, percent / 100)


def _blur(per_mille: float) -> Step:
    strength = f"{per_mille / 10:.1f} %"
    sigma = 1 / 128 if per_mille == 8 else per_mille / 1000  # 0.8 % has always been 1/128
    return strength, f"blur of {strength} of the side", lambda image, rng: alter.blur(image, rng, sigma)


def _flip(strength: str, more: Alone) -> Step:
    says = "mirrored" if strength == "alone" else f"mirrored, {strength}"
    return strength, says, lambda image, rng: more(alter.flip(image, rng), rng)


def _shift(percent: int) -> Step:
    says = f"shifted by {percent} % of the side, both ways"
    return f"{percent} %", says, lambda image, rng: alter.shift(image, rng, percent / 100)


def _crop(percent: int) -> Step:
    says = f"cropped to {percent} % and enlarged"
    return f"to {percent} %", says, lambda image, rng: alter.crop(image, rng, percent / 100)


def _rotation(degrees: int) -> Step:
    says = f"turned by {degrees} degrees"
    return f"{degrees} degrees", says, lambda image, rng: alter.rotation(image, rng, float(degrees))


def _gamma(exponent: float) -> Step:
    says = f"gamma of {exponent:g} or 1/{exponent:g}"
    return f"{exponent:g}", says, lambda image, rng: alter.gamma(image, rng, exponent)


def _contrast(factor: float) -> Step:
    says = f"contrast times or divided by {factor:g}"
    return f"{factor:g}", says, lambda image, rng: alter.contrast(image, rng, factor)


def _jpeg(quality: int) -> Step:
    says = f"JPEG of quality {quality}"
    return f"quality {quality}", says, lambda image, rng: alter.jpeg(image, rng, quality)


def _low_rank(rank: int) -> Step:
    return f"{rank}", f"reduced to rank {rank}", lambda image, rng: alter.low_rank(image, rng, rank)


def _elastic(percent: int) -> Step:
    says = f"bent by {percent} % of the side (root mean square)"
    return f"{percent} %", says, lambda image, rng: alter.elastic(image, rng, percent / 100)


def _blend(percent: int) -> tuple[str, str, Mixed]:
    says = f"blended with {percent} % of another patient"
    return f"{percent} %", says, lambda image, partner, rng: alter.blend(image, partner, rng, percent / 100)


def _region(percent: int) -> tuple[str, str, Mixed]:
    says = f"{percent} % of the area, put into another patient's image"
    return f"{percent} %", says, lambda image, partner, rng: alter.region(image, partner, rng, percent / 100)


def _combination(times: float) -> Step:
    says = f"several mild changes at once, {times:g}-fold"
    return f"{times:g}-fold", says, lambda image, rng: alter.combination(image, rng, times)


TRANSFORMS: tuple[Transform, ...] = (
    *_ladder("plain", "", ("", "unchanged", lambda image, _: image)),
    *_ladder("noise", "5 %", *map(_noise, (2, 5, 8, 12, 20))),
    *_ladder("blur", "0.8 %", *map(_blur, (4, 8, 12, 16, 24))),
    *_ladder(
        "flip",
        "alone",
        _flip("alone", lambda image, _: image),
        _flip("gamma 1.5", lambda image, rng: alter.gamma(image, rng, 1.5)),
        _flip("noise 5 %", lambda image, rng: alter.noise(image, rng, 0.05)),
        _flip("shift 5 %", lambda image, rng: alter.shift(image, rng, 0.05)),
        _flip("crop to 88 %", lambda image, rng: alter.crop(image, rng, 0.88)),
    ),
    *_ladder("shift", "5 %", *map(_shift, (3, 5, 7, 10, 14))),
    *_ladder("crop", "to 88 %", *map(_crop, (94, 88, 80, 72, 64))),
    *_ladder("rotation", "6 degrees", *map(_rotation, (4, 6, 8, 12, 20))),
    *_ladder("gamma", "1.5", *map(_gamma, (1.25, 1.5, 2.0, 3.0, 5.0))),
    *_ladder("contrast", "1.5", *map(_contrast, (1.25, 1.5, 2.0, 4.0, 8.0))),
    *_ladder("jpeg", "quality 15", *map(_jpeg, (60, 30, 15, 8, 4))),
    *_ladder("low_rank", "24", *map(_low_rank, (32, 24, 16, 8, 4))),
    *_ladder("elastic", "2 %", *map(_elastic, (1, 2, 3, 4, 6))),
    *_mix("blend", "30 %", *map(_blend, (10, 20, 30, 40, 50))),
    *_mix("region", "36 %", *map(_region, (64, 50, 36, 20, 10))),
    *_ladder("combination", "1-fold", *map(_combination, (0.5, 1.0, 1.5, 2.0, 3.0))),
)

REFERENCES: tuple[Transform, ...] = tuple(one for one in TRANSFORMS if one.reference)
"""Each family at the strength at which it is planted in full."""

FAMILIES: tuple[str, ...] = tuple(dict.fromkeys(one.family for one in TRANSFORMS))
