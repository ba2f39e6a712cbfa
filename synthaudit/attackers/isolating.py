"""Singling out: descriptions made of the synthetic images, tried on as many patients of each side."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from synthaudit.attackers.holdings import Holdings
from synthaudit.attackers.predicates import (
    NARROW,
    WIDE,
    Codes,
    ball_fits,
    described,
    rare_fits,
    record_fits,
    shuffled_images,
    shuffled_records,
)
from synthaudit.attackers.success import Success
from synthaudit.errors import NotEnoughData
from synthaudit.statistics.isolation import Fits, SingledOut, singled_out
from synthaudit.statistics.matched_blocks import MatchedBlocks

DRAWS = 8
"""Of as many patients of the larger side as there are of the smaller one."""
RELABELINGS = 999
"""At most: each finds all who are singled out anew."""
BALLS = {"ball_narrow": NARROW, "ball_wide": WIDE}


def descriptions(held: Holdings) -> dict[str, Fits]:
    """Kind of description -> what it fits; records only where something is written beside the synthetic images."""
    _, real, made = described(held)
    return _of(held, held.made, real, made)


def blind_descriptions(held: Holdings, rng: np.random.Generator) -> dict[str, Fits]:
    """The same, of made-up images and records whose traits were dealt again: what knowing the population gives."""
    _, real, made = described(held)
    return _of(held, shuffled_images(held.made, rng), real, shuffled_records(made, rng))


def _of(held: Holdings, images: NDArray[np.float32], real: Codes, made: Codes) -> dict[str, Fits]:
    found = {name: ball_fits(held.real, images, reach) for name, reach in BALLS.items()}
    if made.shape[1]:
        found["record_whole"] = record_fits(real, made)
        found["record_rare"] = rare_fits(real, made)
    return found


def isolating_success(held: Holdings, relabelings: int, rng: np.random.Generator) -> tuple[Success, int]:
    """What each kind of description achieves, and among how many patients of a side.

    Raises:
        NotEnoughData: All synthetic images are one, and no description of one fits it alone.
    """
    if (held.made == held.made[0]).all():
        raise NotEnoughData(
            "describing synthetic images needs at least 2 that differ, found that all are the same to the encoders; "
            "look at what the generator made"
        )
    blocks = MatchedBlocks.of(held.images_of, held.is_train, rng)

    def tried(fits: dict[str, Fits], dealt: int) -> list[SingledOut]:
        how = {"draws": DRAWS, "relabelings": dealt}
        return [singled_out(one, held.patient, held.is_train, blocks, **how, rng=rng) for one in fits.values()]

    fits = descriptions(held)
    every, blind = tried(fits, relabelings), tried(blind_descriptions(held, rng), 0)
    success = Success(
        tuple(fits),
        np.column_stack([one.by_patient for one in every]),
        np.column_stack([one.taken for one in every]),
        held.is_train,
        tuple((one.train + one.holdout) / 2 for one in blind),
        np.array([one.p_value for one in every]),
        held.images_of,
    )
    return success, len(blocks)
