"""Checkpoints: weights as safetensors and a card as JSON, never pickle; a killed process leaves the last good one.

A folder holds `card.json` and the weights file it names. The weights are written first, under the name of their own
digest; the card is then replaced in one step. Whatever is interrupted, the card names a complete file.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthaudit.errors import InputError

SCHEMA = "synthaudit/generator/1"
CARD = "card.json"

Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Card:
    """What a checkpoint is, for a person and for `load`.

    Attributes:
        name: Registered name of the generator.
        config: Its settings.
        train_digest: Digest of the training cohort's pixels.
        train_images: Number of training images.
        train_patients: Number of training patients.
        seed: Seed of the training.
        steps: Steps done.
        planned_steps: Steps the budget asks for; fewer done means interrupted.
        budget_seconds: The budget in seconds, where it was given so.
        seconds: Wall-clock seconds trained.
        device: "cpu" or "cuda".
        sampler: Sampler and its steps, as samples are made by default.
        weights: File name of the weights.
        weights_digest: SHA-256 (hex) of that file.
        facts: What the recipe leaves to the data and the networks are built by, such as the values of a condition.
        losses: Name -> training loss, averaged over about the last 50 steps.
        schema: Version of this card.
    """

    name: str
    config: Mapping[str, Any]
    train_digest: str
    train_images: int
    train_patients: int
    seed: int
    steps: int
    planned_steps: int
    budget_seconds: float | None
    seconds: float
    device: str
    sampler: str
    weights: str = ""
    weights_digest: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    losses: Mapping[str, float] = field(default_factory=dict)
    schema: str = SCHEMA


def packed(card: Card, arrays: Arrays) -> tuple[Card, bytes]:
    """The card with the digest of the weights, and the weights as the bytes of a safetensors file."""
    from safetensors.numpy import save

    content: bytes = save({name: np.ascontiguousarray(array) for name, array in arrays.items()})
    digest = hashlib.sha256(content).hexdigest()
    return replace(card, weights=f"weights-{digest[:16]}.safetensors", weights_digest=digest), content


def save_checkpoint(folder: Path, card: Card, arrays: Arrays) -> Card:
    """Write the checkpoint into `folder` and remove the weights it replaces; returns the card with its digest."""
    folder.mkdir(parents=True, exist_ok=True)
    card, content = packed(card, arrays)
    _put(folder / card.weights, content)
    _put(folder / CARD, (json.dumps(asdict(card), indent=2, sort_keys=True) + "\n").encode())
    for stale in folder.glob("weights-*.safetensors"):
        if stale.name != card.weights:
            stale.unlink()
    return card


def load_card(folder: Path) -> Card:
    """The card of a checkpoint folder.

    Raises:
        InputError: There is none, or it is not one of ours.
    """
    try:
        content = json.loads((folder / CARD).read_text(encoding="utf-8"))
        card = Card(**content)
    except FileNotFoundError:
        raise InputError(f"a checkpoint folder must hold {CARD}, found none; name the folder given to --out") from None
    except (ValueError, TypeError) as error:
        raise InputError(f"{CARD} must be a card of schema {SCHEMA}, got something else") from error
    if card.schema != SCHEMA:
        raise InputError(f"the card's schema must be {SCHEMA}, got {card.schema!r}")
    if Path(card.weights).name != card.weights:
        raise InputError("the card must name a weights file beside it, got a path")
    return card


def load_checkpoint(folder: Path) -> tuple[Card, dict[str, NDArray[Any]]]:
    """The card and the arrays of a checkpoint folder.

    Raises:
        InputError: The card or the weights are missing, or the weights are not those that the card describes.
    """
    from safetensors.numpy import load

    card = load_card(folder)
    try:
        content = (folder / card.weights).read_bytes()
    except OSError:
        raise InputError("the weights that the card names must lie beside it, found none; fit again") from None
    if hashlib.sha256(content).hexdigest() != card.weights_digest:
        raise InputError("the weights must be those that the card describes, got another digest; fit again")
    return card, load(content)


def _put(path: Path, content: bytes) -> None:
    """Put `content` at `path` in one step: whoever reads sees the old file or the new one, never half of one."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with partial.open("wb") as handle:
            handle.write(content)
            handle.flush()
            os.fsync(handle.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
