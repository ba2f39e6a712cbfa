"""Fitted copy networks as files: safetensors with a card in the header, never a pickle, each verified when it is read.

A network that was fitted on images of patients knows something of them, as a generator does. So its files are made for
their owner only (mode 0600), and no audit hands one out.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from synthaudit.errors import EncoderError

if TYPE_CHECKING:
    from synthaudit.encoders.copy_network_model import Architecture

FORMAT = "synthaudit-copynet/1"
KEY = "synthaudit"
BYTES_MOST = 256 * 2**20

Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Card:
    """What a file of weights is.

    Attributes:
        task: "copy" or "reidentify".
        sizes: Of the network, as `Architecture` has them.
        preprocessing: Version of what happens to pixels first.
        weights: SHA-256 (hex) of the tensors.
        steps: Steps of the fit.
        images, patients: How many it was fitted on.
        seed: Of the fit.
        format: Of this card.
    """

    task: str
    sizes: Mapping[str, Any]
    preprocessing: str
    weights: str
    steps: int
    images: int
    patients: int
    seed: int
    format: str = FORMAT


def weights_digest(arrays: Arrays) -> str:
    """SHA-256 (hex) over names, shapes, types and values."""
    digest = hashlib.sha256()
    for name, array in sorted(arrays.items()):
        digest.update(f"\0{name}\0{array.dtype.str}\0{array.shape}\0".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def write(path: Path, arrays: Arrays, card: Card) -> None:
    """Put the file at `path`, whole or not at all; readable by its owner only."""
    from safetensors.numpy import save

    content: bytes = save(dict(arrays), metadata={KEY: json.dumps(asdict(card), sort_keys=True)})
    descriptor, temporary = tempfile.mkstemp(suffix=".tmp", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def read(path: Path) -> tuple[Card, dict[str, NDArray[Any]]]:
    """The card and the tensors of a file whose digest is the one that its card names.

    Raises:
        EncoderError: There is no such file, it is no safetensors file, has no card of ours, or was changed.
    """
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise EncoderError(f"copynet needs a file of weights, found no file {path.name} there")
    if path.stat().st_size > BYTES_MOST:
        raise EncoderError(f"copynet needs a file of at most {BYTES_MOST >> 20} MiB, {path.name} is larger")
    try:
        with safe_open(path, framework="numpy") as file:
            told = (file.metadata() or {}).get(KEY, "")
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (not a mapping)
    except (SafetensorError, OSError, TypeError) as error:
        # A pickle can run any program when it is loaded; this reader obeys none, and so cannot read one either.
        raise EncoderError(
            f"copynet needs a safetensors file as an audit with --encoder copynet makes it, {path.name} is none "
            f"({type(error).__name__})"
        ) from error
    card = _card(told, path.name)
    if weights_digest(arrays) != card.weights:
        raise EncoderError(f"copynet needs the weights that the card of {path.name} describes, found others: fit again")
    return card, arrays


def architecture(card: Card, name: str) -> Architecture:
    """The sizes that a card names, within what this package would ever make.

    Raises:
        EncoderError: They are not sizes, or the card is of another version of the preprocessing.
    """
    from synthaudit.encoders.copy_network_model import PREPROCESSING, Architecture

    if card.preprocessing != PREPROCESSING:
        raise EncoderError(
            f"copynet needs weights for pixels prepared as {PREPROCESSING}, {name} has others: fit again"
        )
    try:
        sizes = Architecture(**dict(card.sizes))
        sizes.check()
    except (TypeError, ValueError) as error:
        raise EncoderError(f"copynet needs sizes of a network in the card of {name}, got others ({error})") from error
    return sizes


def check_tensors(found: Arrays, expected: Arrays, name: str) -> None:
    """Raise EncoderError unless `found` has the names, shapes and types of `expected`, and finite values."""
    missing, surplus = sorted(expected.keys() - found.keys()), sorted(found.keys() - expected.keys())
    unlike = sorted(
        key
        for key in expected.keys() & found.keys()
        if (expected[key].shape, expected[key].dtype) != (found[key].shape, found[key].dtype)
    )
    if missing or surplus or unlike:
        raise EncoderError(
            f"copynet needs the tensors of its own network, got {name} with {len(missing)} missing, {len(unlike)} of "
            f"another shape or type and {len(surplus)} not expected, the first {(missing or unlike or surplus)[0]}"
        )
    if not all(np.isfinite(array).all() for array in found.values()):
        raise EncoderError(f"copynet needs finite weights, got NaN or infinity in {name}: fit again")
    if not all((array >= 0).all() for key, array in found.items() if key.endswith("running_var")):
        raise EncoderError(f"copynet needs variances of 0 or more, got a negative one in {name}: fit again")


def kept(path: Path) -> tuple[Card, dict[str, NDArray[Any]]] | None:
    """What an earlier run kept at `path`; None where there is nothing, and what is damaged is removed."""
    if not path.exists():
        return None
    try:
        return read(path)
    except EncoderError:
        with contextlib.suppress(OSError):
            path.unlink()
        return None


def _card(text: str, name: str) -> Card:
    try:
        card = Card(**json.loads(text))
    except (ValueError, TypeError) as error:
        raise EncoderError(
            f"copynet needs a card in the header of {name}, as an audit with --encoder copynet writes it, found none"
        ) from error
    if card.format != FORMAT:
        raise EncoderError(f"copynet needs a file of format {FORMAT}, {name} is of another: fit again")
    return card
