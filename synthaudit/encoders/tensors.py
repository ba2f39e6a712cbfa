"""Weights from a safetensors file into a network: every tensor that is expected, in its shape, and no other."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from synthaudit.errors import EncoderError

COUNTERS = ".num_batches_tracked"
"""Counters of batch normalization: unused once trained, and missing from older files."""


def read_tensors(name: str, file: Path) -> dict[str, Any]:
    """Key -> tensor on the CPU, for each tensor in a safetensors file; a "module." before every key is left out."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        found: dict[str, Any] = load_file(file)
    except (SafetensorError, OSError) as error:
        raise EncoderError(
            f"encoder {name} needs a whole safetensors file, {file.name} is none: {error}; fetch it again"
        ) from error
    if found and all(key.startswith("module.") for key in found):
        found = {key.removeprefix("module."): value for key, value in found.items()}
    return found


def fill(name: str, network: Any, found: Mapping[str, Any], *, spare: tuple[str, ...] = ()) -> None:
    """Copy the tensors into the network.

    Args:
        name: Of the encoder, for errors.
        network: A torch module.
        found: Key -> tensor.
        spare: Beginnings of keys that may be there and are left out: a classifier's, for example.

    Raises:
        EncoderError: A tensor is missing, of another shape, or not expected; the first of them is named.
    """
    expected = network.state_dict()
    used = {key: value for key, value in found.items() if key in expected or not key.startswith(spare or ("\0",))}
    missing = sorted(key for key in expected.keys() - used.keys() if not key.endswith(COUNTERS))
    unlike = sorted(key for key in expected.keys() & used.keys() if expected[key].shape != used[key].shape)
    surplus = sorted(used.keys() - expected.keys())
    if missing or unlike or surplus:
        first = (
            f"{missing[0]} is missing"
            if missing
            else f"{unlike[0]} is of shape {tuple(used[unlike[0]].shape)} instead of {tuple(expected[unlike[0]].shape)}"
            if unlike
            else f"{surplus[0]} is not expected"
        )
        raise EncoderError(
            f"encoder {name} needs the weights of its own architecture ({len(expected)} tensors), got a file with "
            f"{len(found)}: {len(missing)} missing, {len(unlike)} of another shape, {len(surplus)} not expected; the "
            f"first: {first}"
        )
    network.load_state_dict({key: value.to(expected[key].dtype) for key, value in used.items()}, strict=False)
