"""Singling out: descriptions made of the synthetic images, tried on as many patients of each side."""

from __future__ import annotations

import numpy as np

from synthaudit.attackers.holdings import Holdings
from synthaudit.attackers.predicates import NARROW, WIDE, ball_fits, described, rare_fits, record_fits
from synthaudit.attackers.success import Success
from synthaudit.statistics.isolation import Fits, SingledOut, singled_out
from synthaudit.statistics.matched_blocks import MatchedBlocks

DRAWS = 8
"""Of as many patients of the larger side as there are of the smaller one."""
RELABELINGS = 999
"""At most: each finds all who are singled out anew."""
BALLS = {"ball_narrow": NARROW, "ball_wide": WIDE}


def descriptions(held: Holdings) -> dict[str, Fits]:
    """Kind of description -> what it fits; records only where something is written beside the synthetic images."""
    found = {name: ball_fits(held.real, held.made, reach) for name, reach in BALLS.items()}
    columns, real, made = described(held)
    if columns:
        found["record_whole"] = record_fits(real, made)
        found["record_rare"] = rare_fits(real, made)
    return found


def isolating_success(
    held: Holdings, fits: dict[str, Fits], relabelings: int, rng: np.random.Generator
) -> tuple[Success, int]:
    """What each kind of description achieves, and among how many patients of a side."""
    blocks = MatchedBlocks.of(held.images_of, held.is_train, rng)
    every: list[SingledOut] = [
        singled_out(
            one,
            held.patient,
            held.is_train,
            blocks,
            draws=DRAWS,
            relabelings=relabelings,
            rng=rng,
        )
        for one in fits.values()
    ]
    success = Success(
        tuple(fits),
        np.column_stack([one.by_patient for one in every]),
        np.column_stack([one.taken for one in every]),
        held.is_train,
        tuple(one.blind for one in every),
        np.array([one.p_value for one in every]),
        held.images_of,
    )
    return success, len(blocks)
